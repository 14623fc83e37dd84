//! `summary.csv`: a row an arm, scenario and metric.

use crate::report::summary::Summary;

const HEADER: [&str; 12] = [
    "arm",
    "scenario",
    "metric",
    "n",
    "censored",
    "mean_ns",
    "mean_lower_bound_ns",
    "p50_ns",
    "p95_ns",
    "p99_ns",
    "min_ns",
    "max_ns",
];

/// The table; what is not available is empty.
pub(super) fn summary(summary: &Summary) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER)?;
    for arm in &summary.arms {
        for (metric, m) in &arm.metrics {
            let given = |ns: Option<u64>| ns.map_or_else(String::new, |ns| ns.to_string());
            writer.write_record([
                arm.arm.clone(),
                arm.scenario.clone(),
                metric.to_string(),
                m.n.to_string(),
                m.censored.to_string(),
                given(m.mean_ns),
                given(m.mean_lower_bound_ns),
                given(m.p50_ns),
                given(m.p95_ns),
                given(m.p99_ns),
                given(m.min_ns),
                given(m.max_ns),
            ])?;
        }
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}
