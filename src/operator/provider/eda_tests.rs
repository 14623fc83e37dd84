use serde_json::json;

use super::{
    super::recorder::{Recorder, Reply, clock, object, seconds, text},
    *,
};

const CREATE: &str = "POST http://eda:5000/create-compute-instance";
const DELETE: &str = "POST http://eda:5000/delete-compute-instance";

fn eda(recorder: &Recorder, clock: &SharedClock, interval: Duration) -> Eda {
    let settings = EdaSettings {
        provision_webhook: "http://eda:5000/create-compute-instance".into(),
        deprovision_webhook: "http://eda:5000/delete-compute-instance".into(),
    };
    Eda::new(&settings, interval, recorder.transport(), clock.clone())
}

fn accepted() -> Reply {
    text(200, "")
}

async fn launch(eda: &Eda, namespace: &str, name: &str) -> Launch {
    eda.launch(JobType::Provision, &object(namespace, name).0).await.expect("a launch")
}

fn is_launched(launch: &Launch) -> bool {
    matches!(launch, Launch::Launched(_))
}

#[tokio::test(start_paused = true)]
async fn a_launch_is_a_post_of_the_whole_object() {
    let recorder = Recorder::with([accepted(), accepted()]);
    let eda = eda(&recorder, &clock(), Duration::ZERO);
    let (instance, wire) = object("vms", "vm-1");
    let launched = eda.launch(JobType::Provision, &instance).await.expect("a launch");
    let expected = LaunchedJob {
        job_id: None,
        state: JobState::Running,
        message: String::new(),
        block_deletion_on_failure: false,
    };
    assert_eq!(launched, Launch::Launched(expected));
    eda.launch(JobType::Deprovision, &instance).await.expect("a launch");
    let sent = recorder.sent();
    assert_eq!((sent[0].line.as_str(), sent[1].line.as_str()), (CREATE, DELETE));
    for request in sent {
        assert_eq!(request.json(), wire);
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("authorization"), None, "AAP's token is none of EDA's business");
    }
}

#[tokio::test(start_paused = true)]
async fn edas_jobs_can_neither_be_asked_for_nor_stopped() {
    let recorder = Recorder::default();
    let eda = eda(&recorder, &clock(), Duration::ZERO);
    let polled = eda.poll(JobType::Provision, "eda-webhook-1").await.expect("an answer");
    assert!(matches!(polled, Polled::Job { state: JobState::Unknown, .. }));
    assert_eq!(eda.cancel(JobType::Provision, "eda-webhook-1").await.expect("an answer"), Canceled::AlreadyEnded);
    assert_eq!(recorder.sent(), []);
}

#[tokio::test(start_paused = true)]
async fn defect_6_the_rate_limit_tells_the_time_that_remains() {
    let recorder = Recorder::with([accepted(), accepted()]);
    let clock = clock();
    let eda = eda(&recorder, &clock, seconds(30));
    assert!(is_launched(&launch(&eda, "vms", "vm-1").await));
    clock.sleep(seconds(10)).await;
    assert_eq!(launch(&eda, "vms", "vm-1").await, Launch::TooSoon(seconds(20)));
    assert_eq!(recorder.sent().len(), 1, "nothing was sent");
    clock.sleep(seconds(20)).await;
    assert!(is_launched(&launch(&eda, "vms", "vm-1").await), "exactly after what was told");
}

#[tokio::test(start_paused = true)]
async fn defect_6_the_rate_limit_tells_namespaces_names_and_webhooks_apart() {
    let recorder = Recorder::with([accepted(), accepted(), accepted(), accepted()]);
    let eda = eda(&recorder, &clock(), seconds(30));
    assert!(is_launched(&launch(&eda, "vms", "vm-1").await));
    assert!(is_launched(&launch(&eda, "other", "vm-1").await), "another namespace");
    assert!(is_launched(&launch(&eda, "vms", "vm-2").await), "another name");
    let other = eda.launch(JobType::Deprovision, &object("vms", "vm-1").0).await.expect("a launch");
    assert!(is_launched(&other), "another webhook");
    assert_eq!(launch(&eda, "other", "vm-1").await, Launch::TooSoon(seconds(30)));
}

