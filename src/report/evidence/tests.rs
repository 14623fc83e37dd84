use super::*;
use crate::{
    record::{Outcome, Plane, Sample},
    report::{
        ComparisonSummary, Metric, Report, Summary,
        fixture::{S, lived, run, sample, transition, trial},
        verdict::notes,
    },
    stats::compare::Verdict,
    units::Nanos,
};

/// `blocks` blocks of three instances an arm; what the arm's blocks take beside the baseline's is `off(block)` seconds.
fn summary(blocks: u32, off: impl Fn(u32) -> f64) -> Summary {
    let mut report = Report::new(&run(blocks));
    for block in 1..=blocks {
        for arm in ["eda", "aap"] {
            let samples = (0..3).map(|index| {
                let luck = Seed::new(3).index(block.into()).index(u64::from(index)).uniform();
                let shift = if arm == "aap" { off(block) } else { 0.0 };
                let ns = (100.0 + luck + shift) * S as f64;
                lived(index, whole_ns(ns), 50 * S)
            });
            report.add(&trial(block, arm, samples.collect()));
        }
    }
    report.summary()
}

fn whole_ns(ns: f64) -> u64 {
    crate::report::comparison::whole(ns).unsigned_abs()
}

fn provision(summary: &Summary) -> &ComparisonSummary {
    summary.comparisons.iter().find(|comparison| comparison.metric == Metric::ProvisionTotal).expect("compared")
}

#[test]
fn a_shift_that_is_the_same_everywhere_is_found_by_every_method() {
    let summary = summary(12, |_| -20.0);
    let comparison = provision(&summary);
    let evidence = &comparison.evidence;
    let shift = evidence.shift.expect("a shift");
    assert!((shift.estimate_ns + 20_000_000_000).abs() < 2, "{shift:?}");
    let resampled = evidence.resampled.as_ref().expect("twelve blocks");
    assert_eq!(resampled.resamples, 10_000);
    for of in [&resampled.mean_ns, &resampled.p50_ns, &resampled.p90_ns] {
        assert!(of.estimate.is_some_and(|ns| (ns + 20_000_000_000).abs() < 2), "{of:?}");
        assert!(of.bca.is_some() && of.percentile.is_some(), "{of:?}");
    }
    assert_eq!(resampled.p99_ns.refused.as_deref(), Some("n too small: 36, at least 299 needed"));
    let ratio = resampled.ratio_of_means.estimate.expect("a ratio");
    assert!((ratio - 0.801).abs() < 1e-3, "{ratio}");
    let ranked = evidence.ranked.expect("ranks");
    assert!(ranked.a12.abs() < 1e-9 && (ranked.cliffs_delta + 1.0).abs() < 1e-9, "{ranked:?}");
    assert!(ranked.brunner_munzel_p.is_some_and(|p| p < 0.001));
    assert_eq!(ranked.brunner_munzel_reference, Some("permutations_drawn"));
    assert_eq!(evidence.dissenters(Verdict::Faster), Vec::<String>::new());
    assert_eq!(evidence.dissenters(Verdict::Slower).len(), 3, "no method says that it is slower");
    assert_eq!(evidence.dissenters(Verdict::Inconclusive).len(), 2, "both intervals exclude 0");
    assert_eq!(evidence.refused, None);
    assert_eq!(evidence.survival, None);
    let eda = &summary.arms[0].block_quantiles[&Metric::ProvisionTotal];
    assert_eq!(eda.p90.refused.as_deref(), Some("n too small: 12, at least 29 needed"));
    let [low, high] = eda.p50.interval_ns.expect("an interval");
    let middle = eda.p50.estimate_ns.expect("a median");
    assert!(100_000_000_000 < low && low < middle && middle < high && high < 101_000_000_000, "{eda:?}");
}

#[test]
fn a_difference_that_a_few_blocks_make_is_doubted_aloud() {
    // Two groups of blocks: most without a difference, some that are far faster. Student's interval of so many excludes 0.
    let summary = summary(40, |block| if block % 3 == 0 { -3.0 } else { f64::from(block % 2) * 0.4 });
    let comparison = provision(&summary);
    assert_eq!(comparison.verdict, Verdict::Faster);
    let shift = comparison.evidence.shift.expect("a shift");
    assert!(shift.high_ns.is_some_and(|high| high >= 0), "{shift:?}");
    let notes = notes::all(&summary);
    let doubt = "CAUTION: aap, provision_total: faster by the mean of blocks, but the Hodges–Lehmann shift ";
    assert!(notes.iter().any(|note| note.starts_with(doubt)), "{notes:#?}");
}

#[test]
fn what_other_methods_say_is_their_estimate_and_not_the_middle_of_their_interval() {
    let seconds = |s: i64| s * 1_000_000_000;
    let (estimate_ns, low_ns, high_ns) = (seconds(-3), Some(seconds(-10)), Some(seconds(-1)));
    let mut evidence = summary(6, |_| -20.0).comparisons[0].evidence.clone();
    evidence.shift = Some(Shift { estimate_ns, low_ns, high_ns });
    if let Some(resampled) = &mut evidence.resampled {
        resampled.mean_ns.estimate = Some(seconds(-4));
        resampled.mean_ns.bca = Some([seconds(-11), seconds(-1)]);
    }
    assert_eq!(
        evidence.dissenters(Verdict::Inconclusive),
        [
            "the Hodges–Lehmann shift is about −3.00 s [−10.00, −1.00]",
            "the bootstrap of the mean is about −4.00 s [−11.00, −1.00]"
        ]
    );
}

