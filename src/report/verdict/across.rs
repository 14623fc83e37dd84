//! One run against another: the same arm, before and after.
//!
//! Blocks are paired by their numbers. With one seed in virtual time a pair shares its luck, so that what has not changed has a
//! difference of exactly zero; otherwise pairing costs a little precision and nothing else, blocks being independent.
//!
//! **Invariant:** nothing that is asked is passed over: an arm that finishes less, or is not measured any more, fails; what only
//! one run has, or what came to other ends, can't be told.

use crate::{
    record::Requirement,
    report::{
        comparison::whole,
        evidence::Evidence,
        metric::Metric,
        number::{count, difference, duration},
        summary::ComparisonSummary,
    },
    stats::compare::{ALPHA, Verdict},
    units::Seed,
};

use super::{
    check::{Check, CheckOutcome},
    decide::{Asked, question, required, settle},
    diagnostics::diagnose_pairs,
    digest::{ArmDigest, BlockMeans, Digest},
    ends::{different_ends, less_finished},
    judge::{Judged, Rules, judge},
    pairing::pair,
    summarize::{Subject, summarize},
    work::setup_changes,
};

/// What two runs are compared by.
#[derive(Clone, Debug, PartialEq)]
pub struct AcrossOptions {
    /// The metrics, by name; the first is the one that is asked about.
    pub metrics: Vec<String>,
    /// The relative difference that does not matter.
    pub margin: Option<f64>,
    /// What is asked of each arm, if anything is.
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
    /// What speaks against the later run and stands in no comparison: instances that don't finish any more.
    pub warnings: Vec<String>,
    /// What a reader has to know: settings that differ, arms that only one run has, blocks without a partner.
    pub notes: Vec<String>,
}

/// Compares two runs that are [comparable](Digest::comparable).
#[must_use]
pub fn across(earlier: &Digest, later: &Digest, options: &AcrossOptions) -> Across {
    let mut found = Found::new(options, later.seed, notes(earlier, later, options));
    let wanted = |arm: &&ArmDigest| options.arm.as_ref().is_none_or(|wanted| *wanted == arm.arm);
    let partner = |of: &Digest, arm: &ArmDigest| {
        of.arms.iter().find(|other| other.arm == arm.arm && other.scenario == arm.scenario).cloned()
    };
    for after in later.arms.iter().filter(wanted) {
        match partner(earlier, after) {
            Some(before) => found.arm(&before, after),
            None => found.only_in(&options.later, after),
        }
    }
    for before in earlier.arms.iter().filter(wanted).filter(|before| partner(later, before).is_none()) {
        found.only_in(&options.earlier, before);
    }
    found.settle()
}

fn notes(earlier: &Digest, later: &Digest, options: &AcrossOptions) -> Vec<String> {
    let mut notes = Vec::new();
    if earlier.seed != later.seed {
        notes.push(format!("seeds {} and {}: the runs share no luck", earlier.seed, later.seed));
    }
    if earlier.provbench_version != later.provbench_version {
        notes.push(format!("provbench {} and {}", earlier.provbench_version, later.provbench_version));
    }
    if earlier.work.is_null() {
        notes.push(format!(
            "{} is too old to tell what work it did; save it again to have that checked",
            options.earlier
        ));
    }
    notes
}

/// What has been found so far.
struct Found<'o> {
    options: &'o AcrossOptions,
    seed: u64,
    comparisons: Vec<ComparisonSummary>,
    /// What is asked, each with what is to blame if it fails.
    asked: Vec<(Asked, Option<String>)>,
    warnings: Vec<String>,
    notes: Vec<String>,
}

impl<'o> Found<'o> {
    fn new(options: &'o AcrossOptions, seed: u64, notes: Vec<String>) -> Self {
        Self { options, seed, comparisons: Vec::new(), asked: Vec::new(), warnings: Vec::new(), notes }
    }

    /// An arm and scenario without a partner in the other run.
    fn only_in(&mut self, run: &str, arm: &ArmDigest) {
        self.notes.push(format!("{} in {} is only in {run}", arm.arm, arm.scenario));
        let message = format!("inconclusive: {} in {} is only in {run}", arm.arm, arm.scenario);
        self.answer(arm, CheckOutcome::Inconclusive, message);
    }

    fn arm(&mut self, before: &ArmDigest, after: &ArmDigest) {
        // A digest that is too old to tell is no change.
        if !before.setup.is_empty() && !after.setup.is_empty() {
            let changes = setup_changes(&after.setup, &before.setup);
            let notes = changes.into_iter().map(|change| format!("{}: {change}", after.arm));
            let new: Vec<String> = notes.filter(|note| !self.notes.contains(note)).collect();
            self.notes.extend(new);
        }
        if let Some(less) = less(before, after) {
            self.warnings.push(format!("{} in {}: {less}", after.arm, after.scenario));
        }
        for (place, name) in self.options.metrics.iter().enumerate() {
            let Some(metric) = Metric::compared(name) else { continue };
            match (before.metrics.get(name), after.metrics.get(name)) {
                (Some(then), Some(now)) => self.metric(place, &metric, (before, then), (after, now)),
                (Some(_), None) => self.unmeasured(place, name, after, CheckOutcome::Failed, &gone(before, after)),
                (None, Some(_)) => {
                    self.unmeasured(place, name, after, CheckOutcome::Inconclusive, "not measured in the earlier run");
                }
                (None, None) if place > 0 || after.ends.is_some_and(|ends| !ends.have(&metric)) => {}
                (None, None) => {
                    self.unmeasured(place, name, after, CheckOutcome::Inconclusive, "measured in neither run");
                }
            }
        }
    }

