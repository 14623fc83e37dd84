//! An AAP that gives answers which are none: what to do stands in the object's status, it is asked again at a bounded rate, and
//! the token is in nothing that anybody can read.
#![cfg(feature = "harness")]

mod operator_lab;

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use operator_lab::{Lab, NAMESPACE, TOKEN, config, millis, seconds, states};
use parking_lot::Mutex;
use provbench::{
    api::{ComputeInstance, JobState},
    operator::{
        Operator, OperatorParts,
        config::{Config, ProviderKind},
        provider::http::Transport,
    },
};
use tokio::task::JoinHandle;
use tower::{BoxError, ServiceExt as _, util::BoxCloneService};

/// What a faulty AAP answers. Everything repeats what was sent with the request: servers do that.
#[derive(Clone, Copy, Debug)]
enum Answer {
    Status(u16, &'static str),
    /// A status of 200, and a page.
    Page,
    /// The first half of an answer.
    Half,
    /// Nothing for a minute.
    Silence,
    /// To a login page.
    Redirect,
    /// 429 with Retry-After.
    Busy,
}

/// A fault, and what the status has to say of it.
struct Case {
    answer: Answer,
    says: [&'static str; 2],
}

const JSON: &str = r#"{"detail": "no", "seen": "AUTHORIZATION"}"#;
const HTML: &str = "<!DOCTYPE html><html><title>Oops</title>AUTHORIZATION</html>";

const CASES: [Case; 10] = [
    Case { answer: Answer::Status(401, JSON), says: ["answered 401", "check CLOUDKIT_AAP_TOKEN"] },
    Case { answer: Answer::Status(403, JSON), says: ["answered 403", "grant it execute on the template"] },
    Case { answer: Answer::Status(404, HTML), says: ["answered 404", "check the URL"] },
    Case { answer: Answer::Busy, says: ["answered 429", "raise CLOUDKIT_AAP_STATUS_POLL_INTERVAL"] },
    Case { answer: Answer::Status(500, JSON), says: ["answered 500", "the server's log says more"] },
    Case { answer: Answer::Status(502, HTML), says: ["answered 502", "the server's log says more"] },
    Case { answer: Answer::Page, says: ["not the API's", "check that the URL points at the API"] },
    Case { answer: Answer::Half, says: ["not the API's", "check that the URL points at the API"] },
    Case { answer: Answer::Silence, says: ["no answer within 30s", "check that the server is up"] },
    Case { answer: Answer::Redirect, says: ["to a login page", "check that the URL points at the API"] },
];

/// Which requests meet the fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Where {
    Launches,
    /// Launches that are carried out all the same.
    DoneLaunches,
    Polls,
    Cancels,
    Everything,
}

impl Where {
    fn is_met_by(self, request: &Request<Bytes>) -> bool {
        let (post, path) = (request.method() == http::Method::POST, request.uri().path());
        match self {
            Self::Launches | Self::DoneLaunches => post && path.ends_with("/launch/"),
            Self::Polls => !post && path.contains("/jobs/") && !path.contains("templates"),
            Self::Cancels => post && path.ends_with("/cancel/"),
            Self::Everything => true,
        }
    }
}

/// An AAP with a fault that can be switched on and off.
#[derive(Clone, Default)]
struct Faulty {
    fault: Arc<Mutex<Option<(Where, Answer)>>>,
    /// Requests that met it.
    met: Arc<Mutex<usize>>,
}

impl Faulty {
    fn switch(&self, fault: Option<(Where, Answer)>) {
        *self.fault.lock() = fault;
        *self.met.lock() = 0;
    }

    fn met(&self) -> usize {
        *self.met.lock()
    }

