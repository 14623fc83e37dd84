//! What a reader must know to not read too much into the numbers.

use crate::{
    record::{ClockKind, RunInfo},
    report::{number::count, summary::Summary},
    stats::compare::ALPHA,
};

/// One sentence or two each, in plain text.
pub(super) fn caveats(summary: &Summary, run: &RunInfo) -> Vec<String> {
    let mut caveats = Vec::new();
    caveats.push(match run.clock {
        ClockKind::Virtual => {
            "Virtual time passes only while everybody waits. It leaves the CPU cost of the operator, the API \
            server and the backends out: what is compared here is waiting, polling and the backends' own latencies."
                .to_owned()
        }
        ClockKind::Real => format!(
            "Real time, {} s for a recorded second: the machine's other work and the network are in the numbers.",
            run.time_scale
        ),
    });
    caveats.push(
        "Where a backend is simulated, its latencies come from a profile. A profile's numbers are assumptions, not \
         measurements, and so is everything that follows from them; the configuration below states them."
            .to_owned(),
    );
    let blocks = summary.arms.iter().map(|arm| arm.trials).max().unwrap_or_default();
    let instances: u64 = summary.arms.iter().map(|arm| arm.instances).sum();
    caveats.push(format!(
        "{} in {}. Instances of a trial share a backend and are not independent, so that intervals and p-values rest on \
         the means of blocks and not on instances.",
        count(instances, "instance"),
        count(blocks, "block"),
    ));
    if summary.comparisons.len() > 1 {
        let looks = if summary.alpha < ALPHA { " (95 % over all looks)" } else { "" };
        caveats.push(format!(
            "{} at {}{looks} each, not adjusted for their number: with 20 true ties one would look like a difference.",
            count(summary.comparisons.len() as u64, "comparison"),
            summary.confidence(),
        ));
    }
    caveats.push(
        "“n too small” stands where no distribution-free 95 % interval exists for a quantile: below 6 values for the \
         median, 59 for p95, 299 for p99."
            .to_owned(),
    );
    caveats.push(
        "The operator and the watch learn of a backend's states late, or not at all when a state is short. The times as \
         the backend knew them are the truth; the difference between the two is what it costs to find out."
            .to_owned(),
    );
    let censored: u64 = summary.arms.iter().map(|arm| arm.outcomes.censored).sum();
    if censored > 0 {
        caveats.push(format!(
            "{} did not finish before the deadline. They are counted, and in means they stand with the time that they \
             had when they were cut off: such a mean is a lower bound (≥). Beside such a mean no quantile is given, as \
             that of the finished ones would be of a selection; ranges and histograms are of those that finished.",
            count(censored, "instance"),
        ));
    }
    caveats
}
