//! A real control plane for the tests that need one, or their word that they had none.

#![allow(dead_code, unreachable_pub, reason = "each user needs a part of it only")]

use std::{io::Write, sync::OnceLock};

use provbench::harness::target::envtest::{Envtest, Programs};

/// Where there are no binaries the tests say so and pass, unless this is set: then they fail.
const REQUIRED: &str = "PROVBENCH_REQUIRE_CONTROL_PLANE";

/// Whether what the tests need must be there.
pub fn is_required() -> bool {
    std::env::var_os(REQUIRED).is_some_and(|value| value == "1")
}

/// The binaries; `None`, after a word on it, where there are none and none are required.
pub fn programs(test: &str) -> Option<Programs> {
    match Programs::find() {
        Ok(programs) => Some(programs),
        Err(error) if is_required() => {
            panic!("{REQUIRED} is set, and {error}")
        }
        Err(_) => {
            // Past the capture of the test harness, so that the summary shows it.
            let _ = writeln!(std::io::stderr(), "skipped: set KUBEBUILDER_ASSETS (setup-envtest use -p path): {test}");
            None
        }
    }
}

/// One control plane that the tests of a process share. The process's end ends it.
pub fn shared(test: &str) -> Option<&'static Envtest> {
    static SHARED: OnceLock<Envtest> = OnceLock::new();
    let programs = programs(test)?;
    Some(SHARED.get_or_init(|| {
        let start = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(Envtest::start(&programs)).unwrap_or_else(|error| panic!("{error}"))
        };
        // A test has a runtime of its own, and one can't wait for another.
        std::thread::scope(|scope| scope.spawn(start).join().expect("a control plane"))
    }))
}
