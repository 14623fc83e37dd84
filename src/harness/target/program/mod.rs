//! An operator that is a program of somebody's: started for a trial, watched, and ended with it.
//!
//! **Flow:** [`credentials`] writes a kubeconfig for the trial's cluster; [`process`] starts the program with it and the
//! arm's environment; here it is waited for until it is ready, ended and started again where the scenario says so, and
//! asked what it spent.
//!
//! **Guarantees:** the program, and what it started in its process group, end with the trial, whatever ends that: also a
//! kill of this process. So does the kubeconfig. What the program writes is read as fast as it comes, and only its end is
//! kept. No secret of its environment is in an error.
//!
//! **Assumptions:** a POSIX `sh`, and Linux's `/proc` for what it spends; elsewhere that is not told.

mod credentials;
mod output;
mod process;
mod usage;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use http::{Request, StatusCode};
use parking_lot::Mutex;
use tower::ServiceExt;

pub(super) use self::credentials::{Access, Credentials};
use self::{process::Process, usage::Usage};
use super::{TargetError, free_port};
use crate::{
    clock::{Clock, SystemClock, timeout},
    harness::experiment::{Ending, Program, Ready, is_secret},
    operator::provider::http::plain_transport,
    record::{Cost, ProcessCost},
};

/// How often a program that starts or ends is looked at.
const CHECK: Duration = Duration::from_millis(10);
/// How long it may take to answer whether it is ready.
const PROBE_LIMIT: Duration = Duration::from_secs(2);
/// How long it may take to end when it is asked to, before it is killed: what Kubernetes gives a pod by default.
const GRACE: Duration = Duration::from_secs(30);

/// An operator that runs, or is to run again. It ends when this is dropped.
pub(super) struct OperatorProgram {
    arm: String,
    program: Program,
    environment: BTreeMap<String, String>,
    probe: Option<String>,
    /// None while the scenario wants none.
    process: Mutex<Option<Process>>,
    /// What earlier processes spent.
    before: Mutex<Spent>,
    credentials: Credentials,
}

#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    usage: Usage,
    starts: u32,
    exit: Option<i32>,
}

impl OperatorProgram {
    /// Starts it and waits until it is ready.
    pub(super) async fn start(
        arm: &str,
        program: &Program,
        mut environment: BTreeMap<String, String>,
        prefix: &str,
        access: &Access,
        namespace: &str,
    ) -> Result<Self, TargetError> {
        let wrong = |what: String| TargetError::Program { arm: arm.to_owned(), what };
        let credentials = Credentials::write(access, namespace)
            .map_err(|error| wrong(format!("failed to write its kubeconfig: {error}")))?;
        environment.insert("KUBECONFIG".to_owned(), credentials.file().display().to_string());
        let probe = match program.ready() {
            Ready::Probe => {
                let free = free_port().map_err(|error| wrong(format!("no port for its probes: {error}")))?;
                let address =
                    environment.entry(format!("{prefix}BIND_ADDRESS")).or_insert_with(|| free.to_string()).clone();
                Some(format!("http://{}/readyz", reachable(&address)))
            }
            Ready::Url(url) => Some(url.clone()),
            Ready::After(_) => None,
        };
        let operator = Self {
            arm: arm.to_owned(),
            program: program.clone(),
            environment,
            probe,
            process: Mutex::default(),
            before: Mutex::default(),
            credentials,
        };
        operator.bring_up().await?;
        Ok(operator)
    }

