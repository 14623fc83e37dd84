//! `histograms.hlog` and `histograms/*.hgrm`: the formats of HdrHistogram and its tools.
//!
//! The log has a line an arm, scenario and metric, tagged `<arm>/<scenario>/<metric>`, in nanoseconds, encoded as V2 and
//! deflated; its interval is the whole of the run. The segments of the ledger are in it too, as
//! `<arm>/<scenario>/segment_<operation>_<segment>`. The distributions are in milliseconds and say so. Observations that
//! were cut off are in neither: the log's comment and the distribution's count them.
//!
//! **Invariant:** no value saturates: a histogram grows with its largest value, and keeps three digits whatever that is.
//!
//! **Invariant:** nothing here is corrected for coordinated omission a second time. `provision_total` and `total` count from the
//! *intended* arrival, so that the wait of a request that was sent late is in them already (`sent_ns` has the actual time);
//! HdrHistogram's `recordWithExpectedInterval` and `copyCorrectedForCoordinatedOmission` would count that wait twice. The
//! log's head says so to whoever reads it with other tools.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use hdrhistogram::serialization::{
    V2DeflateSerializeError, V2DeflateSerializer,
    interval_log::{IntervalLogWriter, IntervalLogWriterBuilder, IntervalLogWriterError, Tag},
};

use crate::{
    report::{Report, accumulate::Series, ledger::Operation, render::Artifact},
    stats::histogram::Histogram,
    units::fnv1a_64,
};

/// Why histograms could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to encode the histogram of {tag}: {reason}")]
pub struct HistogramError {
    tag: String,
    reason: String,
}

impl HistogramError {
    fn new(tag: &str, error: &IntervalLogWriterError<V2DeflateSerializeError>) -> Self {
        Self { tag: tag.to_owned(), reason: format!("{error:?}") }
    }
}

/// Reported percentiles between a percentile and half the rest of the way to 100.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

const LEGEND: &[u8] = b"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

const MS: f64 = 1e6;

/// All histograms of a run.
pub(super) fn artifacts(report: &Report) -> Result<Vec<Artifact>, HistogramError> {
    let mut distributions = Vec::new();
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let broken = |error: std::io::Error| HistogramError::new("the log", &error.into());
    head(report, &mut log).map_err(broken)?;
    let mut builder = IntervalLogWriterBuilder::new();
    builder.with_max_value_divisor(1e9);
    let mut writer = builder.begin_log_with(&mut log, &mut serializer).map_err(broken)?;
    for (key, series) in &report.series {
        let (arm, scenario) = (slug(&report.arms[key.arm]), slug(&report.scenarios[key.scenario]));
        let interval = Duration::from_nanos(report.horizon_ns);
        for (metric, observations) in &series.metrics {
            let values = observations.values();
            let metric = slug(&metric.to_string());
            let tag = format!("{arm}/{scenario}/{metric}");
            let censored = observations.bounds().len();
            if censored > 0 {
                writer.write_comment(&format!("[{tag}: {censored} censored, not counted in]")).map_err(broken)?;
            }
            if values.is_empty() {
                continue;
            }
            let histogram: Histogram = values.iter().copied().collect();
            writer
                .write_histogram(histogram.as_hdr(), Duration::ZERO, interval, Tag::new(&tag))
                .map_err(|error| HistogramError::new(&tag, &error))?;
            distributions.push(Artifact {
                path: format!("histograms/{arm}__{scenario}__{metric}.hgrm"),
                bytes: distribution(&histogram, censored).into_bytes(),
            });
        }
        segments(series, &format!("{arm}/{scenario}"), interval, &mut writer)?;
    }
    let mut artifacts = vec![Artifact { path: "histograms.hlog".to_owned(), bytes: log }];
    artifacts.append(&mut distributions);
    Ok(artifacts)
}

/// A line a segment of each operation.
fn segments<W: std::io::Write>(
    series: &Series,
    series_tag: &str,
    interval: Duration,
    writer: &mut IntervalLogWriter<'_, '_, W, V2DeflateSerializer>,
) -> Result<(), HistogramError> {
    for operation in Operation::ALL {
        for column in &series.ledgers.columns(operation).segments {
            let tag = format!("{series_tag}/segment_{operation}_{}", column.segment);
            writer
                .write_histogram(column.histogram().as_hdr(), Duration::ZERO, interval, Tag::new(&tag))
                .map_err(|error| HistogramError::new(&tag, &error))?;
        }
    }
    Ok(())
}

/// The comments and the legend that a log of version 1.3 begins with.
fn head(report: &Report, log: &mut Vec<u8>) -> std::io::Result<()> {
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[Histogram log format version 1.3]");
    builder.add_comment("[Values are in nanoseconds, Interval_Max in seconds; a tag is arm/scenario/metric]");
    builder.add_comment("[Counted from intended arrivals: do not correct for coordinated omission again]");
    if let Ok(epoch) = report.run.epoch.parse::<jiff::Timestamp>() {
        builder.with_start_time(SystemTime::from(epoch));
    }
    builder.begin_log_with(log, &mut V2DeflateSerializer::new())?;
    log.extend_from_slice(LEGEND);
    Ok(())
}