#[tokio::test(start_paused = true)]
async fn no_interval_is_no_limit() {
    let recorder = Recorder::with([accepted(), accepted()]);
    let eda = eda(&recorder, &clock(), Duration::ZERO);
    assert!(is_launched(&launch(&eda, "vms", "vm-1").await) && is_launched(&launch(&eda, "vms", "vm-1").await));
}

#[tokio::test(start_paused = true)]
async fn a_post_that_came_to_nothing_takes_no_turn() {
    let recorder = Recorder::with([text(503, "busy"), accepted()]);
    let eda = eda(&recorder, &clock(), seconds(30));
    let error = eda.launch(JobType::Provision, &object("vms", "vm-1").0).await.expect_err("no launch");
    assert_eq!(error.to_string(), format!("{CREATE} answered 503: busy; the server's log says more"));
    assert!(is_launched(&launch(&eda, "vms", "vm-1").await));
}

#[tokio::test(start_paused = true)]
async fn every_refusal_is_an_error_of_its_kind() {
    type IsKind = fn(&ProviderError) -> bool;
    let cases: [(Reply, IsKind); 6] = [
        (text(400, "Invalid JSON payload"), |error| matches!(error, ProviderError::Refused { status: 400, .. })),
        (text(401, "Invalid authorization header"), |error| {
            matches!(error, ProviderError::Unauthorized { with_token: false, .. })
        }),
        (text(413, ""), |error| matches!(error, ProviderError::Refused { status: 413, .. })),
        (text(307, ""), |error| matches!(error, ProviderError::Protocol { .. })),
        (Reply::Broken("refused"), |error| matches!(error, ProviderError::Unreachable { .. })),
        (Reply::Silence, |error| matches!(error, ProviderError::Unreachable { .. })),
    ];
    for (reply, is_kind) in cases {
        let recorder = Recorder::with([reply]);
        let eda = eda(&recorder, &clock(), Duration::ZERO);
        let error = eda.launch(JobType::Provision, &object("vms", "vm-1").0).await.expect_err("no launch");
        assert!(is_kind(&error), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_in_a_webhooks_query_does_not_show_in_errors() {
    let recorder = Recorder::with([text(500, "")]);
    let settings = EdaSettings {
        provision_webhook: "http://eda:5000/create?token=t0ps3cret".into(),
        deprovision_webhook: "http://eda:5000/delete".into(),
    };
    let eda = Eda::new(&settings, Duration::ZERO, recorder.transport(), clock());
    let error = eda.launch(JobType::Provision, &object("vms", "vm-1").0).await.expect_err("no launch");
    assert_eq!(error.to_string(), "POST http://eda:5000/create answered 500: (no text); the server's log says more");
    for shown in [format!("{error:?}"), format!("{eda:?}"), format!("{settings:?}")] {
        assert!(!shown.contains("t0ps3cret"), "{shown}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_are_too_old_to_matter_are_forgotten() {
    let recorder = Recorder::with((0..3 * REMEMBERED_MIN).map(|_| accepted()));
    let clock = clock();
    let eda = eda(&recorder, &clock, seconds(30));
    for index in 0..REMEMBERED_MIN + 10 {
        launch(&eda, "vms", &format!("vm-{index}")).await;
    }
    assert_eq!(eda.last.lock().by_object.len(), REMEMBERED_MIN + 10, "all of them are recent");
    clock.sleep(seconds(31)).await;
    for index in 0..REMEMBERED_MIN + 10 {
        launch(&eda, "vms", &format!("late-{index}")).await;
    }
    assert!(eda.last.lock().by_object.len() <= REMEMBERED_MIN + 10, "{}", eda.last.lock().by_object.len());
    assert_eq!(launch(&eda, "vms", "late-0").await, Launch::TooSoon(seconds(30)), "the recent ones are remembered");
}

#[tokio::test(start_paused = true)]
async fn a_body_is_json_also_where_the_object_is_nearly_empty() {
    let recorder = Recorder::with([accepted()]);
    let eda = eda(&recorder, &clock(), Duration::ZERO);
    let bare = ComputeInstance::new("vm-1", crate::api::ComputeInstanceSpec::default());
    eda.launch(JobType::Provision, &bare).await.expect("a launch");
    let sent = recorder.sent()[0].json();
    assert_eq!(sent["metadata"], json!({"name": "vm-1"}));
}
