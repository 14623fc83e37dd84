//! The helpers of the job history over 10 to 10 000 jobs.
//!
//! What is measured: an operator asks nearly always for the newest job, so `find_job_by_id` looks for that; it must still look
//! at all of them for the latest by its timestamp. `append_job` works on a full history, the drop of the oldest counted in.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use provbench::api::{JobHistory, JobState, JobStatus, JobType};

#[path = "support/histories.rs"]
mod histories;
use histories::{SIZES, history, job};

fn helpers(c: &mut Criterion) {
    let mut group = c.benchmark_group("find_latest_job_by_type");
    for size in SIZES {
        let jobs = history(size);
        group.bench_with_input(BenchmarkId::from_parameter(size), &jobs, |b, jobs| {
            b.iter(|| black_box(jobs).find_latest_job_by_type(black_box(JobType::Provision)));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("find_job_by_id");
    for size in SIZES {
        let jobs = history(size);
        let newest = jobs.iter().next_back().map(|job| job.job_id.clone()).unwrap_or_default();
        group.bench_with_input(BenchmarkId::new("newest", size), &jobs, |b, jobs| {
            b.iter(|| black_box(jobs).find_job_by_id(black_box(&newest)));
        });
        group.bench_with_input(BenchmarkId::new("absent", size), &jobs, |b, jobs| {
            b.iter(|| black_box(jobs).find_job_by_id(black_box("eda-webhook-0")));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("append_job");
    for size in SIZES {
        let mut jobs = history(size);
        let mut number = size;
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| {
                number += 1;
                jobs.append_job(black_box(job(number)), size);
            });
        });
    }
    group.finish();

    let mut group = c.benchmark_group("update_job");
    for size in SIZES {
        let mut jobs = history(size);
        let newest = jobs.iter().next_back().cloned().unwrap_or_else(|| job(0));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            b.iter(|| jobs.update_job(black_box(JobStatus { state: JobState::Succeeded, ..newest.clone() })));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("generate_eda_job_id");
    for size in SIZES {
        let jobs: JobHistory = history(size);
        group.bench_with_input(BenchmarkId::from_parameter(size), &jobs, |b, jobs| {
            b.iter(|| black_box(jobs).generate_eda_job_id());
        });
    }
    group.finish();
}

criterion_group!(benches, helpers);
criterion_main!(benches);
