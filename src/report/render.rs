//! Everything that is rendered once a run has ended.

use crate::{
    record::RunInfo,
    report::{Report, hdr, html, json, markdown, plots, summary::Summary, summary_csv},
};

/// A file of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its path in the run directory, with `/` between folders: `plots/total.svg`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What to render.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenderOptions {
    /// Whether to draw plots: the files under `plots/` and those in `report.html`.
    pub plots: bool,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self { plots: true }
    }
}

/// Why a report could not be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A histogram could not be encoded.
    #[error(transparent)]
    Histogram(#[from] hdr::HistogramError),
    /// A JSON file could not be written.
    #[error("failed to write the summary as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A CSV file could not be written.
    #[error("failed to write the summary as CSV: {0}")]
    Csv(#[from] csv::Error),
    /// A plot could not be drawn.
    #[error(transparent)]
    Plot(#[from] plots::PlotError),
}

/// Renders everything but the streamed tables, `run.json` and the journal.
///
/// `run` is how the run ended, `summary` what [`Report::summary`] says after [`Report::close`] with it.
///
/// # Errors
/// When a file can't be encoded or drawn; the message names it.
pub fn render(
    report: &Report,
    run: &RunInfo,
    summary: &Summary,
    options: &RenderOptions,
) -> Result<Vec<Artifact>, RenderError> {
    let figures = if options.plots { plots::draw(report)? } else { Vec::new() };
    let page = html::page(summary, run, &figures);
    let file = |path: &str, bytes| Artifact { path: path.to_owned(), bytes };
    let mut artifacts = vec![
        file("summary.json", json::summary(summary)?),
        file("summary.csv", summary_csv::summary(summary)?),
        file("comparison.json", json::comparison(summary)?),
        file("comparison.md", markdown::comparison(summary).into_bytes()),
        file("report.html", page.into_bytes()),
    ];
    artifacts.extend(hdr::artifacts(report)?);
    for figure in figures {
        artifacts.push(file(&format!("plots/{}.svg", figure.name), figure.svg.into_bytes()));
        artifacts.push(file(&format!("plots/{}.png", figure.name), figure.png));
    }
    Ok(artifacts)
}
