//! A comparison in a sentence.

use crate::{
    report::{
        number::{count, difference_with_interval, duration, p_value, percent_off},
        summary::{ComparisonSummary, Summary},
        verdict::level::confidence,
    },
    stats::compare::Verdict,
};

/// What a comparison says: the verdict, by how much, from what, how sure.
pub(super) fn of(comparison: &ComparisonSummary, summary: &Summary) -> String {
    told(comparison, summary.scenarios().len() > 1)
}

/// The same, naming the scenario when asked to.
#[must_use]
pub fn told(comparison: &ComparisonSummary, with_scenario: bool) -> String {
    let c = comparison;
    let scenario = if with_scenario { format!(" in {}", c.scenario) } else { String::new() };
    let subject = format!("{} against {} on {}{scenario}", c.arm, c.baseline, c.metric);
    let (Some(arm), Some(baseline), Some(difference)) = (c.arm_mean_ns, c.baseline_mean_ns, c.difference_ns) else {
        return format!("{subject}: {}", inconclusive(c));
    };
    let means = format!("{} against {}", mean(arm, c.arm_censored), mean(baseline, c.baseline_censored));
    let interval = c.ci_low.zip(c.ci_high);
    let evidence = match interval {
        Some(_) => format!(
            "{means}, difference {} ({} interval over {})",
            difference_with_interval(difference, interval),
            confidence(c.alpha),
            count(c.blocks as u64, "block"),
        ),
        None => format!("{means}, difference {}", difference_with_interval(difference, None)),
    };
    let off = |sure| c.ratio.map_or_else(String::new, |ratio| format!("{} ", percent_off(ratio, sure)));
    match c.verdict {
        Verdict::Faster | Verdict::Slower => format!(
            "{} is {}{} than {} on {}{scenario}: {evidence}",
            c.arm,
            off(true),
            c.verdict.as_str(),
            c.baseline,
            c.metric
        ),
        Verdict::Equivalent => {
            format!("{} and {} are equivalent on {}{scenario}: {evidence}", c.arm, c.baseline, c.metric)
        }
        Verdict::Inconclusive => {
            let p = c.p_value.filter(|_| interval.is_some()).map_or_else(String::new, |p| format!(", {}", p_value(p)));
            format!("{subject}: {}. Seen: {evidence}{p}", inconclusive(c))
        }
    }
}

/// `inconclusive: 1 block; at least 6 needed for p < 0.05`.
pub(super) fn inconclusive(comparison: &ComparisonSummary) -> String {
    let reason = comparison.reason.as_deref().unwrap_or("no reason was recorded");
    format!("inconclusive: {reason}")
}

/// A mean; with any observation that was cut off it is a lower bound.
pub(super) fn mean(ns: u64, censored: usize) -> String {
    let bound = if censored > 0 { "≥ " } else { "" };
    format!("{bound}{}", duration(ns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{
        Report,
        fixture::{S, lived, run, trial},
    };

    /// Six blocks of constant times, the arm's given in seconds.
    fn summary(arm_s: u64, margin: Option<f64>) -> Summary {
        let mut report = Report::new(&run(6)).with_margin(margin);
        for block in 1..=6 {
            report.add(&trial(block, "eda", vec![lived(0, 100 * S, 50 * S)]));
            report.add(&trial(block, "aap", vec![lived(0, arm_s * S, 50 * S)]));
        }
        report.summary()
    }

    fn first(summary: &Summary) -> String {
        of(&summary.comparisons[0], summary)
    }

    #[test]
    fn each_verdict_has_its_sentence() {
        assert_eq!(
            first(&summary(88, None)),
            "aap is 12.0 % faster than eda on provision_total: 88.0 s against 100.0 s, \
             difference −12.0 s [−12.0, −12.0] (95 % interval over 6 blocks)"
        );
        assert!(first(&summary(109, None)).starts_with("aap is 9.0 % slower than eda on provision_total: "));
        assert!(first(&summary(101, Some(0.02))).starts_with("aap and eda are equivalent on provision_total: "));
        assert_eq!(
            first(&summary(100, None)),
            "aap against eda on provision_total: inconclusive: the 95 % interval includes 0. Seen: 100.0 s against \
             100.0 s, difference 0.000 s [0.000, 0.000] (95 % interval over 6 blocks), p = 1.000"
        );
    }

    #[test]
    fn an_arm_that_shares_no_block_with_the_baseline_is_named_and_not_measured() {
        let mut report = Report::new(&run(2));
        report.add(&trial(1, "eda", vec![lived(0, S, S)]));
        report.add(&trial(2, "aap", vec![lived(0, S, S)]));
        let summary = report.summary();
        assert_eq!(
            first(&summary),
            "aap against eda on provision_total: inconclusive: 0 blocks; at least 6 needed for p < 0.05"
        );
        assert_eq!(summary.comparisons[0].difference_ns, None);
    }
}
