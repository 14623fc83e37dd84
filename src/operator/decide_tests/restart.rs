use super::*;

/// One that runs, with a VM, and that was asked to restart so many seconds ago.
fn asked(seconds: i64) -> Situation {
    let mut running = aap().running().with_vm().job("7", JobType::Provision, JobState::Succeeded, 300);
    running.object.spec.restart_requested_at = Some(Time(ago(seconds)));
    running
}

fn restarted(situation: Situation, seconds: i64) -> Situation {
    situation
        .condition("RestartInProgress", true, "Restarting", seconds)
        .status(|status| status.last_restarted_at = Some(Time(ago(seconds))))
}

fn ready_since(mut situation: Situation, seconds: i64) -> Situation {
    if let Some(vm) = &mut situation.seen.vm {
        vm.since = Some(ago(seconds));
    }
    situation
}

#[test]
fn a_restart_is_done_once_for_each_request() {
    let later = now() + Duration::from_secs(7);
    let without_vm = |mut situation: Situation| {
        situation.seen.vm = None;
        situation
    };
    check(vec![
        ("asked for", asked(10), "restart vm-1"),
        ("asked for again", restarted(asked(10), 60), "restart vm-1"),
        ("done since", ready_since(restarted(asked(60), 10), 300), "wait"),
        (
            "done, and the machine is back",
            ready_since(restarted(asked(60), 10), 5),
            "write not RestartInProgress/Restarted → wait",
        ),
        (
            "done, and the machine is not back",
            restarted(asked(60), 10).vm(false),
            "write not Available/VmNotReady → wait",
        ),
        (
            "there is no machine",
            without_vm(asked(10)),
            "write not Available/NoVirtualMachine RestartFailed/NoVirtualMachine no vm → wait",
        ),
        ("it failed just now", asked(10).remembers(|memory| memory.call_not_before = Some(later)), "wait 7s"),
        ("on its way out", asked(10).held().deleting(), "launch deprovision Deleting/DeprovisionRequested"),
        (
            "a job is at work on it",
            {
                let mut at_work = aap().provisioned("7", JobState::Running, 60).polled("7", 0).vm(true);
                at_work.object.spec.restart_requested_at = Some(Time(ago(1)));
                at_work
            },
            "wait 30s",
        ),
    ]);
}

#[test]
fn a_restart_that_was_asked_for_by_a_clock_that_is_ahead_is_done_once() {
    let mut situation = asked(0);
    situation.object.spec.restart_requested_at = Some(Time(now() + Duration::from_secs(3600)));
    let Step::Restart { requested, .. } = situation.decide() else { panic!("a restart") };
    let mut status = situation.object.status.clone().expect("a status");
    after_restart(&mut status, requested, now());
    situation.object.status = Some(status);
    assert_eq!(situation.course(), "write not RestartInProgress/Restarted → wait");
}

#[test]
fn a_failed_restart_says_why_until_it_succeeds() {
    let mut status = asked(10).object.status.expect("a status");
    after_failed_restart(&mut status, "forbidden", now());
    let message = &status.condition("RestartFailed").expect("the condition").message;
    assert_eq!(message, "failed to delete the VirtualMachineInstance: forbidden; to be tried again");
    after_restart(&mut status, ago(10), now());
    assert_eq!(status.condition("RestartFailed").expect("the condition").status, "False");
    assert_eq!(status.condition("RestartInProgress").expect("the condition").status, "True");
}
