//! The audit: the baseline against itself. What shows a difference there shows too much everywhere.

use serde::Serialize;

use crate::{
    report::{
        comparison::whole,
        metric::Metric,
        number::{difference, p_value},
    },
    stats::{
        compare::{BlockPair, Verdict},
        drift::{autocorrelation, drift},
        power::{Pilot, STANDARD_POWER},
        resampling::Resampling,
    },
    units::Seed,
};

use super::judge::{Judged, QuickTest, Rules, differences, judge};

/// Experiments without a difference that are made of the blocks seen.
const RESAMPLES: u64 = 1_000;

/// Standard errors that the false-positive rate may lie above its level before the procedure counts as broken.
const TOLERANCE: f64 = 3.0;

/// The p-value below which an order among the audit's blocks is taken to be one; there are two tests.
const ORDER_P: f64 = 0.01;

/// Orders of the blocks that are drawn to see whether the one that there was is unusual.
const ORDERS_DRAWN: usize = 10_000;

/// The baseline against its repetition on one metric in one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditSummary {
    /// The metric.
    pub metric: Metric,
    /// The scenario.
    pub scenario: String,
    /// The baseline.
    pub baseline: String,
    /// The arm that repeats it.
    pub arm: String,
    /// Whether its verdicts can be trusted: `passed`, `failed`, or `unknown` with too few blocks or without a whole value.
    pub outcome: &'static str,
    /// Why not.
    pub reason: Option<String>,
    /// Blocks that both have.
    pub blocks: usize,
    /// The mean difference, which is nothing but luck.
    pub difference_ns: Option<i64>,
    /// Its two-sided p-value.
    pub p_value: Option<f64>,
    /// How often experiments without a difference, resampled from these blocks, would claim one; it should be 5 % at most.
    pub false_positive_rate: Option<f64>,
    /// The smallest difference that so many blocks find with 80 % probability when the arms share no luck, in nanoseconds;
    /// null where nothing varies.
    pub smallest_detectable_ns: Option<u64>,
}

impl AuditSummary {
    /// One that can't be made, over so many blocks.
    pub(crate) fn unknown(metric: &Metric, blocks: usize, reason: String) -> Self {
        Self {
            metric: metric.clone(),
            scenario: String::new(),
            baseline: String::new(),
            arm: String::new(),
            outcome: "unknown",
            reason: Some(reason),
            blocks,
            difference_ns: None,
            p_value: None,
            false_positive_rate: None,
            smallest_detectable_ns: None,
        }
    }

    /// Whether verdicts on this metric in this scenario must be refused.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.outcome == "failed"
    }
}

/// Audits the pairs of a baseline and its repetition.
pub(crate) fn audit(metric: &Metric, pairs: &[BlockPair], rules: &Rules, seed: Seed) -> AuditSummary {
    let judged = judge(pairs, rules);
    let enough = judged.as_ref().filter(|judged| judged.blocks >= super::judge::blocks_needed(rules.alpha));
    let differences = differences(pairs);
    let rate = enough.map(|_| false_positive_rate(&differences, rules.alpha, seed));
    let reason = enough.and_then(|judged| broken(judged, rate, rules.alpha).or_else(|| ordered(&differences, seed)));
    let smallest = enough.and_then(|judged| {
        Pilot::of(&differences).ok()?.smallest_effect(judged.blocks, rules.alpha, STANDARD_POWER).ok()
    });
    AuditSummary {
        metric: metric.clone(),
        scenario: String::new(),
        baseline: String::new(),
        arm: String::new(),
        outcome: match (enough, &reason) {
            (None, _) => "unknown",
            (Some(_), None) => "passed",
            (Some(_), Some(_)) => "failed",
        },
        reason,
        blocks: pairs.len(),
        difference_ns: judged.as_ref().map(|judged| whole(judged.difference)),
        p_value: enough.and_then(|judged| judged.p).map(|p| p.max(1e-15)),
        false_positive_rate: rate,
        // What is below a nanosecond is how numbers are rounded, and no spread.
        smallest_detectable_ns: smallest.map(|effect| whole(effect).unsigned_abs()).filter(|ns| *ns > 0),
    }
}

