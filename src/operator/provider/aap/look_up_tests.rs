use serde_json::{Value, json};

use super::*;
use crate::{
    api::{JobState, JobStatus, JobTime, JobType},
    operator::{
        config::{AapSettings, Secret},
        provider::{
            Provider as _,
            recorder::{Recorder, Reply, answer, clock, object, text},
        },
    },
};

const BASE: &str = "https://aap.example/api/controller/v2";

fn aap(recorder: &Recorder) -> Aap {
    let settings = AapSettings {
        url: "https://aap.example/api/controller".into(),
        token: Secret::new("t0ps3cret".into()),
        provision_template: "create-vm".into(),
        deprovision_template: "delete-vm".into(),
    };
    Aap::new(&settings, recorder.transport(), clock())
}

fn template() -> Reply {
    answer(200, &json!({"count": 1, "next": null, "previous": null, "results": [{"id": 9, "name": "create-vm"}]}))
}

/// A job as a list shows it, launched for the object with this UID.
fn listed(id: u64, status: &str, uid: &str) -> Value {
    let payload =
        json!({"metadata": {"name": "vm-1", "uid": uid}, "status": {"desiredConfigVersion": format!("v{id}")}});
    let extra_vars = json!({"ansible_eda": {"event": {"payload": payload}}}).to_string();
    json!({"id": id, "type": "job", "status": status, "job_explanation": "", "extra_vars": extra_vars})
}

fn page(next: Option<&str>, jobs: &[Value]) -> Reply {
    answer(200, &json!({"count": 400, "next": next, "previous": null, "results": jobs}))
}

async fn find(recorder: &Recorder, object: &ComputeInstance) -> Result<Vec<FoundJob>, ProviderError> {
    aap(recorder).find(JobType::Provision, object).await
}

fn ids(found: &[FoundJob]) -> Vec<&str> {
    found.iter().map(|found| found.job.job_id.as_deref().expect("an ID")).collect()
}

/// An object that was created at midnight.
fn new_object() -> ComputeInstance {
    let (mut object, _) = object("vms", "vm-1");
    let created: Timestamp = "2026-02-12T00:00:00Z".parse().expect("a timestamp");
    object.metadata.creation_timestamp = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(created));
    object
}

