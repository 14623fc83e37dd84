//! `summary.json`: the numbers of a run, in the shape that scripts of others rely on.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    record::{ArmClockSkew, Outcome, RunInfo, RunStatus, SCHEMA_VERSION},
    report::{
        Report,
        accumulate::{Series, SeriesKey},
        comparison,
        evidence::{BlockQuantiles, EndTimes, Evidence},
        ledger::{self, LedgerDifference, LedgerSummary},
        metric::Metric,
        number::count,
        observations::Observations,
        verdict::{
            audit::AuditSummary,
            check::Check,
            diagnostics::Diagnostics,
            gates, level, notes,
            stopping::{self, Stopping},
        },
    },
    stats::{
        compare::Verdict,
        summary::{SampleSummary, mean},
    },
    units::Nanos,
};

/// How many problems people are shown; a screen full of them tells no more.
const PROBLEMS_SHOWN: usize = 5;

/// The numbers of a run. Members are only ever added to it within one schema version.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The version of this shape.
    pub schema_version: u32,
    /// The experiment's name.
    pub experiment: String,
    /// `virtual` or `real`; runs of different clocks are never compared.
    pub clock: &'static str,
    /// The seed.
    pub seed: u64,
    /// Whether every planned trial was run.
    pub status: RunStatus,
    /// Broken invariants, one sentence each; a run with any is invalid.
    pub problems: Vec<String>,
    /// Each arm in each scenario.
    pub arms: Vec<ArmSummary>,
    /// Each arm against the first, in each scenario, by each total.
    pub comparisons: Vec<ComparisonSummary>,
    /// The metric that the experiment is about.
    pub primary: String,
    /// Blocks that warmed up and are in nothing of this.
    pub warmup_blocks: u32,
    /// The baseline against itself, where the design has that.
    pub audits: Vec<AuditSummary>,
    /// What the design asks for, with the answers; of a run that is invalid or was stopped all are open.
    pub gates: Vec<Check>,
    /// How a run without a fixed number of blocks came to its end.
    pub stopping: Option<Stopping>,
    /// How far the clocks of live backends are from ours, by arm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub clock_skews: Vec<ArmClockSkew>,
    /// The level of all verdicts: 0.05, or with repeated looks what the last one may spend of it; intervals have 1 − alpha.
    #[serde(skip)]
    pub alpha: f64,
    /// Where the differences of the totals come from; `comparison.json` has them.
    #[serde(skip)]
    pub ledger: Vec<LedgerDifference>,
}

/// One arm in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ArmSummary {
    /// The arm.
    pub arm: String,
    /// The scenario.
    pub scenario: String,
    /// Trials that ended: one a block.
    pub trials: u64,
    /// Instances that were created.
    pub instances: u64,
    /// How their lives ended; adds up to the instances.
    pub outcomes: Outcomes,
    /// Virtual machines that were left when everything had come to rest.
    pub orphans: u64,
    /// Whether it repeats the baseline to see how far equal arms lie apart.
    pub audit: bool,
    /// What its operator asked of the API server for an instance; null where that was not seen.
    pub api: Option<ApiCost>,
    /// What was measured of them.
    pub metrics: BTreeMap<Metric, MetricSummary>,
    /// Quantiles of the means of its blocks, by the metrics that arms are compared on.
    pub block_quantiles: BTreeMap<Metric, BlockQuantiles>,
    /// In which ways provision jobs ended; null where all ended well.
    pub provision_ends: Option<EndTimes>,
    /// Where their time went, by operation.
    pub ledger: Vec<LedgerSummary>,
}

/// Requests of the operator to the API server and the bytes of their bodies, for an instance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ApiCost {
    /// Requests.
    pub requests_per_instance: f64,
    /// Bytes sent.
    pub sent_bytes_per_instance: f64,
    /// Bytes received, watches included.
    pub received_bytes_per_instance: f64,
}

/// How many instances ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcomes {
    /// Got through their scenario.
    pub succeeded: u64,
    /// The operator reported a failure that it did not recover from.
    pub failed: u64,
    /// Provisioning was cut short by a delete, as the scenario wanted.
    pub canceled: u64,
    /// The deadline came first.
    pub censored: u64,
}

impl Outcomes {
    pub(super) fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Succeeded => &mut self.succeeded,
            Outcome::Failed => &mut self.failed,
            Outcome::Canceled => &mut self.canceled,
            Outcome::Censored => &mut self.censored,
        } += 1;
    }
}

