//! One arm's ledger against another's: how much of the difference of the totals each segment makes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    report::{
        Report,
        accumulate::{Series, SeriesKey},
        comparison::whole,
        ledger::{Operation, Segment, columns::Columns},
        verdict::level,
    },
    stats::{
        compare::BlockPair,
        interval::Confidence,
        student::{mean, mean_interval_at},
    },
};

/// The difference of one operation between an arm and the baseline, split by segment; arm − baseline, so that a negative one
/// means that the arm spends less. The segments' differences add up to the total's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LedgerDifference {
    /// The scenario.
    pub scenario: String,
    /// The arm compared with.
    pub baseline: String,
    /// The arm compared.
    pub arm: String,
    /// The operation.
    pub operation: Operation,
    /// Blocks that both arms have.
    pub blocks: usize,
    /// Instances of the baseline that failed or were cut off, and may have no ledger of this operation.
    pub baseline_left_out: u64,
    /// The same of the arm.
    pub arm_left_out: u64,
    /// All of the operation; only of instances that came to its end.
    #[serde(flatten)]
    pub total: Difference,
    /// The segments that either arm has, in their order; where one arm could tell parts apart that the other could not, they
    /// are joined in both.
    pub segments: Vec<SegmentDifference>,
}

impl LedgerDifference {
    /// Whether instances are missing in it, so that what is there is a selection.
    #[must_use]
    pub fn is_selection(&self) -> bool {
        self.baseline_left_out + self.arm_left_out > 0
    }

    /// The segments that took any time in either arm.
    pub(in crate::report) fn lasting(&self) -> impl Iterator<Item = &SegmentDifference> {
        let lasts =
            |part: &&SegmentDifference| part.difference.baseline_mean_ns != 0 || part.difference.arm_mean_ns != 0;
        self.segments.iter().filter(lasts)
    }
}

/// The difference that one segment makes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SegmentDifference {
    /// The segment.
    pub segment: Segment,
    /// Its difference.
    #[serde(flatten)]
    pub difference: Difference,
}

/// Means of block means and their difference, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The baseline's mean.
    pub baseline_mean_ns: i64,
    /// The arm's mean.
    pub arm_mean_ns: i64,
    /// Arm − baseline.
    pub difference_ns: i64,
    /// The lower end of the interval of the difference, over blocks, at the level of the run's comparisons; null below two
    /// blocks.
    pub ci_low: Option<i64>,
    /// Its upper end.
    pub ci_high: Option<i64>,
}

impl Difference {
    fn of(pairs: &[BlockPair], confidence: Confidence) -> Option<Self> {
        let baseline_mean = mean(&pairs.iter().map(|pair| pair.baseline).collect::<Vec<_>>())?;
        let arm_mean = mean(&pairs.iter().map(|pair| pair.arm).collect::<Vec<_>>())?;
        let differences: Vec<f64> = pairs.iter().map(|pair| pair.arm - pair.baseline).collect();
        let interval = mean_interval_at(&differences, confidence);
        Some(Self {
            baseline_mean_ns: whole(baseline_mean),
            arm_mean_ns: whole(arm_mean),
            difference_ns: whole(arm_mean - baseline_mean),
            ci_low: interval.map(|interval| whole(interval.low)),
            ci_high: interval.map(|interval| whole(interval.high)),
        })
    }
}

/// All difference ledgers: by scenario, then arm, then operation.
pub(in crate::report) fn all(report: &Report) -> Vec<LedgerDifference> {
    let mut differences = Vec::new();
    let confidence = Confidence::of_alpha(level::alpha(&report.run)).unwrap_or(Confidence::STANDARD);
    for (scenario, name) in report.scenarios.iter().enumerate() {
        let Some(baseline) = report.series.get(&SeriesKey { scenario, arm: 0 }) else { continue };
        for (arm, arm_name) in report.arms.iter().enumerate().skip(1) {
            let series = report.series.get(&SeriesKey { scenario, arm }).filter(|_| !report.is_audit(arm));
            let Some(series) = series else { continue };
            for operation in Operation::ALL {
                let (of_baseline, of_arm) = (baseline.ledgers.columns(operation), series.ledgers.columns(operation));
                let Some((blocks, total, segments)) = one(of_baseline, of_arm, confidence) else { continue };
                differences.push(LedgerDifference {
                    scenario: name.clone(),
                    baseline: report.arms[0].clone(),
                    arm: arm_name.clone(),
                    operation,
                    blocks,
                    baseline_left_out: unfinished(baseline),
                    arm_left_out: unfinished(series),
                    total,
                    segments,
                });
            }
        }
    }
    differences
}

fn unfinished(series: &Series) -> u64 {
    series.outcomes.failed + series.outcomes.censored
}

/// `None` where the arms have no block in common.
fn one(
    baseline: &Columns,
    arm: &Columns,
    confidence: Confidence,
) -> Option<(usize, Difference, Vec<SegmentDifference>)> {
    let blocks: Vec<u32> = baseline.blocks.keys().filter(|block| arm.blocks.contains_key(block)).copied().collect();
    let pairs = |segment: Option<Segment>| -> Vec<BlockPair> {
        let (of_baseline, of_arm) = (sums(baseline, segment), sums(arm, segment));
        let mean = |sums: &BTreeMap<u32, u128>, columns: &Columns, block| {
            sums.get(block).copied().unwrap_or_default() as f64 / columns.blocks[block] as f64
        };
        blocks
            .iter()
            .map(|block| BlockPair { baseline: mean(&of_baseline, baseline, block), arm: mean(&of_arm, arm, block) })
            .collect()
    };
    let total = Difference::of(&pairs(None), confidence)?;
    let segments = common(baseline, arm).into_iter().filter_map(|segment| {
        Some(SegmentDifference { segment, difference: Difference::of(&pairs(Some(segment)), confidence)? })
    });
    Some((blocks.len(), total, segments.collect()))
}

