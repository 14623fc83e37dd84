//! The files of a report, as others' scripts and readers meet them.

#![cfg(feature = "harness")]

#[path = "report_records/mod.rs"]
mod records;

use std::collections::BTreeMap;

use provbench::{
    record::{
        Outcome, RunInfo, RunStatus, TrialRecord,
        journal::{JournalReader, JournalWriter},
    },
    report::{Artifact, LedgerCsv, RenderOptions, Report, SamplesCsv, TransitionsCsv, render},
    units::Nanos,
};
use serde_json::Value;

fn trials(blocks: u32) -> Vec<TrialRecord> {
    (1..=blocks).flat_map(|block| records::block(block, 3)).collect()
}

fn rendered(run: &RunInfo, trials: &[TrialRecord], plots: bool) -> BTreeMap<String, Vec<u8>> {
    let mut report = Report::new(run);
    for trial in trials {
        report.add(trial);
    }
    report.close(run);
    let artifacts = render(&report, run, &report.summary(), &RenderOptions { plots }).unwrap();
    let count = artifacts.len();
    let files: BTreeMap<_, _> = artifacts.into_iter().map(|Artifact { path, bytes }| (path, bytes)).collect();
    assert_eq!(files.len(), count, "two files have one path");
    files
}

fn text(files: &BTreeMap<String, Vec<u8>>, path: &str) -> String {
    String::from_utf8(files[path].clone()).unwrap()
}

fn json(files: &BTreeMap<String, Vec<u8>>, path: &str) -> Value {
    serde_json::from_slice(&files[path]).unwrap()
}

#[test]
fn the_same_records_give_the_same_bytes_also_by_way_of_the_journal() {
    let (run, trials) = (records::run(6, 3), trials(6));
    let mut journal = Vec::new();
    let mut writer = JournalWriter::begin(&mut journal, &run).unwrap();
    for trial in &trials {
        writer.trial(trial).unwrap();
    }
    let mut reader = JournalReader::open(journal.as_slice()).unwrap();
    let mut read = Vec::new();
    while let Some(trial) = reader.next_trial().unwrap() {
        read.push(trial);
    }
    assert_eq!(rendered(&run, &trials, true), rendered(&run, &read, true));
}

#[test]
fn every_file_of_the_run_directory_is_there() {
    let files = rendered(&records::run(2, 3), &trials(2), true);
    let mut wanted = vec![
        "summary.json".to_owned(),
        "summary.csv".to_owned(),
        "comparison.json".to_owned(),
        "comparison.md".to_owned(),
        "histograms.hlog".to_owned(),
        "histograms/aap__provision-deprovision__state_backend_Running_deprovision.hgrm".to_owned(),
        "report.html".to_owned(),
    ];
    for plot in ["ledger", "ledger_difference"] {
        wanted.extend([format!("plots/{plot}.svg"), format!("plots/{plot}.png")]);
    }
    for plot in ["provision", "deprovision", "total", "ecdf_provision_total", "ecdf_deprovision_total", "ecdf_total"] {
        wanted.extend([format!("plots/{plot}.svg"), format!("plots/{plot}.png")]);
    }
    for plane in ["backend", "observed"] {
        wanted.extend([format!("plots/dwell_{plane}.svg"), format!("plots/dwell_{plane}.png")]);
    }
    for path in wanted {
        assert!(files.get(&path).is_some_and(|bytes| !bytes.is_empty()), "{path} is missing");
    }
    assert!(
        files
            .iter()
            .filter(|(path, _)| path.rsplit('.').next() == Some("png"))
            .all(|(_, bytes)| bytes.starts_with(b"\x89PNG\r\n"))
    );
    let without = rendered(&records::run(2, 3), &trials(2), false);
    assert!(without.keys().all(|path| !path.starts_with("plots/")));
}

