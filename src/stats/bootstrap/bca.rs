//! Intervals from the statistics of resamples (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 13.3
//! and 14.3).

use crate::stats::{
    bootstrap::Bootstrap,
    interval::{Confidence, Interval},
    normal,
    pairing::variance,
};

/// Both intervals and the standard error; `drawn` and `left_out` have at least two values.
pub(super) fn intervals(estimate: f64, mut drawn: Vec<f64>, left_out: &[f64], confidence: Confidence) -> Bootstrap {
    drawn.sort_unstable_by(f64::total_cmp);
    let (bias, acceleration) = (bias(estimate, &drawn), acceleration(left_out));
    let between = |low, high| Interval { low: at(&drawn, low), high: at(&drawn, high) };
    let z = normal::upper_quantile(confidence.tail());
    Bootstrap {
        estimate,
        standard_error: variance(&drawn).sqrt(),
        percentile: between(confidence.tail(), 1.0 - confidence.tail()),
        bca: between(corrected(-z, bias, acceleration), corrected(z, bias, acceleration)),
    }
}

/// z₀, how far the estimate is off the middle of the resamples; those equal to it count as halves.
fn bias(estimate: f64, sorted: &[f64]) -> f64 {
    // The same statistic from the same values in another order may differ by rounding.
    let tolerance = 1e-12 * estimate.abs();
    let below = sorted.partition_point(|value| *value < estimate - tolerance);
    let up_to = sorted.partition_point(|value| *value <= estimate + tolerance);
    let (half, all) = ((below + up_to) as f64 / 2.0, sorted.len() as f64);
    // All on one side would mean an infinite bias; so many resamples can't tell it from half a resample.
    normal::quantile((half / all).clamp(0.5 / all, 1.0 - 0.5 / all))
}

/// a, a sixth of the skewness of the estimate without each block in turn; 0 when no block matters.
fn acceleration(left_out: &[f64]) -> f64 {
    let mean = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let largest = left_out.iter().map(|value| (mean - value).abs()).fold(0.0, f64::max);
    if largest <= mean.abs() * f64::EPSILON * left_out.len() as f64 {
        return 0.0;
    }
    let scaled = left_out.iter().map(|value| (mean - value) / largest);
    let (squares, cubes) = scaled.fold((0.0, 0.0), |(squares, cubes), d| (squares + d * d, cubes + d * d * d));
    cubes / (6.0 * f64::powf(squares, 1.5))
}

/// The probability whose percentile takes the place of that of `z`.
fn corrected(z: f64, bias: f64, acceleration: f64) -> f64 {
    let shifted = bias + z;
    let stretch = 1.0 - acceleration * shifted;
    // Beyond the pole of the correction the end is at the extreme.
    if stretch <= 0.0 { f64::from(u8::from(shifted > 0.0)) } else { normal::below(bias + shifted / stretch) }
}

/// The percentile of sorted values by linear interpolation.
fn at(sorted: &[f64], probability: f64) -> f64 {
    let last = sorted.len() - 1;
    let position = probability * last as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the sample")]
    let rank = (position.floor() as usize).min(last);
    let next = sorted[(rank + 1).min(last)];
    sorted[rank] + (position - rank as f64) * (next - sorted[rank])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_intervals_are_those_of_scipys_formulas() {
        // NumPy 2.4.6 and SciPy 1.17.1, the steps of stats.bootstrap(method="BCa") on given resamples: z₀ =
        // −0.0878448379, a = 0.0064388096, ends at 0.0174721282 and 0.9646279486; std(ddof=1) = 2.333126157441133.
        let drawn: Vec<f64> = (0..400_u16).map(|i| f64::from(i).sin() * 3.0 + f64::from(i % 7) * 0.5 + 10.0).collect();
        let left_out = [11.0, 11.3, 11.1, 11.9, 11.25, 10.4, 11.2];
        let result = intervals(11.2, drawn, &left_out, Confidence::STANDARD);
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(result.bca.low, 7.271_523_995_620_648), "{result:?}");
        assert!(near(result.bca.high, 15.469_422_010_559_118), "{result:?}");
        assert!(near(result.percentile.low, 7.495_778_586_616_938), "{result:?}");
        assert!(near(result.percentile.high, 15.681_991_003_787_916), "{result:?}");
        assert!(near(result.standard_error, 2.333_126_157_441_133), "{result:?}");
    }

    #[test]
    fn resamples_all_on_one_side_or_all_equal_give_numbers() {
        let result = intervals(10.0, vec![1.0, 2.0, 3.0, 4.0], &[1.0, 1.0, 1.0], Confidence::STANDARD);
        assert!(result.bca.low.is_finite() && result.bca.high <= 4.0, "{result:?}");
        let result = intervals(0.1, vec![0.1; 300], &[0.1; 7], Confidence::STANDARD);
        assert_eq!(result.bca, Interval { low: 0.1, high: 0.1 });
        assert!(result.standard_error.abs() < 1e-12);
    }
}