fn broken(judged: &Judged, rate: Option<f64>, alpha: f64) -> Option<String> {
    if matches!(judged.verdict, Verdict::Faster | Verdict::Slower) {
        let difference = difference(whole(judged.difference));
        return Some(format!(
            "the baseline differs from itself by {difference} (p = {:.3}): more than luck sets these arms apart",
            judged.p.unwrap_or_default()
        ));
    }
    let most = alpha + TOLERANCE * (alpha * (1.0 - alpha) / RESAMPLES as f64).sqrt();
    rate.filter(|rate| *rate > most).map(|rate| {
        format!(
            "{:.0} % of experiments without a difference would claim one; the test does not fit these blocks",
            rate * 100.0
        )
    })
}

/// That the differences depend on when their blocks were run, which resampling blocks can't see: neighbours that are alike,
/// or a drift between two arms that are the same.
fn ordered(differences: &[f64], seed: Seed) -> Option<String> {
    let draws = Resampling { seed: seed.label("audit").label("order"), resamples: ORDERS_DRAWN };
    let likeness = autocorrelation(differences, &draws).ok();
    let alike = likeness.filter(|likeness| likeness.lag1 > 0.0 && likeness.significance.p < ORDER_P);
    let drift = drift(differences).ok().filter(|drift| drift.p < ORDER_P);
    let found = match (alike, drift) {
        (Some(alike), _) => {
            format!("neighbouring blocks are alike (correlation {:.2}, {})", alike.lag1, p_value(alike.significance.p))
        }
        (None, Some(drift)) => {
            format!("it drifts away from itself by {} a block ({})", difference(whole(drift.slope)), p_value(drift.p))
        }
        (None, None) => return None,
    };
    Some(format!(
        "the baseline against itself depends on the order of the blocks: {found}; intervals would be too narrow"
    ))
}

