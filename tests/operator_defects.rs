//! The twenty defects that operators of this kind are known to have in the field: ours has none of them. 14, what an object
//! that is removed by force leaves behind, is in `operator_remains.rs`.
#![cfg(feature = "harness")]

mod operator_lab;

use std::time::Duration;

use operator_lab::{Lab, api::Fault, config, job_ids, millis, phase, reason, seconds, states};
use provbench::{
    api::{JobState, JobType, Phase, names},
    operator::config::ProviderKind,
};
use serde_json::json;

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

/// One instance from its creation to its end; what every test does unless it says otherwise.
async fn life(lab: &Lab, name: &str) {
    let vms = lab.vms();
    lab.create(name).await;
    lab.until_running(name, seconds(60)).await;
    lab.delete(name).await;
    lab.until_gone(name, seconds(60)).await;
    assert_eq!(lab.vms(), vms, "no VM is left");
}

fn assert_one_of_each(lab: &Lab, name: &str) {
    let launched = (lab.backend.launches(name, false), lab.backend.launches(name, true));
    assert_eq!(launched, (1, 1), "{}", lab.log.lock().join("\n"));
    assert_eq!(lab.backend.overlaps(), Vec::<String>::new());
}

/// The requests of the operator in a life, each as its kind and what the status says after it.
fn in_words(requests: &[(String, String)]) -> Vec<String> {
    let word = |(line, body): &(String, String)| {
        let of_status = line.ends_with("/status");
        let states: Vec<&str> = JOB_STATES.into_iter().filter(|state| body.contains(&format!("\"{state}\""))).collect();
        format!("{} {}", if of_status { "status" } else { "metadata" }, states.join("+"))
    };
    requests.iter().map(word).collect()
}

const JOB_STATES: [&str; 6] = ["Pending", "Waiting", "Running", "Succeeded", "Failed", "Canceled"];

#[tokio::test(start_paused = true)]
async fn a_life_without_faults_takes_one_job_each_and_as_few_requests_as_it_has_states() {
    // Two changes of the metadata, since the status subresource takes none: the finalizer comes and goes. For the rest, a
    // request each time that somebody who watches has something new to see: each state of a job as the polls learn it, and
    // the phase Running, which does not wait for a poll. EDA's jobs have fewer states.
    let aap = [
        "metadata ",
        "status Pending",
        "status Running",
        "status Running", // the phase
        "status Succeeded",
        "status Pending+Succeeded",
        "status Running+Succeeded",
        "status Succeeded",
        "metadata ",
    ];
    let eda = [
        "metadata ",
        "status Running",
        "status Running+Succeeded",
        "status Running+Succeeded",
        "status Succeeded",
        "metadata ",
    ];
    for (provider, expected) in [(AAP, &aap[..]), (EDA, &eda[..])] {
        let lab = Lab::start(provider).await;
        lab.backend.behave(|behaviour| behaviour.tail = millis(300));
        lab.create("another").await;
        lab.sleep(seconds(10)).await;
        let before = lab.server.requests().len();
        let vms = lab.vms();
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        // Long enough for the job's end to be seen by a poll.
        lab.sleep(seconds(5)).await;
        lab.delete("vm-1").await;
        lab.until_gone("vm-1", seconds(60)).await;
        assert_eq!(lab.vms(), vms, "no VM is left");
        assert_one_of_each(&lab, "vm-1");
        let requests = lab.server.requests().split_off(before);
        println!("{provider}: {} requests a life", requests.len());
        assert_eq!(in_words(&requests), expected, "{provider}: {requests:#?}");
        assert_eq!(lab.backend.look_ups(), 0, "nothing is in doubt, so nothing is looked up");
    }
}

