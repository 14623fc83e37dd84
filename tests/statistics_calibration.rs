//! What the statistics promise, held against simulated data: tests reject true hypotheses as often as they say, intervals
//! cover the truth as often as they say, and effects are found as often as the power that was announced.
//!
//! Every rate is judged by binomial bounds of four standard errors; the seeds are fixed, so that the outcome is too.

#![cfg(feature = "harness")]

use std::num::NonZeroUsize;

use provbench::{
    stats::{
        bootstrap::{Options, Statistic, of_clusters},
        brunner_munzel::brunner_munzel,
        drift::{autocorrelation, drift},
        effect_size::dominance,
        equivalence::equivalence,
        evidence::{self, Question},
        harrell_davis::harrell_davis,
        hodges_lehmann,
        interval::Confidence,
        multiplicity::holm,
        normal, permutation,
        power::{Pilot, power},
        quantile::{Level, interval},
        resampling::Resampling,
        sequential::{Monitor, Spending},
        sign_flip::{Tail, sign_flip_test},
        student::mean_interval,
        survival::{
            CompetingObservation, Observation, aalen_johansen::CumulativeIncidence, kaplan_meier::KaplanMeier,
            log_rank::log_rank, restricted_mean::restricted_mean,
        },
    },
    units::{Seed, Stream},
};

const ALPHA: f64 = 0.05;

/// Made-up values.
struct Draws(Stream);

impl Draws {
    fn of(purpose: &str, experiment: u64) -> Self {
        Self(Seed::new(2_026).label(purpose).index(experiment).stream())
    }

