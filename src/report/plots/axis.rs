//! A horizontal axis of time.

use plotters::prelude::DrawingBackend;

use super::{
    canvas::{Anchor, Canvas, Drawn, Text},
    style,
};

/// Maps nanoseconds to pixels between two ticks of round numbers of seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeAxis {
    left: i32,
    right: i32,
    low_s: f64,
    high_s: f64,
    ticks: Vec<(f64, String)>,
}

impl TimeAxis {
    /// An axis from pixel `left` to `right` that shows all of `low_ns..=high_ns`, with `low_ns` only when it starts at 0.
    pub(super) fn new((left, right): (i32, i32), low_ns: u64, high_ns: u64) -> Self {
        let (mut low, mut high) = (low_ns as f64 / 1e9, high_ns as f64 / 1e9);
        let spread = high - low;
        if spread <= high.abs() * 1e-6 {
            let pad = if high > 0.0 { high * 0.01 } else { 1.0 };
            (low, high) = ((low - pad).max(0.0), high + pad);
        } else {
            high += spread * 0.03;
            low = if low_ns == 0 { 0.0 } else { (low - spread * 0.03).max(0.0) };
        }
        Self::between((left, right), low, high)
    }

    /// The same for differences, on either side of 0.
    pub(super) fn signed(ends: (i32, i32), low_ns: i64, high_ns: i64) -> Self {
        let (low, high) = (low_ns as f64 / 1e9, high_ns as f64 / 1e9);
        let pad = if high > low { (high - low) * 0.04 } else { high.abs() * 0.01 + 1e-3 };
        Self::between(ends, low - pad, high + pad)
    }

    fn between((left, right): (i32, i32), low: f64, high: f64) -> Self {
        let step = round_step((high - low) / 7.0);
        let decimals = decimals(step);
        let first = (low / step).ceil();
        let ticks = (0..40_i32)
            .map(|i| (first + f64::from(i)) * step)
            .take_while(|at| *at <= high + step * 1e-9)
            .map(|at| (at, format!("{:.decimals$}", at + 0.0).replace('-', "−")))
            .collect();
        Self { left, right, low_s: low, high_s: high, ticks }
    }

    /// The pixel of a time.
    #[expect(clippy::cast_possible_truncation, reason = "pixels")]
    pub(super) fn x(&self, ns: f64) -> i32 {
        let share = (ns / 1e9 - self.low_s) / (self.high_s - self.low_s);
        self.left + (share * f64::from(self.right - self.left)).round() as i32
    }

    /// Draws grid lines from `top` to `bottom` with their numbers under them and the title under those.
    pub(super) fn draw<B: DrawingBackend>(
        &self,
        canvas: &Canvas<'_, B>,
        (top, bottom): (i32, i32),
        title: &str,
    ) -> Drawn {
        for (at, text) in &self.ticks {
            let x = self.x(at * 1e9);
            canvas.line((x, top), (x, bottom), style::GRID, 2)?;
            let below = (x, bottom + style::SMALL);
            canvas.text(text, below, Text::new(style::SMALL, style::MUTED, Anchor::Center))?;
        }
        let middle = (i32::midpoint(self.left, self.right), bottom + style::SMALL + style::LABEL + 14);
        canvas.text(title, middle, Text::new(style::LABEL, style::INK, Anchor::Center))
    }
}

/// 1, 2 or 5 times a power of ten, at least as large.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|step| *step >= least * (1.0 - 1e-9)).unwrap_or(power)
}

/// The decimals that tell ticks of this step apart.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=9")]
fn decimals(step: f64) -> usize {
    (-(step.log10() + 1e-9).floor()).clamp(0.0, 9.0) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(low_ns: u64, high_ns: u64) -> Vec<String> {
        TimeAxis::new((0, 1000), low_ns, high_ns).ticks.into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_numbers_that_differ() {
        assert_eq!(labels(129_000_000_000, 149_000_000_000), ["130", "135", "140", "145"]);
        assert_eq!(labels(0, 4_000_000), ["0.000", "0.001", "0.002", "0.003", "0.004"]);
        for (low, high) in [(0, 0), (5, 5), (130_000_000_000, 130_000_000_000), (0, u64::MAX), (1, 2)] {
            let labels = labels(low, high);
            assert!((2..=12).contains(&labels.len()), "{low}..{high}: {labels:?}");
        }
    }

    #[test]
    fn differences_have_ticks_on_both_sides_of_zero() {
        let labels: Vec<String> = TimeAxis::signed((0, 1000), -17_500_000_000, 16_000_000_000)
            .ticks
            .into_iter()
            .map(|(_, text)| text)
            .collect();
        assert_eq!(labels, ["−10", "0", "10"]);
        assert!(TimeAxis::signed((0, 1000), 0, 0).ticks.len() > 1);
    }

    #[test]
    fn everything_lies_between_the_ends_of_the_axis() {
        let axis = TimeAxis::new((100, 900), 1_000, 5_000);
        assert!(axis.x(1_000.0) > 100 && axis.x(5_000.0) < 900 && axis.x(1_000.0) < axis.x(1_100.0));
        assert_eq!(TimeAxis::new((100, 900), 0, 5_000).x(0.0), 100);
    }
}