#[tokio::test(start_paused = true)]
async fn the_jobs_of_this_object_are_found_among_those_of_others() {
    let recorder = Recorder::with([
        template(),
        page(Some("?page=2"), &[listed(12, "running", "uid-1"), listed(11, "running", "uid-2")]),
        page(None, &[json!({"id": 8, "status": "successful", "extra_vars": "---"}), listed(7, "failed", "uid-1")]),
    ]);
    let found = find(&recorder, &new_object()).await.expect("an answer");
    assert_eq!(ids(&found), ["7", "12"], "the oldest first");
    assert_eq!((found[0].job.state, found[1].job.state), (JobState::Failed, JobState::Running));
    assert_eq!(found[1].config_version.as_deref(), Some("v12"));
    assert!(found[1].job.block_deletion_on_failure);
    let query = "include=extra_vars&created__gte=2026-02-11T23%3A50%3A00Z&order_by=-id";
    assert_eq!(
        recorder.lines()[1..],
        [1, 2].map(|page| format!("GET {BASE}/job_templates/9/jobs/?{query}&page={page}&page_size=200"))
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_history_knows_is_not_looked_at_again() {
    let mut object = new_object();
    let jobs = &mut object.status.get_or_insert_default().jobs;
    for id in ["41", "eda-webhook-1", "40"] {
        let timestamp = JobTime::in_seconds("2026-02-12T00:00:00Z".parse().expect("a timestamp"));
        let job = JobStatus {
            job_id: id.into(),
            job_type: JobType::Provision,
            timestamp,
            state: JobState::Failed,
            message: "".into(),
            block_deletion_on_failure: true,
        };
        jobs.append_job(job, 10);
    }
    let recorder = Recorder::with([template(), page(None, &[])]);
    assert_eq!(find(&recorder, &object).await.expect("an answer"), []);
    let line = &recorder.lines()[1];
    assert!(line.contains("?include=extra_vars&id__gt=41&order_by=-id&"), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_workflows_jobs_are_listed_under_it() {
    let workflow = answer(200, &json!({"results": [{"id": 21, "name": "create-vm"}]}));
    let recorder = Recorder::with([answer(200, &json!({"results": []})), workflow, page(None, &[])]);
    assert_eq!(find(&recorder, &new_object()).await.expect("an answer"), []);
    let line = &recorder.lines()[2];
    assert!(line.starts_with(&format!("GET {BASE}/workflow_job_templates/21/workflow_jobs/?")), "{line}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_the_parameter_is_asked_without_it() {
    let refusal = answer(400, &json!({"detail": "Job has no field named 'include'"}));
    let recorder = Recorder::with([template(), refusal, page(None, &[listed(12, "running", "uid-1")])]);
    let found = find(&recorder, &new_object()).await.expect("an answer");
    assert_eq!(ids(&found), ["12"]);
    assert!(!recorder.lines()[2].contains("include"));
}

#[tokio::test(start_paused = true)]
async fn variables_that_a_list_leaves_out_are_read_from_the_job() {
    let mut bare = listed(12, "running", "uid-1");
    bare.as_object_mut().expect("an object").remove("extra_vars");
    let recorder = Recorder::with([template(), page(None, &[bare]), answer(200, &listed(12, "running", "uid-1"))]);
    let found = find(&recorder, &new_object()).await.expect("an answer");
    assert_eq!(ids(&found), ["12"]);
    assert_eq!(recorder.lines()[2], format!("GET {BASE}/jobs/12/"));
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_is_not_read_to_its_end() {
    let recorder = Recorder::with([template()]);
    recorder.then((0..PAGES_MAX).map(|_| page(Some("?page=more"), &[listed(12, "running", "uid-2")])));
    let error = find(&recorder, &new_object()).await.expect_err("no answer");
    assert!(matches!(error, ProviderError::TooMany { read: 10_000, .. }), "{error}");
    assert!(error.to_string().contains("no end after 10000 jobs"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_look_up_that_fails_finds_nothing_and_says_so() {
    for reply in [text(502, "bad gateway"), text(200, "<html>"), Reply::Silence] {
        let recorder = Recorder::with([template(), reply]);
        find(&recorder, &new_object()).await.expect_err("no answer");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_made_up_is_known_by_its_name() {
    let mut object = new_object();
    object.metadata.uid = None;
    let told = |id: u64, namespace: &str| {
        let payload = json!({"metadata": {"name": "vm-1", "namespace": namespace, "uid": "uid-1"}});
        json!({"id": id, "status": "running", "extra_vars": json!({"ansible_eda": {"event": {"payload": payload}}}).to_string()})
    };
    let nobodys = json!({"id": 1, "status": "new", "extra_vars": "{}"});
    let recorder = Recorder::with([template(), page(None, &[told(3, "vms"), told(2, "others"), nobodys])]);
    assert_eq!(ids(&find(&recorder, &object).await.expect("an answer")), ["3"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_uid_is_nobodys() {
    let mut object = new_object();
    object.metadata.uid = Some(String::new());
    let recorder = Recorder::with([template(), page(None, &[listed(12, "running", "")])]);
    assert_eq!(find(&recorder, &object).await.expect("an answer"), []);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_history_as_edas_is_not_found_once_more() {
    let by_event = |id: u64, uid: &str| {
        let payload = json!({"metadata": {"name": "vm-1", "uid": uid}});
        let extra_vars =
            json!({"ansible_eda": {"ruleset": "r", "rule": "r", "event": {"payload": payload}}}).to_string();
        json!({"id": id, "type": "job", "status": "running", "job_explanation": "", "extra_vars": extra_vars})
    };
    let mut object = new_object();
    let uid = object.metadata.uid.clone().expect("a UID");
    let jobs =
        || page(None, &[by_event(44, &uid), listed(43, "running", &uid), by_event(42, &uid), by_event(41, "other")]);
    let record = |object: &mut ComputeInstance, id: &str, job_type| {
        let job = JobStatus {
            job_id: id.into(),
            job_type,
            timestamp: JobTime::in_seconds("2026-02-12T00:00:00Z".parse().expect("a timestamp")),
            state: JobState::Running,
            message: "".into(),
            block_deletion_on_failure: false,
        };
        object.status.get_or_insert_default().jobs.append_job(job, 10);
    };
    for (id, job_type, expected) in [
        ("eda-webhook-1", JobType::Deprovision, vec!["42", "43", "44"]),
        ("eda-webhook-2", JobType::Provision, vec!["43", "44"]),
        ("eda-webhook-3", JobType::Provision, vec!["43"]),
        // What is older than AAP's newest is not listed, and what EDA had got before that neither.
        ("40", JobType::Provision, vec!["42", "43", "44"]),
        ("eda-webhook-4", JobType::Provision, vec!["43", "44"]),
    ] {
        record(&mut object, id, job_type);
        let recorder = Recorder::with([template(), jobs()]);
        assert_eq!(ids(&find(&recorder, &object).await.expect("an answer")), expected, "{id}");
    }
}
