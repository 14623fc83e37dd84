//! Intervals, and the confidence that they are asked for with.

/// An interval of a value that is not known exactly; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether a value lies in it.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }

    /// Half of its length.
    #[must_use]
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

/// The probability, within (0, 1), with which an interval's procedure covers the true value.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Confidence {
    /// Kept instead of the level: a small α survives, 1 − α would round it away.
    alpha: f64,
}

impl Confidence {
    /// 95 %, as everywhere in reports.
    pub const STANDARD: Self = Self { alpha: 0.05 };

    /// From a probability such as 0.95; `None` outside (0, 1).
    #[must_use]
    pub fn new(level: f64) -> Option<Self> {
        (0.0 < level && level < 1.0).then_some(Self { alpha: 1.0 - level })
    }

    /// From the error rate that is left, such as 0.05; `None` outside (0, 1).
    #[must_use]
    pub fn of_alpha(alpha: f64) -> Option<Self> {
        (0.0 < alpha && alpha < 1.0).then_some(Self { alpha })
    }

    /// The probability of covering.
    #[must_use]
    pub const fn level(self) -> f64 {
        1.0 - self.alpha
    }

    /// The probability of missing, both sides together.
    #[must_use]
    pub const fn alpha(self) -> f64 {
        self.alpha
    }

    /// The probability of missing on one side.
    #[must_use]
    pub const fn tail(self) -> f64 {
        self.alpha / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confidence_is_a_probability_strictly_between_0_and_1() {
        assert_eq!(Confidence::new(0.0), None);
        assert_eq!(Confidence::new(1.0), None);
        assert_eq!(Confidence::new(f64::NAN), None);
        assert_eq!(Confidence::of_alpha(0.05), Some(Confidence::STANDARD));
        assert!((Confidence::new(0.9).unwrap().tail() - 0.05).abs() < 1e-12);
    }
}