/// One metric of one arm in one scenario; a quantile that `n` is too small for is null.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MetricSummary {
    /// Values; those that were cut off are not among them.
    pub n: usize,
    /// The mean of the values, rounded.
    pub mean_ns: Option<u64>,
    /// The median (type 7).
    pub p50_ns: Option<u64>,
    /// The 95th percentile (type 7).
    pub p95_ns: Option<u64>,
    /// The 99th percentile (type 7).
    pub p99_ns: Option<u64>,
    /// The smallest value.
    pub min_ns: Option<u64>,
    /// The largest value.
    pub max_ns: Option<u64>,
    /// Observations that the deadline cut off.
    pub censored: usize,
    /// With any censored: the mean of all, those that were cut off at their lower bounds; the true mean is larger.
    pub mean_lower_bound_ns: Option<u64>,
}

/// An arm against the baseline, by one metric in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComparisonSummary {
    /// The metric.
    pub metric: Metric,
    /// The scenario.
    pub scenario: String,
    /// The arm compared with.
    pub baseline: String,
    /// The arm compared.
    pub arm: String,
    /// The mean difference of block means, arm − baseline: negative when the arm is faster.
    pub difference_ns: Option<i64>,
    /// Arm / baseline of the means of block means.
    pub ratio: Option<f64>,
    /// The lower end of the interval of the difference, in nanoseconds; its confidence is 1 − alpha.
    pub ci_low: Option<i64>,
    /// Its upper end.
    pub ci_high: Option<i64>,
    /// `faster`, `slower`, `equivalent` or `inconclusive`.
    #[serde(serialize_with = "verdict_word")]
    pub verdict: Verdict,
    /// Why it is inconclusive; null otherwise.
    pub reason: Option<String>,
    /// Blocks that both arms have.
    pub blocks: usize,
    /// The two-sided p-value.
    pub p_value: Option<f64>,
    /// `sign_flip_exact` or `paired_t`; null without a p-value.
    pub p_method: Option<&'static str>,
    /// The baseline's mean of block means.
    pub baseline_mean_ns: Option<u64>,
    /// The arm's mean of block means.
    pub arm_mean_ns: Option<u64>,
    /// Observations of the baseline that stand in its means at their lower bounds.
    pub baseline_censored: usize,
    /// The same of the arm.
    pub arm_censored: usize,
    /// Whether it is on the metric that the experiment is about; every other one is exploratory.
    pub primary: bool,
    /// The level of the verdict: 0.05, or with repeated looks what this one may spend of it; the interval has 1 − alpha.
    pub alpha: f64,
    /// The relative difference that does not matter; null when none was named.
    pub margin: Option<f64>,
    /// Whether the blocks can be trusted, and what they could have shown.
    #[serde(flatten)]
    pub diagnostics: Diagnostics,
    /// What other methods say.
    pub evidence: Evidence,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
fn verdict_word<S: serde::Serializer>(verdict: &Verdict, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(verdict.as_str())
}

impl Summary {
    pub(super) fn of(report: &Report, run: &RunInfo) -> Self {
        let problems = report.all_problems(run);
        // What is invalid shows nothing, however it looks.
        let invalid = match (problems.first(), run.status) {
            (Some(problem), _) => Some(format!("the run is invalid: {problem}")),
            (None, RunStatus::Incomplete) => Some("the run was stopped before its plan was done".to_owned()),
            (None, RunStatus::Complete) => None,
        };
        let mut comparisons = comparison::all(report);
        if let Some(reason) = &invalid {
            for comparison in &mut comparisons {
                comparison.verdict = Verdict::Inconclusive;
                comparison.reason = Some(reason.clone());
            }
        }
        let gates = match &invalid {
            Some(reason) => gates::refused(report, &run.design.gates, reason),
            None => gates::answers(report, &run.design.gates),
        };
        let arms = report.series.iter().map(|(key, series)| ArmSummary::of(report, *key, series));
        Self {
            schema_version: SCHEMA_VERSION,
            experiment: run.experiment.clone(),
            clock: run.clock.as_str(),
            seed: run.seed.get(),
            status: run.status,
            problems,
            arms: arms.collect(),
            comparisons,
            primary: run.design.primary.clone(),
            warmup_blocks: run.design.warmup,
            clock_skews: run.clock_skews.clone(),
            audits: comparison::audits(report),
            gates,
            stopping: stopping::of(report),
            alpha: level::alpha(&report.run),
            ledger: ledger::differences(report),
        }
    }

