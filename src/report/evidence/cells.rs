//! The evidence in words, for tables of any format.

use std::fmt::Write as _;

use super::{BlockQuantile, EndTimes, Estimate, MedianTime, Survival};
use crate::report::{
    markdown::escape,
    number::{count, difference_with_interval, duration, p_value},
    summary::{ComparisonSummary, Summary},
};

/// What stands above the tables; what the intervals of differences are called is theirs, `95 %` of one look.
pub(in crate::report) fn about(summary: &Summary) -> String {
    let confidence = summary.confidence();
    format!(
        "None of this changes a verdict; where the shift, the bootstrap of the mean, the median \
     or the ranks say something else, there is a note. Differences are arm − baseline with {confidence} intervals: the shift by ranks \
     of block differences, the others by drawing whole blocks (BCa), whose intervals are short where blocks are few (87 % \
     instead of 95 % for a mean of 6 blocks, 92 % for 15, 94 % for 30). Quantiles are of instances in the first table and of block means in the second. A12 is how often a \
     block of the arm takes longer than one of the baseline, with Brunner and Munzel's p-value."
    )
}

/// The heads of the columns that [`methods`] fills.
pub(in crate::report) const METHODS: [&str; 9] = [
    "metric",
    "arm",
    "Hodges–Lehmann shift",
    "mean, bootstrap",
    "ratio of means",
    "p50",
    "p90",
    "p99",
    "larger than the baseline (A12)",
];

/// The heads of the columns that [`quantiles`] fills.
pub(in crate::report) const QUANTILES: [&str; 6] = ["metric", "arm", "blocks", "p50 of blocks", "p90", "p99"];

/// A row a comparison with answers; differences are arm − baseline, with the intervals of its level.
pub(in crate::report) fn methods(summary: &Summary, scenario: &str) -> Vec<[String; 9]> {
    let of_scenario = summary.comparisons.iter().filter(|comparison| comparison.scenario == scenario);
    of_scenario.filter_map(method_row).collect()
}

fn method_row(comparison: &ComparisonSummary) -> Option<[String; 9]> {
    let evidence = &comparison.evidence;
    let (resampled, shift) = (evidence.resampled.as_ref()?, evidence.shift.as_ref()?);
    let ratio = resampled.ratio_of_means.estimate.map_or_else(none, |ratio| {
        let bca = resampled.ratio_of_means.bca.map(|[low, high]| format!(" [{low:.3}, {high:.3}]"));
        format!("{ratio:.3}{}", bca.unwrap_or_default())
    });
    let ranked = evidence.ranked.as_ref().map_or_else(none, |ranked| {
        let [low, high] = ranked.a12_interval;
        let p = ranked.brunner_munzel_p.map(|p| format!(", {}", p_value(p)));
        format!("{:.2} [{low:.2}, {high:.2}]{}", ranked.a12, p.unwrap_or_default())
    });
    Some([
        comparison.metric.to_string(),
        comparison.arm.clone(),
        difference_with_interval(shift.estimate_ns, shift.low_ns.zip(shift.high_ns)),
        time(&resampled.mean_ns),
        ratio,
        time(&resampled.p50_ns),
        time(&resampled.p90_ns),
        time(&resampled.p99_ns),
        ranked,
    ])
}

fn time(estimate: &Estimate<i64>) -> String {
    let bca = estimate.bca.map(|[low, high]| (low, high));
    match (estimate.estimate, &estimate.refused) {
        (Some(ns), _) => difference_with_interval(ns, bca),
        (None, Some(refused)) => refused.clone(),
        (None, None) => none(),
    }
}

/// A row an arm and metric.
pub(in crate::report) fn quantiles(summary: &Summary, scenario: &str) -> Vec<[String; 6]> {
    let arms = summary.arms.iter().filter(|arm| arm.scenario == scenario);
    arms.flat_map(|arm| {
        arm.block_quantiles.iter().map(|(metric, of)| {
            let blocks = of.blocks.to_string();
            [metric.to_string(), arm.arm.clone(), blocks, quantile(&of.p50), quantile(&of.p90), quantile(&of.p99)]
        })
    })
    .collect()
}