    /// Starts a process and waits until it is ready.
    async fn bring_up(&self) -> Result<(), TargetError> {
        let command = self.program.command();
        let process = Process::spawn(command, &self.environment, self.credentials.folder())
            .map_err(|error| self.wrong(&format!("failed to start it: {error}; check `operator.external.command`")))?;
        *self.process.lock() = Some(process);
        self.before.lock().starts += 1;
        let clock = SystemClock::start();
        let limit = self.program.ready_timeout();
        if let Ready::After(time) = self.program.ready() {
            let alive = timeout(&clock, time.0, async {
                loop {
                    if let Some(ended) = self.ended() {
                        return ended;
                    }
                    clock.sleep(CHECK).await;
                }
            });
            return match alive.await {
                Ok(ended) => Err(self.wrong(&format!("it ended before it was ready: {ended}"))),
                Err(_) => Ok(()),
            };
        }
        // What it answered last is worth telling when the time is up.
        let answer = Mutex::new(String::from("it was not asked"));
        let ready = timeout(&clock, limit, async {
            loop {
                if let Some(ended) = self.ended() {
                    return Err(ended);
                }
                match self.ask().await {
                    Ok(()) => return Ok(()),
                    Err(other) => *answer.lock() = other,
                }
                clock.sleep(CHECK).await;
            }
        });
        match ready.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(ended)) => Err(self.wrong(&format!("it ended before it was ready: {ended}"))),
            Err(_) => {
                let (answer, said) = (answer.into_inner(), self.said());
                Err(self.wrong(&format!(
                    "it was not ready within {limit:?}: {} ({answer}); raise `ready_timeout`, or say with `ready` how it \
                     shows: {{url: …}} or {{after: 5s}}{said}",
                    self.probe.as_deref().unwrap_or_default(),
                )))
            }
        }
    }

    /// Asks whether it is ready; what was wrong with the answer.
    async fn ask(&self) -> Result<(), String> {
        let url = self.probe.as_deref().unwrap_or_default();
        let request = Request::get(url).body(Bytes::new()).map_err(|error| error.to_string())?;
        let clock = SystemClock::start();
        let answer = timeout(&clock, PROBE_LIMIT, plain_transport().oneshot(request)).await;
        match answer.map_err(|late| late.to_string())?.map_err(|error| error.to_string())?.status() {
            StatusCode::OK => Ok(()),
            status => Err(format!("it answers {status}")),
        }
    }

    /// How it ended, if it did by itself, with what it said last.
    pub(super) fn ended(&self) -> Option<String> {
        let exit = self.process.lock().as_ref()?.exit()?;
        let how = if exit < 0 { format!("by signal {}", -exit) } else { format!("with exit status {exit}") };
        Some(format!("{how}{}", self.said()))
    }

    /// The end of what it wrote, on lines of its own, without secrets.
    fn said(&self) -> String {
        let mut text = self.process.lock().as_ref().map(Process::last_words).unwrap_or_default();
        let secrets = self.environment.iter().filter(|(name, _)| is_secret(name)).map(|(_, value)| value.as_str());
        for secret in secrets.chain(self.credentials.secrets()).filter(|secret| !secret.is_empty()) {
            text = text.replace(secret, "(secret)");
        }
        if text.is_empty() { "; it wrote nothing".to_owned() } else { format!("; the end of what it wrote:\n{text}") }
    }

    fn wrong(&self, what: &str) -> TargetError {
        TargetError::Program { arm: self.arm.clone(), what: format!("`{}`: {what}", self.program.shown().join(" ")) }
    }

    /// Ends it, and starts it again after a while.
    pub(super) async fn disturb(&self, ending: Ending, down: Duration) -> Result<(), TargetError> {
        if let Some(ended) = self.ended() {
            return Err(self.wrong(&format!("it ended by itself before the scenario ended it: {ended}")));
        }
        self.end(match ending {
            Ending::Restart => GRACE,
            Ending::Kill => Duration::ZERO,
        })
        .await;
        SystemClock::start().sleep(down).await;
        self.bring_up().await
    }

    /// Ends it and keeps what it spent: at once where there is no grace.
    async fn end(&self, grace: Duration) {
        if !grace.is_zero() {
            let clock = SystemClock::start();
            if let Some(process) = &*self.process.lock() {
                process.ask_to_end();
            }
            let _ = timeout(&clock, grace, async {
                while self.process.lock().as_ref().is_some_and(|process| process.exit().is_none()) {
                    clock.sleep(CHECK).await;
                }
            })
            .await;
        }
        let Some(process) = self.process.lock().take() else { return };
        // What blocks is the wait for its end, which a kill makes short.
        if let Ok((usage, exit)) = tokio::task::spawn_blocking(move || process.end()).await {
            let mut before = self.before.lock();
            before.usage = before.usage.and(usage);
            before.exit = exit;
        }
    }

    /// What it spent since it was first started.
    pub(super) fn cost(&self) -> Cost {
        let spent = *self.before.lock();
        let now = self.process.lock().as_ref().map(Process::usage).unwrap_or_default();
        let usage = spent.usage.and(now);
        let process = ProcessCost { rss_peak_bytes: usage.rss_peak_bytes, starts: spent.starts, exit: spent.exit };
        Cost { operator_cpu_ns: usage.cpu_ns, process: Some(process), ..Cost::default() }
    }

    /// Ends it in order, and says what it spent and how it ended.
    pub(super) async fn stop(&self) -> Cost {
        self.end(GRACE).await;
        self.cost()
    }
}

/// Where a server that listens on an address is reached from here.
fn reachable(address: &str) -> String {
    match address.rsplit_once(':') {
        Some(("" | "0.0.0.0" | "[::]", port)) => format!("127.0.0.1:{port}"),
        _ => address.to_owned(),
    }
}