    /// The comparison of an arm, if it was compared.
    pub(super) fn comparison(&self, arm: &ArmSummary, metric: &Metric) -> Option<&ComparisonSummary> {
        self.comparisons.iter().find(|c| c.arm == arm.arm && c.scenario == arm.scenario && c.metric == *metric)
    }

    /// What must be read before any number: that the run is not whole, that it is invalid, that nothing was recorded.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.status == RunStatus::Incomplete {
            warnings.push("INCOMPLETE: the run was stopped before its plan was done".to_owned());
        }
        if self.arms.iter().all(|arm| arm.instances == 0) {
            warnings.push("EMPTY: no instance was recorded".to_owned());
        }
        warnings.extend(self.problems.iter().take(PROBLEMS_SHOWN).map(|problem| format!("INVALID: {problem}")));
        if self.problems.len() > PROBLEMS_SHOWN {
            let more = self.problems.len() - PROBLEMS_SHOWN;
            warnings.push(format!("INVALID: and {more} more; summary.json has them"));
        }
        for arm in self.arms.iter().filter(|arm| arm.orphans > 0) {
            let left = count(arm.orphans, "virtual machine");
            warnings.push(format!("ORPHANS: {} left {left} behind in {}", arm.arm, arm.scenario));
        }
        warnings
    }

    /// What belongs to the verdicts, in sentences: how the run came to its end, its blocks, its audits, its gates.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        notes::all(self)
    }

    /// What the intervals of differences are called: `95 %`.
    pub(super) fn confidence(&self) -> String {
        level::confidence(self.alpha)
    }

    /// The names of the scenarios that have records, in the order of the run.
    pub(super) fn scenarios(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.arms.iter().map(|arm| arm.scenario.as_str()).collect();
        names.dedup();
        names
    }
}

impl ArmSummary {
    fn of(report: &Report, key: SeriesKey, series: &Series) -> Self {
        let metrics = series.metrics.iter().map(|(metric, seen)| (metric.clone(), MetricSummary::of(seen)));
        Self {
            arm: report.arms[key.arm].clone(),
            scenario: report.scenarios[key.scenario].clone(),
            audit: report.is_audit(key.arm),
            api: ApiCost::of(series),
            trials: series.trials,
            instances: series.instances,
            outcomes: series.outcomes,
            orphans: series.orphans,
            metrics: metrics.collect(),
            block_quantiles: Metric::COMPARED
                .into_iter()
                .filter_map(|metric| Some((metric.clone(), BlockQuantiles::of(series.metrics.get(&metric)?)?)))
                .collect(),
            provision_ends: series.provision_ends.summary(),
            ledger: ledger::summaries(&series.ledgers),
        }
    }
}

impl ApiCost {
    fn of(series: &Series) -> Option<Self> {
        let cost = series.cost;
        // A trial without a count would make the rest look cheaper than it is.
        let all = cost.trials > 0 && cost.trials == series.trials && series.instances > 0;
        let each = |sum: u64| (sum as f64 * 1e3 / series.instances as f64).round() / 1e3;
        all.then(|| Self {
            requests_per_instance: each(cost.requests),
            sent_bytes_per_instance: each(cost.sent_bytes),
            received_bytes_per_instance: each(cost.received_bytes),
        })
    }
}

impl MetricSummary {
    fn of(observations: &Observations) -> Self {
        let censored = observations.bounds().len();
        let all = observations.values().iter().chain(observations.bounds()).copied();
        let empty = Self {
            censored,
            mean_lower_bound_ns: mean(all).filter(|_| censored > 0).map(Nanos::get),
            ..Self::default()
        };
        let Some(sample) = SampleSummary::of_sorted(&observations.sorted()) else { return empty };
        let given = |quantile: Result<Nanos, _>| quantile.ok().map(Nanos::get);
        Self {
            n: sample.n,
            mean_ns: Some(sample.mean.get()),
            p50_ns: given(sample.p50),
            p95_ns: given(sample.p95),
            p99_ns: given(sample.p99),
            min_ns: Some(sample.min.get()),
            max_ns: Some(sample.max.get()),
            ..empty
        }
    }
}
