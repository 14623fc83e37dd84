//! The budgets of this project against what this machine does, printed as a table. Whole processes are timed from outside;
//! helpers in a loop. A figure over its budget is marked; nothing fails, since machines differ and are noisy.

use std::{
    fs,
    hint::black_box,
    num::NonZeroUsize,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use provbench::{
    api::JobType,
    record::journal::JournalWriter,
    stats::{
        bootstrap::{Options, Statistic, of_clusters},
        interval::Confidence,
        quantile::Level,
        resampling::Resampling,
    },
    units::Seed,
};

#[path = "support/histories.rs"]
mod histories;
#[path = "../tests/report_records/mod.rs"]
mod records;
use histories::{SIZES, history, job};

/// Runs of each whole process; the best counts, as the least disturbed.
const RUNS: usize = 5;

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the machine's clock")]
fn now() -> Instant {
    Instant::now()
}

fn row(what: &str, measured: f64, unit: &str, budget: f64) {
    let mark = if measured <= budget { "within" } else { "OVER" };
    println!("{what:<58} {measured:>10.3} {unit:<4} budget {budget:>8.3} {unit:<4} {mark}");
}

/// Runs provbench, and returns its seconds and its peak memory in MB.
fn process(arguments: &[&str]) -> Option<(f64, f64)> {
    let out = std::env::temp_dir().join(format!("provbench-budgets-{}", std::process::id()));
    let _ = fs::remove_dir_all(&out);
    let started = now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_provbench"))
        .args(arguments)
        .arg("--out")
        .arg(&out)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kb = 0_u64;
    let ended = loop {
        if let Some(ended) = child.try_wait().ok()? {
            break ended;
        }
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
        peak_kb = peak_kb.max(line.trim().trim_end_matches(" kB").parse().unwrap_or(0));
        std::thread::park_timeout(Duration::from_millis(1));
    };
    let seconds = started.elapsed().as_secs_f64();
    let _ = fs::remove_dir_all(&out);
    ended.success().then_some((seconds, peak_kb as f64 / 1e3))
}

fn best(runs: usize, arguments: &[&str]) -> (f64, f64) {
    (0..runs).filter_map(|_| process(arguments)).min_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((f64::NAN, f64::NAN))
}

fn processes() {
    let february = ["run", "experiments/aap-vs-eda.yaml", "--no-plots"];
    let with = |more: &[&'static str]| [&february[..], more].concat();
    row("February, one block of 6 VMs, whole process", best(RUNS, &with(&["--blocks", "1"])).0, "s", 0.1);
    row("February, 30 blocks, whole process", best(RUNS, &with(&["--blocks", "30"])).0, "s", 0.7);
    for (provider, scale) in [("eda", "10000"), ("aap", "10000"), ("aap", "1000")] {
        let instances = format!("instances={scale}");
        let provider_of = format!("arms.0.provider={provider}");
        let arguments = ["run", "experiments/scale.yaml", "--no-plots", "--set", &instances, "--set", &provider_of];
        let (seconds, megabytes) = best(2, &arguments);
        let thousands = scale.parse::<f64>().unwrap_or(1.0) / 10_000.0;
        row(&format!("{scale} lives, {provider}, whole process"), seconds, "s", 6.0 * thousands);
        if scale == "10000" {
            row(&format!("{scale} lives, {provider}, peak memory"), megabytes, "MB", 400.0);
        }
    }
    // The same number of lives as an experiment has them that repeats: its blocks run side by side.
    for provider in ["eda", "aap"] {
        let provider_of = format!("arms.0.provider={provider}");
        let of_blocks = ["run", "experiments/scale.yaml", "--no-plots", "--blocks", "10", "--set", "instances=1000"];
        let arguments = [&of_blocks[..], &["--set", &provider_of]].concat();
        let (seconds, megabytes) = best(2, &arguments);
        row(&format!("10 blocks of 1000 lives, {provider}, whole process"), seconds, "s", 6.0);
        row(&format!("10 blocks of 1000 lives, {provider}, peak memory"), megabytes, "MB", 400.0);
    }
    if std::env::var_os("PROVBENCH_BUDGET_100K").is_some() {
        let (seconds, megabytes) =
            best(1, &["run", "experiments/scale.yaml", "--no-plots", "--set", "instances=100000"]);
        row("100000 lives, whole process", seconds, "s", 75.0);
        row("100000 lives, peak memory", megabytes, "MB", 2500.0);
    } else {
        println!("100000 lives: set PROVBENCH_BUDGET_100K to have them measured too");
    }
}

/// Nanoseconds a call, the best of several loops.
fn nanoseconds(calls: u32, mut call: impl FnMut()) -> f64 {
    (0..20)
        .map(|_| {
            let started = now();
            for _ in 0..calls {
                call();
            }
            started.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
        })
        .fold(f64::INFINITY, f64::min)
}

fn helpers() {
    for (size, calls, budgets) in
        [(SIZES[0], 100_000, [8.0, 3.0, 20.0, 45.0]), (SIZES[3], 500, [13_000.0, 2_667.0, 63.0, 47_667.0])]
    {
        let jobs = history(size);
        let newest = jobs.iter().next_back().map(|job| job.job_id.clone()).unwrap_or_default();
        let latest = nanoseconds(calls, || {
            black_box(black_box(&jobs).find_latest_job_by_type(JobType::Provision));
        });
        row(&format!("latest job by type, {size} jobs"), latest, "ns", budgets[0]);
        let by_id = nanoseconds(calls, || {
            black_box(black_box(&jobs).find_job_by_id(&newest));
        });
        row(&format!("job by ID, {size} jobs"), by_id, "ns", budgets[1]);
        let mut full = jobs.clone();
        // The jobs are made before the clock starts: what is measured is the append and the drop of the oldest.
        let append = (0..20)
            .map(|_| {
                let fresh: Vec<_> = (0..calls as usize).map(|number| job(size + number)).collect();
                let started = now();
                for job in fresh {
                    full.append_job(black_box(job), size);
                }
                started.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
            })
            .fold(f64::INFINITY, f64::min);
        row(&format!("append at the cap, {size} jobs"), append, "ns", budgets[2]);
        let eda_id = nanoseconds(calls, || {
            black_box(black_box(&jobs).generate_eda_job_id());
        });
        row(&format!("next EDA job ID, {size} jobs"), eda_id, "ns", budgets[3]);
    }
}

/// BCa, 10 000 resamples × 4 statistics × 10 000 samples, in 30 blocks and in the costliest way: a block an instance.
fn bca() {
    let samples: Vec<f64> = (0..10_000).map(|i| 20.0 - 3.0 * Seed::new(1).index(i).uniform().ln()).collect();
    let quantiles = [Level::P50, Level::P90, Level::P99].map(Statistic::Quantile);
    let statistics = [&[Statistic::Mean][..], &quantiles].concat();
    for blocks in [30, 10_000] {
        let clusters: Vec<&[f64]> = samples.chunks(10_000_usize.div_ceil(blocks)).collect();
        let options = Options {
            confidence: Confidence::STANDARD,
            resampling: Resampling::standard(Seed::new(1)),
            threads: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
        };
        let seconds = (0..RUNS)
            .map(|_| {
                let started = now();
                let _ = black_box(of_clusters(black_box(&clusters), &statistics, &options));
                started.elapsed().as_secs_f64()
            })
            .fold(f64::INFINITY, f64::min);
        row(&format!("BCa, 10 000 resamples of 10 000 samples, {blocks} blocks"), seconds, "s", 1.0);
    }
}

/// Writes a run of 100 blocks of two arms as `provbench run` leaves it, as far as merging reads it.
fn write_run(folder: &Path, seed: u64, instances: u32, with_changes: bool) -> std::io::Result<()> {
    let mut run = records::run(100, instances);
    run.seed = Seed::new(seed);
    fs::create_dir_all(folder)?;
    fs::write(folder.join("run.json"), serde_json::to_vec(&run)?)?;
    let journal = std::io::BufWriter::new(fs::File::create(folder.join("journal.ndjson"))?);
    let mut journal = JournalWriter::begin(journal, &run)?;
    for block in 1..=100 {
        for mut trial in records::block(block, instances) {
            if !with_changes {
                trial.transitions.clear();
                trial.milestones.clear();
            }
            journal.trial(&trial)?;
        }
    }
    Ok(())
}

/// The time to merge two runs into one, the whole process; the journals of both are read and written.
fn merge() -> std::io::Result<()> {
    let folder = tempfile::tempdir()?;
    for (samples, with_changes, budget) in [(1_000_000, false, Some(2.0)), (100_000, true, None)] {
        let runs = [1, 2].map(|seed| folder.path().join(format!("{samples}-{seed}")));
        for (run, seed) in runs.iter().zip(1..) {
            write_run(run, seed, samples / 400, with_changes)?;
        }
        let [first, second] = runs.each_ref().map(|run| run.to_str().unwrap_or_default());
        let (seconds, megabytes) = best(3, &["merge", "--no-plots", first, second]);
        let what = if with_changes { "samples with all changes and milestones" } else { "samples" };
        let what = format!("merge of two runs, {samples} {what}");
        match budget {
            Some(budget) => row(&what, seconds, "s", budget),
            None => println!("{what:<58} {seconds:>10.3} s"),
        }
        println!("{:<58} {megabytes:>10.3} MB", format!("{what}, peak memory"));
        for run in runs {
            fs::remove_dir_all(run)?;
        }
    }
    Ok(())
}

fn main() {
    helpers();
    bca();
    processes();
    if let Err(error) = merge() {
        println!("merging could not be measured: {error}");
    }
}
