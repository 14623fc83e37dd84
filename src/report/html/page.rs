//! The page from top to bottom.

use std::fmt::Write as _;

use super::{
    caveats::caveats,
    escape::{escape, shell_word},
    evidence, ledger,
    results::{dwells, outcomes, totals, verdicts},
};
use crate::{
    record::{ClockKind, RunInfo, RunStatus},
    report::{number::count, plots::Figure, summary::Summary},
};

const STYLE: &str = include_str!("report.css");

/// The whole page.
pub(in crate::report) fn page(summary: &Summary, run: &RunInfo, figures: &[Figure]) -> String {
    let plots: usize = figures.iter().map(|figure| figure.svg.len()).sum();
    let mut html = String::with_capacity(plots + (64 << 10));
    let title = escape(&summary.experiment);
    let _ = write!(
        html,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}: provbench report</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    head(&mut html, summary, run);
    warnings(&mut html, summary);
    html.push_str("<section>\n<h2>Verdict</h2>\n");
    verdicts(&mut html, summary);
    html.push_str("</section>\n");
    results(&mut html, summary);
    ledger::section(&mut html, summary);
    evidence::section(&mut html, summary);
    plots_section(&mut html, figures);
    states(&mut html, summary);
    html.push_str("<section>\n<h2>Read with care</h2>\n<ul>\n");
    for caveat in caveats(summary, run) {
        let _ = writeln!(html, "<li>{}</li>", escape(&caveat));
    }
    html.push_str("</ul>\n</section>\n");
    reproduce(&mut html, run);
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

fn head(html: &mut String, summary: &Summary, run: &RunInfo) {
    let _ = writeln!(html, "<header>\n<h1>{}</h1>", escape(&summary.experiment));
    if !run.description.is_empty() {
        let _ = writeln!(html, "<p class=\"lead\">{}</p>", escape(&run.description));
    }
    let status = match run.status {
        RunStatus::Complete => "complete",
        RunStatus::Incomplete => "incomplete",
    };
    let arms: Vec<String> = run
        .arms
        .iter()
        .enumerate()
        .map(|(place, arm)| if place == 0 { format!("{} (baseline)", escape(arm)) } else { escape(arm) })
        .collect();
    let clock = match run.clock {
        ClockKind::Virtual => "virtual".to_owned(),
        ClockKind::Real => format!("real, {} s a recorded second", run.time_scale),
    };
    let facts = [
        ("arms", arms.join(", ")),
        ("scenarios", run.scenarios.iter().map(|name| escape(name)).collect::<Vec<_>>().join(", ")),
        (
            "planned",
            format!(
                "{} of one trial an arm and scenario, {} each",
                count(run.blocks.into(), "block"),
                count(run.instances.into(), "instance")
            ),
        ),
        ("status", status.to_owned()),
        ("clock", clock),
        ("seed", run.seed.get().to_string()),
        ("time 0", escape(&run.epoch)),
        ("version", format!("provbench {}", escape(&run.provbench_version))),
        ("machine", machine(run)),
    ];
    html.push_str("<dl>\n");
    for (name, value) in facts {
        let _ = writeln!(html, "<dt>{name}</dt><dd>{value}</dd>");
    }
    html.push_str("</dl>\n</header>\n");
}

fn machine(run: &RunInfo) -> String {
    let host = &run.host;
    format!(
        "{} {}, {} × {}",
        escape(&host.os),
        escape(&host.arch),
        host.cpus,
        if host.cpu.is_empty() { "unnamed processor".to_owned() } else { escape(&host.cpu) }
    )
}

fn warnings(html: &mut String, summary: &Summary) {
    let warnings = summary.warnings();
    if warnings.is_empty() {
        return;
    }
    html.push_str("<section class=\"alarm\" role=\"alert\">\n<h2>Before you read the numbers</h2>\n<ul>\n");
    for warning in warnings {
        let _ = writeln!(html, "<li>{}</li>", escape(&warning));
    }
    html.push_str("</ul>\n</section>\n");
}

fn results(html: &mut String, summary: &Summary) {
    html.push_str("<section>\n<h2>Numbers</h2>\n");
    for scenario in summary.scenarios() {
        let _ = writeln!(html, "<h3>{}</h3>", escape(scenario));
        totals(html, summary, scenario);
    }
    html.push_str("<h3>How the instances ended</h3>\n");
    outcomes(html, summary);
    html.push_str("</section>\n");
}

fn plots_section(html: &mut String, figures: &[Figure]) {
    if figures.is_empty() {
        return;
    }
    html.push_str("<section>\n<h2>Plots</h2>\n");
    for figure in figures {
        let title = escape(&figure.title);
        let _ = writeln!(html, "<figure role=\"img\" aria-label=\"{title}\">\n{}</figure>", figure.svg);
    }
    html.push_str("</section>\n");
}

fn states(html: &mut String, summary: &Summary) {
    let mut tables = String::new();
    for scenario in summary.scenarios() {
        let mut table = String::new();
        if dwells(&mut table, summary, scenario) {
            let _ = write!(tables, "<h3>{}</h3>\n{table}", escape(scenario));
        }
    }
    if !tables.is_empty() {
        let _ = write!(
            html,
            "<section>\n<h2>Time in job states</h2>\n<p>From the change into a state to the next change of the same job. A \
             state that the deadline cut off is counted with the time that it had, so that the mean is a lower bound (≥); one \
             that was not seen to end for another reason is left out.</p>\n{tables}</section>\n"
        );
    }
}

fn reproduce(html: &mut String, run: &RunInfo) {
    let file = shell_word(&format!("experiments/{}.yaml", run.experiment));
    let (seed, blocks, clock) = (run.seed.get(), run.blocks, run.clock.as_str());
    let command = format!("provbench run {file} --seed {seed} --blocks {blocks} --clock {clock}");
    let _ = write!(
        html,
        "<section>\n<h2>Run it again</h2>\n<p>With the experiment's file and provbench {}:</p>\n<pre>{}</pre>\n",
        escape(&run.provbench_version),
        escape(&command)
    );
    html.push_str(match run.clock {
        ClockKind::Virtual => "<p>In virtual time the same seed gives the same records, byte for byte.</p>\n",
        ClockKind::Real => "<p>In real time the same seed gives the same plan; the times will differ.</p>\n",
    });
    html.push_str(
        "<p>Every number here comes from <code>journal.ndjson</code>; the values are in <code>samples.csv</code>, \
         <code>transitions.csv</code> and <code>ledger.csv</code>, their histograms in <code>histograms.hlog</code>.</p>\n",
    );
    let config = serde_json::to_string_pretty(&run.config).unwrap_or_default();
    let _ = write!(
        html,
        "<details>\n<summary>The configuration as resolved</summary>\n<pre>{}</pre>\n</details>\n</section>\n",
        escape(&config)
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{report, run};

    #[test]
    fn one_block_reads_as_a_whole_page() {
        let mut run = run(1);
        run.problems.push("created 3, ended 2".into());
        let mut report = report(1);
        report.close(&run);
        let page = page(&report.summary(), &run, &[]);
        insta::assert_snapshot!("report_html_1_block", page.replace(STYLE, "/* report.css */\n"));
    }
}
