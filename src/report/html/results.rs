//! Verdicts and tables.

use std::fmt::Write as _;

use super::escape::escape;
use crate::{
    record::Plane,
    report::{
        cost,
        metric::Metric,
        number::{difference_with_interval, duration},
        sentence,
        summary::{ArmSummary, MetricSummary, Summary},
        table::{mean, quantile_of},
        verdict,
    },
};

/// A sentence a comparison.
pub(super) fn verdicts(html: &mut String, summary: &Summary) {
    if summary.comparisons.is_empty() {
        html.push_str("<p>Nothing to compare: no second arm has records.</p>\n");
    } else {
        html.push_str("<ul class=\"verdicts\">\n");
        for c in &summary.comparisons {
            let verdict = c.verdict.as_str();
            let sentence = escape(&sentence::of(c, summary));
            let exploratory = if c.primary { "" } else { " <small>(exploratory)</small>" };
            let _ = writeln!(html, "<li><span class=\"badge {verdict}\">{verdict}</span> {sentence}{exploratory}</li>");
        }
        html.push_str("</ul>\n");
    }
    let notes = verdict::notes::all(summary);
    if !notes.is_empty() {
        html.push_str("<h3>About the verdicts</h3>\n<ul>\n");
        for note in notes {
            let _ = writeln!(html, "<li>{}</li>", escape(&note));
        }
        html.push_str("</ul>\n");
    }
}

/// How the instances' lives ended.
pub(super) fn outcomes(html: &mut String, summary: &Summary) {
    html.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>arm</th><th>scenario</th>");
    html.push_str("<th class=\"n\">trials</th><th class=\"n\">instances</th><th class=\"n\">succeeded</th>");
    html.push_str("<th class=\"n\">failed</th><th class=\"n\">canceled</th><th class=\"n\">censored</th>");
    html.push_str("<th class=\"n\">orphan VMs</th></tr></thead>\n<tbody>\n");
    for arm in &summary.arms {
        let o = arm.outcomes;
        let _ = write!(html, "<tr><td>{}</td><td>{}</td>", escape(&arm.arm), escape(&arm.scenario));
        for n in [arm.trials, arm.instances, o.succeeded, o.failed, o.canceled, o.censored, arm.orphans] {
            let _ = write!(html, "<td class=\"n\">{n}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
    cost::html(html, summary, escape);
}

/// The totals of a scenario with their differences from the baseline.
pub(super) fn totals(html: &mut String, summary: &Summary, scenario: &str) {
    let arms: Vec<&ArmSummary> = summary.arms.iter().filter(|arm| arm.scenario == scenario).collect();
    html.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>metric</th><th>arm</th>");
    numbers_head(html);
    let confidence = summary.confidence();
    let _ = write!(html, "<th class=\"n\">difference [{confidence} interval]</th>");
    html.push_str("<th>verdict</th></tr></thead>\n<tbody>\n");
    for metric in Metric::COMPARED {
        for arm in &arms {
            let Some(m) = arm.metrics.get(&metric).filter(|m| m.n + m.censored > 0) else { continue };
            let _ = write!(html, "<tr><td>{metric}</td><td>{}</td>", escape(&arm.arm));
            numbers(html, m);
            let comparison = summary.comparison(arm, &metric);
            let difference = comparison
                .and_then(|c| Some(difference_with_interval(c.difference_ns?, c.ci_low.zip(c.ci_high))))
                .unwrap_or_default();
            let verdict = comparison.map_or("baseline", |c| c.verdict.as_str());
            let _ = writeln!(
                html,
                "<td class=\"n\">{difference}</td><td><span class=\"{verdict}\">{verdict}</span></td></tr>"
            );
        }
    }
    html.push_str("</tbody></table></div>\n");
}

/// The dwell times of a scenario; says whether there were any.
pub(super) fn dwells(html: &mut String, summary: &Summary, scenario: &str) -> bool {
    let arms = || summary.arms.iter().filter(|arm| arm.scenario == scenario);
    let mut metrics: Vec<&Metric> = arms().flat_map(|arm| arm.metrics.keys()).collect();
    metrics.retain(|metric| matches!(metric, Metric::State { .. }));
    metrics.sort();
    metrics.dedup();
    if metrics.is_empty() {
        return false;
    }
    html.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>seen by</th><th>job</th><th>state</th><th>arm</th>");
    numbers_head(html);
    html.push_str("</tr></thead>\n<tbody>\n");
    for metric in metrics {
        let Metric::State { plane, job_type, state } = metric else { continue };
        for arm in arms() {
            let Some(m) = arm.metrics.get(metric) else { continue };
            let (job, state, name) = (escape(job_type), escape(state), escape(&arm.arm));
            let _ = write!(html, "<tr><td>{}</td><td>{job}</td><td>{state}</td><td>{name}</td>", seen_by(*plane));
            numbers(html, m);
            html.push_str("</tr>\n");
        }
    }
    html.push_str("</tbody></table></div>\n");
    true
}

fn seen_by(plane: Plane) -> &'static str {
    match plane {
        Plane::Observed => "observed (watch)",
        other => other.as_str(),
    }
}

fn numbers_head(html: &mut String) {
    for name in ["n", "mean", "p50", "p95", "p99", "min", "max"] {
        let _ = write!(html, "<th class=\"n\">{name}</th>");
    }
}

fn numbers(html: &mut String, m: &MetricSummary) {
    let n = if m.censored > 0 { format!("{} + {} cut off", m.n, m.censored) } else { m.n.to_string() };
    let of = |ns| quantile_of(m, ns);
    let given = |ns: Option<u64>| ns.map_or_else(|| "–".to_owned(), duration);
    for text in [n, mean(m), of(m.p50_ns), of(m.p95_ns), of(m.p99_ns), given(m.min_ns), given(m.max_ns)] {
        let class = if text == "n too small" { "n small" } else { "n" };
        let _ = write!(html, "<td class=\"{class}\">{text}</td>");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beside_what_was_cut_off_stands_no_quantile() {
        let whole = MetricSummary { n: 7, mean_ns: Some(12), p50_ns: Some(11), ..MetricSummary::default() };
        let cut = MetricSummary { censored: 1, mean_lower_bound_ns: Some(13), ..whole.clone() };
        let written = |m| {
            let mut html = String::new();
            numbers(&mut html, m);
            html
        };
        assert!(written(&whole).contains(">11 ns<"), "{}", written(&whole));
        let of_cut = written(&cut);
        assert!(of_cut.contains(">7 + 1 cut off<") && of_cut.contains(">≥ 13 ns<"), "{of_cut}");
        assert!(!of_cut.contains("11 ns") && !of_cut.contains("n too small"), "{of_cut}");
    }
}
