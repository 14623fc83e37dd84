//! The operator is killed between any two of its requests, and started again: one effective job of each kind, none forgotten,
//! nothing left behind.
#![cfg(feature = "harness")]

mod operator_lab;

use std::time::Duration;

use operator_lab::{Lab, config, job_ids, millis, phase, seconds};
use proptest::{collection::vec, prelude::*, sample::select};
use provbench::{
    api::{ComputeInstance, JobType, Phase},
    operator::config::ProviderKind,
};

const AAP: ProviderKind = ProviderKind::Aap;
const EDA: ProviderKind = ProviderKind::Eda;

/// When an instance is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delete {
    OnceRunning,
    After(Duration),
}

/// A life, and the kills in it.
#[derive(Clone, Debug)]
struct Story {
    provider: ProviderKind,
    delete: Delete,
    /// Requests' beginnings and ends that pass before the first kill, between that and the next, and so on.
    kills: Vec<usize>,
    /// How long nobody is there after a kill.
    downtime: Duration,
}

impl Story {
    /// Kills and restarts the operator wherever the story says so, until the object is as described.
    async fn until(&self, lab: &mut Lab, what: &str, is: impl Fn(Option<&ComputeInstance>) -> bool) {
        let begin = lab.clock.now();
        loop {
            if lab.cut.take_held() {
                lab.kill_operator().await;
                lab.sleep(self.downtime).await;
                lab.start_operator();
            }
            let object = lab.get("vm-1").await;
            if is(object.as_ref()) {
                return;
            }
            assert!(
                lab.clock.now() < begin + seconds(300),
                "not {what}: {self:?}: {object:#?}\n{}",
                lab.log.lock().join("\n")
            );
            // What takes long is looked at less often.
            lab.sleep(if lab.clock.now() < begin + seconds(4) { millis(20) } else { millis(500) }).await;
        }
    }

    /// Lives it; whether every kill came to pass.
    async fn live(&self) -> bool {
        let mut lab = Lab::without_operator(config(self.provider)).await;
        lab.cut.hold_after(self.kills.iter().copied());
        lab.start_operator();
        lab.create("vm-1").await;
        match self.delete {
            Delete::OnceRunning => {
                // A job whose launch was not recorded may be found after its work has shown.
                let job = if self.provider == AAP { "1" } else { "eda-webhook-1" };
                self.until(&mut lab, "Running, with its job recorded", |object| {
                    phase(object) == Some(Phase::Running) && job_ids(object, JobType::Provision) == [job]
                })
                .await;
                if self.provider == AAP {
                    assert_eq!(lab.backend.launches("vm-1", false), 1, "{self:?}");
                }
            }
            Delete::After(time) => {
                let at = lab.clock.now() + time;
                let clock = lab.clock.clone();
                self.until(&mut lab, "old enough", |_| clock.now() >= at).await;
            }
        }
        lab.delete("vm-1").await;
        self.until(&mut lab, "gone", |object| object.is_none()).await;
        let end = lab.clock.now() + seconds(60);
        let clock = lab.clock.clone();
        self.until(&mut lab, "at rest", |_| clock.now() >= end).await;
        let log = || lab.log.lock().join("\n");
        assert_eq!(lab.vms(), 0, "a machine is left: {self:?}: {}", log());
        let at_work: Vec<_> = lab
            .backend
            .job_statuses()
            .into_iter()
            .filter(|(_, status)| matches!(*status, "pending" | "running"))
            .collect();
        assert_eq!(at_work, [], "a job goes on: {self:?}");
        let (provisions, deprovisions) = (lab.backend.launches("vm-1", false), lab.backend.launches("vm-1", true));
        if self.provider == AAP {
            assert!(provisions <= 1 && deprovisions <= 1, "{provisions}, {deprovisions}: {self:?}: {}", log());
            assert_eq!(lab.backend.overlaps(), Vec::<String>::new(), "{self:?}: {}", log());
        } else {
            // Each kill may repeat one delivery.
            let max = 1 + self.kills.len();
            assert!(provisions <= max && deprovisions <= max, "{provisions}, {deprovisions}: {self:?}: {}", log());
        }
        if self.delete == Delete::OnceRunning {
            assert!(provisions >= 1 && deprovisions >= 1, "{provisions}, {deprovisions}: {self:?}");
        }
        // Nobody goes on about it.
        let requests = lab.server.requests().len();
        lab.sleep(seconds(3600)).await;
        assert_eq!(lab.server.requests().len(), requests, "{self:?}");
        !lab.cut.has_holds()
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_one_request_of_a_life_it_goes_on_where_it_was() {
    for provider in [AAP, EDA] {
        for downtime in [millis(0), seconds(4)] {
            let mut points = 0;
            loop {
                let story = Story { provider, delete: Delete::OnceRunning, kills: vec![points], downtime };
                if !story.live().await {
                    break;
                }
                points += 1;
            }
            println!("{provider}: killed at each of {points} points, {downtime:?} down");
            assert!(points > 25, "{provider}: {points} points");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_any_one_request_of_a_delete_during_provision_it_leaves_nothing() {
    for provider in [AAP, EDA] {
        for after in [millis(15), millis(1_100)] {
            let mut points = 0;
            loop {
                let story =
                    Story { provider, delete: Delete::After(after), kills: vec![points], downtime: millis(500) };
                if !story.live().await {
                    break;
                }
                points += 1;
            }
            assert!(points > 10, "{provider}: {points} points");
        }
    }
}

fn any_story() -> impl Strategy<Value = Story> {
    let delete = prop_oneof![Just(Delete::OnceRunning), (0_u64..3_000).prop_map(|after| Delete::After(millis(after))),];
    let downtime = select(vec![millis(0), millis(30), millis(700), seconds(3), seconds(20)]);
    (select(vec![AAP, EDA]), delete, vec(0_usize..20, 1..5), downtime)
        .prop_map(|(provider, delete, kills, downtime)| Story { provider, delete, kills, downtime })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn killed_again_and_again_it_leaves_nothing_and_forgets_nothing(story in any_story()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
        runtime.expect("a runtime").block_on(story.live());
    }
}
