//! The script, on both servers.

use std::{collections::BTreeSet, fmt::Write as _, fs, io::Write as _};

use serde_json::Value;

use super::{
    script::{self, Part},
    terminal::{Said, Terminal, missing},
};
use crate::{
    accepted::{self, Reason},
    control_plane,
    served::Served,
    server::{Server, definitions},
    words::yaml,
};

/// How many parts are played at once: most of a command's time is waiting.
const AT_ONCE: usize = 4;

/// What all commands of all parts say on one server.
fn play(kubeconfig: Value, parts: &[Part]) -> Vec<Vec<Said>> {
    let terminal = Terminal::new(kubeconfig);
    let one_of = |first: usize| -> Vec<(usize, Vec<Said>)> {
        let mine = parts.iter().enumerate().skip(first).step_by(AT_ONCE);
        mine.map(|(at, part)| (at, terminal.play(part, &format!("kubectl-{at}")))).collect()
    };
    let mut said: Vec<(usize, Vec<Said>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..AT_ONCE).map(|first| scope.spawn(move || one_of(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("it ended")).collect()
    });
    said.sort_by_key(|(at, _)| *at);
    said.into_iter().map(|(_, said)| said).collect()
}

#[test]
fn kubectl_and_jq_show_the_same_on_both_servers() {
    const TEST: &str = "kubectl_and_jq_show_the_same_on_both_servers";
    let Some(envtest) = control_plane::shared(TEST) else { return };
    let missing = missing();
    if !missing.is_empty() {
        assert!(!control_plane::is_required(), "the control plane is required, and so is {}", missing.join(", "));
        let _ = writeln!(std::io::stderr(), "skipped: install {}: {TEST}", missing.join(" and "));
        return;
    }
    let parts = script::parts();
    let accepted = accepted::kubectl();
    let accepted: BTreeSet<(&str, usize)> = accepted.iter().flat_map(Reason::steps).collect();

    let folder = tempfile::tempdir().expect("a folder");
    let served = Served::start(folder.path(), &[]);
    let embedded: Value = yaml(&served.config());
    let kubeconfig = fs::read_to_string(envtest.folder().join("kubeconfig")).expect("a kubeconfig");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let real = Server::at(envtest.config());
        for definition in definitions() {
            real.install(&definition).await;
        }
    });
    let (ours, theirs) = (play(embedded, &parts), play(yaml(&kubeconfig), &parts));

    let (mut new, mut stale) = (String::new(), Vec::new());
    for (part, (ours, theirs)) in parts.iter().zip(ours.iter().zip(&theirs)) {
        for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
            let is_accepted = accepted.contains(&(part.name.as_str(), at + 1));
            if ours == theirs && is_accepted {
                stale.push((&part.name, at + 1));
            } else if ours != theirs && !is_accepted {
                let command = &part.commands[at];
                let _ = writeln!(
                    new,
                    "== {}\n   step {}: {command}\n     embedded: {ours}\n     real: {theirs}",
                    part.name,
                    at + 1
                );
            }
        }
    }
    assert!(new.is_empty(), "these differ and are not accepted:\n{new}");
    assert!(stale.is_empty(), "these differ no more; take them out of kubectl/accepted.yaml: {stale:?}");
}
