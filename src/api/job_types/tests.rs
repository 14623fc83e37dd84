use proptest::prelude::*;

use super::*;

fn job(id: &str, job_type: JobType, second: i64, state: JobState) -> JobStatus {
    JobStatus {
        job_id: id.into(),
        job_type,
        timestamp: JobTime(second * 1_000_000_000),
        state,
        message: "".into(),
        block_deletion_on_failure: false,
    }
}

fn ids(history: &JobHistory) -> Vec<&str> {
    history.iter().map(|job| job.job_id.as_str()).collect()
}

#[test]
fn the_latest_job_is_found_by_its_timestamp_and_not_by_its_place() {
    let history: JobHistory = [
        job("2", JobType::Provision, 200, JobState::Running),
        job("1", JobType::Provision, 100, JobState::Failed),
        job("3", JobType::Deprovision, 300, JobState::Pending),
    ]
    .into_iter()
    .collect();
    assert_eq!(history.find_latest_job_by_type(JobType::Provision).map(|job| job.job_id.as_str()), Some("2"));
    assert_eq!(history.find_latest_job_by_type(JobType::Deprovision).map(|job| job.job_id.as_str()), Some("3"));
    assert_eq!(JobHistory::new().find_latest_job_by_type(JobType::Provision), None);
}

#[test]
fn defect_7_a_tie_on_the_timestamp_goes_to_the_last_appended() {
    let history: JobHistory =
        [job("1", JobType::Provision, 100, JobState::Failed), job("2", JobType::Provision, 100, JobState::Running)]
            .into_iter()
            .collect();
    assert_eq!(history.find_latest_job_by_type(JobType::Provision).map(|job| job.job_id.as_str()), Some("2"));
}

#[test]
fn a_job_is_found_by_its_id() {
    let history: JobHistory = (1..=3).map(|n| job(&n.to_string(), JobType::Provision, n, JobState::Running)).collect();
    assert_eq!(history.find_job_by_id("2").map(|job| job.timestamp), Some(JobTime(2_000_000_000)));
    assert_eq!(history.find_job_by_id("9"), None);
    assert_eq!(history.find_job_by_id(""), None);
}

#[test]
fn appending_keeps_the_newest() {
    let mut history = JobHistory::new();
    for n in 1..=5 {
        history.append_job(job(&n.to_string(), JobType::Provision, n, JobState::Running), 3);
    }
    assert_eq!(ids(&history), ["3", "4", "5"]);
}

#[test]
fn appending_to_a_history_that_is_longer_than_its_cap_cuts_it() {
    let mut history: JobHistory =
        (1..=5).map(|n| job(&n.to_string(), JobType::Provision, n, JobState::Running)).collect();
    history.append_job(job("6", JobType::Provision, 6, JobState::Running), 2);
    assert_eq!(ids(&history), ["5", "6"]);
    history.append_job(job("7", JobType::Provision, 7, JobState::Running), 0);
    assert_eq!(ids(&history), ["7"], "a cap of nothing would lose the job that was just launched");
}

#[test]
fn an_update_replaces_in_place_and_says_when_there_is_nothing_to_replace() {
    let mut history: JobHistory =
        (1..=3).map(|n| job(&n.to_string(), JobType::Provision, n, JobState::Running)).collect();
    assert!(history.update_job(job("2", JobType::Provision, 2, JobState::Succeeded)));
    assert_eq!(ids(&history), ["1", "2", "3"]);
    assert_eq!(history.find_job_by_id("2").map(|job| job.state), Some(JobState::Succeeded));
    let before = history.clone();
    assert!(!history.update_job(job("9", JobType::Provision, 9, JobState::Succeeded)));
    assert_eq!(history, before);
}

#[test]
fn eda_ids_count_on_from_the_largest() {
    let mut history = JobHistory::new();
    assert_eq!(history.generate_eda_job_id(), "eda-webhook-1");
    for id in
        ["eda-webhook-9", "eda-webhook-10", "eda-webhook-2", "4711", "eda-webhook-", "eda-webhook-x7", "eda-webhook--3"]
    {
        history.append_job(job(id, JobType::Provision, 1, JobState::Running), 100);
    }
    assert_eq!(history.generate_eda_job_id(), "eda-webhook-11");
    for id in ["eda-webhook-+0000000000000000099", "eda-webhook-00000000000000000000x"] {
        history.append_job(job(id, JobType::Provision, 1, JobState::Running), 100);
    }
    assert_eq!(history.generate_eda_job_id(), "eda-webhook-11", "only digits count");
    history.append_job(job("eda-webhook-99999999999999999999999", JobType::Provision, 1, JobState::Running), 100);
    assert_eq!(history.generate_eda_job_id(), "eda-webhook-11", "a counter that overflows is no counter of ours");
}