#[tokio::test(start_paused = true)]
async fn defect_01_a_conflict_after_the_launch_does_not_launch_again() {
    for (provider, fault) in [
        (AAP, Fault::Refuse(409)),
        (AAP, Fault::Refuse(500)),
        (AAP, Fault::Lose(500)),
        (AAP, Fault::Hang),
        (EDA, Fault::Refuse(409)),
        (EDA, Fault::Lose(409)),
    ] {
        let lab = Lab::start(provider).await;
        lab.server.fail(3, fault, |line, body| {
            line.ends_with("/status") && (body.contains("\"Provisioning\"") || body.contains("\"Deprovisioning\""))
        });
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(300)).await;
        lab.server.heal();
        lab.server.fail(3, fault, |line, body| line.ends_with("/status") && body.contains("\"Deprovisioning\""));
        lab.delete("vm-1").await;
        lab.until_gone("vm-1", seconds(300)).await;
        assert_one_of_each(&lab, "vm-1");
        assert_eq!(lab.vms(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn defect_01_another_writer_every_10_ms_neither_doubles_a_launch_nor_loses_a_job() {
    for provider in [AAP, EDA] {
        let lab = Lab::start(provider).await;
        let (instances, clock) = (lab.instances(), lab.clock.clone());
        let writer = tokio::spawn(async move {
            for n in 0.. {
                let patch = kube::api::Patch::Merge(json!({"metadata": {"labels": {"n": format!("{n}")}}}));
                for name in ["vm-1", "vm-2", "vm-3"] {
                    let _ = instances.patch(name, &kube::api::PatchParams::default(), &patch).await;
                }
                clock.sleep(millis(10)).await;
            }
        });
        for name in ["vm-1", "vm-2", "vm-3"] {
            lab.create(name).await;
        }
        for name in ["vm-1", "vm-2", "vm-3"] {
            lab.until_running(name, seconds(60)).await;
            let object = lab.get(name).await;
            assert_eq!(job_ids(object.as_ref(), JobType::Provision).len(), 1, "the job is recorded");
            lab.delete(name).await;
        }
        for name in ["vm-1", "vm-2", "vm-3"] {
            lab.until_gone(name, seconds(60)).await;
            assert_eq!((lab.backend.launches(name, false), lab.backend.launches(name, true)), (1, 1), "{name}");
        }
        writer.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn defect_02_a_stale_cache_does_not_launch_again() {
    for provider in [AAP, EDA] {
        for delay in [millis(70), millis(900), seconds(3)] {
            let mut lab = Lab::without_operator(config(provider)).await;
            lab.server.delay_watches(delay);
            lab.start_operator();
            life(&lab, "vm-1").await;
            assert_one_of_each(&lab, "vm-1");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn defect_03_a_job_is_written_before_anything_else_is_done() {
    let mut lab = Lab::start(AAP).await;
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(10), "launched", |object| states(object).len() == 1).await;
    {
        let log = lab.log.lock();
        let launch = log.iter().position(|line| line.starts_with("backend POST") && line.contains("/launch/"));
        let next = &log[launch.expect("a launch") + 1];
        assert!(next.starts_with("api PATCH") && next.contains("\"jobID\":\"1\""), "{next}");
    }
    // Killed right behind that write, the next process goes on with the job.
    lab.kill_operator().await;
    lab.start_operator();
    lab.until_running("vm-1", seconds(60)).await;
    lab.delete("vm-1").await;
    lab.until("vm-1", seconds(10), "launched", |object| states(object).len() == 2).await;
    lab.kill_operator().await;
    lab.start_operator();
    lab.until_gone("vm-1", seconds(60)).await;
    assert_one_of_each(&lab, "vm-1");
}

#[tokio::test(start_paused = true)]
async fn defect_04_letting_the_object_go_keeps_the_status_that_was_just_written() {
    for provider in [AAP, EDA] {
        let lab = Lab::start(provider).await;
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        lab.hold("vm-1").await;
        lab.delete("vm-1").await;
        lab.until("vm-1", seconds(60), "let go", |object| !object.expect("held").has_finalizer(names::FINALIZER)).await;
        lab.sleep(seconds(10)).await;
        let object = lab.get("vm-1").await;
        assert_eq!(states(object.as_ref()).last(), Some(&JobState::Succeeded), "the end of the job is on record");
        assert_eq!(object.expect("held").metadata.finalizers, Some(vec!["test/hold".to_owned()]), "others' stay");
    }
}

#[tokio::test(start_paused = true)]
async fn defect_05_a_job_of_edas_does_not_stay_open_for_ever_nor_is_it_polled() {
    let mut config = config(EDA);
    config.eda_patience.sign_of_life = seconds(20);
    config.eda_patience.completion = seconds(60);
    let lab = Lab::start_with(config).await;
    lab.backend.behave(|behaviour| behaviour.lose_webhooks = usize::MAX);
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(30), "Failed", |object| states(object) == [JobState::Failed]).await;
    lab.sleep(seconds(3600)).await;
    let object = lab.get("vm-1").await;
    assert_eq!(states(object.as_ref()), [JobState::Failed; 5], "as often as provisioning is tried");
    assert_eq!(phase(object.as_ref()), Some(Phase::Failed));
    assert_eq!(lab.backend.polls(), 0, "EDA is never asked for a job");
}

#[tokio::test(start_paused = true)]
async fn defect_16_a_webhook_that_was_lost_is_sent_again_once_each_step_of_the_backoff() {
    let mut config = config(EDA);
    config.eda_patience.sign_of_life = seconds(20);
    config.eda_patience.completion = seconds(600);
    let lab = Lab::start_with(config).await;
    lab.backend.behave(|behaviour| behaviour.lose_webhooks = 2);
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(300)).await;
    assert_eq!(
        states(lab.get("vm-1").await.as_ref()),
        [JobState::Failed, JobState::Failed, JobState::Succeeded],
        "none stays open for ever"
    );
    lab.sleep(seconds(30)).await;
    lab.backend.behave(|behaviour| behaviour.lose_webhooks = 2);
    let deleted = lab.clock.now();
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(300)).await;
    let at = lab.backend.attempts("vm-1");
    let waits: Vec<i64> = at.windows(2).map(|pair| pair[1].duration_since(pair[0]).as_secs()).collect();
    // After 20 s without a sign it counts as lost, and is sent again 30 s and 60 s, less up to a tenth, after the one before.
    // The third wait is until the deletion.
    let is_a_step = |wait: i64, full: i64| wait >= full * 9 / 10 && wait <= full;
    assert_eq!(at.len(), 6, "{waits:?}");
    assert!(is_a_step(waits[0], 30) && is_a_step(waits[1], 60), "{waits:?}");
    assert!(is_a_step(waits[3], 30) && is_a_step(waits[4], 60), "{waits:?}");
    assert!(at[3].duration_since(deleted).as_secs() <= 1, "the first deprovision webhook leaves at once");
    assert_eq!(lab.vms(), 0);
}

#[tokio::test(start_paused = true)]
async fn defect_06_two_posts_for_one_object_are_an_interval_apart_and_no_more() {
    let mut config = config(EDA);
    config.minimum_request_interval = seconds(60);
    config.eda_patience.sign_of_life = seconds(10);
    let lab = Lab::start_with(config).await;
    lab.backend.behave(|behaviour| behaviour.lose_webhooks = 1);
    lab.create("vm-1").await;
    lab.create("vm-2").await;
    lab.until_running("vm-1", seconds(120)).await;
    let attempts = lab.backend.attempts("vm-1");
    let apart = Duration::try_from(attempts[1].duration_since(attempts[0])).expect("later");
    assert!(apart >= seconds(60) && apart < millis(60_100), "{apart:?}");
    assert_eq!(lab.backend.attempts("vm-2").len(), 1, "another object does not wait");
}

#[tokio::test(start_paused = true)]
async fn defect_07_of_two_jobs_of_one_second_the_later_counts() {
    let mut config = config(AAP);
    config.status_poll_interval = millis(100);
    config.retry.first = millis(100);
    let lab = Lab::start_with(config).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.hold("vm-1").await;
    lab.sleep(seconds(5)).await;
    lab.sleep(millis(1000 - u64::try_from(lab.clock.now().subsec_millisecond()).expect("milliseconds"))).await;
    lab.backend.behave(|behaviour| {
        behaviour.fail_jobs = 1;
        behaviour.hand_off = millis(50);
    });
    lab.delete("vm-1").await;
    lab.until("vm-1", seconds(60), "let go", |object| !object.expect("held").has_finalizer(names::FINALIZER)).await;
    let object = lab.get("vm-1").await;
    let jobs = object.as_ref().and_then(|object| object.status.clone()).expect("a status").jobs;
    let of_both: Vec<_> = jobs.iter().filter(|job| job.job_type == JobType::Deprovision).collect();
    assert_eq!(of_both.iter().map(|job| job.state).collect::<Vec<_>>(), [JobState::Failed, JobState::Succeeded]);
    assert_eq!(of_both[0].timestamp, of_both[1].timestamp, "both were launched within a second");
}

#[tokio::test(start_paused = true)]
async fn defect_08_a_launch_that_fails_leaves_no_job_and_is_tried_less_and_less() {
    for provider in [AAP, EDA] {
        let lab = Lab::start(provider).await;
        lab.backend.behave(|behaviour| behaviour.refuse_launches = (usize::MAX, 500));
        for name in ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"] {
            lab.create(name).await;
        }
        lab.sleep(seconds(60)).await;
        for name in ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"] {
            let attempts = lab.backend.attempts(name).len();
            assert!((4..=8).contains(&attempts), "{name}: {attempts} attempts in a minute");
            let object = lab.get(name).await;
            assert_eq!(states(object.as_ref()), [], "no job was launched, so none is recorded");
            let status = object.and_then(|object| object.status).expect("a status");
            let message = &status.condition("Progressing").expect("the condition").message;
            assert!(message.contains("answered 500"), "the status says why: {message}");
        }
        let writes = lab.server.requests().iter().filter(|(line, _)| line.ends_with("vm-1/status")).count();
        assert!(writes <= 4, "the same failure is not written again and again: {writes} writes");
        lab.backend.behave(|behaviour| behaviour.refuse_launches = (0, 500));
        for name in ["vm-1", "vm-2", "vm-3", "vm-4", "vm-5"] {
            lab.until_running(name, seconds(90)).await;
            assert_eq!(states(lab.get(name).await.as_ref()).len(), 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn defect_08_a_backend_that_says_when_to_come_back_is_heeded() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.refuse_launches = (3, 429));
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    assert_eq!(lab.backend.attempts("vm-1").len(), 4);
}

#[tokio::test(start_paused = true)]
async fn defect_09_a_workflows_job_is_followed_and_cancelled_where_it_is() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.workflows = true);
    life(&lab, "vm-1").await;
    assert_one_of_each(&lab, "vm-1");
    lab.create("vm-2").await;
    lab.until("vm-2", seconds(10), "at work", |object| states(object) == [JobState::Running]).await;
    lab.delete("vm-2").await;
    lab.until_gone("vm-2", seconds(60)).await;
    assert_one_of_each(&lab, "vm-2");
    assert_eq!(lab.vms(), 0);
    assert_eq!(lab.backend.cancels().last(), Some(&3), "it was stopped, and not waited for");
}

#[tokio::test(start_paused = true)]
async fn defect_10_a_purged_job_ends_instead_of_being_asked_for_for_ever() {
    let lab = Lab::start(AAP).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.delete("vm-1").await;
    lab.until("vm-1", seconds(10), "at work", |object| states(object).len() == 2).await;
    lab.backend.behave(|behaviour| behaviour.purge = true);
    lab.sleep(seconds(3)).await;
    lab.backend.behave(|behaviour| behaviour.purge = false);
    lab.until_gone("vm-1", seconds(120)).await;
    assert_eq!(lab.vms(), 0);
    lab.create("vm-2").await;
    lab.until("vm-2", seconds(10), "at work", |object| states(object) == [JobState::Running]).await;
    lab.backend.behave(|behaviour| behaviour.purge = true);
    lab.delete("vm-2").await;
    lab.until("vm-2", seconds(10), "past its provision job", |object| {
        object.is_none_or(|object| states(Some(object))[0].is_terminal())
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn defect_11_a_failed_job_is_tried_again_later_and_later() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.fail_jobs = 2);
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(10), "Failed", |object| phase(object) == Some(Phase::Failed)).await;
    lab.until_running("vm-1", seconds(200)).await;
    let launched = lab.backend.launched();
    let wait = |n: usize| launched[n].at.duration_since(launched[n - 1].at).as_secs();
    assert!((27..=32).contains(&wait(1)) && (54..=62).contains(&wait(2)), "{} s, {} s", wait(1), wait(2));
    lab.backend.behave(|behaviour| behaviour.fail_jobs = 2);
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(200)).await;
    assert_eq!((lab.vms(), lab.backend.launches("vm-1", true)), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn defect_11_provisioning_is_given_up_after_so_many_attempts_until_the_spec_changes() {
    let mut config = config(AAP);
    config.retry.provision_attempts = 3;
    let lab = Lab::start_with(config).await;
    lab.backend.behave(|behaviour| behaviour.fail_jobs = usize::MAX);
    lab.create("vm-1").await;
    lab.sleep(seconds(3600)).await;
    assert_eq!(lab.backend.launches("vm-1", false), 3);
    assert_eq!(phase(lab.get("vm-1").await.as_ref()), Some(Phase::Failed));
    lab.patch("vm-1", json!({"spec": {"templateID": "osac.better"}})).await;
    lab.sleep(seconds(3600)).await;
    assert_eq!(lab.backend.launches("vm-1", false), 6, "a new configuration has all its attempts");
    lab.backend.behave(|behaviour| behaviour.fail_jobs = 0);
    lab.patch("vm-1", json!({"spec": {"templateID": "osac.best"}})).await;
    lab.until_running("vm-1", seconds(60)).await;
}

#[tokio::test(start_paused = true)]
async fn defect_12_a_cancel_is_posted_once_however_long_it_takes() {
    for lost_write in [false, true] {
        let lab = Lab::start(AAP).await;
        lab.backend.behave(|behaviour| {
            behaviour.cancel_time = seconds(30);
            behaviour.create_time = seconds(300);
        });
        lab.create("vm-1").await;
        lab.until("vm-1", seconds(10), "at work", |object| states(object) == [JobState::Running]).await;
        if lost_write {
            lab.server.fail(4, Fault::Refuse(500), |line, body| {
                line.ends_with("/status") && body.contains("CancelRequested")
            });
        }
        lab.delete("vm-1").await;
        lab.until("vm-1", seconds(5), "asked to stop", |object| reason(object, "Deleting") == "CancelRequested").await;
        assert_eq!(phase(lab.get("vm-1").await.as_ref()), Some(Phase::Deleting));
        lab.until_gone("vm-1", seconds(120)).await;
        assert_eq!(lab.backend.cancels(), [1], "once");
        assert_one_of_each(&lab, "vm-1");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_fails_shows_and_is_tried_less_and_less() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| {
        behaviour.refuse_cancels = (usize::MAX, 500);
        behaviour.create_time = seconds(3000);
    });
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(10), "at work", |object| states(object) == [JobState::Running]).await;
    lab.delete("vm-1").await;
    lab.sleep(seconds(60)).await;
    let cancels = lab.backend.cancels().len();
    assert!((4..=8).contains(&cancels), "{cancels} cancels in a minute");
    let object = lab.get("vm-1").await;
    assert_eq!(phase(object.as_ref()), Some(Phase::Deleting));
    let status = object.and_then(|object| object.status).expect("a status");
    let message = &status.condition("Deleting").expect("the condition").message;
    assert!(message.contains("answered 500"), "{message}");
    lab.backend.behave(|behaviour| behaviour.refuse_cancels = (0, 500));
    lab.until_gone("vm-1", seconds(120)).await;
    assert_one_of_each(&lab, "vm-1");
}

#[tokio::test(start_paused = true)]
async fn defect_13_a_delete_during_provision_leaves_no_vm_and_never_runs_both_playbooks() {
    for provider in [EDA, AAP] {
        for after in (0..28).map(|step| millis(step * 100 + 3)) {
            let lab = Lab::start(provider).await;
            lab.create("vm-1").await;
            lab.sleep(after).await;
            lab.delete("vm-1").await;
            lab.until_gone("vm-1", seconds(120)).await;
            lab.sleep(seconds(30)).await;
            assert_eq!(lab.backend.overlaps(), Vec::<String>::new(), "{provider}, deleted after {after:?}");
            assert_eq!(lab.vms(), 0, "{provider}, deleted after {after:?}: {}", lab.log.lock().join("\n"));
            assert!(lab.backend.launches("vm-1", false) <= 1 && lab.backend.launches("vm-1", true) <= 1);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn defect_15_a_changed_spec_is_provisioned_again() {
    for provider in [AAP, EDA] {
        let lab = Lab::start(provider).await;
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        lab.sleep(seconds(5)).await;
        lab.patch("vm-1", json!({"spec": {"templateID": "osac.other"}})).await;
        lab.until("vm-1", seconds(10), "Starting", |object| phase(object) == Some(Phase::Starting)).await;
        lab.until_running("vm-1", seconds(60)).await;
        assert_eq!(lab.backend.launches("vm-1", false), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn defect_18_the_late_report_of_a_playbook_does_not_make_a_namesake_running() {
    let lab = Lab::start(EDA).await;
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    let report = lab.get("vm-1").await.and_then(|object| object.metadata.annotations).expect("annotations");
    let report = report.get(names::RECONCILED_ANNOTATION).expect("a report").clone();
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    lab.backend.behave(|behaviour| behaviour.lose_webhooks = 1);
    lab.create("vm-1").await;
    lab.sleep(seconds(2)).await;
    lab.patch("vm-1", json!({"metadata": {"annotations": {names::RECONCILED_ANNOTATION: report}}})).await;
    lab.sleep(seconds(5)).await;
    assert_eq!(phase(lab.get("vm-1").await.as_ref()), Some(Phase::Starting));
}

#[tokio::test(start_paused = true)]
async fn defect_19_a_job_that_succeeds_without_a_report_is_tried_again() {
    let lab = Lab::start(AAP).await;
    lab.backend.behave(|behaviour| behaviour.forget_reports = 1);
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(20), "Failed", |object| phase(object) == Some(Phase::Failed)).await;
    let status = lab.get("vm-1").await.and_then(|object| object.status).expect("a status");
    let message = &status.condition("Progressing").expect("the condition").message;
    assert!(message.contains("without reporting configuration version"), "{message}");
    lab.until_running("vm-1", seconds(60)).await;
}

#[tokio::test(start_paused = true)]
async fn defect_20_launches_do_not_queue_behind_each_other() {
    for provider in [AAP, EDA] {
        let lab = Lab::start(provider).await;
        lab.backend.behave(|behaviour| behaviour.launch_latency = millis(100));
        lab.create("first").await;
        lab.until_running("first", seconds(10)).await;
        let before = lab.clock.now();
        for n in 0..100 {
            lab.create(&format!("vm-{n}")).await;
        }
        lab.sleep(millis(450)).await;
        let launched = lab.backend.launched();
        assert_eq!(launched.len(), 101, "all of them within half a second");
        let last = launched.iter().map(|launch| launch.at).max().expect("a launch");
        assert!(last.duration_since(before).as_millis() <= 400, "{}", last.duration_since(before));
    }
}
