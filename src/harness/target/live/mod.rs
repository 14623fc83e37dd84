//! Backends that are there already, on a cluster that is there already: nothing is simulated. What they did is read from the
//! controller's own records when a trial is over.
//!
//! A controller's times are by its own clock. The offset is estimated while the trial runs ([`skew`]) and taken off its times
//! where it can't be 0: an estimate that can is noise, and left alone.

mod job;
mod skew;

use std::{collections::BTreeMap, io, sync::Arc, time::Duration};

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, de::IgnoredAny};
use tokio::task::JoinHandle;

use self::{
    job::{JobRecord, Kind, KnownJob, instance_of},
    skew::Estimate,
};
use super::{Blueprint, Reach, Servers, TargetError, over_sockets::to_external, program::Access, webhooks};
use crate::{
    api::JobType,
    clock::{SharedClock, SystemClock, timeout},
    harness::experiment::{
        Backend, Endpoints,
        live::{LiveAap, Templates},
    },
    operator::{
        config::ProviderKind,
        provider::{
            ProviderError,
            http::{ANSWER_TIME_MAX, HttpClient, Transport, transport_for},
        },
    },
    record::{ClockSkew, Plane, Transition, TruthLog},
    units::{InstanceId, Nanos},
};

/// How long all requests for the clock may take together.
const SKEW_LIMIT: Duration = Duration::from_secs(60);
/// How long the end of jobs is waited for whose instances are gone, and how often one looks.
const ENDS_LIMIT: Duration = Duration::from_secs(120);
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Jobs on a page of a list (AWX gives no more), and how many pages are read.
const PAGE_SIZE: usize = 200;
const PAGES_MAX: usize = 50;
/// How far the clock of a controller may be off of which no more is known.
const OFFSET_MAX: SignedDuration = SignedDuration::from_secs(600);

/// Where the operator and the harness find the cluster and the backends.
pub(super) fn reach(blueprint: &Blueprint) -> Result<Reach, TargetError> {
    let Some(external) = &blueprint.external else {
        return Err(TargetError::NowhereLive { arm: blueprint.arm.name().to_owned() });
    };
    let backend = blueprint.arm.backend();
    let (client, connect) = to_external(external, &blueprint.namespace)?;
    let carrier = transport(backend)?;
    let transport = match backend.live_eda() {
        Some(eda) => webhooks::noted_at(
            carrier.clone(),
            [eda.provision_webhook(), eda.deprovision_webhook()],
            blueprint.clock.clone(),
            blueprint.truth.clone(),
        )?,
        None => carrier.clone(),
    };
    Ok(Reach {
        client,
        connect,
        transport,
        // Those of the arm's backends stand over these.
        endpoints: Endpoints {
            namespace: blueprint.namespace.clone(),
            aap_url: "http://127.0.0.1/api/controller".to_owned(),
            eda_url: "http://127.0.0.1".to_owned(),
        },
        access: Some(Access::External(Box::new(external.config().clone()))),
        backends: None,
        live: backend.aap.as_ref().map(|aap| JobRecords::of(aap, carrier, blueprint)),
        servers: Servers::None,
    })
}

/// The records of the controller that an arm names beside an operator that is deployed already.
pub(super) fn records(blueprint: &Blueprint) -> io::Result<Option<JobRecords>> {
    let backend = blueprint.arm.backend();
    let Some(aap) = &backend.aap else { return Ok(None) };
    Ok(Some(JobRecords::of(aap, transport(backend)?, blueprint)))
}

fn transport(backend: &Backend) -> io::Result<Transport> {
    let webhooks = backend.live_eda().into_iter().flat_map(|eda| [eda.provision_webhook(), eda.deprovision_webhook()]);
    let urls = webhooks.chain(backend.aap.iter().map(LiveAap::url));
    transport_for(urls, backend.aap.as_ref().and_then(LiveAap::ca_file))
}

/// The records of a controller.
pub(super) struct JobRecords {
    http: Arc<HttpClient>,
    url: String,
    /// Whether EDA launches the jobs, so that the operator does not know their numbers.
    by_event: bool,
    templates: Templates,
    namespace: String,
    truth: TruthLog,
    /// Our wall time at time 0 of the trial.
    origin: Timestamp,
    clock: SharedClock,
    estimating: JoinHandle<Option<Estimate>>,
}