#[test]
fn too_few_blocks_are_refused_in_words_and_not_in_numbers() {
    let summary = summary(5, |_| -20.0);
    let evidence = &provision(&summary).evidence;
    assert_eq!(evidence.refused.as_deref(), Some("blocks: n too small: 5, at least 6 needed"));
    assert_eq!(evidence.resampled, None);
    assert_eq!(evidence.shift.expect("an estimate").low_ns, None);
}

/// Of `cut` in three instances the deadline, 300 s after its arrival, came first.
fn cut(index: u32, cut: u32, provision_s: u64) -> Sample {
    if index < cut {
        Sample { outcome: Outcome::Censored, censored_ns: Some(Nanos::new(300 * S)), ..sample(index) }
    } else {
        lived(index, provision_s * S, 50 * S)
    }
}

#[test]
fn times_that_were_cut_off_are_asked_for_what_they_say_and_for_nothing_else() {
    let mut report = Report::new(&run(8));
    for block in 1..=8 {
        let luck = u64::from(block);
        report.add(&trial(block, "eda", (0..3).map(|index| cut(index, 1, 200 + luck)).collect()));
        report.add(&trial(block, "aap", (0..3).map(|index| cut(index, 0, 100 + luck)).collect()));
    }
    let summary = report.summary();
    let evidence = &provision(&summary).evidence;
    assert_eq!(
        evidence.refused.as_deref(),
        Some("8 censored: ranks and quantiles of what finished would be a selection")
    );
    assert!(evidence.shift.is_none() && evidence.resampled.is_none() && evidence.ranked.is_none());
    let survival = evidence.survival.expect("survival");
    // Of the baseline's 24 two thirds ended, two a block between 201 and 208 s: half had by that of the sixth block.
    assert_eq!(survival.baseline_median.estimate_ns, Some(206 * S));
    assert_eq!(survival.arm_median.estimate_ns, Some(104 * S));
    assert_eq!(survival.horizon_ns, Some(300 * S));
    // Of a block: (300 + 2 (200 + b)) / 3 against 100 + b, whose difference has a mean of −(400 / 3 − 4.5 / 3).
    let expected = -((700.0 - 300.0) / 3.0 - 4.5 / 3.0) * 1e9;
    let seen = survival.restricted_mean_difference_ns.expect("a difference");
    assert!((seen as f64 - expected).abs() < 2.0, "{seen} {expected}");
    // All eight blocks have the same sign: 2 in 2⁸.
    assert_eq!(survival.log_rank_p, Some(0.007_813));
    let told = cells::sentences(&summary, "provision-deprovision");
    assert!(
        told[0].starts_with(
            "provision_total, with what was cut off (8 of eda, 0 of aap): medians by Kaplan and Meier 206.0 s"
        ),
        "{told:?}"
    );
}

#[test]
fn ends_of_provisioning_compete_and_the_backend_knows_them_best() {
    let mut report = Report::new(&run(1));
    let canceled = |index| Sample { outcome: Outcome::Canceled, running_ns: None, ..lived(index, 0, 20 * S) };
    let mut record = trial(1, "aap", vec![canceled(0), lived(1, 100 * S, S), canceled(2), canceled(3)]);
    record.transitions = vec![
        transition(0, "7", Plane::Backend, "Running", "Canceled", 40 * S),
        transition(0, "7", Plane::Observed, "Running", "Canceled", 70 * S),
        transition(1, "8", Plane::Observed, "Running", "Succeeded", 130 * S),
        transition(1, "8", Plane::Backend, "Running", "Succeeded", 100 * S),
        transition(2, "9", Plane::Observed, "Running", "Canceled", 60 * S),
    ];
    report.add(&record);
    let summary = report.summary();
    let ends = summary.arms[0].provision_ends.as_ref().expect("two ways");
    assert_eq!((ends.instances, ends.censored, ends.last_ns), (4, 1, 100 * S));
    let [succeeded, canceled] = &ends.ends[..] else { panic!("{ends:?}") };
    assert_eq!((succeeded.end, succeeded.n, canceled.end, canceled.n), ("Succeeded", 1, "Canceled", 2));
    // One is lost from sight at 25 s. Of the three left two are canceled first, then one succeeds.
    assert!((canceled.share - 2.0 / 3.0).abs() < 1e-6 && (succeeded.share - 1.0 / 3.0).abs() < 1e-6, "{ends:?}");
    assert_eq!((canceled.half_by_ns, succeeded.half_by_ns), (Some(40 * S), Some(100 * S)));
    let told = cells::sentences(&summary, "provision-deprovision");
    assert!(
        told[0].starts_with("aap: provision jobs of 4 instances ended Succeeded 33.3 %, half of them by 100.0 s;"),
        "{told:?}"
    );
    assert!(told[0].ends_with("half of them by 40.0 s; 1 not seen to end (Aalen and Johansen)"), "{told:?}");
    let mut well = Report::new(&run(1));
    well.add(&trial(1, "aap", vec![lived(0, S, S)]));
    assert_eq!(well.summary().arms[0].provision_ends, None, "nothing competes where all end well");
}
