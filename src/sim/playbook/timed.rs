//! A playbook without a cluster: only its time passes.

use super::{Outcome, Payload, Playbook, Runner};
use crate::{
    record::Word,
    sim::{
        profile::{KubeVirtProfile, Latency, key},
        signal::Signal,
    },
};

/// Takes as long as the playbook would with a cluster that answers at once and is never asked in vain: the machine's boot is
/// not rounded up to the next check. The draws are those that the object would meet there.
pub(super) async fn run(
    runner: &Runner,
    machines: &KubeVirtProfile,
    playbook: Playbook,
    payload: Option<Payload>,
    attempt: u32,
    stop: &Signal,
) -> Outcome {
    let (create, delete) = (&runner.profile.create, &runner.profile.delete);
    let parts: [(&Latency, &str); 4] = match playbook {
        Playbook::Create => [
            (&create.setup, "provision.setup"),
            (&machines.boot, "boot"),
            (&create.wrapup, "provision.wrapup"),
            (&create.teardown, "provision.teardown"),
        ],
        Playbook::Delete => [
            (&delete.setup, "deprovision.setup"),
            (&delete.stop, "deprovision.stop"),
            (&delete.wrapup, "deprovision.wrapup"),
            (&delete.teardown, "deprovision.teardown"),
        ],
    };
    let object = payload.map_or_else(Word::default, |payload| payload.name);
    for (latency, purpose) in parts {
        let duration = latency.draw(key(runner.seed, &object, purpose, attempt));
        if duration.is_zero() {
            continue;
        }
        tokio::select! {
            biased;
            () = stop.wait() => return Outcome::Stopped,
            () = runner.clock.sleep(duration) => {}
        }
    }
    Outcome::Done
}