fn quantile(of: &BlockQuantile) -> String {
    let Some(estimate) = of.estimate_ns else { return of.refused.clone().unwrap_or_else(none) };
    let time = |ns: i64| duration(ns.unsigned_abs());
    let interval = of.interval_ns.map(|[low, high]| format!(" [{}, {}]", time(low), time(high)));
    format!("{}{}", time(estimate), interval.unwrap_or_default())
}

/// The part of a page of Markdown on one scenario; nothing where no method has an answer.
pub(in crate::report) fn markdown(text: &mut String, summary: &Summary, scenario: &str) {
    let (methods, quantiles) = (methods(summary, scenario), quantiles(summary, scenario));
    let sentences = sentences(summary, scenario);
    if methods.is_empty() && sentences.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n### By other methods\n\n{}", about(summary));
    for sentence in sentences {
        let _ = writeln!(text, "\n- {}", escape(&sentence));
    }
    rows(text, &METHODS, &methods);
    rows(text, &QUANTILES, &quantiles);
}

fn rows<const N: usize>(text: &mut String, head: &[&str; N], rows: &[[String; N]]) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n| {} |\n|---|---|{}", head.join(" | "), "---:|".repeat(N - 2));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.each_ref().map(|cell| escape(cell)).join(" | "));
    }
}

/// Sentences on what was cut off, and on provision jobs that ended in more ways than one.
pub(in crate::report) fn sentences(summary: &Summary, scenario: &str) -> Vec<String> {
    let comparisons = summary.comparisons.iter().filter(|comparison| comparison.scenario == scenario);
    let cut = comparisons.filter_map(|comparison| Some(cut_off(comparison, comparison.evidence.survival.as_ref()?)));
    let arms = summary.arms.iter().filter(|arm| arm.scenario == scenario);
    let ends = arms.filter_map(|arm| Some(provision_ends(&arm.arm, arm.provision_ends.as_ref()?)));
    cut.chain(ends).collect()
}

fn cut_off(comparison: &ComparisonSummary, survival: &Survival) -> String {
    let ComparisonSummary { metric, arm, baseline, .. } = comparison;
    let mut text = format!(
        "{metric}, with what was cut off ({} of {baseline}, {} of {arm}): medians by Kaplan and Meier {} ({baseline}) and {} \
         ({arm})",
        comparison.baseline_censored,
        comparison.arm_censored,
        median(&survival.baseline_median),
        median(&survival.arm_median),
    );
    if let Some(p) = survival.log_rank_p {
        let _ = write!(text, "; log-rank test over blocks {}", p_value(p));
    }
    if let (Some(horizon), Some(difference)) = (survival.horizon_ns, survival.restricted_mean_difference_ns) {
        let interval = survival.restricted_mean_interval_ns.map(|[low, high]| (low, high));
        let difference = difference_with_interval(difference, interval);
        let _ = write!(text, "; means up to {} differ by {difference}", duration(horizon));
    }
    text
}

fn median(of: &MedianTime) -> String {
    of.estimate_ns.map_or_else(|| "not reached".to_owned(), duration)
}

fn provision_ends(arm: &str, of: &EndTimes) -> String {
    let end = |end: &super::End| {
        let percent = |share: f64| format!("{:.1}", share * 100.0);
        let by = end.half_by_ns.map(|ns| format!(", half of them by {}", duration(ns)));
        format!("{} {} %{}", end.end, percent(end.share), by.unwrap_or_default())
    };
    let ends: Vec<String> = of.ends.iter().map(end).collect();
    let open = (of.censored > 0).then(|| format!("; {} not seen to end", of.censored));
    format!(
        "{arm}: provision jobs of {} ended {}{} (Aalen and Johansen)",
        count(of.instances as u64, "instance"),
        ends.join("; "),
        open.unwrap_or_default()
    )
}

fn none() -> String {
    "–".to_owned()
}
