//! One run against another: the same arm, before and after.
//!
//! Blocks are paired by their order. With one seed in virtual time a pair shares its luck, so that what has not changed has a
//! difference of exactly zero; otherwise pairing costs a little precision and nothing else, blocks being independent.

use crate::{
    record::Requirement,
    report::{
        comparison::whole,
        metric::Metric,
        number::{difference, duration},
        summary::ComparisonSummary,
    },
    stats::compare::{ALPHA, BlockPair},
    units::Seed,
};

use super::{
    check::{Check, CheckOutcome},
    decide::{Asked, question, required, settle},
    diagnostics::diagnose_pairs,
    digest::{ArmDigest, Digest},
    judge::{Judged, Rules, judge},
    summarize::{Subject, summarize},
};

/// What two runs are compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct AcrossOptions {
    /// The metrics, by name; the first is the one that is asked about.
    pub metrics: Vec<String>,
    /// The relative difference that does not matter.
    pub margin: Option<f64>,
    /// What is asked of each arm that both runs have, if anything is.
    pub require: Option<Requirement>,
    /// Only this arm.
    pub arm: Option<String>,
    /// What the earlier run is called.
    pub earlier: String,
    /// What the later run is called.
    pub later: String,
}

/// The comparisons of the arms that both runs have, later − earlier, and the answers to what is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Across {
    /// By arm and scenario, then metric.
    pub comparisons: Vec<ComparisonSummary>,
    /// One for each arm and scenario.
    pub checks: Vec<Check>,
    /// What a reader has to know: arms that only one run has, blocks without a partner.
    pub notes: Vec<String>,
}

/// Compares two runs that are [comparable](Digest::comparable).
#[must_use]
pub fn across(earlier: &Digest, later: &Digest, options: &AcrossOptions) -> Across {
    let mut comparisons = Vec::new();
    let mut asked: Vec<(Asked, Option<String>)> = Vec::new();
    let mut notes = notes(earlier, later);
    let wanted = |arm: &&ArmDigest| options.arm.as_ref().is_none_or(|wanted| *wanted == arm.arm);
    for after in later.arms.iter().filter(wanted) {
        let same = |arm: &&ArmDigest| arm.arm == after.arm && arm.scenario == after.scenario;
        let Some(before) = earlier.arms.iter().find(same) else {
            notes.push(format!("{} in {} is only in {}", after.arm, after.scenario, options.later));
            continue;
        };
        for (place, name) in options.metrics.iter().enumerate() {
            let Some((metric, pair)) = Metric::compared(name).zip(Pair::of(before, after, name)) else { continue };
            if pair.unpaired > 0 && place == 0 {
                notes.push(format!(
                    "{}: {} blocks have no partner in the other run and are left out",
                    after.arm, pair.unpaired
                ));
            }
            let rules = pair.rules(options.margin);
            let judged = judge(&pair.blocks, &rules);
            let subject = Subject {
                metric: &metric,
                scenario: &after.scenario,
                baseline: &format!("{} ({})", before.arm, options.earlier),
                arm: &format!("{} ({})", after.arm, options.later),
                primary: place == 0,
            };
            let seed = Seed::new(later.seed).label(&after.arm).label(name);
            let diagnostics = diagnose_pairs(&pair.blocks, None, rules.alpha, seed);
            comparisons.push(summarize(&subject, judged.as_ref(), &rules, diagnostics));
            if let Some(require) = options.require.filter(|_| place == 0) {
                let question = question(&after.arm, &options.earlier, name, require, options.margin);
                let ask = required(question, &after.scenario, require, judged.as_ref(), None);
                asked.push((ask, blame(before, after, judged.as_ref())));
            }
        }
    }
    for before in earlier.arms.iter().filter(wanted) {
        if !later.arms.iter().any(|arm| arm.arm == before.arm && arm.scenario == before.scenario) {
            notes.push(format!("{} in {} is only in {}", before.arm, before.scenario, options.earlier));
        }
    }
    let (asked, blamed): (Vec<Asked>, Vec<Option<String>>) = asked.into_iter().unzip();
    let mut checks = settle(asked, ALPHA);
    for (check, blame) in checks.iter_mut().zip(blamed) {
        if let Some(blame) = blame.filter(|_| check.outcome == CheckOutcome::Failed) {
            check.message.push_str("; ");
            check.message.push_str(&blame);
        }
    }
    Across { comparisons, checks, notes }
}

fn notes(earlier: &Digest, later: &Digest) -> Vec<String> {
    let mut notes = Vec::new();
    if earlier.seed != later.seed {
        notes.push(format!("seeds {} and {}: the runs share no luck", earlier.seed, later.seed));
    }
    if earlier.provbench_version != later.provbench_version {
        notes.push(format!("provbench {} and {}", earlier.provbench_version, later.provbench_version));
    }
    notes
}

/// The blocks of one metric of one arm, before and after.
struct Pair {
    blocks: Vec<BlockPair>,
    unpaired: usize,
    censored: (usize, usize),
}

impl Pair {
    fn of(before: &ArmDigest, after: &ArmDigest, metric: &str) -> Option<Self> {
        let (before, after) = (before.metrics.get(metric)?, after.metrics.get(metric)?);
        let both = before.block_means_ns.iter().zip(&after.block_means_ns);
        let blocks: Vec<BlockPair> = both.map(|(&baseline, &arm)| BlockPair { baseline, arm }).collect();
        let unpaired = before.block_means_ns.len() + after.block_means_ns.len() - 2 * blocks.len();
        Some(Self { blocks, unpaired, censored: (before.censored, after.censored) })
    }

    fn rules(&self, margin: Option<f64>) -> Rules {
        Rules { alpha: ALPHA, margin, baseline_censored: self.censored.0, arm_censored: self.censored.1 }
    }
}

/// The part of the time that grew most, in a sentence.
fn blame(before: &ArmDigest, after: &ArmDigest, judged: Option<&Judged>) -> Option<String> {
    let grown = |name: &String, now: u64| {
        let then = before.parts_ns.get(name).copied().unwrap_or(0);
        (now.cast_signed().saturating_sub(then.cast_signed()), then, now)
    };
    let (name, (growth, then, now)) = after
        .parts_ns
        .iter()
        .map(|(name, now)| (name, grown(name, *now)))
        .max_by_key(|(_, (growth, _, _))| *growth)
        .filter(|(_, (growth, _, _))| *growth > 0)?;
    let of = judged.map_or_else(String::new, |judged| format!(" of {}", difference(whole(judged.difference))));
    Some(format!("most of it in {name}: {}{of} ({} before, {} now)", difference(growth), duration(then), duration(now)))
}