#[test]
fn unknown_is_not_terminal() {
    let terminal = [JobState::Succeeded, JobState::Failed, JobState::Canceled];
    for state in [JobState::Pending, JobState::Waiting, JobState::Running, JobState::Unknown] {
        assert!(!state.is_terminal(), "{state}");
    }
    assert!(terminal.iter().all(|state| state.is_terminal()));
}

#[test]
fn the_wire_format_is_the_fields_one() {
    let text = r#"{"jobID":"42","type":"provision","timestamp":"2026-02-12T10:00:00Z","state":"Running","message":"m","blockDeletionOnFailure":true}"#;
    let parsed: JobStatus = serde_json::from_str(text).expect("a job");
    assert_eq!(parsed.job_id, "42");
    assert_eq!(serde_json::to_string(&parsed).expect("JSON"), text);
    let strange: JobStatus = serde_json::from_str(
        r#"{"jobID":"1","type":"deprovision","timestamp":"2026-02-12T10:00:00.25Z","state":"Exploded"}"#,
    )
    .expect("a job of another operator");
    assert_eq!((strange.state, strange.block_deletion_on_failure), (JobState::Unknown, false));
    for missing in ["jobID", "type", "timestamp", "state"] {
        let mut value: serde_json::Value = serde_json::from_str(text).expect("JSON");
        value.as_object_mut().expect("an object").remove(missing);
        assert!(serde_json::from_value::<JobStatus>(value).is_err(), "{missing} is required");
    }
}

fn any_job() -> impl Strategy<Value = JobStatus> {
    ("(eda-webhook-)?[0-9]{1,3}", any::<bool>(), 0_i64..20).prop_map(|(id, provision, second)| {
        job(&id, if provision { JobType::Provision } else { JobType::Deprovision }, second, JobState::Running)
    })
}

proptest! {
    #[test]
    fn a_history_is_what_a_plain_list_would_be(jobs in prop::collection::vec(any_job(), 0..40), cap in 1_usize..12) {
        let mut history = JobHistory::new();
        let mut model: Vec<JobStatus> = Vec::new();
        for job in jobs {
            let largest = model.iter().filter_map(|job| job.job_id.strip_prefix("eda-webhook-")?.parse::<u64>().ok()).max();
            prop_assert_eq!(history.generate_eda_job_id(), format!("eda-webhook-{}", largest.unwrap_or(0) + 1));
            history.append_job(job.clone(), cap);
            model.push(job.clone());
            let excess = model.len().saturating_sub(cap);
            model.drain(..excess);
            prop_assert_eq!(history.iter().collect::<Vec<_>>(), model.iter().collect::<Vec<_>>());
            for job_type in [JobType::Provision, JobType::Deprovision] {
                // `max_by_key` returns the last of several maxima: the rule for ties.
                let latest = model.iter().filter(|job| job.job_type == job_type).max_by_key(|job| job.timestamp);
                prop_assert_eq!(history.find_latest_job_by_type(job_type), latest);
            }
            let mut updated = job.clone();
            updated.state = JobState::Succeeded;
            // Now and then a job changes its time, as after a clock was set.
            if job.timestamp.0 % 3_000_000_000 == 0 {
                updated.timestamp = JobTime(job.timestamp.0 / 2);
            }
            let known = model.iter().any(|present| present.job_id == updated.job_id);
            prop_assert_eq!(history.update_job(updated.clone()), known);
            if let Some(present) = model.iter_mut().rev().find(|present| present.job_id == updated.job_id) {
                *present = updated;
            }
            for job_type in [JobType::Provision, JobType::Deprovision] {
                let latest = model.iter().filter(|job| job.job_type == job_type).max_by_key(|job| job.timestamp);
                prop_assert_eq!(history.find_latest_job_by_type(job_type), latest);
            }
            prop_assert_eq!(history.find_job_by_id(&job.job_id), model.iter().rev().find(|present| present.job_id == job.job_id));
        }
    }

    #[test]
    fn ids_are_told_apart_wherever_they_differ(
        length in 0_usize..40,
        at in 0_usize..40,
        other in prop::sample::select(vec!['x', '0', '-']),
    ) {
        let id: String = "a".repeat(length);
        let mut changed = id.clone();
        if at < length {
            changed.replace_range(at..=at, &other.to_string());
        } else {
            changed.push(other);
        }
        let history: JobHistory = [job(&id, JobType::Provision, 1, JobState::Running)].into_iter().collect();
        prop_assert_eq!(history.find_job_by_id(&id).map(|job| job.job_id.as_str()), Some(id.as_str()));
        prop_assert_eq!(history.find_job_by_id(&changed), None);
    }

    #[test]
    fn a_history_survives_the_wire(jobs in prop::collection::vec(any_job(), 0..10)) {
        let history: JobHistory = jobs.into_iter().collect();
        let text = serde_json::to_string(&history).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<JobHistory>(&text).expect("a history"), history);
    }
}