    fn around(&self, lab: &Lab) -> Transport {
        let (this, clock) = (self.clone(), lab.clock.clone());
        let sound = Arc::new(Mutex::new(lab.backend.transport()));
        BoxCloneService::new(tower::service_fn(move |request: Request<Bytes>| {
            let (sound, clock) = (sound.lock().clone(), clock.clone());
            let fault = this.fault.lock().filter(|(place, _)| place.is_met_by(&request));
            let met = this.met.clone();
            async move {
                let Some((place, answer)) = fault else { return sound.oneshot(request).await };
                *met.lock() += 1;
                let value = request.headers().get("authorization").and_then(|value| value.to_str().ok());
                let authorization = value.unwrap_or_default().to_owned();
                if place == Where::DoneLaunches {
                    sound.oneshot(request).await?;
                }
                if matches!(answer, Answer::Silence) {
                    clock.sleep(seconds(60)).await;
                }
                response(answer, &authorization)
            }
        }))
    }
}

fn response(answer: Answer, authorization: &str) -> Result<Response<Bytes>, BoxError> {
    let built = Response::builder();
    let (built, body) = match answer {
        Answer::Status(status, body) => (built.status(status), body),
        Answer::Page => (built.status(200).header("content-type", "text/html"), HTML),
        Answer::Half => (built.status(201), r#"{"seen": "AUTHORIZATION", "id": 12, "sta"#),
        Answer::Silence => (built.status(504), ""),
        Answer::Redirect => {
            (built.status(302).header("location", format!("/login/?next=/api/&seen={authorization}")), HTML)
        }
        Answer::Busy => (built.status(429).header("retry-after", "20"), JSON),
    };
    Ok(built.body(Bytes::from(body.replace("AUTHORIZATION", authorization)))?)
}

/// Everything that every operator of this process logs, at the finest level.
fn log() -> &'static Mutex<Vec<u8>> {
    static LOG: OnceLock<Mutex<Vec<u8>>> = OnceLock::new();
    struct Writer;
    impl io::Write for Writer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            log().lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    static LISTENING: OnceLock<()> = OnceLock::new();
    let log = LOG.get_or_init(Mutex::default);
    LISTENING.get_or_init(|| {
        let format = tracing_subscriber::fmt().json().with_max_level(tracing::Level::TRACE).with_writer(|| Writer);
        tracing::subscriber::set_global_default(format.finish()).expect("nobody else listens");
    });
    log
}

/// What was logged since somebody looked, whichever test it is of.
fn assert_not_logged(what: &str) {
    static SEEN: AtomicBool = AtomicBool::new(false);
    let written = std::mem::take(&mut *log().lock());
    let written = String::from_utf8_lossy(&written);
    assert!(!written.contains(TOKEN), "{what}: the token is in the log");
    SEEN.fetch_or(written.contains("failed to launch a job"), Ordering::Relaxed);
    if what == "no template" {
        assert!(SEEN.load(Ordering::Relaxed), "{what}: failures are logged at all");
    }
}

struct World {
    lab: Lab,
    aap: Faulty,
    operator: JoinHandle<()>,
}

impl World {
    async fn new() -> Self {
        let mut settings = config(ProviderKind::Aap);
        settings.status_poll_interval = seconds(5);
        Self::with(settings).await
    }

    async fn with(settings: Config) -> Self {
        log();
        let lab = Lab::without_operator(settings.clone()).await;
        let aap = Faulty::default();
        let parts = OperatorParts {
            client: lab.server.client(NAMESPACE),
            clock: lab.clock.clone(),
            config: settings,
            transport: aap.around(&lab),
        };
        assert!(!format!("{parts:?}").contains(TOKEN));
        let operator = Operator::start_probed(parts, lab.probes.clone());
        assert!(!format!("{operator:?}").contains(TOKEN));
        let operator = tokio::spawn(operator.run(std::future::pending()));
        Self { lab, aap, operator }
    }

    /// Everything that the object's status says in words.
    async fn said(&self, name: &str) -> String {
        let status = self.lab.get(name).await.and_then(|object| object.status).unwrap_or_default();
        let conditions =
            status.conditions.iter().map(|condition| format!("{}: {}", condition.type_, condition.message));
        let jobs = status.jobs.iter().map(|job| format!("job {}: {}", job.job_id, job.message));
        conditions.chain(jobs).collect::<Vec<_>>().join("\n")
    }