#[test]
fn summary_json_has_the_stable_shape() {
    let files = rendered(&records::run(30, 3), &trials(30), false);
    let summary = json(&files, "summary.json");
    for key in ["schema_version", "experiment", "clock", "seed", "arms", "comparisons"] {
        assert!(summary.get(key).is_some(), "{key}");
    }
    assert_eq!(summary["seed"], 42);
    assert_eq!(summary["clock"], "virtual");
    for arm in summary["arms"].as_array().unwrap() {
        assert_eq!(arm["instances"], 90);
        for outcome in ["succeeded", "failed", "canceled", "censored"] {
            assert!(arm["outcomes"][outcome].is_u64(), "{outcome}");
        }
        let metrics = arm["metrics"].as_object().unwrap();
        for name in ["provision_total", "deprovision_total", "total", "state_backend_Running_provision"] {
            let metric = &metrics[name];
            for key in ["n", "mean_ns", "p50_ns", "p95_ns", "min_ns", "max_ns"] {
                assert!(metric[key].is_u64(), "{name}.{key} of {arm}");
            }
            assert!(metric["p99_ns"].is_null(), "90 are too few for p99");
        }
    }
    let comparisons = summary["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 3);
    for comparison in comparisons {
        assert_eq!((&comparison["baseline"], &comparison["arm"]), (&Value::from("eda"), &Value::from("aap")));
        assert_eq!(comparison["scenario"], "provision-deprovision");
        for key in ["difference_ns", "ci_low", "ci_high"] {
            assert!(comparison[key].is_i64(), "{key}");
        }
        assert_eq!(comparison["verdict"], "faster");
        assert!(comparison["ratio"].as_f64().unwrap() < 1.0);
    }
}

#[test]
fn the_summary_agrees_with_the_samples() {
    let trials = trials(30);
    let summary = json(&rendered(&records::run(30, 3), &trials, false), "summary.json");
    let totals = |arm: &str| -> Vec<u64> {
        let of_arm = trials.iter().filter(|trial| trial.key.arm == arm);
        of_arm.flat_map(|trial| &trial.samples).map(|sample| sample.total().unwrap().get()).collect()
    };
    let means = ["eda", "aap"].map(|arm| totals(arm).iter().sum::<u64>() as f64 / 90.0);
    for (place, mean) in means.iter().enumerate() {
        let ours = summary["arms"][place]["metrics"]["total"]["mean_ns"].as_f64().unwrap();
        assert!((ours - mean).abs() <= 0.5, "{ours} and {mean}");
    }
    let total = &summary["comparisons"][2];
    assert_eq!(total["metric"], "total");
    assert!((total["difference_ns"].as_f64().unwrap() - (means[1] - means[0])).abs() <= 1.0);
    assert!((total["ratio"].as_f64().unwrap() - means[1] / means[0]).abs() < 1e-8);
}

#[test]
fn the_ledgers_add_up_to_the_totals_and_so_do_their_differences() {
    let files = rendered(&records::run(30, 3), &trials(30), false);
    let near = |a: i64, b: i64| (a - b).abs() <= 20;
    let number = |value: &Value| value.as_i64().unwrap();
    for arm in json(&files, "summary.json")["arms"].as_array().unwrap() {
        for ledger in arm["ledger"].as_array().unwrap() {
            let metric = format!("{}_total", ledger["operation"].as_str().unwrap());
            assert_eq!(ledger["mean_ns"], arm["metrics"][&metric]["mean_ns"], "{metric}");
            let sum = ledger["segments"].as_array().unwrap().iter().map(|segment| number(&segment["mean_ns"])).sum();
            assert!(near(sum, number(&ledger["mean_ns"])), "{ledger}");
        }
    }
    let comparison = json(&files, "comparison.json");
    let differences = comparison["ledger"].as_array().unwrap();
    assert_eq!(differences.len(), 2);
    for (difference, total) in differences.iter().zip(comparison["comparisons"].as_array().unwrap()) {
        assert_eq!(difference["difference_ns"], total["difference_ns"]);
        assert_eq!((&difference["ci_low"], &difference["ci_high"]), (&total["ci_low"], &total["ci_high"]));
        let segments = difference["segments"].as_array().unwrap();
        let sum = segments.iter().map(|segment| number(&segment["difference_ns"])).sum();
        assert!(near(sum, number(&difference["difference_ns"])), "{difference}");
        let handoff = segments.iter().find(|segment| segment["segment"] == "handoff").unwrap();
        assert!(handoff["ci_high"].as_i64().unwrap() < -17_000_000_000, "{handoff}");
        assert!(difference["sentence"].as_str().unwrap().contains("handoff −17."), "{difference}");
    }
    for path in ["report.html", "comparison.md"] {
        assert!(text(&files, path).contains("detection"), "{path}");
    }
}

#[test]
fn what_is_not_available_is_null_and_never_a_number_that_is_none() {
    let run = records::run(1, 3);
    for trials in [Vec::new(), trials(1), trials(1)[..1].to_vec()] {
        let files = rendered(&run, &trials, true);
        for path in ["summary.json", "comparison.json", "summary.csv", "comparison.md", "report.html"] {
            let text = text(&files, path);
            assert!(!text.contains("NaN") && !text.contains("inf"), "{path}");
        }
        let summary = json(&files, "summary.json");
        for comparison in summary["comparisons"].as_array().unwrap() {
            assert_eq!(comparison["verdict"], "inconclusive");
            assert!(comparison["ci_low"].is_null() && comparison["p_value"].is_null());
        }
    }
}

#[test]
fn the_page_is_self_contained_and_no_name_of_a_record_is_markup() {
    let mut run = records::run(1, 3);
    let evil = "<script>alert('x')</script>&\"";
    run.experiment = evil.into();
    run.description = evil.into();
    run.config = serde_json::json!({ evil: evil });
    run.arms[1] = evil.into();
    run.scenarios[0] = evil.into();
    run.host.cpu = evil.into();
    run.problems = vec![evil.into()];
    let mut trials = trials(1);
    for trial in &mut trials {
        trial.key.scenario = evil.into();
        trial.problems.push(evil.into());
        for change in &mut trial.transitions {
            change.to = evil.into();
        }
    }
    trials[1].key.arm = evil.into();
    let files = rendered(&run, &trials, true);
    let page = text(&files, "report.html");
    assert!(!page.contains("<script") && !page.contains("alert('x')"));
    let without_namespace = page.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
    for reference in ["http:", "https:", "src=", "href=", "url(", "@import"] {
        assert!(!without_namespace.contains(reference), "{reference}");
    }
    for path in files.keys() {
        assert!(!path.contains(['<', '>', '&', '"', '\'', ' ']) && !path.contains(".."), "{path}");
    }
    assert!(!text(&files, "comparison.md").contains("<script"));
    assert!(!text(&files, "plots/total.svg").contains("<script"));
}

#[test]
fn an_incomplete_run_and_its_problems_are_loud() {
    let mut run = records::run(1, 3);
    run.status = RunStatus::Incomplete;
    run.problems = vec!["created 3, ended 2".into()];
    let files = rendered(&run, &trials(1), false);
    for path in ["report.html", "comparison.md"] {
        let text = text(&files, path);
        assert!(text.contains("INCOMPLETE") && text.contains("INVALID: created 3, ended 2"), "{path}");
    }
    let summary = json(&files, "summary.json");
    assert_eq!(summary["status"], "incomplete");
    assert_eq!(summary["problems"][0], "created 3, ended 2");
}

#[test]
fn a_mean_with_samples_that_were_cut_off_is_a_lower_bound() {
    let mut trials = trials(6);
    for trial in &mut trials {
        let sample = &mut trial.samples[2];
        sample.outcome = Outcome::Censored;
        sample.gone_ns = None;
        sample.censored_ns = Some(Nanos::new(600_000_000_000));
    }
    let files = rendered(&records::run(6, 3), &trials, false);
    let summary = json(&files, "summary.json");
    let metric = &summary["arms"][0]["metrics"]["total"];
    assert_eq!((&metric["n"], &metric["censored"]), (&Value::from(12), &Value::from(6)));
    assert!(metric["mean_lower_bound_ns"].as_u64().unwrap() > metric["mean_ns"].as_u64().unwrap());
    assert_eq!(summary["comparisons"][0]["verdict"], "faster", "provisioning was not cut off");
    assert_eq!(summary["comparisons"][2]["verdict"], "inconclusive");
    assert!(text(&files, "comparison.md").contains("≥ "));
    assert!(text(&files, "report.html").contains("12 + 6 cut off"));
}

#[test]
fn the_streamed_tables_begin_with_the_stable_columns() {
    assert!(SamplesCsv::<Vec<u8>>::HEADER.starts_with(
        "block,arm,scenario,instance,outcome,intended_ns,sent_ns,provision_total_ns,deprovision_total_ns,total_ns,\
         provision_jobs,deprovision_jobs,orphans,"
    ));
    assert_eq!(LedgerCsv::<Vec<u8>>::HEADER, "block,arm,scenario,instance,operation,segment,start_ns,end_ns");
    assert_eq!(TransitionsCsv::<Vec<u8>>::HEADER, "block,arm,scenario,instance,job_id,job_type,plane,from,to,at_ns");
}