/// How often the procedure claims a difference where there is none: blocks are drawn with replacement and each difference
/// gets a sign at random, so that only the shape of their distribution is kept.
fn false_positive_rate(differences: &[f64], alpha: f64, seed: Seed) -> f64 {
    let samples = seed.label("audit").label("resampled");
    let test = QuickTest::new(differences.len(), alpha);
    let claims = (0..RESAMPLES).filter(|index| {
        let mut stream = samples.index(*index).stream();
        let mut draw = |_: &f64| {
            let size = differences[stream.below(differences.len())];
            if stream.next_bits() & 1 == 0 { size } else { -size }
        };
        test.claims(&differences.iter().map(&mut draw).collect::<Vec<_>>())
    });
    claims.count() as f64 / RESAMPLES as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { alpha: 0.05, margin: None, baseline_censored: 0, arm_censored: 0 };

    fn audited(differences: &[f64]) -> AuditSummary {
        let pairs: Vec<BlockPair> =
            differences.iter().map(|d| BlockPair { baseline: 100e9, arm: 100e9 + d * 1e9 }).collect();
        audit(&Metric::Total, &pairs, &RULES, Seed::new(5))
    }

    fn noise(label: &str, n: u64) -> Vec<f64> {
        (0..n).map(|i| Seed::new(11).label(label).index(i).uniform() - 0.5).collect()
    }

    #[test]
    fn a_baseline_that_differs_from_itself_fails() {
        let shifted: Vec<f64> = noise("a", 20).iter().map(|d| d + 1.0).collect();
        let failed = audited(&shifted);
        assert!(failed.failed());
        assert!(
            failed.reason.as_deref().is_some_and(|reason| reason.starts_with("the baseline differs from itself by +"))
        );
    }

    #[test]
    fn a_sound_audit_tells_its_rate_and_what_it_could_have_shown() {
        let passed = audited(&noise("b", 20));
        assert_eq!((passed.outcome, passed.reason.as_ref()), ("passed", None));
        let rate = passed.false_positive_rate.unwrap();
        assert!((0.02..0.07).contains(&rate), "{rate}");
        // Uniform over 1 s: sd 0.29 s; 20 blocks find 0.66 sd with 80 % probability (Cohen 1988).
        let smallest = passed.smallest_detectable_ns.unwrap() as f64 / 1e9;
        assert!((0.13..0.26).contains(&smallest), "{smallest}");
        assert_eq!(audited(&noise("b", 20)), passed, "the same seed, the same rate");
    }

    #[test]
    fn blocks_that_depend_on_those_before_them_fail_the_audit() {
        // A random walk that returns: each block keeps nine tenths of the one before.
        let mut last = 0.0;
        let walk: Vec<f64> = noise("c", 60)
            .iter()
            .map(|step| {
                last = 0.9 * last + step;
                last
            })
            .collect();
        let mean = walk.iter().sum::<f64>() / 60.0;
        let centred: Vec<f64> = walk.iter().map(|value| value - mean).collect();
        let failed = audited(&centred);
        let reason = failed.reason.clone().unwrap_or_default();
        assert!(failed.failed() && reason.contains("neighbouring blocks are alike (correlation 0."), "{failed:?}");
        let drifting: Vec<f64> =
            noise("d", 30).iter().zip(-15_i8..).map(|(d, block)| d + f64::from(block) / 8.0).collect();
        let reason = audited(&drifting).reason.unwrap_or_default();
        assert!(reason.contains("depends on the order of the blocks"), "{reason}");
        // Blocks without any order among them fail hardly ever: one in some fifty by either test, and one in twenty by luck.
        let sound = (0..100).filter(|i| !audited(&noise(&format!("sound {i}"), 20)).failed()).count();
        assert!(sound >= 85, "{sound}");
    }

    #[test]
    fn no_verdict_is_given_where_the_audit_fails() {
        use crate::report::{
            Report,
            fixture::{S, lived, run, trial},
        };
        let summary = |repeated_s: u64| {
            let mut run = run(8);
            run.design.audit = Some("eda-aa".to_owned());
            run.arms.push("eda-aa".to_owned());
            let mut report = Report::new(&run);
            for block in 1..=8 {
                for (arm, seconds) in [("eda", 100), ("aap", 80), ("eda-aa", repeated_s)] {
                    let luck = Seed::new(2).label(arm).index(block.into()).stream().below(1_000_000_000) as u64;
                    report.add(&trial(block, arm, vec![lived(0, seconds * S + luck, 50 * S)]));
                }
            }
            report.summary()
        };
        let (sound, broken) = (summary(100), summary(110));
        assert_eq!(sound.comparisons.len(), 3, "the audit's arm is compared with nothing");
        assert_eq!(sound.comparisons[0].verdict, Verdict::Faster);
        assert_eq!(broken.comparisons[0].verdict, Verdict::Inconclusive);
        let reason = broken.comparisons[0].reason.as_deref().unwrap_or_default();
        assert!(reason.starts_with("the audit failed: the baseline differs from itself by +"), "{reason}");
        assert!(broken.audits[0].failed() && !sound.audits[0].failed());
    }

    #[test]
    fn what_was_wholly_cut_off_is_no_audit() {
        use crate::{
            record::{Outcome, Sample},
            report::{
                Report,
                fixture::{S, run, sample, trial},
                terminal_table,
            },
            units::Nanos,
        };
        let mut run = run(8);
        run.design.audit = Some("eda-aa".to_owned());
        run.arms.push("eda-aa".to_owned());
        let mut report = Report::new(&run);
        for block in 1..=8 {
            for arm in ["eda", "aap", "eda-aa"] {
                let cut = Sample { outcome: Outcome::Censored, censored_ns: Some(Nanos::new(600 * S)), ..sample(0) };
                report.add(&trial(block, arm, vec![cut]));
            }
        }
        let summary = report.summary();
        let audit = &summary.audits[0];
        assert_eq!((audit.outcome, audit.smallest_detectable_ns, audit.difference_ns), ("unknown", None, None));
        assert_eq!(audit.reason.as_deref(), Some("no value of eda is whole: all 8 were cut off"));
        let text = terminal_table(&summary);
        assert!(text.contains("audit unknown") && !text.contains("audit passed"), "{text}");
        assert!(!text.contains("no verdict is given: no value"), "that is said of audits that fail: {text}");
    }

    #[test]
    fn too_few_blocks_are_no_audit() {
        let unknown = audited(&[5.0; 5]);
        assert_eq!((unknown.outcome, unknown.false_positive_rate, unknown.p_value), ("unknown", None, None));
    }
}