    /// The end of a life, after which the token must be nowhere.
    async fn end(self, name: &str, what: &str) {
        let Self { lab, operator, .. } = self;
        lab.delete(name).await;
        lab.until_gone(name, seconds(600)).await;
        assert_eq!((lab.vms(), lab.backend.overlaps().len()), (0, 0), "{what}");
        operator.abort();
        let requests: Vec<String> = lab.server.requests().into_iter().map(|(line, body)| line + &body).collect();
        assert!(requests.len() > 5, "{what}: something was written at all");
        assert!(!requests.iter().any(|request| request.contains(TOKEN)), "{what}: the token reached the API server");
        assert!(!lab.probes.metrics.text().contains(TOKEN), "{what}: the token is in the metrics");
        assert_not_logged(what);
    }
}

fn assert_says(said: &str, case: &Case, what: &str) {
    for words in case.says {
        assert!(said.contains(words), "{what}: no {words:?} in\n{said}");
    }
    assert!(!said.contains(TOKEN), "{what}: {said}");
}

const MINUTES: u64 = 10;

#[tokio::test(start_paused = true)]
async fn a_launch_that_gets_no_answer_says_why_and_is_tried_less_and_less() {
    for place in [Where::Launches, Where::DoneLaunches, Where::Everything] {
        for case in &CASES {
            let what = format!("{place:?}, {:?}", case.answer);
            let world = World::new().await;
            world.aap.switch(Some((place, case.answer)));
            world.lab.create("vm-1").await;
            world.lab.sleep(seconds(40)).await;
            // One that was carried out is found again, unless the answer says that nothing was.
            let in_doubt = matches!(
                case.answer,
                Answer::Status(500.., _) | Answer::Page | Answer::Half | Answer::Silence | Answer::Redirect
            );
            if place == Where::DoneLaunches && in_doubt {
                world.lab.until_running("vm-1", seconds(60)).await;
            } else if place != Where::DoneLaunches {
                assert_says(&world.said("vm-1").await, case, &what);
                assert_eq!(states(world.lab.get("vm-1").await.as_ref()), [], "{what}: no job");
                world.lab.sleep(seconds(MINUTES * 60)).await;
                // Seven in the first minute, then one a minute; a look-up in front of each where the answer leaves doubt.
                assert!((5..=45).contains(&world.aap.met()), "{what}: {} requests", world.aap.met());
                world.aap.switch(None);
                world.lab.until_running("vm-1", seconds(150)).await;
            } else {
                continue;
            }
            world.aap.switch(None);
            assert_eq!(world.lab.backend.launches("vm-1", false), 1, "{what}");
            world.end("vm-1", &what).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_template_that_is_not_there_is_named() {
    let world = World::new().await;
    world.aap.switch(Some((Where::Launches, Answer::Status(404, JSON))));
    world.lab.create("vm-1").await;
    world.lab.sleep(seconds(40)).await;
    let said = world.said("vm-1").await;
    assert!(said.contains("no job template and no workflow job template named \"create-vm\"; create it"), "{said}");
    world.aap.switch(None);
    world.lab.until_running("vm-1", seconds(90)).await;
    world.end("vm-1", "no template").await;
}

fn is_at_work(object: Option<&ComputeInstance>) -> bool {
    states(object) == [JobState::Running]
}

#[tokio::test(start_paused = true)]
async fn a_poll_that_gets_no_answer_says_why_and_leaves_the_job_alone() {
    for case in &CASES {
        let what = format!("polls, {:?}", case.answer);
        let world = World::new().await;
        world.lab.backend.behave(|behaviour| (behaviour.create_time, behaviour.tail) = (seconds(20), seconds(30)));
        world.lab.create("vm-1").await;
        world.lab.until("vm-1", seconds(30), "at work", is_at_work).await;
        world.aap.switch(Some((Where::Polls, case.answer)));
        world.lab.sleep(seconds(MINUTES * 60)).await;
        assert_says(&world.said("vm-1").await, case, &what);
        assert!(is_at_work(world.lab.get("vm-1").await.as_ref()), "{what}: nothing is known of its end");
        // Every 5 s at the most, and no sooner than a busy server asks for.
        let most = if matches!(case.answer, Answer::Busy) { MINUTES * 60 / 20 + 1 } else { MINUTES * 60 / 5 + 1 };
        let met = world.aap.met() as u64;
        assert!((10..=most).contains(&met), "{what}: {met} polls");
        world.aap.switch(None);
        world.lab.until("vm-1", seconds(60), "known", |object| states(object) == [JobState::Succeeded]).await;
        assert_eq!(world.lab.backend.launches("vm-1", false), 1, "{what}");
        world.end("vm-1", &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_gets_no_answer_says_why_and_is_tried_less_and_less() {
    for case in &CASES {
        let what = format!("cancels, {:?}", case.answer);
        let world = World::new().await;
        world.lab.backend.behave(|behaviour| behaviour.create_time = seconds(3600));
        world.lab.create("vm-1").await;
        world.lab.until("vm-1", seconds(30), "at work", is_at_work).await;
        world.aap.switch(Some((Where::Cancels, case.answer)));
        world.lab.delete("vm-1").await;
        world.lab.sleep(seconds(40)).await;
        assert_says(&world.said("vm-1").await, case, &what);
        world.lab.sleep(seconds(MINUTES * 60)).await;
        assert!((5..=25).contains(&world.aap.met()), "{what}: {} cancels", world.aap.met());
        assert_eq!(world.lab.backend.launches("vm-1", true), 0, "{what}: not beside the other job");
        world.aap.switch(None);
        world.lab.until_gone("vm-1", seconds(300)).await;
        assert_eq!((world.lab.vms(), world.lab.backend.launches("vm-1", true)), (0, 1), "{what}");
        world.lab.create("vm-2").await;
        world.lab.backend.behave(|behaviour| behaviour.create_time = millis(2_000));
        world.lab.until_running("vm-2", seconds(60)).await;
        world.end("vm-2", &what).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_an_age_is_asked_again_within_the_hour() {
    let world = World::new().await;
    let answer = |_: Request<Bytes>| async {
        let built = Response::builder().status(429).header("retry-after", u64::MAX.to_string());
        Ok::<_, BoxError>(built.body(Bytes::new())?)
    };
    let lab = Lab::without_operator(config(ProviderKind::Aap)).await;
    let operator = Operator::start(OperatorParts {
        client: lab.server.client(NAMESPACE),
        clock: lab.clock.clone(),
        config: config(ProviderKind::Aap),
        transport: BoxCloneService::new(tower::service_fn(answer)),
    });
    let operator = tokio::spawn(operator.run(std::future::pending()));
    lab.create("vm-1").await;
    lab.sleep(Duration::from_secs(2 * 3600)).await;
    assert!(!operator.is_finished(), "such a number breaks nothing");
    operator.abort();
    world.operator.abort();
}