/// The percentile distribution in the text format of `HdrHistogram`'s `outputPercentileDistribution`, in milliseconds.
fn distribution(histogram: &Histogram, censored: usize) -> String {
    let hdr = histogram.as_hdr();
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let mut count = 0;
    for step in hdr.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        count += step.count_since_last_iteration();
        let (value, percentile) = (step.value_iterated_to() as f64 / MS, step.quantile_iterated_to());
        let _ = write!(text, "{value:12.3} {percentile:2.12} {count:10}");
        let _ = if percentile < 1.0 { writeln!(text, " {:14.2}", 1.0 / (1.0 - percentile)) } else { writeln!(text) };
    }
    let (mean, deviation, max) = (hdr.mean() / MS, hdr.stdev() / MS, hdr.max() as f64 / MS);
    let _ = writeln!(text, "#[Mean    = {mean:12.3}, StdDeviation   = {deviation:12.3}]");
    let _ = writeln!(text, "#[Max     = {max:12.3}, Total count    = {:12}]", hdr.len());
    let _ = writeln!(text, "#[Buckets = {:12}, SubBuckets     = {:12}]", hdr.buckets(), 2048);
    let _ = writeln!(text, "#[Unit    =           ms, Censored       = {censored:12}]");
    text
}

/// A name that is safe in a path and in a tag; two names never give the same.
pub(super) fn slug(name: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if starts_well && name.len() <= 80 && name.chars().all(safe) && !name.contains("__") {
        return name.to_owned();
    }
    let replaced: String = name.chars().take(60).map(|c| if safe(c) && c != '.' { c } else { '-' }).collect();
    format!("x{}-{:016x}", replaced.replace("__", "--"), fnv1a_64(name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use hdrhistogram::serialization::{
        Deserializer,
        interval_log::{IntervalLogIterator, LogEntry},
    };

    use super::*;
    use crate::report::fixture::report;

    #[test]
    fn the_log_reads_back_with_a_line_for_every_arm_and_metric() {
        let artifacts = artifacts(&report(6)).unwrap();
        let log = String::from_utf8(artifacts[0].bytes.clone()).unwrap();
        assert!(log.starts_with("#[Histogram log format version 1.3]\n"), "{log}");
        assert!(log.contains("#[StartTime: 1770886800.000 (seconds since epoch)]"), "{log}");
        let mut tags = Vec::new();
        for entry in IntervalLogIterator::new(log.as_bytes()) {
            if let LogEntry::Interval(interval) = entry.unwrap() {
                let bytes = data_encoding::BASE64.decode(interval.encoded_histogram().as_bytes()).unwrap();
                let read: hdrhistogram::Histogram<u64> =
                    Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
                assert_eq!(read.len(), 18);
                tags.push(interval.tag().unwrap().as_str().to_owned());
            }
        }
        // 11 or 10 segments of provisioning, 13 of deprovisioning, in each arm; EDA has a hand-off and AAP a job to wait for.
        let (segments, metrics): (Vec<&String>, Vec<&String>) = tags.iter().partition(|tag| tag.contains("/segment_"));
        assert_eq!((metrics.len(), segments.len()), (2 * (3 + 4), 12 + 11 + 12 + 12));
        assert_eq!(metrics.len(), artifacts.len() - 1);
        assert!(segments.iter().any(|tag| *tag == "aap/provision-deprovision/segment_deprovision_detection"));
        assert_eq!(tags[0], "eda/provision-deprovision/provision_total");
    }

    #[test]
    fn a_distribution_ends_with_everything_counted_at_100_percent() {
        let artifacts = artifacts(&report(6)).unwrap();
        let total = artifacts.iter().find(|a| a.path == "histograms/aap__provision-deprovision__total.hgrm").unwrap();
        let text = String::from_utf8(total.bytes.clone()).unwrap();
        let last = text.lines().rfind(|line| !line.starts_with('#')).unwrap();
        assert!(last.contains("1.000000000000         18"), "{text}");
        assert!(text.contains("#[Unit    =           ms"), "{text}");
    }

    #[test]
    fn what_was_cut_off_is_counted_beside_the_histograms() {
        use crate::{
            record::{Outcome, Plane, Sample},
            report::fixture::{S, lived, run, sample, transition, trial},
            units::Nanos,
        };
        let mut report = Report::new(&run(1));
        let cut = Sample { outcome: Outcome::Censored, censored_ns: Some(Nanos::new(600 * S)), ..sample(1) };
        let mut record = trial(1, "aap", vec![lived(0, 100 * S, 50 * S), cut]);
        for (instance, to, at_s) in [(0, "Running", 2), (0, "Succeeded", 99), (1, "Running", 3)] {
            let from = if to == "Running" { "Pending" } else { "Running" };
            record.transitions.push(transition(instance, "7", Plane::Backend, from, to, at_s * S));
        }
        record.transitions.push(transition(1, "8", Plane::Operator, "", "Pending", S));
        report.add(&record);
        let artifacts = artifacts(&report).unwrap();
        let log = String::from_utf8(artifacts[0].bytes.clone()).unwrap();
        let path = "histograms/aap__provision-deprovision__state_backend_Running_provision.hgrm";
        let running = artifacts.iter().find(|artifact| artifact.path == path).expect("a distribution");
        let text = String::from_utf8(running.bytes.clone()).unwrap();
        assert!(
            text.contains("Total count    =            1]") && text.contains("Censored       =            1]"),
            "{text}"
        );
        // Of what nobody left there is no histogram, and still a count.
        let pending = "aap/provision-deprovision/state_operator_Pending_provision: 1 censored, not counted in]";
        assert!(log.contains(pending), "{log}");
    }

    #[test]
    fn names_become_safe_paths_and_stay_apart() {
        assert_eq!(slug("aap-direct_2.1"), "aap-direct_2.1");
        for name in ["", "..", "a b", "a,b", "a/b", "../../etc/passwd", "a__b", "ä", ".hidden"] {
            let slug = slug(name);
            assert!(!slug.is_empty() && !slug.starts_with('.') && !slug.contains("__"), "{name} → {slug}");
            assert!(!slug.contains(['/', ',', ' ']), "{name} → {slug}");
        }
        assert_ne!(slug("a b"), slug("a-b"));
        assert_ne!(slug("a b"), slug("a,b"));
    }
}
