//! The provider is another after a restart, in the middle of a life: a job is finished where it was launched, and what comes
//! next goes where the setting says.
#![cfg(feature = "harness")]

mod operator_lab;

use operator_lab::{Lab, config, job_ids, millis, phase, seconds, states};
use provbench::{
    api::{JobState, JobType, Phase},
    operator::config::ProviderKind,
};

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

async fn restart_with(lab: &mut Lab, provider: ProviderKind) {
    lab.stop_operator().await;
    lab.set_provider(provider);
    lab.start_operator();
}

/// Where the jobs of a kind were launched, by their IDs.
async fn places(lab: &Lab, name: &str, job_type: JobType) -> Vec<ProviderKind> {
    let ids = job_ids(lab.get(name).await.as_ref(), job_type);
    ids.iter().map(|id| if id.starts_with("eda-webhook-") { EDA } else { AAP }).collect()
}

/// Lets an instance go that is held back, and sees to it that nothing is left.
async fn end(lab: &Lab, name: &str) {
    lab.until(name, seconds(120), "let go", |object| {
        let finalizers = object.and_then(|object| object.metadata.finalizers.clone()).unwrap_or_default();
        finalizers == ["test/hold"]
    })
    .await;
    let launched = (lab.backend.launches(name, false), lab.backend.launches(name, true));
    assert_eq!(launched, (1, 1), "{}", lab.log.lock().join("\n"));
    assert_eq!((lab.vms(), lab.backend.overlaps().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn between_provision_and_deprovision_the_new_provider_takes_over() {
    for (before, after) in [(EDA, AAP), (AAP, EDA)] {
        let mut lab = Lab::start(before).await;
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        lab.sleep(seconds(5)).await;
        restart_with(&mut lab, after).await;
        lab.sleep(seconds(5)).await;
        assert_eq!(phase(lab.get("vm-1").await.as_ref()), Some(Phase::Running), "a switch by itself changes nothing");
        assert_eq!(lab.backend.launches("vm-1", false), 1);
        lab.hold("vm-1").await;
        lab.delete("vm-1").await;
        end(&lab, "vm-1").await;
        assert_eq!(places(&lab, "vm-1", JobType::Provision).await, [before]);
        assert_eq!(places(&lab, "vm-1", JobType::Deprovision).await, [after]);
    }
}

#[tokio::test(start_paused = true)]
async fn there_and_back_between_the_two_jobs_ends_where_it_began() {
    for (first, second) in [(EDA, AAP), (AAP, EDA)] {
        let mut lab = Lab::start(first).await;
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        restart_with(&mut lab, second).await;
        lab.sleep(seconds(5)).await;
        restart_with(&mut lab, first).await;
        lab.hold("vm-1").await;
        lab.delete("vm-1").await;
        end(&lab, "vm-1").await;
        assert_eq!(places(&lab, "vm-1", JobType::Deprovision).await, [first]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deprovision_job_is_finished_where_it_was_launched() {
    for (before, after) in [(EDA, AAP), (AAP, EDA)] {
        let mut lab = Lab::start(before).await;
        lab.create("vm-1").await;
        lab.until_running("vm-1", seconds(60)).await;
        lab.hold("vm-1").await;
        lab.delete("vm-1").await;
        lab.until("vm-1", seconds(10), "being removed", |object| !job_ids(object, JobType::Deprovision).is_empty())
            .await;
        restart_with(&mut lab, after).await;
        end(&lab, "vm-1").await;
        assert_eq!(places(&lab, "vm-1", JobType::Deprovision).await, [before]);
        assert_eq!(states(lab.get("vm-1").await.as_ref()).last(), Some(&JobState::Succeeded));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_after_a_switch_during_provision_ends_the_job_where_it_runs_first() {
    for (before, after) in [(EDA, AAP), (AAP, EDA)] {
        for step in [30, 150, 400, 1_000, 2_000] {
            let mut lab = Lab::start(before).await;
            lab.backend.behave(|behaviour| behaviour.create_time = seconds(3));
            lab.create("vm-1").await;
            lab.until("vm-1", seconds(10), "launched", |object| states(object).len() == 1).await;
            lab.sleep(millis(step)).await;
            restart_with(&mut lab, after).await;
            lab.hold("vm-1").await;
            lab.delete("vm-1").await;
            lab.until("vm-1", seconds(120), "let go", |object| {
                let finalizers = object.and_then(|object| object.metadata.finalizers.clone()).unwrap_or_default();
                finalizers == ["test/hold"]
            })
            .await;
            lab.sleep(seconds(30)).await;
            let what = format!("{before} → {after}, after {step} ms:\n{}", lab.log.lock().join("\n"));
            assert_eq!(lab.vms(), 0, "{what}");
            assert_eq!(lab.backend.overlaps(), Vec::<String>::new(), "{what}");
            assert_eq!(places(&lab, "vm-1", JobType::Provision).await, [before], "{what}");
            assert_eq!(lab.backend.launches("vm-1", false), 1, "{what}");
            // A job of AAP's is canceled there, whatever the setting says now; nobody can cancel EDA's.
            assert_eq!(lab.backend.cancels().len(), usize::from(before == AAP), "{what}");
            assert!(places(&lab, "vm-1", JobType::Deprovision).await.iter().all(|place| *place == after), "{what}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_of_a_provider_that_is_not_set_up_any_more_waits_for_it_and_says_so() {
    let mut lab = Lab::start(AAP).await;
    lab.create("vm-1").await;
    lab.until("vm-1", seconds(10), "launched", |object| states(object).len() == 1).await;
    lab.stop_operator().await;
    let mut without_aap = config(EDA);
    without_aap.aap = None;
    lab.set_config(without_aap);
    lab.start_operator();
    lab.sleep(seconds(1)).await;
    lab.delete("vm-1").await;
    lab.sleep(seconds(60)).await;
    let object = lab.get("vm-1").await.expect("it waits for its job");
    let status = object.status.expect("a status");
    let said = status.conditions.iter().map(|condition| condition.message.as_str());
    let said: Vec<&str> = said.chain(status.jobs.iter().map(|job| &*job.message)).collect();
    assert!(said.iter().any(|text| text.contains("AAP, which is not set up")), "{said:?}");
    lab.stop_operator().await;
    lab.set_config(config(EDA));
    lab.start_operator();
    lab.until_gone("vm-1", seconds(120)).await;
    assert_eq!(lab.vms(), 0);
}
