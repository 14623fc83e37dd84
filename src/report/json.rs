//! `summary.json` and `comparison.json`.

use serde::Serialize;

use crate::report::{
    ledger::{self, LedgerDifference},
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
    ledger: Vec<ToldLedger<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    comparison: &'a ComparisonSummary,
    sentence: String,
}

#[derive(Serialize)]
struct ToldLedger<'a> {
    #[serde(flatten)]
    ledger: &'a LedgerDifference,
    sentence: String,
}

/// `comparison.json`: the comparisons of the summary, and the difference ledgers, each with its sentence.
pub(super) fn comparison(summary: &Summary) -> Result<Vec<u8>, serde_json::Error> {
    let told_ledger = |of| ToldLedger { ledger: of, sentence: ledger::sentence(of, summary) };
    let told = |comparison| Told { comparison, sentence: sentence::of(comparison, summary) };
    pretty(&ComparisonFile {
        schema_version: summary.schema_version,
        experiment: &summary.experiment,
        clock: summary.clock,
        seed: summary.seed,
        // Whole parts in a billion, as 1 − 0.05 is no round number in binary.
        confidence: ((1.0 - summary.alpha) * 1e9).round() / 1e9,
        comparisons: summary.comparisons.iter().map(told).collect(),
        ledger: summary.ledger.iter().map(told_ledger).collect(),
    })
}

fn pretty(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
