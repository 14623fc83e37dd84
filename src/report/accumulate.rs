//! A run's records, condensed to what the reports need.

use std::collections::BTreeMap;

use crate::{
    record::{Cost, Outcome, RunInfo, Sample, TrialRecord},
    report::{
        dwell::dwells,
        evidence::ProvisionEnds,
        ledger::Ledgers,
        metric::Metric,
        observations::Observations,
        summary::{Outcomes, Summary},
        verdict::{check::Check, gates, stopping},
    },
};

/// The most problems that are kept in words; the rest are counted.
const PROBLEMS_MAX: usize = 200;

/// Accumulates trials; 8 bytes a value, no samples, no transitions, of ledgers no more than histograms.
#[derive(Clone, Debug)]
pub struct Report {
    pub(super) run: RunInfo,
    pub(super) margin: Option<f64>,
    pub(super) arms: Vec<String>,
    pub(super) scenarios: Vec<String>,
    pub(super) series: BTreeMap<SeriesKey, Series>,
    problems: Vec<String>,
    problems_left_out: usize,
    pub(super) horizon_ns: u64,
    pub(super) warmup_trials: u64,
}

/// One arm in one scenario, both by their place in the run; scenarios first, so that arms to be compared stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SeriesKey {
    pub(super) scenario: usize,
    pub(super) arm: usize,
}

/// What one arm did in one scenario.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) trials: u64,
    pub(super) instances: u64,
    pub(super) outcomes: Outcomes,
    pub(super) orphans: u64,
    pub(super) deprovision_jobs: u64,
    pub(super) metrics: BTreeMap<Metric, Observations>,
    pub(super) cost: CostSum,
    pub(super) ledgers: Ledgers,
    pub(super) provision_ends: ProvisionEnds,
}

/// What the trials of one arm cost the operator, together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CostSum {
    pub(super) trials: u64,
    pub(super) requests: u64,
    pub(super) sent_bytes: u64,
    pub(super) received_bytes: u64,
}

impl CostSum {
    fn add(&mut self, cost: &Cost) {
        // What a process of its own asks the API server is not visible.
        if cost.process.is_some() {
            return;
        }
        self.trials += 1;
        self.requests += cost.api_requests;
        self.sent_bytes += cost.api_sent_bytes;
        self.received_bytes += cost.api_received_bytes;
    }
}

impl Report {
    /// An empty report of a run.
    #[must_use]
    pub fn new(run: &RunInfo) -> Self {
        Self {
            run: run.clone(),
            margin: run.design.margin,
            arms: run.arms.clone(),
            scenarios: run.scenarios.clone(),
            series: BTreeMap::new(),
            problems: Vec::new(),
            problems_left_out: 0,
            horizon_ns: 0,
            warmup_trials: 0,
        }
    }

    /// Says which relative difference of means does not matter, such as 0.02, instead of the margin of the run's design.
    #[must_use]
    pub fn with_margin(mut self, margin: Option<f64>) -> Self {
        self.margin = margin;
        self
    }

    /// Takes how the run ended: its status and problems, which are not known when the report is begun.
    pub fn close(&mut self, run: &RunInfo) {
        self.run.status = run.status;
        self.run.blocks = run.blocks;
        self.run.problems.clone_from(&run.problems);
        self.run.clock_skews.clone_from(&run.clock_skews);
    }

    /// Adds a trial; of one that only warms up nothing is kept but its problems.
    pub fn add(&mut self, trial: &TrialRecord) {
        if trial.warmup {
            self.warmup_trials += 1;
            return self.note_problems(trial);
        }
        let key = SeriesKey {
            scenario: place(&mut self.scenarios, &trial.key.scenario),
            arm: place(&mut self.arms, &trial.key.arm),
        };
        let block = trial.key.block;
        let series = self.series.entry(key).or_default();
        series.trials += 1;
        series.instances += trial.samples.len() as u64;
        for sample in &trial.samples {
            series.outcomes.count(sample.outcome);
            series.orphans += u64::from(sample.orphans);
            series.deprovision_jobs += u64::from(sample.deprovision_jobs);
            let last = [sample.gone_ns, sample.censored_ns, sample.running_ns].into_iter().flatten().max();
            self.horizon_ns = self.horizon_ns.max(last.map_or(0, crate::units::Nanos::get));
        }
        for metric in Metric::TOTALS {
            let observations = series.metrics.entry(metric.clone()).or_default();
            for sample in &trial.samples {
                match observe(&metric, sample) {
                    Some(Seen::Whole(ns)) => observations.add(block, ns),
                    Some(Seen::AtLeast(ns)) => observations.add_censored(block, ns),
                    None => {}
                }
            }
        }
        for dwell in dwells(trial) {
            let metric = Metric::State { plane: dwell.plane, job_type: dwell.job_type, state: dwell.state };
            let observations = series.metrics.entry(metric).or_default();
            observations.extend(block, &dwell.ns);
            observations.extend_censored(block, &dwell.bounds_ns);
        }
        series.ledgers.add(trial);
        series.provision_ends.add(trial);
        if let Some(cost) = &trial.cost
            && !trial.samples.is_empty()
        {
            series.cost.add(cost);
            if let Some(cpu) = cost.operator_cpu_ns {
                let each = cpu / trial.samples.len() as u64;
                series.metrics.entry(Metric::OperatorCpu).or_default().add(block, each);
            }
        }
        self.note_problems(trial);
    }