    fn uniform(&mut self) -> f64 {
        ((self.0.next_bits() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn normal(&mut self) -> f64 {
        normal::quantile(self.uniform())
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn normals(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.normal()).collect()
    }

    fn exponentials(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.exponential()).collect()
    }
}

/// Few draws a test: with the one seen counted in, 199 are exact at 5 %.
fn drawn(experiment: u64) -> Resampling {
    Resampling { seed: Seed::new(experiment), resamples: 199 }
}

/// The share of experiments of which something is true.
fn rate(experiments: u64, holds: impl Fn(u64) -> bool) -> f64 {
    (0..experiments).filter(|experiment| holds(*experiment)).count() as f64 / experiments as f64
}

/// Four standard errors of a rate.
fn bound(expected: f64, experiments: u64) -> f64 {
    4.0 * (expected * (1.0 - expected) / experiments as f64).sqrt()
}

/// Fails unless a rate is what it should be, within binomial bounds and what the method itself leaves open.
#[track_caller]
fn assert_rate(what: &str, rate: f64, expected: f64, open: f64, experiments: u64) {
    let allowed = bound(expected, experiments) + open;
    assert!((rate - expected).abs() <= allowed, "{what}: {rate} instead of {expected} ± {allowed}");
}

#[test]
fn exact_tests_reject_a_true_hypothesis_at_their_own_level() {
    let n = 1_500;
    // Of 256 choices of signs the 12 most extreme are the most within 5 %.
    let signs = rate(n, |i| {
        let mut draws = Draws::of("sign flips", i);
        // Skewed luck of either arm makes symmetric differences.
        let differences: Vec<f64> = (0..8).map(|_| draws.exponential() - draws.exponential()).collect();
        sign_flip_test(&differences, Tail::Both, &drawn(i)).unwrap().p <= ALPHA
    });
    assert_rate("sign flips, 8 blocks", signs, 12.0 / 256.0, 0.0, n);
    // Of 924 arrangements of six and six, 46.
    let permuted = rate(n, |i| {
        let mut draws = Draws::of("permutations", i);
        permutation::permutation_test(&draws.exponentials(6), &draws.exponentials(6), &drawn(i)).unwrap().p <= ALPHA
    });
    assert_rate("permutations, 6 and 6", permuted, 46.0 / 924.0, 0.0, n);
    // Kendall's S of 10: P(|S| ≥ 23) = 0.0466, the next is 0.0726 (Kendall, Rank Correlation Methods, table 1).
    let trend = rate(n, |i| drift(&Draws::of("drift", i).exponentials(10)).unwrap().p <= ALPHA);
    assert_rate("drift, 10 blocks", trend, 0.0466, 0.0001, n);
}

#[test]
fn drawn_tests_reject_a_true_hypothesis_at_the_level_asked_for() {
    let n = 600;
    let signs = rate(n, |i| {
        sign_flip_test(&Draws::of("drawn signs", i).normals(35), Tail::Both, &drawn(i)).unwrap().p <= ALPHA
    });
    assert_rate("sign flips drawn", signs, ALPHA, 0.0, n);
    let permuted = rate(n, |i| {
        let mut draws = Draws::of("drawn permutations", i);
        permutation::permutation_test(&draws.normals(16), &draws.normals(20), &drawn(i)).unwrap().p <= ALPHA
    });
    assert_rate("permutations drawn", permuted, ALPHA, 0.0, n);
    // Twice the smaller side of 199 draws is at most 0.05 for 4 of 200 ranks a side.
    let lag =
        rate(n, |i| autocorrelation(&Draws::of("lag", i).normals(15), &drawn(i)).unwrap().significance.p <= ALPHA);
    assert_rate("autocorrelation", lag, ALPHA, 0.0, n);
}

#[test]
fn brunner_munzel_keeps_its_level_when_spreads_differ() {
    let n = 600;
    // Equal medians, spreads of 1 and 3: the hypothesis is true, and a rank-sum test would not keep its level.
    let by_t = rate(n, |i| {
        let mut draws = Draws::of("Brunner-Munzel", i);
        let wide: Vec<f64> = draws.normals(15).iter().map(|value| 3.0 * value).collect();
        brunner_munzel(&wide, &draws.normals(30), &drawn(i)).unwrap().significance.p <= ALPHA
    });
    assert_rate("by t", by_t, ALPHA, 0.015, n);
    let permuted = rate(n, |i| {
        let mut draws = Draws::of("Brunner-Munzel permuted", i);
        let wide: Vec<f64> = draws.normals(9).iter().map(|value| 3.0 * value).collect();
        brunner_munzel(&wide, &draws.normals(12), &drawn(i)).unwrap().significance.p <= ALPHA
    });
    assert_rate("permuted", permuted, ALPHA, 0.015, n);
}

#[test]
fn intervals_of_shifts_and_effects_cover_as_often_as_they_say() {
    let n = 1_500;
    // Signed-rank sums up to 8 of 10 ranks have 25 of 1 024 choices a side.
    let paired = rate(n, |i| {
        let shift =
            hodges_lehmann::one_sample(&Draws::of("paired shift", i).normals(10), Confidence::STANDARD).unwrap();
        shift.interval.unwrap().contains(0.0)
    });
    assert_rate("paired shift", paired, 1.0 - 50.0 / 1_024.0, 0.0, n);
    // U up to 13 of eight and eight: 0.0499 both sides (Mann and Whitney's distribution, counted).
    let unpaired = rate(n, |i| {
        let mut draws = Draws::of("shift", i);
        let (baseline, arm) = (draws.exponentials(8), draws.exponentials(8));
        hodges_lehmann::two_sample(&baseline, &arm, Confidence::STANDARD).unwrap().interval.unwrap().contains(0.0)
    });
    assert_rate("shift", unpaired, 0.95, 0.001, n);
    // Normal values one apart: P(larger) = Φ(1 / √2).
    let truth = normal::below(std::f64::consts::FRAC_1_SQRT_2);
    let effect = rate(n, |i| {
        let mut draws = Draws::of("A12", i);
        let (baseline, arm) =
            (draws.normals(20), draws.normals(20).iter().map(|value| value + 1.0).collect::<Vec<_>>());
        dominance(&baseline, &arm, Confidence::STANDARD).unwrap().a12_interval.contains(truth)
    });
    assert_rate("A12", effect, 0.95, 0.015, n);
    let mean = rate(n, |i| {
        let interval = mean_interval(&Draws::of("mean", i).normals(6)).unwrap();
        interval.low <= 0.0 && 0.0 <= interval.high
    });
    assert_rate("mean", mean, 0.95, 0.0, n);
}

#[test]
fn intervals_of_quantiles_cover_as_often_as_they_say() {
    let n = 600;
    let (median, p90) = (std::f64::consts::LN_2, std::f64::consts::LN_10);
    let sorted = |i| {
        let mut values = Draws::of("quantiles", i).exponentials(60);
        values.sort_unstable_by(f64::total_cmp);
        values
    };
    let ranks = rate(n, |i| {
        let (low, high) = interval(&sorted(i), Level::P90).unwrap();
        low <= p90 && p90 <= high
    });
    assert!(ranks >= 0.95 - bound(0.95, n), "order statistics: {ranks}");
    let smooth =
        rate(n, |i| harrell_davis(&sorted(i), Level::P50, Confidence::STANDARD).unwrap().interval.contains(median));
    assert_rate("Harrell-Davis", smooth, 0.95, 0.015, n);
}

#[test]
fn the_bootstrap_of_blocks_covers_although_instances_of_a_block_are_alike() {
    let n = 300;
    let covers = |i: u64, by_instance: bool| {
        let mut draws = Draws::of("bootstrap", i);
        // Each block's luck moves its ten instances together: half of the variance lies between blocks.
        let blocks: Vec<Vec<f64>> = (0..30)
            .map(|_| {
                let luck = draws.normal();
                draws.normals(10).iter().map(|value| value + luck).collect()
            })
            .collect();
        let pooled = blocks.concat();
        let clusters: Vec<&[f64]> =
            if by_instance { pooled.chunks(1).collect() } else { blocks.iter().map(Vec::as_slice).collect() };
        let options = Options {
            confidence: Confidence::STANDARD,
            resampling: Resampling { seed: Seed::new(i), resamples: if by_instance { 200 } else { 400 } },
            threads: NonZeroUsize::MIN,
        };
        let result = of_clusters(&clusters, &[Statistic::Mean], &options).unwrap()[0].unwrap();
        (result.bca.contains(0.0), result.percentile.contains(0.0))
    };
    let bca = rate(n, |i| covers(i, false).0);
    let percentile = rate(n, |i| covers(i, false).1);
    assert_rate("BCa", bca, 0.94, 0.01, n);
    assert_rate("percentile", percentile, 0.94, 0.01, n);
    // Instances drawn one by one would pretend to know far more.
    let alone = rate(60, |i| covers(i, true).1);
    assert!(alone < 0.7, "{alone}");
}

#[test]
fn the_bootstrap_of_few_blocks_is_as_short_as_its_documentation_says() {
    let n = 1_000;
    for (blocks, coverage) in [(6, 0.87), (15, 0.92)] {
        let covered = rate(n, |i| {
            let values = Draws::of("few blocks", i).normals(blocks);
            let clusters: Vec<&[f64]> = values.chunks(1).collect();
            let options = Options {
                confidence: Confidence::STANDARD,
                resampling: Resampling { seed: Seed::new(i), resamples: 200 },
                threads: NonZeroUsize::MIN,
            };
            let result = of_clusters(&clusters, &[Statistic::Mean], &options).unwrap()[0].unwrap();
            result.percentile.contains(0.0)
        });
        assert_rate("percentile of few blocks", covered, coverage, 0.01, n);
    }
}

/// Exponential times, cut off at a time uniform within 0 and 2.
fn censored(draws: &mut Draws, n: usize) -> Vec<Observation> {
    (0..n)
        .map(|_| {
            let (time, until) = (draws.exponential(), 2.0 * draws.uniform());
            Observation { time: time.min(until), ended: time <= until }
        })
        .collect()
}

#[test]
fn survival_is_right_although_half_of_it_is_cut_off() {
    let n = 800;
    let test = rate(n, |i| {
        let mut draws = Draws::of("log-rank", i);
        let (baseline, arm) = (censored(&mut draws, 40), censored(&mut draws, 30));
        log_rank(&baseline, &arm).unwrap().p <= ALPHA
    });
    assert_rate("log-rank", test, ALPHA, 0.01, n);
    let curve = rate(n, |i| {
        let observations = censored(&mut Draws::of("curve", i), 50);
        let curve = KaplanMeier::of(&observations, Confidence::STANDARD).unwrap();
        let step = curve.steps().iter().rfind(|step| step.time <= 0.7).unwrap();
        step.interval.unwrap().contains((-0.7_f64).exp())
    });
    assert_rate("Kaplan-Meier at 0.7", curve, 0.95, 0.01, n);
    // The mean of the smaller of an exponential time and 1 is 1 − 1/e.
    let mean = rate(n, |i| {
        let observations = censored(&mut Draws::of("restricted mean", i), 50);
        restricted_mean(&observations, 1.0, Confidence::STANDARD)
            .is_ok_and(|mean| mean.interval.contains(1.0 - (-1.0_f64).exp()))
    });
    assert_rate("restricted mean", mean, 0.945, 0.015, n);
    // Two ends at rates of 1 and ½: by 0.7, two thirds of 1 − e^(−1.05) have ended in the first way.
    let incidence = rate(n, |i| {
        let mut draws = Draws::of("incidence", i);
        let observations: Vec<CompetingObservation> = (0..60)
            .map(|_| {
                let ends = [draws.exponential(), 2.0 * draws.exponential(), 2.0 * draws.uniform()];
                let time = ends.iter().copied().fold(f64::INFINITY, f64::min);
                let cause = ends[..2].iter().position(|end| *end <= time);
                CompetingObservation { time, cause }
            })
            .collect();
        let curve = CumulativeIncidence::of(&observations, 2, Confidence::STANDARD).unwrap();
        let truth = 2.0 / 3.0 * (1.0 - (-1.05_f64).exp());
        curve.at(0.7, 0).unwrap().interval.unwrap().contains(truth)
    });
    assert_rate("Aalen-Johansen", incidence, 0.95, 0.01, n);
}

#[test]
fn equivalence_is_claimed_wrongly_no_more_often_than_alpha() {
    let n = 1_500;
    // A true difference right at the margin, and one well inside it.
    let claimed = |shift: f64| {
        rate(n, |i| {
            let differences: Vec<f64> = Draws::of("equivalence", i).normals(20).iter().map(|d| d + shift).collect();
            equivalence(&differences, 1.0, ALPHA).unwrap().equivalent
        })
    };
    assert_rate("at the margin", claimed(1.0), ALPHA, 0.0, n);
    assert_rate("at the other margin", claimed(-1.0), ALPHA, 0.0, n);
    assert!(claimed(0.0) > 0.95);
}

#[test]
fn several_gates_and_several_looks_together_fail_at_alpha() {
    let n = 1_000;
    let gates = rate(n, |i| {
        let mut draws = Draws::of("gates", i);
        let p_values: Vec<f64> = (0..5).map(|_| draws.uniform()).collect();
        holm(&p_values).unwrap().iter().any(|p| *p <= ALPHA)
    });
    assert_rate("Holm", gates, 1.0 - (1.0 - ALPHA / 5.0_f64).powi(5), 0.0, n);
    // Blocks until the interval excludes 0, looked at after 12, 18, 24, … of 36 blocks.
    for spending in [Spending::OBrienFleming, Spending::Pocock] {
        let mut monitor = Monitor::new(spending, ALPHA).unwrap();
        let looks = [12_usize, 18, 24, 30, 36];
        let levels: Vec<f64> =
            looks.iter().map(|blocks| monitor.look(*blocks as f64 / 36.0).unwrap().nominal_alpha).collect();
        let crossed = rate(n, |i| {
            let differences = Draws::of("looks", i).normals(36);
            looks.iter().zip(&levels).any(|(blocks, level)| {
                let interval = provbench::stats::student::mean_interval_at(
                    &differences[..*blocks],
                    Confidence::of_alpha(*level).unwrap(),
                );
                interval.is_some_and(|interval| interval.low > 0.0 || interval.high < 0.0)
            })
        });
        assert_rate("looks", crossed, ALPHA, 0.01, n);
    }
}

/// Blocks in which the arm takes `shift` (relative) more than the baseline of about 100; their differences have the
/// standard deviation 2.
fn experiment(shift: f64, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let mut draws = Draws::of("injected effect", seed);
    (0..20)
        .map(|_| {
            let luck = 100.0 + 5.0 * draws.normal();
            let noise = std::f64::consts::SQRT_2;
            (luck + noise * draws.normal(), luck + 100.0 * shift + noise * draws.normal())
        })
        .unzip()
}

#[test]
fn injected_effects_are_found_as_often_as_the_power_announced() {
    let seeds = 200;
    for shift in [0.0, 0.01, 0.05, 0.20] {
        let announced = power(100.0 * shift, 2.0, 20, ALPHA).unwrap();
        let evidence: Vec<_> = (0..seeds)
            .map(|seed| {
                let (baseline, arm) = experiment(shift, seed);
                let resampling = Resampling::standard(Seed::new(seed));
                let question = Question { margin: Some(2.0), confidence: Confidence::STANDARD, resampling };
                evidence::paired(&baseline, &arm, &question).unwrap()
            })
            .collect();
        let of = |holds: &dyn Fn(&evidence::PairedEvidence) -> bool| {
            evidence.iter().filter(|evidence| holds(evidence)).count() as f64 / seeds as f64
        };
        // Signs and ranks lose a few percent of power to t, and no more.
        assert_rate("t", of(&|e| e.mean.low > 0.0 || e.mean.high < 0.0), announced, 0.0, seeds);
        assert_rate("sign flips", of(&|e| e.sign_flip.p <= ALPHA), announced, 0.03, seeds);
        assert_rate("signed ranks", of(&|e| !e.shift.interval.unwrap().contains(0.0)), announced, 0.04, seeds);
        let truth = 100.0 * shift;
        assert_rate("coverage", of(&|e| e.mean.low <= truth && truth <= e.mean.high), 0.95, 0.0, seeds);
        assert_rate("coverage of ranks", of(&|e| e.shift.interval.unwrap().contains(truth)), 0.95, 0.005, seeds);
        let equivalent = of(&|e| e.equivalence.unwrap().equivalent);
        match shift {
            0.0 => assert!(equivalent > 0.97, "{equivalent}"),
            // Half a margin away: two one-sided tests at distances of 1 and 3, of which the nearer decides.
            0.01 => assert_rate("equivalence", equivalent, 0.695, 0.01, seeds),
            _ => assert!(equivalent <= 0.0, "{equivalent}"),
        }
        // The wrong side is never taken for right once an effect can be seen.
        assert!(shift < 0.01 || of(&|e| e.mean.high < 0.0 && e.sign_flip.p <= ALPHA) <= 0.0);
        // Paired blocks share luck of variance 25 a side, and keep noise of 2 each: 1 − 4 / 54.
        let reduction = of(&|e| (e.variance_reduction.unwrap() - (1.0 - 4.0 / 54.0)).abs() < 0.12);
        assert!(reduction > 0.97, "{reduction}");
    }
}

#[test]
fn planned_blocks_find_the_effect_as_often_as_planned() {
    let n = 600;
    let pilot = Pilot::of(&[-1.0, 0.0, 1.0]).unwrap();
    let blocks = pilot.blocks_for(0.8, ALPHA, 0.8).unwrap();
    let found = rate(n, |i| {
        let differences: Vec<f64> = Draws::of("planned", i).normals(blocks).iter().map(|d| d + 0.8).collect();
        sign_flip_test(&differences, Tail::Both, &drawn(i)).unwrap().p <= ALPHA
    });
    assert_rate("planned power", found, power(0.8, 1.0, blocks, ALPHA).unwrap(), 0.02, n);
}
