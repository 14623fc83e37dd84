//! The standard normal distribution, as far as intervals and tests need it.

use statrs::function::erf::{erfc, erfc_inv};

/// The probability below `z`.
#[must_use]
pub fn below(z: f64) -> f64 {
    0.5 * erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// The probability above `z`; small ones keep their digits.
#[must_use]
pub fn above(z: f64) -> f64 {
    below(-z)
}

/// The value above which a probability of `tail` lies; ±∞ for 0 and 1.
#[must_use]
pub fn upper_quantile(tail: f64) -> f64 {
    std::f64::consts::SQRT_2 * erfc_inv(2.0 * tail)
}

/// The value below which `probability` lies; ∓∞ for 0 and 1.
#[must_use]
pub fn quantile(probability: f64) -> f64 {
    -upper_quantile(probability)
}

/// The two-sided p-value of `z`.
#[must_use]
pub fn two_sided_p(z: f64) -> f64 {
    (2.0 * above(z.abs())).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_and_quantiles_are_those_of_scipy() {
        // SciPy 1.17.1: norm.sf(z), norm.isf(p).
        for (z, p) in
            [(1.959_963_984_540_054, 0.025), (4.876_9, 5.388_301_636_400_755e-7), (8.0, 6.220_960_574_271_786e-16)]
        {
            assert!((above(z) / p - 1.0).abs() < 1e-9, "{z}: {}", above(z));
        }
        for (p, z) in [(0.025, 1.959_963_984_540_054), (0.1, 1.281_551_565_544_600_4), (1e-12, 7.034_483_825_301_132)] {
            assert!((upper_quantile(p) - z).abs() < 1e-9, "{p}: {}", upper_quantile(p));
            assert!((quantile(p) + z).abs() < 1e-9);
        }
        assert!((two_sided_p(-1.959_963_984_540_054) - 0.05).abs() < 1e-10);
        assert!((two_sided_p(0.0) - 1.0).abs() < 1e-12);
    }
}
