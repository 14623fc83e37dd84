//! What the jobs array costs against the two single fields that it replaced: serialise, deserialise, merge patch, bytes.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use provbench::api::{ComputeInstanceStatus, JobHistory, JobStatus, Phase, legacy::LegacyJob};
use serde_json::{Value, json};

#[path = "support/histories.rs"]
mod histories;
use histories::{SIZES, history, job};

fn single_fields() -> ComputeInstanceStatus {
    let legacy = |job: JobStatus| LegacyJob {
        job_id: Some(job.job_id),
        timestamp: Some(job.timestamp),
        state: Some(job.state),
        block_deletion_on_failure: Some(false),
        ..LegacyJob::default()
    };
    ComputeInstanceStatus {
        phase: Some(Phase::Deleting),
        provision_job: Some(legacy(job(1))),
        deprovision_job: Some(legacy(job(2))),
        ..ComputeInstanceStatus::default()
    }
}

fn array(jobs: JobHistory) -> ComputeInstanceStatus {
    ComputeInstanceStatus { phase: Some(Phase::Deleting), jobs, ..ComputeInstanceStatus::default() }
}

/// The change of one job's state, as a merge patch has to carry it: a field by itself, or the whole array.
fn patch(status: &ComputeInstanceStatus) -> Value {
    if status.jobs.is_empty() {
        json!({ "status": { "deprovisionJob": { "state": "Succeeded" } } })
    } else {
        json!({ "status": { "jobs": status.jobs } })
    }
}

fn cost(c: &mut Criterion) {
    let mut subjects = vec![("two single fields".to_owned(), single_fields())];
    subjects.push(("array of 2".to_owned(), array(history(2))));
    subjects.extend(SIZES.map(|size| (format!("array of {size}"), array(history(size)))));

    println!("{:<20} {:>14} {:>18}", "status", "bytes", "bytes of a patch");
    for (name, status) in &subjects {
        let bytes = serde_json::to_vec(status).map(|json| json.len()).unwrap_or_default();
        println!("{name:<20} {bytes:>14} {:>18}", patch(status).to_string().len());
    }

    let mut group = c.benchmark_group("serialise");
    for (name, status) in &subjects {
        group.bench_with_input(BenchmarkId::from_parameter(name), status, |b, status| {
            b.iter(|| serde_json::to_vec(black_box(status)));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("deserialise");
    for (name, status) in &subjects {
        let json = serde_json::to_vec(status).unwrap_or_default();
        group.bench_with_input(BenchmarkId::from_parameter(name), &json, |b, json| {
            b.iter(|| serde_json::from_slice::<ComputeInstanceStatus>(black_box(json)));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("merge_patch");
    for (name, status) in &subjects {
        let document = json!({ "status": status });
        let patch = patch(status);
        group.bench_with_input(BenchmarkId::from_parameter(name), &patch, |b, patch| {
            b.iter_batched_ref(
                || document.clone(),
                |document| json_patch::merge(document, black_box(patch)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, cost);
criterion_main!(benches);