/// What was read, beside the truth.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) skew: Option<ClockSkew>,
    /// What could not be read, one sentence each.
    pub(crate) problems: Vec<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    next: Option<IgnoredAny>,
    results: Vec<JobRecord>,
}

impl JobRecords {
    /// Begins to estimate the offset of the controller's clock, on the runtime that this is called on.
    fn of(aap: &LiveAap, transport: Transport, blueprint: &Blueprint) -> Self {
        let clock: SharedClock = Arc::new(SystemClock::start());
        let http = HttpClient::new(transport, clock.clone(), Some(aap.token().clone()), ANSWER_TIME_MAX);
        let http = Arc::new(http);
        let since = SignedDuration::try_from(Duration::from(blueprint.clock.elapsed())).unwrap_or_default();
        let (asked, own) = (http.clone(), clock.clone());
        let ping = format!("{}/v2/ping/", aap.url());
        let estimating =
            tokio::spawn(
                async move { timeout(&*own, SKEW_LIMIT, skew::measure(&own, &asked, &ping)).await.ok().flatten() },
            );
        Self {
            http,
            url: aap.url().to_owned(),
            by_event: blueprint.arm.provider() == ProviderKind::Eda,
            templates: aap.templates().clone(),
            namespace: blueprint.namespace.clone(),
            truth: blueprint.truth.clone(),
            origin: clock.now() - since,
            clock,
            estimating,
        }
    }

    /// Writes into the truth what the controller's records say of a trial whose instances are gone; `seen` is what the watch
    /// showed of their jobs.
    pub(super) async fn tell(&mut self, seen: &[Transition]) -> Told {
        let mut told = Told::default();
        let estimate = (&mut self.estimating).await.ok().flatten();
        if estimate.is_none() {
            told.problems.push(format!(
                "the offset of the clock of {} could not be estimated: its answers have no usable Date",
                self.url
            ));
        }
        let offset = estimate.filter(|estimate| estimate.is_certain()).map_or(0, |estimate| estimate.offset_ns);
        told.skew = estimate.map(|estimate| ClockSkew {
            url: self.url.clone(),
            offset_ns: estimate.offset_ns,
            bound_ns: estimate.bound_ns,
            corrected: estimate.is_certain(),
        });
        let jobs =
            if self.by_event { self.launched_by_events(estimate).await } else { self.recorded(seen, &mut told).await };
        match jobs {
            Ok(mut jobs) => {
                self.wait_for_ends(&mut jobs, &mut told).await;
                let mut changes: Vec<_> = jobs
                    .iter()
                    .flat_map(|job| job.changes(|time| on_the_trials_clock(time, offset, self.origin)))
                    .collect();
                changes.sort_by_key(|change| change.at_ns);
                for change in changes {
                    self.truth.push(change);
                }
            }
            Err(error) => told.problems.push(format!("failed to read the controller's jobs: {error}")),
        }
        told
    }

    /// The jobs whose numbers the operator wrote into the status.
    async fn recorded(&self, seen: &[Transition], told: &mut Told) -> Result<Vec<KnownJob>, ProviderError> {
        let mut numbers: BTreeMap<u64, (InstanceId, JobType)> = BTreeMap::new();
        for change in seen.iter().filter(|change| change.plane == Plane::Observed) {
            if let Ok(number) = change.job_id.parse() {
                let is_provision = change.job_type == JobType::Provision.as_str();
                let job_type = if is_provision { JobType::Provision } else { JobType::Deprovision };
                numbers.insert(number, (change.instance, job_type));
            }
        }
        let mut jobs = Vec::new();
        for (number, (instance, job_type)) in numbers {
            let mut found = None;
            for kind in Kind::ALL {
                if let Some(record) = self.job(kind, number).await? {
                    found = Some(KnownJob { kind, instance, job_type, record });
                    break;
                }
            }
            match found {
                Some(job) => jobs.push(job),
                None => told.problems.push(format!("{instance}: the controller has no job {number} (any more)")),
            }
        }
        Ok(jobs)
    }

    async fn job(&self, kind: Kind, number: u64) -> Result<Option<JobRecord>, ProviderError> {
        let answer = self.http.get(&format!("{}/v2/{}/{number}/", self.url, kind.path())).await?;
        if answer.is_missing() {
            return Ok(None);
        }
        answer.successful()?.json().map(Some)
    }

