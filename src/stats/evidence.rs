//! All that a verdict on two paired arms is drawn from.

use crate::stats::{
    equivalence::{Equivalence, equivalence},
    hodges_lehmann::{self, Shift},
    interval::Confidence,
    pairing::variance_reduction,
    refusal::{Refusal, paired as refuse_unpaired},
    resampling::{Resampling, Significance},
    sign_flip::{Tail, sign_flip_test},
    student::{MeanInterval, mean_interval_at},
};

/// What is asked of two paired arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Question {
    /// A mean difference that does not matter, in the unit of the values.
    pub margin: Option<f64>,
    /// The confidence of the intervals; its α is that of the tests.
    pub confidence: Confidence,
    /// The draws of the tests that don't count everything out.
    pub resampling: Resampling,
}

/// The evidence of blocks that both arms have; differences are arm − baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedEvidence {
    /// How many blocks.
    pub blocks: usize,
    /// The mean difference with Student's interval.
    pub mean: MeanInterval,
    /// The Hodges–Lehmann shift with its signed-rank interval.
    pub shift: Shift,
    /// The two-sided sign-flip test.
    pub sign_flip: Significance,
    /// The test of equivalence, when there is a margin.
    pub equivalence: Option<Equivalence>,
    /// What the pairing took away of the variance; `None` when neither arm varies.
    pub variance_reduction: Option<f64>,
}

/// Weighs the block means of two arms, in the same order of blocks.
///
/// # Errors
/// [`Refusal::Unpaired`], [`Refusal::TooSmall`] below two blocks, [`Refusal::NotFinite`], [`Refusal::OutOfRange`] for a
/// margin that is not above 0 or a confidence too low for a test of equivalence.
pub fn paired(baseline: &[f64], arm: &[f64], question: &Question) -> Result<PairedEvidence, Refusal> {
    refuse_unpaired(baseline, arm, 2)?;
    let differences: Vec<f64> = arm.iter().zip(baseline).map(|(arm, baseline)| arm - baseline).collect();
    let alpha = question.confidence.alpha();
    Ok(PairedEvidence {
        blocks: differences.len(),
        mean: mean_interval_at(&differences, question.confidence)
            .ok_or(Refusal::OutOfRange { what: "the confidence must leave a tail that can be told from 0" })?,
        shift: hodges_lehmann::one_sample(&differences, question.confidence)?,
        sign_flip: sign_flip_test(&differences, Tail::Both, &question.resampling)?,
        equivalence: question.margin.map(|margin| equivalence(&differences, margin, alpha)).transpose()?,
        variance_reduction: variance_reduction(baseline, arm).ok(),
    })
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
