//! Ranks of two samples together, ties counted as halves.

/// One value of both samples together, and how often each has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tie {
    /// How many of the baseline's values.
    pub baseline: usize,
    /// How many of the arm's values.
    pub arm: usize,
}

/// The distinct values of both samples in ascending order, as counts.
pub(crate) fn ties(baseline: &[f64], arm: &[f64]) -> Vec<Tie> {
    let mut values: Vec<(f64, bool)> =
        baseline.iter().map(|value| (*value, false)).chain(arm.iter().map(|value| (*value, true))).collect();
    values.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    values
        .chunk_by(|a, b| a.0 >= b.0)
        .map(|tie| {
            let arm = tie.iter().filter(|value| value.1).count();
            Tie { baseline: tie.len() - arm, arm }
        })
        .collect()
}

/// How the arm's values lie among the baseline's, in placements (Orban and Wolfe, 1982): a value's placement is how many
/// of the other sample lie below it, ties counted as halves. Everything is kept in exact halves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Placements {
    /// How many values the baseline has.
    pub baseline: usize,
    /// How many values the arm has.
    pub arm: usize,
    /// Pairs in which the arm's value is larger, ties counted as halves.
    pub arm_larger: f64,
    /// Pairs with equal values.
    pub tied_pairs: f64,
    /// Sum of squared deviations of the baseline's placements.
    pub baseline_squares: f64,
    /// Sum of squared deviations of the arm's placements.
    pub arm_squares: f64,
}

impl Placements {
    pub(crate) fn of(ties: &[Tie]) -> Self {
        let (mut baseline, mut arm, mut equal) = (0_u64, 0_u64, 0_u64);
        // Twice the placements: their sums and sums of squares are whole numbers.
        let (mut sum_baseline, mut squares_baseline) = (0_u64, 0_u128);
        let (mut sum_arm, mut squares_arm) = (0_u64, 0_u128);
        for tie in ties {
            let (here_baseline, here_arm) = (tie.baseline as u64, tie.arm as u64);
            let (of_arm, of_baseline) = (2 * baseline + here_baseline, 2 * arm + here_arm);
            sum_arm += here_arm * of_arm;
            squares_arm += u128::from(here_arm) * u128::from(of_arm).pow(2);
            sum_baseline += here_baseline * of_baseline;
            squares_baseline += u128::from(here_baseline) * u128::from(of_baseline).pow(2);
            equal += here_baseline * here_arm;
            baseline += here_baseline;
            arm += here_arm;
        }
        let deviations = |squares: u128, sum: u64, n: u64| {
            // Σx² − (Σx)²/n over whole numbers, then back from doubled placements.
            let scaled = squares * u128::from(n) - u128::from(sum).pow(2);
            scaled as f64 / n as f64 / 4.0
        };
        Self {
            baseline: usize::try_from(baseline).unwrap_or(usize::MAX),
            arm: usize::try_from(arm).unwrap_or(usize::MAX),
            arm_larger: sum_arm as f64 / 2.0,
            tied_pairs: equal as f64,
            baseline_squares: deviations(squares_baseline, sum_baseline, baseline.max(1)),
            arm_squares: deviations(squares_arm, sum_arm, arm.max(1)),
        }
    }

    /// The probability that a value of the arm is the larger one of a pair, ties counted as halves.
    pub(crate) fn relative_effect(&self) -> f64 {
        self.arm_larger / (self.baseline as f64 * self.arm as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placements_count_the_other_sample_below() {
        let ties = ties(&[1.0, 2.0, 2.0], &[2.0, 3.0, -0.0]);
        assert_eq!(ties.len(), 4);
        let placements = Placements::of(&ties);
        // The arm's placements are 0, 2, 3 (0 below −0, one and two halves below 2, three below 3); their mean is 5/3.
        assert!((placements.arm_larger - 5.0).abs() < 1e-12);
        assert!((placements.arm_squares - 14.0 / 3.0).abs() < 1e-12, "{placements:?}");
        // The baseline's are 1, 1.5, 1.5.
        assert!((placements.baseline_squares - 1.0 / 6.0).abs() < 1e-12, "{placements:?}");
        assert!((placements.tied_pairs - 2.0).abs() < 1e-12);
    }
}
