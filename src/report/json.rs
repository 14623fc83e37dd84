//! `summary.json` and `comparison.json`.

use serde::Serialize;

use crate::report::{
    sentence,
    summary::{ComparisonSummary, Summary},
};

/// `summary.json`, indented, with a newline at its end.
pub(super) fn summary(summary: &Summary) -> Result<Vec<u8>, serde_json::Error> {
    pretty(summary)
}

#[derive(Serialize)]
struct ComparisonFile<'a> {
    schema_version: u32,
    experiment: &'a str,
    clock: &'a str,
    seed: u64,
    confidence: f64,
    comparisons: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    comparison: &'a ComparisonSummary,
    sentence: String,
}

/// `comparison.json`: the comparisons of the summary, each with its sentence.
pub(super) fn comparison(summary: &Summary) -> Result<Vec<u8>, serde_json::Error> {
    let told = |comparison| Told { comparison, sentence: sentence::of(comparison, summary) };
    pretty(&ComparisonFile {
        schema_version: summary.schema_version,
        experiment: &summary.experiment,
        clock: summary.clock,
        seed: summary.seed,
        confidence: crate::stats::quantile::CONFIDENCE,
        comparisons: summary.comparisons.iter().map(told).collect(),
    })
}

fn pretty(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