    /// A metric that can't be compared, for want of values.
    fn unmeasured(&mut self, place: usize, metric: &str, arm: &ArmDigest, outcome: CheckOutcome, why: &str) {
        let sentence = format!("{} in {}, {metric}: {why}", arm.arm, arm.scenario);
        if outcome == CheckOutcome::Failed {
            self.warnings.push(sentence);
        } else {
            self.notes.push(sentence);
        }
        if place == 0 {
            let undecided = if outcome == CheckOutcome::Inconclusive { "inconclusive: " } else { "" };
            self.answer(arm, outcome, format!("{undecided}{why}"));
        }
    }

    /// Answers what is asked of an arm, if anything is, without a comparison.
    fn answer(&mut self, arm: &ArmDigest, outcome: CheckOutcome, message: String) {
        let Some((name, _)) = self.question(arm) else { return };
        let scenario = arm.scenario.clone();
        let verdict = Some(Verdict::Inconclusive);
        self.asked.push((Asked { name, scenario, verdict, outcome, p: None, message }, None));
    }

    fn question(&self, arm: &ArmDigest) -> Option<(String, Requirement)> {
        let (require, metric) = self.options.require.zip(self.options.metrics.first())?;
        Some((question(&arm.arm, &self.options.earlier, metric, require, self.options.margin), require))
    }

    /// A metric that both runs have.
    fn metric(
        &mut self,
        place: usize,
        metric: &Metric,
        (before, then): (&ArmDigest, &BlockMeans),
        (after, now): (&ArmDigest, &BlockMeans),
    ) {
        let options = self.options;
        let paired = pair(then, now);
        if paired.unpaired > 0 && place == 0 {
            let unpaired = count(paired.unpaired as u64, "block");
            self.notes.push(format!("{}: {unpaired} left out, without a partner in the other run", after.arm));
        }
        let rules = Rules {
            alpha: ALPHA,
            margin: options.margin,
            baseline_censored: then.censored,
            arm_censored: now.censored,
        };
        let judged = judge(&paired.blocks, &rules);
        let refusal = before.ends.zip(after.ends).and_then(|(before, after)| different_ends(&before, &after, metric));
        let subject = Subject {
            metric,
            scenario: &after.scenario,
            baseline: &format!("{} ({})", before.arm, options.earlier),
            arm: &format!("{} ({})", after.arm, options.later),
            primary: place == 0,
        };
        let seed = Seed::new(self.seed).label(&after.arm).label(&metric.to_string());
        let diagnostics = diagnose_pairs(&paired.blocks, None, rules.alpha, seed);
        let evidence = Evidence::of_pairs(&paired.blocks, then.censored + now.censored, rules.alpha, seed);
        let mut comparison =
            ComparisonSummary { evidence, ..summarize(&subject, judged.as_ref(), &rules, diagnostics) };
        if let Some(refusal) = &refusal {
            comparison.verdict = Verdict::Inconclusive;
            comparison.reason = Some(refusal.clone());
        }
        self.comparisons.push(comparison);
        if place > 0 {
            return;
        }
        if let Some(less) = less(before, after) {
            self.answer(after, CheckOutcome::Failed, less);
        } else if let Some((name, require)) = self.question(after) {
            let ask = required(name, &after.scenario, require, judged.as_ref(), refusal);
            self.asked.push((ask, blame(metric, before, after, judged.as_ref())));
        }
    }

    fn settle(self) -> Across {
        let (asked, blamed): (Vec<Asked>, Vec<Option<String>>) = self.asked.into_iter().unzip();
        let mut checks = settle(asked, ALPHA);
        for (check, blame) in checks.iter_mut().zip(blamed) {
            if let Some(blame) = blame.filter(|_| check.outcome == CheckOutcome::Failed) {
                check.message.push_str("; ");
                check.message.push_str(&blame);
            }
        }
        Across { comparisons: self.comparisons, checks, warnings: self.warnings, notes: self.notes }
    }
}

fn less(before: &ArmDigest, after: &ArmDigest) -> Option<String> {
    less_finished(&before.ends?, &after.ends?)
}

/// `not measured any more: 0 of 16 instances finished, 16 of 16 before`.
fn gone(before: &ArmDigest, after: &ArmDigest) -> String {
    let finished = before.ends.zip(after.ends).map(|(before, after)| format!(": {}", after.finished_of(&before)));
    format!("not measured any more{}", finished.unwrap_or_default())
}

/// The part of a metric's time that grew most, in a sentence; parts of operations that the metric is not about don't count.
fn blame(metric: &Metric, before: &ArmDigest, after: &ArmDigest, judged: Option<&Judged>) -> Option<String> {
    let operations: &[&str] = match metric {
        Metric::ProvisionTotal => &["provision"],
        Metric::DeprovisionTotal => &["deprovision"],
        Metric::Total => &["provision", "deprovision"],
        Metric::OperatorCpu | Metric::State { .. } => &[],
    };
    let grown = |name: &String, now: u64| {
        let then = before.parts_ns.get(name).copied().unwrap_or(0);
        (now.cast_signed().saturating_sub(then.cast_signed()), then, now)
    };
    let (name, (growth, then, now)) = after
        .parts_ns
        .iter()
        .filter(|(name, _)| name.split(' ').next().is_some_and(|operation| operations.contains(&operation)))
        .map(|(name, now)| (name, grown(name, *now)))
        .max_by_key(|(_, (growth, _, _))| *growth)
        .filter(|(_, (growth, _, _))| *growth > 0)?;
    let of = judged.map_or_else(String::new, |judged| format!(" of {}", difference(whole(judged.difference))));
    Some(format!("most of it in {name}: {}{of} ({} before, {} now)", difference(growth), duration(then), duration(now)))
}
