//! The paired comparison of two arms on block means.
//!
//! The unit of inference is the block: instances of one trial run in parallel and share a backend, so they are not
//! independent. Each block that both arms finished gives one difference of means; the interval is Student's paired t over
//! these (Student, The probable error of a mean, 1908), the p-value is the exact sign-flip one up to 30 blocks.

use std::fmt;

pub use crate::stats::interval::Interval;

use crate::stats::{
    sign_flip::{EXACT_MAX, sign_flip_p},
    student::{mean, mean_interval, two_sided_p},
};

/// The fewest blocks with which an exact two-sided test can reach p < 0.05: 2 / 2⁶ = 0.031, but 2 / 2⁵ = 0.063.
pub const BLOCKS_NEEDED: usize = 6;

/// The significance level that goes with the 95 % interval.
pub const ALPHA: f64 = 0.05;

/// The means of both arms in one block, in one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlockPair {
    /// The baseline's mean.
    pub baseline: f64,
    /// The compared arm's mean.
    pub arm: f64,
}

/// What a comparison has to know besides the block means.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CompareOptions {
    /// A relative difference of means that does not matter, such as 0.02; without it nothing is `equivalent`.
    pub margin: Option<f64>,
    /// Observations of the baseline that were cut off and stand in its means as lower bounds.
    pub baseline_censored: usize,
    /// The same of the compared arm.
    pub arm_censored: usize,
}

/// The answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The arm takes less time than the baseline.
    Faster,
    /// The arm takes more time than the baseline.
    Slower,
    /// Whatever difference there is lies within the margin that does not matter.
    Equivalent,
    /// The records don't tell.
    Inconclusive,
}

impl Verdict {
    /// The word in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Faster => "faster",
            Self::Slower => "slower",
            Self::Equivalent => "equivalent",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Why a comparison is inconclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Doubt {
    /// Fewer blocks than [`BLOCKS_NEEDED`] have both arms.
    TooFewBlocks {
        /// How many have.
        blocks: usize,
    },
    /// The interval of the difference includes zero.
    IntervalIncludesZero,
    /// The interval excludes zero, the exact test does not.
    NotSignificant {
        /// Its p-value.
        p: f64,
    },
    /// The side that looks faster has observations that were cut off: it could be slower than it looks.
    Censored {
        /// How many.
        censored: usize,
    },
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooFewBlocks { blocks } => {
                let s = if *blocks == 1 { "" } else { "s" };
                write!(f, "{blocks} block{s}; at least {BLOCKS_NEEDED} needed for p < 0.05")
            }
            Self::IntervalIncludesZero => f.write_str("the 95 % interval includes 0"),
            Self::NotSignificant { p } => {
                write!(f, "the 95 % interval excludes 0, but the exact test gives p = {p:.3}")
            }
            Self::Censored { censored } => {
                write!(f, "{censored} censored in the arm that looks faster; its times are lower bounds")
            }
        }
    }
}

/// The outcome of a comparison; differences are arm − baseline, so a negative one means that the arm is faster.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Blocks that both arms have.
    pub blocks: usize,
    /// The mean of the baseline's block means.
    pub baseline_mean: f64,
    /// The mean of the arm's block means.
    pub arm_mean: f64,
    /// The mean difference.
    pub difference: f64,
    /// Arm / baseline of the means; `None` for a baseline of zero.
    pub ratio: Option<f64>,
    /// Student's 95 % interval of the difference; `None` below two blocks.
    pub interval: Option<Interval>,
    /// The two-sided p-value: exact up to [`EXACT_MAX`] blocks, else Student's.
    pub p: Option<f64>,
    /// Whether [`Comparison::p`] is the exact one.
    pub exact: bool,
    /// The answer.
    pub verdict: Verdict,
    /// Why it is inconclusive, when it is.
    pub doubt: Option<Doubt>,
}