    fn note_problems(&mut self, trial: &TrialRecord) {
        for problem in &trial.problems {
            if self.problems.len() < PROBLEMS_MAX {
                self.problems.push(format!("{}: {problem}", trial.key));
            } else {
                self.problems_left_out += 1;
            }
        }
    }

    /// Whether an arm is the one that repeats the baseline.
    pub(super) fn is_audit(&self, arm: usize) -> bool {
        self.run.design.audit.as_ref().is_some_and(|audit| self.arms.get(arm) == Some(audit))
    }

    /// Whether a run with `until` knows enough after so many blocks.
    #[must_use]
    pub fn known_well_enough(&self, blocks: u32) -> bool {
        let Some(until) = &self.run.design.until else { return false };
        stopping::half_width(self, until, blocks).is_some_and(|width| width <= until.half_width)
    }

    /// The answers to what the design asks for, without everything else that a summary has.
    #[must_use]
    pub fn gates(&self) -> Vec<Check> {
        gates::answers(self, &self.run.design.gates)
    }

    /// All that the run has to say, in numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(self, &self.run)
    }

    /// The same, asked by another design than the one that the run had.
    #[must_use]
    pub fn summary_as(mut self, run: &RunInfo) -> Summary {
        self.run.design.clone_from(&run.design);
        Summary::of(&self, run)
    }

    /// The problems of the run and of its trials.
    pub(super) fn all_problems(&self, run: &RunInfo) -> Vec<String> {
        // A run that was closed may list those of its trials again.
        let of_run = run.problems.iter().filter(|problem| !self.problems.contains(problem));
        let mut problems: Vec<String> = of_run.chain(&self.problems).cloned().collect();
        if self.problems_left_out > 0 {
            problems.push(format!("and {} more, see journal.ndjson", self.problems_left_out));
        }
        problems
    }
}

/// The place of a name; one that the run did not plan gets the next.
fn place(names: &mut Vec<String>, name: &str) -> usize {
    names.iter().position(|known| known == name).unwrap_or_else(|| {
        names.push(name.to_owned());
        names.len() - 1
    })
}

/// A value of a sample, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Whole(u64),
    AtLeast(u64),
}