/// The sums by block of all columns within a segment, or of all.
fn sums(columns: &Columns, segment: Option<Segment>) -> BTreeMap<u32, u128> {
    let mut sums = BTreeMap::new();
    for column in columns.segments.iter().filter(|column| segment.is_none_or(|s| s.overlaps(column.segment))) {
        for (block, sum) in &column.blocks {
            *sums.entry(*block).or_default() += sum;
        }
    }
    sums
}

/// The segments of either arm; those that overlap are joined.
fn common(baseline: &Columns, arm: &Columns) -> Vec<Segment> {
    let mut all: Vec<Segment> = baseline.segments.iter().chain(&arm.segments).map(|column| column.segment).collect();
    all.sort_unstable();
    let mut joined: Vec<Segment> = Vec::new();
    for segment in all {
        match joined.last_mut() {
            Some(last) if last.overlaps(segment) => *last = last.joined(segment),
            _ => joined.push(segment),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{
        fixture::{lived, milestones, run, trial},
        ledger::sentence,
    };

    const S: u64 = 1_000_000_000;

    /// Six blocks of two arms that were lived alike; of `aap` the backend told nothing.
    fn half_blind() -> Report {
        let mut report = Report::new(&run(6));
        for block in 1..=6 {
            for arm in ["eda", "aap"] {
                let mut record = trial(block, arm, vec![lived(0, (100 + u64::from(block)) * S, 50 * S)]);
                let mut seen = milestones(&record.samples[0], true);
                if arm == "aap" {
                    seen.provision.backend = None;
                }
                record.milestones.push(seen);
                report.add(&record);
            }
        }
        report
    }

    #[test]
    fn parts_that_one_arm_can_not_tell_apart_are_joined_in_both() {
        let differences = all(&half_blind());
        let segments = |place: usize| -> Vec<String> {
            differences[place].segments.iter().map(|part| part.segment.to_string()).collect()
        };
        assert_eq!(
            segments(0),
            [
                "queueing",
                "admission",
                "pickup",
                "preparation",
                "trigger",
                "handoff+..+detection",
                "writeback",
                "delivery"
            ]
        );
        assert!(segments(1).contains(&"handoff".to_owned()), "what both tell stays apart: {:?}", segments(1));
        // Both lived alike: what `trigger` means is the only difference, and the joined segment takes it back.
        assert_eq!(differences[0].total.difference_ns, 0);
        let moved: i64 = differences[0].segments.iter().map(|part| part.difference.difference_ns).sum();
        assert_eq!(moved, 0);
    }

    #[test]
    fn a_tie_is_told_as_one() {
        let report = half_blind();
        let summary = report.summary();
        let text = sentence(&summary.ledger[1], &summary);
        assert_eq!(text, "aap against eda on deprovision, 0.000 s (inconclusive)");
    }

    #[test]
    fn with_repeated_looks_the_intervals_have_the_level_of_the_comparisons() {
        let mut run = run(12);
        run.design.until = Some(crate::record::Until { half_width: 0.05, max_blocks: 24, looks: vec![12, 24] });
        let mut report = Report::new(&run);
        for block in 1..=12 {
            for (arm, longer) in [("eda", 0), ("aap", u64::from(block % 5))] {
                let mut record = trial(block, arm, vec![lived(0, (100 + longer) * S, 50 * S)]);
                record.milestones.push(milestones(&record.samples[0], true));
                report.add(&record);
            }
        }
        let summary = report.summary();
        let (of_total, compared) = (summary.ledger[0].total, &summary.comparisons[0]);
        assert!(compared.alpha < 0.04, "{}", compared.alpha);
        assert_eq!((of_total.ci_low, of_total.ci_high), (compared.ci_low, compared.ci_high));
        let level = summary.confidence();
        assert!(level.starts_with("96.") || level.starts_with("97."), "{level}");
        let markdown = crate::report::markdown::comparison(&summary);
        assert!(markdown.contains(&format!("({level} interval over 12 blocks)")), "{markdown}");
        assert!(!markdown.contains("(95 % interval"), "{markdown}");
        let json: serde_json::Value =
            serde_json::from_slice(&crate::report::json::comparison(&summary).unwrap()).unwrap();
        let confidence = json["confidence"].as_f64().unwrap();
        assert!((confidence - (1.0 - compared.alpha)).abs() < 1e-8, "{confidence}");
    }

    #[test]
    fn where_instances_are_missing_no_segment_is_blamed() {
        let mut report = Report::new(&run(6));
        for block in 1..=6 {
            for arm in ["eda", "aap"] {
                let mut record = trial(block, arm, vec![lived(0, 100 * S, 50 * S), lived(1, 100 * S, 50 * S)]);
                record.milestones = record.samples.iter().map(|sample| milestones(sample, true)).collect();
                if arm == "eda" && block == 3 {
                    record.samples[1].outcome = crate::record::Outcome::Failed;
                }
                report.add(&record);
            }
        }
        let summary = report.summary();
        assert_eq!((summary.ledger[0].baseline_left_out, summary.ledger[0].arm_left_out), (1, 0));
        assert_eq!(
            sentence(&summary.ledger[0], &summary),
            "aap against eda on provision: not explained, 1 instance of eda and 0 instances of aap failed or were cut off; \
             the segments are of a selection"
        );
    }
}