/// Compares two arms by the means of the blocks that both have; `None` when there are none.
#[must_use]
pub fn compare(pairs: &[BlockPair], options: &CompareOptions) -> Option<Comparison> {
    let differences: Vec<f64> = pairs.iter().map(|pair| pair.arm - pair.baseline).collect();
    let baseline_mean = mean(&pairs.iter().map(|pair| pair.baseline).collect::<Vec<_>>())?;
    let arm_mean = mean(&pairs.iter().map(|pair| pair.arm).collect::<Vec<_>>())?;
    let student = mean_interval(&differences);
    let exact = (2..=EXACT_MAX).contains(&pairs.len());
    let p = if exact {
        sign_flip_p(&differences)
    } else {
        student.and_then(|s| student_p(s.mean, s.standard_error, pairs.len()))
    };
    let mut comparison = Comparison {
        blocks: pairs.len(),
        baseline_mean,
        arm_mean,
        difference: arm_mean - baseline_mean,
        ratio: (baseline_mean > 0.0).then(|| arm_mean / baseline_mean),
        interval: student.map(|s| Interval { low: s.low, high: s.high }),
        p,
        exact,
        verdict: Verdict::Inconclusive,
        doubt: None,
    };
    match judge(&comparison, options) {
        Ok(verdict) => comparison.verdict = verdict,
        Err(doubt) => comparison.doubt = Some(doubt),
    }
    Some(comparison)
}

/// The p-value of a mean difference; one without any spread is certain unless it is zero.
fn student_p(difference: f64, standard_error: f64, blocks: usize) -> Option<f64> {
    if standard_error > 0.0 {
        two_sided_p(difference / standard_error, blocks as f64 - 1.0)
    } else {
        Some(if difference == 0.0 { 1.0 } else { 0.0 })
    }
}

