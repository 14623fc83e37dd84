//! The log-rank test: whether one arm's instances end sooner than the other's, cut-off ones included (Mantel, Evaluation of
//! survival data and two new rank order statistics arising in its consideration, Cancer Chemother. Rep. 50, 1966).

use crate::stats::{
    normal,
    refusal::Refusal,
    resampling::{Resampling, Significance},
    sign_flip::{Tail, sign_flip_test},
    survival::{
        Observation, check,
        risk::{Moment, moments},
    },
};

/// The outcome of the test on independent observations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogRank {
    /// How many of the arm ended.
    pub ended: usize,
    /// How many would have, had both arms ended at the same rates.
    pub expected: f64,
    /// The statistic, χ² with one degree of freedom.
    pub statistic: f64,
    /// Its p-value.
    pub p: f64,
}

/// What stopped at a moment.
#[derive(Clone, Copy, Debug, Default)]
struct Stopped {
    of_arm: usize,
    ended: usize,
    arm_ended: usize,
}

/// The sums over all moments.
struct Score {
    ended: usize,
    expected: f64,
    variance: f64,
}

/// The log-rank test of two samples of independent observations; for blocks see [`log_rank_of_blocks`].
///
/// # Errors
/// [`Refusal::TooSmall`] for an empty side, [`Refusal::NotFinite`], [`Refusal::OutOfRange`] for a time below 0,
/// [`Refusal::NoEnds`] when nothing ended while both arms were at risk.
pub fn log_rank(baseline: &[Observation], arm: &[Observation]) -> Result<LogRank, Refusal> {
    let score = score(baseline, arm)?;
    if score.variance <= 0.0 {
        return Err(Refusal::NoEnds);
    }
    let excess = score.ended as f64 - score.expected;
    Ok(LogRank {
        ended: score.ended,
        expected: score.expected,
        statistic: excess * excess / score.variance,
        p: normal::two_sided_p(excess / score.variance.sqrt()),
    })
}

/// The observations of both arms in one block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedObservations<'o> {
    /// The baseline's instances.
    pub baseline: &'o [Observation],
    /// The arm's instances.
    pub arm: &'o [Observation],
}

/// The outcome of the test over blocks.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockLogRank {
    /// For each block how many more of the arm ended than expected; a positive one says that the arm is faster.
    pub scores: Vec<f64>,
    /// The two-sided sign-flip test of the scores.
    pub significance: Significance,
}

/// The log-rank test stratified by block, with the block as the unit: swapping the arms of a block turns the sign of its
/// score around, so that signs are flipped whole blocks at a time and instances of a block needn't be independent.
///
/// # Errors
/// As [`log_rank`]; a block in which nothing ended counts as no difference.
pub fn log_rank_of_blocks(blocks: &[PairedObservations<'_>], resampling: &Resampling) -> Result<BlockLogRank, Refusal> {
    let scores: Vec<f64> = blocks
        .iter()
        .map(|block| score(block.baseline, block.arm).map(|score| score.ended as f64 - score.expected))
        .collect::<Result<_, _>>()?;
    let significance = sign_flip_test(&scores, Tail::Both, resampling)?;
    Ok(BlockLogRank { scores, significance })
}

fn score(baseline: &[Observation], arm: &[Observation]) -> Result<Score, Refusal> {
    check(baseline.iter().map(|observation| observation.time))?;
    check(arm.iter().map(|observation| observation.time))?;
    let both: Vec<(bool, Observation)> =
        baseline.iter().map(|o| (false, *o)).chain(arm.iter().map(|o| (true, *o))).collect();
    let all: Vec<Moment<Stopped>> = moments(
        &both,
        |(_, observation)| observation.time,
        |stopped: &mut Stopped, (is_arm, observation)| {
            stopped.of_arm += usize::from(*is_arm);
            stopped.ended += usize::from(observation.ended);
            stopped.arm_ended += usize::from(*is_arm && observation.ended);
        },
    );
    let mut arm_at_risk = arm.len();
    let mut sums = Score { ended: 0, expected: 0.0, variance: 0.0 };
    for moment in &all {
        let (at_risk, ended) = (moment.at_risk as f64, moment.stopped.ended as f64);
        let share = arm_at_risk as f64 / at_risk;
        sums.ended += moment.stopped.arm_ended;
        sums.expected += ended * share;
        if moment.at_risk > 1 {
            // The variance of the hypergeometric distribution.
            sums.variance += ended * share * (1.0 - share) * (at_risk - ended) / (at_risk - 1.0);
        }
        arm_at_risk -= moment.stopped.of_arm;
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        stats::survival::fixture::{maintained, not_maintained, placebo, treated},
        units::Seed,
    };

    #[test]
    fn statistics_are_the_published_ones() {
        // lifelines 0.30.3, logrank_test: 16.792940989216543, 4.1688e-05 (16.79 in Kalbfleisch and Prentice, section 1.5) and
        // 3.3963886989776024 (3.4 in R's survival, ?survdiff).
        let test = log_rank(&placebo(), &treated()).unwrap();
        assert!((test.statistic - 16.792_940_989_216_543).abs() < 1e-9, "{test:?}");
        assert!((test.p / 4.168_809_109_334_522e-5 - 1.0).abs() < 1e-8, "{test:?}");
        assert_eq!(test.ended, 9);
        assert!((test.expected - 19.251).abs() < 5e-4, "{test:?}");
        let test = log_rank(&not_maintained(), &maintained()).unwrap();
        assert!((test.statistic - 3.396_388_698_977_602_4).abs() < 1e-9, "{test:?}");
    }

    #[test]
    fn swapping_the_arms_of_a_block_turns_its_score_around() {
        let (a, b) = (treated(), placebo());
        let resampling = Resampling::standard(Seed::new(1));
        let score =
            |baseline, arm| log_rank_of_blocks(&[PairedObservations { baseline, arm }], &resampling).unwrap().scores[0];
        assert!((score(&a, &b) + score(&b, &a)).abs() < 1e-9);
        assert!(score(&a, &b) > 0.0, "placebo ends sooner");
        let blocks = [PairedObservations { baseline: &a, arm: &b }; 6];
        let test = log_rank_of_blocks(&blocks, &resampling).unwrap();
        assert!((test.significance.p - 0.03125).abs() < 1e-12, "{test:?}");
    }

    #[test]
    fn nothing_ended_is_no_difference() {
        let open = [Observation { time: 1.0, ended: false }; 3];
        assert_eq!(log_rank(&open, &open), Err(Refusal::NoEnds));
        assert!(matches!(log_rank(&open, &[]), Err(Refusal::TooSmall(_))));
        assert_eq!(log_rank(&[Observation { time: 1.0, ended: true }], &open[..1]).unwrap().ended, 0);
        let resampling = Resampling::standard(Seed::new(1));
        let blocks = [PairedObservations { baseline: &open, arm: &open }; 3];
        assert!((log_rank_of_blocks(&blocks, &resampling).unwrap().significance.p - 1.0).abs() < 1e-12);
        assert!(log_rank_of_blocks(&[], &resampling).is_err());
    }
}
