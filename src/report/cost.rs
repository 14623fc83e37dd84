//! What an instance cost the operator, for people.

use std::fmt::Write as _;

use crate::report::{
    markdown,
    metric::Metric,
    number::duration,
    summary::{ArmSummary, Summary},
};

/// Bytes with their unit: `7.1 kB`.
fn bytes(bytes: f64) -> String {
    match bytes {
        _ if bytes >= 1e6 => format!("{:.2} MB", bytes / 1e6),
        _ if bytes >= 1e3 => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{bytes:.0} B"),
    }
}

/// What is not counted because it can't be seen.
const NOT_VISIBLE: &str = "not visible";

/// The cells of a row: processor time, requests, bytes sent, bytes received; `None` where nothing was counted.
fn cells(arm: &ArmSummary) -> Option<[String; 4]> {
    let cpu = arm.metrics.get(&Metric::OperatorCpu).and_then(|cpu| cpu.mean_ns);
    let Some(api) = arm.api else {
        // An operator in a process of its own: what it asks the API server goes past us.
        let hidden = || NOT_VISIBLE.to_owned();
        return cpu.map(|cpu| [duration(cpu), hidden(), hidden(), hidden()]);
    };
    Some([
        cpu.map_or_else(|| "–".to_owned(), duration),
        format!("{:.1}", api.requests_per_instance),
        bytes(api.sent_bytes_per_instance),
        bytes(api.received_bytes_per_instance),
    ])
}

/// A line an arm, for a terminal: `eda: an instance took 12.7 requests to the API server, 7.1 kB sent, 36.9 kB received`.
pub(super) fn line(arm: &ArmSummary) -> Option<String> {
    let [cpu, requests, sent, received] = cells(arm)?;
    if arm.api.is_none() {
        return Some(format!(
            "{}: an instance took {cpu} of the operator's CPU; its requests are {NOT_VISIBLE}",
            arm.arm
        ));
    }
    Some(format!(
        "{}: an instance took {cpu} of the operator's CPU and {requests} requests to the API server, {sent} sent and \
         {received} received",
        arm.arm
    ))
}

/// A section of Markdown, where anything was counted.
pub(super) fn section(text: &mut String, summary: &Summary) {
    let rows: Vec<_> = summary.arms.iter().filter_map(|arm| Some((arm, cells(arm)?))).collect();
    if rows.is_empty() {
        return;
    }
    text.push_str("\n## What an instance cost the operator\n\n");
    text.push_str("| scenario | arm | CPU | API requests | sent | received |\n|---|---|---:|---:|---:|---:|\n");
    for (arm, [cpu, requests, sent, received]) in rows {
        let (scenario, name) = (markdown::escape(&arm.scenario), markdown::escape(&arm.arm));
        let _ = writeln!(text, "| {scenario} | {name} | {cpu} | {requests} | {sent} | {received} |");
    }
}

/// The rows of a table of HTML: scenario, arm and the cells; `escape` makes a name harmless.
pub(super) fn html(html: &mut String, summary: &Summary, escape: impl Fn(&str) -> String) {
    let rows: Vec<_> = summary.arms.iter().filter_map(|arm| Some((arm, cells(arm)?))).collect();
    if rows.is_empty() {
        return;
    }
    html.push_str("<h3>What an instance cost the operator</h3>\n<div class=\"scroll\"><table>\n<thead><tr>");
    html.push_str("<th>scenario</th><th>arm</th><th class=\"n\">CPU</th><th class=\"n\">API requests</th>");
    html.push_str("<th class=\"n\">sent</th><th class=\"n\">received</th></tr></thead>\n<tbody>\n");
    for (arm, cells) in rows {
        let _ = write!(html, "<tr><td>{}</td><td>{}</td>", escape(&arm.scenario), escape(&arm.arm));
        for cell in cells {
            let _ = write!(html, "<td class=\"n\">{cell}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::Cost,
        report::{
            Report,
            fixture::{S, lived, run, trial},
        },
    };

    #[test]
    fn what_was_counted_is_shown_for_an_instance_and_what_was_not_is_left_out() {
        let mut report = Report::new(&run(2));
        for block in 1..=2 {
            let mut record = trial(block, "eda", vec![lived(0, S, S), lived(1, S, S)]);
            record.cost = Some(Cost {
                operator_cpu_ns: Some(8_000_000),
                api_requests: 21,
                api_sent_bytes: 3_000,
                api_received_bytes: 5_000_000,
                process: None,
            });
            report.add(&record);
            let partly = (block == 1).then(Cost::default);
            report.add(&crate::record::TrialRecord { cost: partly, ..trial(block, "aap", vec![lived(0, S, S)]) });
        }
        let summary = report.summary();
        let mut text = String::new();
        section(&mut text, &summary);
        assert!(text.ends_with("| provision-deprovision | eda | 4.00 ms | 10.5 | 1.5 kB | 2.50 MB |\n"), "{text}");
        assert_eq!(summary.arms[1].api, None, "a trial was not counted");
        assert_eq!(line(&summary.arms[1]), None);
    }
}
