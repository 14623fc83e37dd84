//! The answer for a terminal.

use std::fmt::Write as _;

use comfy_table::Table;

use crate::{
    report::{
        number::duration,
        table::{quantile, shown, table},
        what_if::{Answer, Numbers, PredictedArm},
    },
    units::GoDuration,
};

/// What was measured, what is predicted and, where it was run, what was measured then and how far off the prediction is.
#[must_use]
pub fn what_if_table(answer: &Answer) -> String {
    let wanted = answer.poll_interval;
    let mut text = String::new();
    for warning in &answer.warnings {
        let _ = writeln!(text, "warning: {}", shown(warning));
    }
    let _ = writeln!(text, "with a job's state asked for every {wanted} ({} clock)", answer.clock.as_str());
    for of_scenario in answer.arms.chunk_by(|a, b| a.scenario == b.scenario) {
        let _ = write!(text, "\n{}\n{}\n", shown(&of_scenario[0].scenario), rows(answer, of_scenario));
    }
    text.push_str("\nassumed:\n");
    for assumption in &answer.assumptions {
        let _ = writeln!(text, "- {assumption}");
    }
    text
}

fn rows(answer: &Answer, arms: &[PredictedArm]) -> String {
    let mut table = table(["arm, metric", "n", "mean", "p50", "p95"]);
    for arm in arms {
        add_rows(&mut table, answer, arm);
    }
    table.trim_fmt()
}

fn add_rows(table: &mut Table, answer: &Answer, arm: &PredictedArm) {
    if let Some(why) = nothing_to_show(arm, answer.poll_interval) {
        table.add_row([format!("{}: {why}", shown(&arm.arm))]);
        return;
    }
    table.add_row([shown(&arm.arm)]);
    for metric in &arm.metrics {
        table.add_row([format!("  {}", metric.metric)]);
        let label = |what: &str| format!("    {what}");
        table.add_row(row(&label(&format!("measured at {}", arm.poll_interval)), &metric.measured));
        let mut predicted = row(&label(&format!("predicted at {}", answer.poll_interval)), &metric.predicted);
        for (field, place) in [("p50_ns", 3), ("p95_ns", 4)] {
            if metric.uncertain.contains(&field) {
                "by chance".clone_into(&mut predicted[place]);
            }
        }
        table.add_row(predicted);
        if let (Some(rerun), Some(name)) = (&metric.rerun, &arm.rerun_arm) {
            table.add_row(row(&label(&format!("measured in {}", shown(name))), rerun));
            table.add_row(off(&label("prediction off by"), &metric.predicted, rerun));
        }
    }
}

/// Why there are no numbers to show of an arm, if so.
fn nothing_to_show(arm: &PredictedArm, wanted: GoDuration) -> Option<&'static str> {
    let moves = arm.metrics.iter().any(|metric| metric.measured != metric.predicted);
    if moves || arm.rerun_arm.is_some() {
        return None;
    }
    Some(if arm.poll_interval == wanted {
        "run at that interval"
    } else if !arm.is_polled {
        "the same at any interval"
    } else if !arm.has_deprovisioned() {
        "nothing can be predicted: no deprovisioning came to its end"
    } else {
        "the same at that interval"
    })
}

fn row(name: &str, numbers: &Numbers) -> [String; 5] {
    [
        name.to_owned(),
        numbers.n.to_string(),
        duration(numbers.mean_ns),
        quantile(numbers.p50_ns),
        quantile(numbers.p95_ns),
    ]
}

fn off(name: &str, predicted: &Numbers, rerun: &Numbers) -> [String; 5] {
    let percent = |predicted: Option<u64>, rerun: Option<u64>| {
        let (predicted, rerun) = (predicted? as f64, rerun? as f64);
        (rerun > 0.0).then(|| format!("{:+.2} %", 100.0 * (predicted / rerun - 1.0)).replace('-', "−"))
    };
    let text = |predicted, rerun| percent(predicted, rerun).unwrap_or_default();
    [
        name.to_owned(),
        String::new(),
        text(Some(predicted.mean_ns), Some(rerun.mean_ns)),
        text(predicted.p50_ns, rerun.p50_ns),
        text(predicted.p95_ns, rerun.p95_ns),
    ]
}
