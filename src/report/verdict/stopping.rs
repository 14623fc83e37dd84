//! When a run without a fixed number of blocks knows enough.

use serde::Serialize;

use crate::{
    record::Until,
    report::{
        Report,
        accumulate::{Series, SeriesKey},
        comparison,
        metric::Metric,
    },
};

use super::{
    judge::{Rules, blocks_needed, judge},
    level,
};

/// How such a run came to its end.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Stopping {
    /// Half the width of the widest interval of the primary metric that was asked for, relative to the baseline's mean.
    pub half_width_wanted: f64,
    /// What was reached; null where that can't be told.
    pub half_width: Option<f64>,
    /// Blocks that were run.
    pub blocks: u32,
    /// The most that could have been.
    pub max_blocks: u32,
    /// The block counts at which one looked, the last one among them.
    pub looks: Vec<u32>,
    /// Whether it is known as well as was asked for.
    pub enough: bool,
}

/// How the run ended; `None` for one whose blocks were fixed.
pub(crate) fn of(report: &Report) -> Option<Stopping> {
    let until = report.run.design.until.as_ref()?;
    // Of a run that was interrupted, what is there, and not what was planned.
    let seen = report.series.values().map(|series| series.trials).max().unwrap_or(0);
    let blocks = report.run.blocks.min(u32::try_from(seen).unwrap_or(u32::MAX));
    let half_width = half_width(report, until, blocks);
    Some(Stopping {
        half_width_wanted: until.half_width,
        half_width: half_width.map(|width| (width * 1e6).round() / 1e6),
        blocks,
        max_blocks: until.max_blocks,
        looks: until.looks.iter().copied().filter(|look| *look <= blocks).collect(),
        enough: half_width.is_some_and(|width| width <= until.half_width),
    })
}

/// The widest half-width of the primary metric's intervals after so many blocks, relative to the baseline's mean; `None` while
/// an arm has none, or so few blocks that no test of them could reach the level of this look.
pub(crate) fn half_width(report: &Report, until: &Until, blocks: u32) -> Option<f64> {
    let metric = Metric::compared(&report.run.design.primary)?;
    let alpha = level::alpha_at(until, blocks);
    let mut widest: Option<f64> = None;
    for scenario in 0..report.scenarios.len() {
        let series_of = |arm| report.series.get(&SeriesKey { scenario, arm });
        // A scenario in which nobody can have the metric has nothing to say about it.
        let has = |series: &Series| {
            series.metrics.get(&metric).is_some_and(|observations| observations.block_means().next().is_some())
        };
        if !(0..report.arms.len()).any(|arm| series_of(arm).is_some_and(has)) {
            continue;
        }
        let baseline = series_of(0)?;
        for arm in (1..report.arms.len()).filter(|arm| !report.is_audit(*arm)) {
            let series = series_of(arm)?;
            let (pairs, _) = comparison::pairs(&metric, baseline, series);
            let rules = Rules { alpha, margin: None, baseline_censored: 0, arm_censored: 0 };
            let judged = judge(&pairs, &rules).filter(|judged| judged.blocks >= blocks_needed(alpha))?;
            let (low, high) = judged.interval?;
            let width = (high - low) / 2.0 / judged.baseline_mean;
            if !width.is_finite() {
                return None;
            }
            widest = Some(widest.map_or(width, |widest| widest.max(width)));
        }
    }
    widest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Outcome, Sample},
        report::fixture::{S, lived, run, trial},
        units::Seed,
    };

    #[test]
    fn a_scenario_that_has_no_such_metric_does_not_keep_a_run_from_its_end() {
        let mut run = run(12);
        run.scenarios.push("cut".into());
        run.design.until = Some(Until { half_width: 0.05, max_blocks: 24, looks: vec![12, 24] });
        let mut report = Report::new(&run);
        for block in 1..=12 {
            for arm in ["eda", "aap"] {
                let luck = Seed::new(4).label(arm).index(block.into()).stream().below(1_000_000_000) as u64;
                report.add(&trial(block, arm, vec![lived(0, 100 * S + luck, 50 * S)]));
                let canceled = Sample { outcome: Outcome::Canceled, running_ns: None, ..lived(0, 0, 20 * S) };
                let mut cut = trial(block, arm, vec![canceled]);
                cut.key.scenario = "cut".into();
                report.add(&cut);
            }
        }
        let stopping = of(&report).expect("a run with looks");
        assert!(stopping.enough && stopping.half_width.is_some_and(|width| width < 0.05), "{stopping:?}");
        assert!(report.known_well_enough(12));
    }
}
