//! From the means of blocks to a verdict.
//!
//! Everything that is claimed is read from one interval of the mean difference at one level, so that all claims hold
//! together: with the interval all below zero the arm is faster, within the margin it is equivalent, below the margin it is
//! not slower. Each claim has the p-value at whose level the interval would just allow it.

use super::level::confidence;
use crate::stats::{
    compare::{ALPHA, BlockPair, Verdict},
    interval::Confidence,
    sign_flip::{self, EXACT_MAX, sign_flip_p},
    student,
};

/// What a comparison goes by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rules {
    /// The significance level; the interval has 1 − alpha.
    pub(crate) alpha: f64,
    /// A relative difference of means that does not matter.
    pub(crate) margin: Option<f64>,
    /// Observations of the baseline that stand in its means at their lower bounds.
    pub(crate) baseline_censored: usize,
    /// The same of the arm.
    pub(crate) arm_censored: usize,
}

/// A difference of means of blocks, arm − baseline, and how sure it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// The level of the rules.
    pub(crate) alpha: f64,
    pub(crate) blocks: usize,
    pub(crate) baseline_mean: f64,
    pub(crate) arm_mean: f64,
    pub(crate) difference: f64,
    /// Arm / baseline; `None` for a baseline of zero.
    pub(crate) ratio: Option<f64>,
    /// The interval of the difference at the level of the rules; `None` below two blocks.
    pub(crate) interval: Option<(f64, f64)>,
    /// The two-sided p-value of no difference: exact up to [`EXACT_MAX`] blocks, else Student's.
    pub(crate) p: Option<f64>,
    pub(crate) exact: bool,
    pub(crate) verdict: Verdict,
    /// The p-value of what the verdict claims; `None` where it claims nothing.
    pub(crate) p_claim: Option<f64>,
    /// Whether the interval lies below the margin, and the p-value of that.
    pub(crate) not_slower: Option<(bool, f64)>,
    /// Whether the interval lies beyond the margin on the slower side, and the p-value of that.
    pub(crate) slower_by_margin: Option<(bool, f64)>,
    /// The same on either side.
    pub(crate) different_by_margin: Option<(bool, f64)>,
    /// Why it is inconclusive, when it is.
    pub(crate) doubt: Option<String>,
}

/// The fewest blocks with which an exact two-sided test can get below `alpha`: 2 / 2ⁿ < alpha.
pub(crate) fn blocks_needed(alpha: f64) -> usize {
    sign_flip::blocks_needed(alpha).unwrap_or(usize::MAX)
}

/// `1 block; at least 6 needed for p < 0.05`; with repeated looks at the level of this one.
pub(crate) fn too_few(blocks: usize, alpha: f64) -> String {
    let s = if blocks == 1 { "" } else { "s" };
    let level = format!("{alpha:.4}");
    format!("{blocks} block{s}; at least {} needed for p < {}", blocks_needed(alpha), level.trim_end_matches('0'))
}

/// Arm − baseline of each block.
pub(crate) fn differences(pairs: &[BlockPair]) -> Vec<f64> {
    pairs.iter().map(|pair| pair.arm - pair.baseline).collect()
}

/// The most blocks whose every choice of signs is counted in each of many resamples.
const EXACT_AMONG_MANY: usize = 16;

/// Whether differences would be called faster or slower without a margin, told quickly: many are asked about.
pub(crate) struct QuickTest {
    alpha: f64,
    /// The size of t that the interval excludes zero at; `None` where nothing may be claimed.
    critical: Option<f64>,
}

impl QuickTest {
    /// For so many blocks.
    pub(crate) fn new(blocks: usize, alpha: f64) -> Self {
        let critical = Confidence::of_alpha(alpha)
            .filter(|_| blocks >= blocks_needed(alpha))
            .and_then(|confidence| student::upper_quantile(confidence.tail(), blocks as f64 - 1.0));
        Self { alpha, critical }
    }

    /// Whether these would be called different.
    pub(crate) fn claims(&self, differences: &[f64]) -> bool {
        let Some(critical) = self.critical else { return false };
        let n = differences.len() as f64;
        let mean = differences.iter().sum::<f64>() / n;
        let variance = differences.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1.0);
        mean.abs() > critical * (variance / n).sqrt()
            && (differences.len() > EXACT_AMONG_MANY || sign_flip_p(differences).is_some_and(|p| p < self.alpha))
    }
}

/// Judges the blocks that both arms have; `None` when there are none.
pub(crate) fn judge(pairs: &[BlockPair], rules: &Rules) -> Option<Judged> {
    let baseline_mean = student::mean(&pairs.iter().map(|pair| pair.baseline).collect::<Vec<_>>())?;
    let arm_mean = student::mean(&pairs.iter().map(|pair| pair.arm).collect::<Vec<_>>())?;
    let differences = differences(pairs);
    let spread = Spread::of(&differences);
    let exact = (2..=EXACT_MAX).contains(&pairs.len());
    let p = if exact { sign_flip_p(&differences) } else { spread.and_then(|spread| spread.p_different_from(0.0)) };
    let mut judged = Judged {
        alpha: rules.alpha,
        blocks: pairs.len(),
        baseline_mean,
        arm_mean,
        difference: arm_mean - baseline_mean,
        ratio: (baseline_mean > 0.0).then(|| arm_mean / baseline_mean),
        interval: spread.and_then(|spread| spread.interval(rules.alpha)),
        p,
        exact,
        verdict: Verdict::Inconclusive,
        p_claim: None,
        not_slower: None,
        slower_by_margin: None,
        different_by_margin: None,
        doubt: None,
    };
    match claim(&judged, spread, rules) {
        Ok((verdict, p)) => (judged.verdict, judged.p_claim) = (verdict, p),
        Err(doubt) => judged.doubt = Some(doubt),
    }
    judged.not_slower = not_slower(&judged, spread, rules);
    judged.slower_by_margin = beyond(&judged, spread, rules, Side::Slower);
    judged.different_by_margin = beyond(&judged, spread, rules, Side::Either);
    Some(judged)
}