/// What a sample says of a total; `None` when it does not apply, as to the provisioning that a delete cut short.
fn observe(metric: &Metric, sample: &Sample) -> Option<Seen> {
    let whole = match metric {
        Metric::ProvisionTotal => sample.provision_total(),
        Metric::DeprovisionTotal => sample.deprovision_total(),
        _ => sample.total(),
    };
    if let Some(whole) = whole {
        return Some(Seen::Whole(whole.get()));
    }
    let cut = sample.censored_ns.filter(|_| sample.outcome == Outcome::Censored)?;
    let provision = match (sample.provision_total(), sample.delete_sent_ns) {
        (Some(provision), _) => Some(provision),
        (None, None) => Some(cut - sample.intended_ns),
        (None, Some(_)) => None,
    };
    let bound = match metric {
        Metric::ProvisionTotal => provision?.get(),
        Metric::DeprovisionTotal => (cut - sample.delete_sent_ns?).get(),
        _ => provision?.get().saturating_add(sample.delete_sent_ns.map_or(0, |sent| (cut - sent).get())),
    };
    Some(Seen::AtLeast(bound))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::Plane,
        report::fixture::{S, lived, run, sample, transition, trial},
        units::Nanos,
    };

    #[test]
    fn a_sample_that_was_cut_off_gives_lower_bounds_and_no_values() {
        let cut =
            |sample: Sample| Sample { outcome: Outcome::Censored, censored_ns: Some(Nanos::new(600 * S)), ..sample };
        let before_running = cut(sample(0));
        assert_eq!(observe(&Metric::ProvisionTotal, &before_running), Some(Seen::AtLeast(600 * S)));
        assert_eq!(observe(&Metric::DeprovisionTotal, &before_running), None);
        assert_eq!(observe(&Metric::Total, &before_running), Some(Seen::AtLeast(600 * S)));

        let deleting = cut(Sample { gone_ns: None, ..lived(0, 100 * S, 0) });
        assert_eq!(observe(&Metric::ProvisionTotal, &deleting), Some(Seen::Whole(100 * S)));
        assert_eq!(observe(&Metric::DeprovisionTotal, &deleting), Some(Seen::AtLeast(495 * S)));
        assert_eq!(observe(&Metric::Total, &deleting), Some(Seen::AtLeast(595 * S)));
    }

    #[test]
    fn provisioning_that_a_delete_cut_short_is_no_observation_of_it() {
        let canceled = Sample { outcome: Outcome::Canceled, running_ns: None, ..lived(0, 100 * S, 20 * S) };
        assert_eq!(observe(&Metric::ProvisionTotal, &canceled), None);
        assert_eq!(observe(&Metric::DeprovisionTotal, &canceled), Some(Seen::Whole(20 * S)));
        assert_eq!(observe(&Metric::Total, &canceled), None);
    }

    #[test]
    fn a_state_that_the_deadline_cut_off_is_counted_as_totals_are() {
        let mut report = Report::new(&run(1));
        let cut =
            |index| Sample { outcome: Outcome::Censored, censored_ns: Some(Nanos::new(600 * S)), ..sample(index) };
        let mut record = trial(1, "aap", vec![lived(0, 130 * S, 80 * S), cut(1), cut(2)]);
        for (instance, left) in [(0, Some(130 * S)), (1, None), (2, None)] {
            record.transitions.push(transition(instance, "7", Plane::Backend, "Pending", "Running", 30 * S));
            let left = left.map(|at| transition(instance, "7", Plane::Backend, "Running", "Succeeded", at));
            record.transitions.extend(left);
        }
        report.add(&record);
        let summary = report.summary();
        let (metric, running) = summary.arms[0]
            .metrics
            .iter()
            .find(|(metric, _)| metric.to_string().starts_with("state_"))
            .expect("a state");
        assert_eq!(metric.to_string(), "state_backend_Running_provision");
        assert_eq!((running.n, running.censored, running.mean_ns), (1, 2, Some(100 * S)));
        assert_eq!(running.mean_lower_bound_ns, Some((100 + 570 + 570) * S / 3));
    }

    #[test]
    fn every_instance_is_counted_under_its_outcome() {
        let mut report = Report::new(&run(1));
        let outcomes = [Outcome::Succeeded, Outcome::Failed, Outcome::Canceled, Outcome::Censored, Outcome::Censored];
        let samples = outcomes.iter().map(|&outcome| Sample { outcome, ..sample(0) }).collect();
        report.add(&trial(1, "aap", samples));
        let arm = &report.summary().arms[0];
        assert_eq!(arm.instances, 5);
        assert_eq!(arm.outcomes, Outcomes { succeeded: 1, failed: 1, canceled: 1, censored: 2 });
    }

    #[test]
    fn an_arm_that_the_run_did_not_plan_is_reported_after_those_that_it_did() {
        let mut report = Report::new(&run(1));
        for arm in ["surprise", "aap", "eda"] {
            report.add(&trial(1, arm, vec![lived(0, S, S)]));
        }
        let arms: Vec<String> = report.summary().arms.into_iter().map(|arm| arm.arm).collect();
        assert_eq!(arms, ["eda", "aap", "surprise"]);
    }

    #[test]
    fn problems_of_trials_say_where_and_are_not_repeated_by_the_run() {
        let mut report = Report::new(&run(1));
        let mut bad = trial(2, "aap", Vec::new());
        bad.problems.push("two deprovision jobs of ci-0001".into());
        report.add(&bad);
        let mut ended = run(1);
        ended.problems = vec![
            "block 2, aap, provision-deprovision: two deprovision jobs of ci-0001".into(),
            "the journal is short".into(),
        ];
        assert_eq!(report.summary().problems.len(), 1);
        report.close(&ended);
        assert_eq!(report.summary().problems, [ended.problems[1].clone(), ended.problems[0].clone()]);
    }
}