fn judge(comparison: &Comparison, options: &CompareOptions) -> Result<Verdict, Doubt> {
    let too_few = Doubt::TooFewBlocks { blocks: comparison.blocks };
    let interval = comparison.interval.filter(|_| comparison.blocks >= BLOCKS_NEEDED).ok_or(too_few)?;
    let censored = options.baseline_censored + options.arm_censored;
    if let Some(margin) = options.margin.map(|margin| margin * comparison.baseline_mean)
        && -margin <= interval.low
        && interval.high <= margin
    {
        return if censored == 0 { Ok(Verdict::Equivalent) } else { Err(Doubt::Censored { censored }) };
    }
    if interval.low <= 0.0 && 0.0 <= interval.high {
        return Err(Doubt::IntervalIncludesZero);
    }
    if let Some(p) = comparison.p.filter(|p| *p >= ALPHA) {
        return Err(Doubt::NotSignificant { p });
    }
    // Lower bounds in the slower side only make the difference larger than shown.
    match (interval.high < 0.0, options.arm_censored, options.baseline_censored) {
        (true, 0, _) => Ok(Verdict::Faster),
        (false, _, 0) => Ok(Verdict::Slower),
        (true, censored, _) | (false, _, censored) => Err(Doubt::Censored { censored }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(baseline: &[f64], arm: &[f64]) -> Vec<BlockPair> {
        baseline.iter().zip(arm).map(|(&baseline, &arm)| BlockPair { baseline, arm }).collect()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6 * b.abs().max(1.0)
    }

    #[test]
    fn students_sleep_data_give_the_published_interval() {
        // Student 1908, as in R's `sleep`: t.test(group1, group2, paired = TRUE) gives
        // mean difference −1.58, 95 % interval −2.4598858 to −0.7001142, t = −4.0621, df = 9, p = 0.002833.
        let second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4];
        let first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0];
        let result = compare(&pairs(&second, &first), &CompareOptions::default()).unwrap();
        let interval = result.interval.unwrap();
        assert!(near(result.difference, -1.58), "{result:?}");
        assert!(near(interval.low, -2.459_885_8) && near(interval.high, -0.700_114_2), "{interval:?}");
        // Nine differences of one sign and a tie: 4 of the 1 024 choices of signs are as extreme.
        assert_eq!((result.p, result.exact), (Some(4.0 / 1024.0), true));
        assert_eq!((result.verdict, result.doubt), (Verdict::Faster, None));
        let p = student_p(-1.58, 1.58 / 4.062_127_683, 10).unwrap();
        assert!((p - 0.002_832_9).abs() < 1e-6, "{p}");
    }

    #[test]
    fn an_interval_and_an_exact_test_that_disagree_are_inconclusive() {
        // Darwin's maize, as Fisher tells it: Student's p is 0.0497, the exact one 0.0527.
        let eighths = [49.0, -67.0, 8.0, 16.0, 6.0, 23.0, 28.0, 41.0, 14.0, 29.0, 56.0, 24.0, 75.0, 60.0, -48.0];
        let result = compare(&pairs(&[100.0; 15], &eighths.map(|d| 100.0 + d)), &CompareOptions::default()).unwrap();
        assert!(result.interval.unwrap().low > 0.0);
        assert!(matches!(result.doubt, Some(Doubt::NotSignificant { p }) if (p - 0.0527).abs() < 1e-4), "{result:?}");
    }

    #[test]
    fn fewer_than_six_blocks_are_inconclusive_however_clear() {
        for blocks in 1..6 {
            let (baseline, arm) = (vec![100.0; blocks], vec![50.0; blocks]);
            let result = compare(&pairs(&baseline, &arm), &CompareOptions::default()).unwrap();
            assert_eq!(result.verdict, Verdict::Inconclusive);
            assert_eq!(result.doubt, Some(Doubt::TooFewBlocks { blocks }));
            assert_eq!(result.interval.is_some(), blocks >= 2);
        }
        assert_eq!(Doubt::TooFewBlocks { blocks: 1 }.to_string(), "1 block; at least 6 needed for p < 0.05");
        assert_eq!(compare(&[], &CompareOptions::default()), None);
    }

    #[test]
    fn six_clear_blocks_are_enough() {
        let arm = [50.0, 51.0, 49.0, 50.0, 52.0, 48.0];
        let result = compare(&pairs(&[100.0; 6], &arm), &CompareOptions::default()).unwrap();
        assert_eq!((result.verdict, result.ratio), (Verdict::Faster, Some(0.5)));
        let result = compare(&pairs(&arm, &[100.0; 6]), &CompareOptions::default()).unwrap();
        assert_eq!(result.verdict, Verdict::Slower);
    }

    #[test]
    fn equal_arms_are_equivalent_only_when_a_margin_says_what_matters() {
        let arm = [100.5, 99.5, 100.2, 99.8, 100.1, 99.9, 100.3, 99.7];
        let same = pairs(&[100.0; 8], &arm);
        let result = compare(&same, &CompareOptions::default()).unwrap();
        assert_eq!((result.verdict, result.doubt), (Verdict::Inconclusive, Some(Doubt::IntervalIncludesZero)));
        let with = |margin| CompareOptions { margin: Some(margin), ..CompareOptions::default() };
        assert_eq!(compare(&same, &with(0.02)).unwrap().verdict, Verdict::Equivalent);
        assert_eq!(compare(&same, &with(0.000_1)).unwrap().verdict, Verdict::Inconclusive);
    }

    #[test]
    fn a_constant_difference_over_many_blocks_is_certain() {
        let result = compare(&pairs(&[100.0; 31], &[90.0; 31]), &CompareOptions::default()).unwrap();
        assert_eq!((result.verdict, result.p, result.exact), (Verdict::Faster, Some(0.0), false));
        let result = compare(&pairs(&[100.0; 31], &[100.0; 31]), &CompareOptions::default()).unwrap();
        assert_eq!((result.verdict, result.p), (Verdict::Inconclusive, Some(1.0)));
    }

    #[test]
    fn lower_bounds_count_against_the_side_that_they_flatter() {
        let arm = [50.0, 51.0, 49.0, 50.0, 52.0, 48.0];
        let faster = pairs(&[100.0; 6], &arm);
        let flattered = CompareOptions { arm_censored: 2, ..CompareOptions::default() };
        assert_eq!(compare(&faster, &flattered).unwrap().doubt, Some(Doubt::Censored { censored: 2 }));
        let understated = CompareOptions { baseline_censored: 2, ..CompareOptions::default() };
        assert_eq!(compare(&faster, &understated).unwrap().verdict, Verdict::Faster);
    }
}