/// Mean and standard error of the differences.
#[derive(Clone, Copy, Debug)]
struct Spread {
    mean: f64,
    standard_error: f64,
    freedom: f64,
}

impl Spread {
    fn of(differences: &[f64]) -> Option<Self> {
        let interval = student::mean_interval(differences)?;
        let freedom = differences.len() as f64 - 1.0;
        Some(Self { mean: interval.mean, standard_error: interval.standard_error, freedom })
    }

    fn interval(&self, alpha: f64) -> Option<(f64, f64)> {
        let half = student::upper_quantile(Confidence::of_alpha(alpha)?.tail(), self.freedom)? * self.standard_error;
        Some((self.mean - half, self.mean + half))
    }

    /// The two-sided p-value of a mean of `value`; one without any spread is certain.
    fn p_different_from(&self, value: f64) -> Option<f64> {
        let distance = self.mean - value;
        if self.standard_error > 0.0 {
            student::two_sided_p(distance / self.standard_error, self.freedom)
        } else {
            Some(if distance == 0.0 { 1.0 } else { 0.0 })
        }
    }

    /// The p-value of a mean on the side of `bound` that the interval lies on. Without any spread that is certain, on the bound
    /// itself too: intervals count a bound to what is within it, as a margin of nothing in a baseline of 0 needs.
    fn p_beside(&self, bound: f64) -> Option<f64> {
        if self.standard_error > 0.0 { self.p_different_from(bound) } else { Some(0.0) }
    }
}

fn claim(judged: &Judged, spread: Option<Spread>, rules: &Rules) -> Result<(Verdict, Option<f64>), String> {
    let enough = judged.blocks >= blocks_needed(rules.alpha);
    let (low, high) = judged.interval.filter(|_| enough).ok_or_else(|| too_few(judged.blocks, rules.alpha))?;
    let censored = rules.baseline_censored + rules.arm_censored;
    if let Some(margin) = rules.margin.map(|margin| margin * judged.baseline_mean)
        && -margin <= low
        && high <= margin
    {
        if censored > 0 {
            return Err(censored_doubt(censored));
        }
        let p = |bound: f64| spread.and_then(|spread| spread.p_beside(bound));
        return Ok((Verdict::Equivalent, p(-margin).zip(p(margin)).map(|(low, high)| low.max(high))));
    }
    if low <= 0.0 && 0.0 <= high {
        return Err(format!("the {} interval includes 0", confidence(rules.alpha)));
    }
    if let Some(p) = judged.p.filter(|p| *p >= rules.alpha) {
        let level = confidence(rules.alpha);
        // As many digits as the level has, so that the one is seen to lie above the other.
        let p = if rules.alpha < ALPHA { format!("{p:.4}") } else { format!("{p:.3}") };
        return Err(format!("the {level} interval excludes 0, but the exact test gives p = {p}"));
    }
    // Lower bounds in the slower side only make the difference larger than shown.
    match (high < 0.0, rules.arm_censored, rules.baseline_censored) {
        (true, 0, _) => Ok((Verdict::Faster, judged.p)),
        (false, _, 0) => Ok((Verdict::Slower, judged.p)),
        (true, censored, _) | (false, _, censored) => Err(censored_doubt(censored)),
    }
}

fn censored_doubt(censored: usize) -> String {
    format!("{censored} censored in the arm that looks faster; its times are lower bounds")
}

/// Whether the arm is not slower by more than the margin, with the p-value of that.
fn not_slower(judged: &Judged, spread: Option<Spread>, rules: &Rules) -> Option<(bool, f64)> {
    let margin = rules.margin? * judged.baseline_mean;
    let (_, high) = judged.interval.filter(|_| judged.blocks >= blocks_needed(rules.alpha))?;
    let p = spread?.p_beside(margin)?;
    Some((high <= margin && rules.arm_censored == 0, p))
}

/// On which side of the margin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Slower,
    Either,
}

/// Whether the interval lies wholly beyond the margin, with the p-value of that: only then is it known that the arm is not
/// within it. An interval that the margin cuts says neither.
fn beyond(judged: &Judged, spread: Option<Spread>, rules: &Rules, side: Side) -> Option<(bool, f64)> {
    let margin = rules.margin? * judged.baseline_mean;
    let (low, high) = judged.interval.filter(|_| judged.blocks >= blocks_needed(rules.alpha))?;
    // Lower bounds in the slower side only make the difference larger than shown.
    if side == Side::Slower || judged.difference > 0.0 {
        return Some((low > margin && rules.baseline_censored == 0, spread?.p_beside(margin)?));
    }
    Some((high < -margin && rules.arm_censored == 0, spread?.p_beside(-margin)?))
}

/// The mean of blocks against a limit: `Some(true)` when the interval lies at or below it, `Some(false)` when above, with the
/// two-sided p-value; `None` when it can't be told.
pub(crate) fn below(means: &[f64], limit: f64, alpha: f64) -> (Option<bool>, Option<f64>, Option<(f64, f64)>) {
    let spread = Spread::of(means);
    let interval = spread.and_then(|spread| spread.interval(alpha));
    let p = spread.and_then(|spread| spread.p_beside(limit));
    let told = interval.filter(|_| means.len() >= blocks_needed(alpha)).and_then(|(low, high)| match () {
        () if high <= limit => Some(true),
        () if low > limit => Some(false),
        () => None,
    });
    (told, p, interval)
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