    /// The jobs of the trial's instances, by their variables.
    async fn launched_by_events(&self, estimate: Option<Estimate>) -> Result<Vec<KnownJob>, ProviderError> {
        let begin = match estimate {
            Some(Estimate { offset_ns, bound_ns }) => {
                let earlier = i64::try_from(bound_ns).map_or(i64::MIN, |bound| offset_ns.saturating_sub(bound));
                self.origin + SignedDuration::from_nanos(earlier)
            }
            None => self.origin - OFFSET_MAX,
        };
        let mut jobs = Vec::new();
        for kind in Kind::ALL {
            for page in 1..=PAGES_MAX {
                let page = self.page(kind, begin, page).await?;
                for record in page.results {
                    let job_type = match &record.name {
                        name if *name == self.templates.provision => JobType::Provision,
                        name if *name == self.templates.deprovision => JobType::Deprovision,
                        _ => continue,
                    };
                    let whole = match record.extra_vars {
                        Some(_) => Some(record),
                        None => self.job(kind, record.id).await?,
                    };
                    let Some(record) = whole else { continue };
                    let vars = record.extra_vars.as_deref().unwrap_or_default();
                    if let Some(instance) = instance_of(vars, &self.namespace) {
                        jobs.push(KnownJob { kind, instance, job_type, record });
                    }
                }
                if page.next.is_none() {
                    break;
                }
            }
        }
        Ok(jobs)
    }

    async fn page(&self, kind: Kind, begin: Timestamp, page: usize) -> Result<Page, ProviderError> {
        // Characters of a time in UTC that a query must not have as they are.
        let begin = begin.to_string().replace(':', "%3A").replace('+', "%2B");
        let list = format!("{}/v2/{}/", self.url, kind.path());
        let query = format!("created__gte={begin}&order_by=id&page={page}&page_size={PAGE_SIZE}");
        let answer = self.http.get(&format!("{list}?include=extra_vars&{query}")).await?;
        // Servers that show the variables unasked don't know the parameter.
        if answer.status() == StatusCode::BAD_REQUEST {
            return self.http.get(&format!("{list}?{query}")).await?.successful()?.json();
        }
        answer.successful()?.json()
    }

    /// An instance is gone before the job that removed it has ended.
    async fn wait_for_ends(&self, jobs: &mut [KnownJob], told: &mut Told) {
        let begun = self.clock.elapsed();
        for job in jobs {
            while !job.is_over() {
                if Duration::from(self.clock.elapsed() - begun) > ENDS_LIMIT {
                    let message = format!("{}: job {} did not come to its end", job.instance, job.record.id);
                    told.problems.push(message);
                    break;
                }
                self.clock.sleep(LOOK_INTERVAL).await;
                // What can't be read may come back; if it does not, the limit ends it.
                if let Ok(Some(record)) = self.job(job.kind, job.record.id).await {
                    job.record = record;
                }
            }
        }
    }
}

/// A time of the controller, whose clock is `offset_ns` ahead, in a trial whose time 0 was at `origin` by ours.
fn on_the_trials_clock(time: Timestamp, offset_ns: i64, origin: Timestamp) -> Nanos {
    let since_ns = time.as_nanosecond() - i128::from(offset_ns) - origin.as_nanosecond();
    // Before the trial there was none of its jobs: what is a little less than 0 is the offset's.
    Nanos::new(u64::try_from(since_ns).unwrap_or(0))
}

impl Drop for JobRecords {
    fn drop(&mut self) {
        self.estimating.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_of_the_controllers_clock_is_taken_off_its_times() {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let origin = time("2026-02-12T09:00:00Z");
        let at = |text: &str, offset_ns| on_the_trials_clock(time(text), offset_ns, origin).get();
        assert_eq!(at("2026-02-12T09:00:01.5Z", 0), 1_500_000_000);
        assert_eq!(at("2026-02-12T10:00:01.5Z", 3_600_000_000_000), 1_500_000_000);
        assert_eq!(at("2026-02-12T08:59:59Z", -3_000_000_000), 2_000_000_000);
        assert_eq!(at("2026-02-12T09:00:00Z", 1_000_000), 0);
    }
}
