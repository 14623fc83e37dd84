//! A job as a controller keeps it, and what that says of when it did what.

use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    api::{JobState, JobType},
    record::{Truth, Word},
    units::{InstanceId, Nanos},
};

/// Under which path a job is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Job,
    Workflow,
}

impl Kind {
    pub(super) const ALL: [Self; 2] = [Self::Job, Self::Workflow];

    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Job => "jobs",
            Self::Workflow => "workflow_jobs",
        }
    }
}

/// What is read of a job (AWX API reference, `jobs`): the name is that of its template.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct JobRecord {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) name: String,
    pub(super) status: String,
    pub(super) created: Timestamp,
    #[serde(default)]
    pub(super) started: Option<Timestamp>,
    #[serde(default)]
    pub(super) finished: Option<Timestamp>,
    /// A string of JSON; absent where a list leaves it out.
    #[serde(default)]
    pub(super) extra_vars: Option<String>,
}

/// A job and what it is for.
#[derive(Clone, Debug)]
pub(super) struct KnownJob {
    pub(super) kind: Kind,
    pub(super) instance: InstanceId,
    pub(super) job_type: JobType,
    pub(super) record: JobRecord,
}

impl KnownJob {
    /// The changes of its state. Since when it waited for a worker is not in a record: it is pending until it starts.
    pub(super) fn changes(&self, at: impl Fn(Timestamp) -> Nanos) -> Vec<Truth> {
        let record = &self.record;
        let mut changes: Vec<Truth> = Vec::new();
        let mut change = |to: JobState, when: Timestamp| {
            let from = changes.last().map(|before| before.to.clone()).unwrap_or_default();
            changes.push(Truth {
                at_ns: at(when),
                source: Word::const_new("aap"),
                event: Word::const_new("job_state"),
                object: compact_str::format_compact!("{}", self.instance),
                job_id: compact_str::format_compact!("{}", record.id),
                job_type: self.job_type.as_str().into(),
                from,
                to: to.as_str().into(),
                ..Truth::default()
            });
        };
        change(JobState::Pending, record.created);
        if let Some(started) = record.started {
            change(JobState::Running, started);
        }
        if let Some((end, finished)) = end(&record.status).zip(record.finished) {
            change(end, finished);
        }
        changes
    }

    /// Whether nothing more will become of it.
    pub(super) fn is_over(&self) -> bool {
        end(&self.record.status).is_some()
    }
}

fn end(status: &str) -> Option<JobState> {
    match status {
        "successful" => Some(JobState::Succeeded),
        "failed" | "error" => Some(JobState::Failed),
        "canceled" => Some(JobState::Canceled),
        _ => None,
    }
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    ansible_eda: ToldEda,
}

#[derive(Default, Deserialize)]
struct ToldEda {
    #[serde(default)]
    event: ToldEvent,
}

#[derive(Default, Deserialize)]
struct ToldEvent {
    #[serde(default)]
    payload: ToldObject,
}

#[derive(Default, Deserialize)]
struct ToldObject {
    #[serde(default)]
    metadata: ToldMeta,
}

#[derive(Default, Deserialize)]
struct ToldMeta {
    #[serde(default)]
    name: String,
    #[serde(default)]
    namespace: String,
}

/// The instance in a namespace that a job was launched for, by its variables. Namespaces of trials have names that no two share.
pub(super) fn instance_of(extra_vars: &str, namespace: &str) -> Option<InstanceId> {
    let told: Told = serde_json::from_str(extra_vars).ok()?;
    let metadata = told.ansible_eda.event.payload.metadata;
    (metadata.namespace == namespace).then(|| metadata.name.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(status: &str, started: bool, finished: bool) -> KnownJob {
        let time = |text: &str| text.parse::<Timestamp>().expect("a time");
        let record = JobRecord {
            id: 7,
            name: "create".to_owned(),
            status: status.to_owned(),
            created: time("2026-02-12T09:00:01.5Z"),
            started: started.then(|| time("2026-02-12T09:00:02Z")),
            finished: finished.then(|| time("2026-02-12T09:00:05.25Z")),
            extra_vars: None,
        };
        KnownJob { kind: Kind::Job, instance: InstanceId::from_index(3), job_type: JobType::Provision, record }
    }

    fn told(job: &KnownJob) -> Vec<(String, String, u64)> {
        let epoch: Timestamp = "2026-02-12T09:00:00Z".parse().expect("a time");
        let at =
            |time: Timestamp| Nanos::new(u64::try_from(time.as_nanosecond() - epoch.as_nanosecond()).expect("later"));
        let text = |word: &Word| word.to_string();
        job.changes(at).iter().map(|one| (text(&one.from), text(&one.to), one.at_ns.get() / 1_000_000)).collect()
    }

    #[test]
    fn a_record_tells_of_its_making_its_start_and_its_end() {
        let states = |changes: &[(&str, &str, u64)]| -> Vec<(String, String, u64)> {
            changes.iter().map(|(from, to, at)| ((*from).to_owned(), (*to).to_owned(), *at)).collect()
        };
        assert_eq!(
            told(&job("successful", true, true)),
            states(&[("", "Pending", 1500), ("Pending", "Running", 2000), ("Running", "Succeeded", 5250)])
        );
        assert_eq!(
            told(&job("canceled", false, true)),
            states(&[("", "Pending", 1500), ("Pending", "Canceled", 5250)])
        );
        assert_eq!(told(&job("running", true, false)), states(&[("", "Pending", 1500), ("Pending", "Running", 2000)]));
        assert!(job("error", true, true).is_over() && !job("waiting", false, false).is_over());
    }

    #[test]
    fn variables_name_the_instance_of_their_namespace() {
        let vars = r#"{"ansible_eda":{"event":{"payload":{"metadata":{"name":"ci-0003","namespace":"one"}}}}}"#;
        let name = InstanceId::from_index(3).to_string();
        let vars = vars.replace("ci-0003", &name);
        assert_eq!(instance_of(&vars, "one"), Some(InstanceId::from_index(3)));
        assert_eq!(instance_of(&vars, "other"), None);
        assert_eq!(instance_of("---\n", "one"), None);
    }
}
