//! From a judged comparison to the answer of a requirement.

use crate::{
    record::Requirement,
    report::{
        comparison::whole,
        number::{count, difference_with_interval, duration, p_value, percent_off},
    },
    stats::{
        compare::{ALPHA, Verdict},
        multiplicity::holm,
    },
};

use super::{
    check::{Check, CheckOutcome},
    judge::Judged,
    level::confidence,
};

/// Something that is asked, before it is known how many are asked together.
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) scenario: String,
    pub(crate) verdict: Option<Verdict>,
    /// What the blocks say by themselves.
    pub(crate) outcome: CheckOutcome,
    /// The p-value of what is claimed.
    pub(crate) p: Option<f64>,
    pub(crate) message: String,
}

/// The answer of one comparison to a requirement; `refusal` is a reason to give none, whatever the blocks say.
pub(crate) fn required(
    name: String,
    scenario: &str,
    require: Requirement,
    judged: Option<&Judged>,
    refusal: Option<String>,
) -> Asked {
    let evidence = judged.map_or_else(String::new, |judged| evidence(judged, refusal.is_none()));
    let verdict = judged.filter(|_| refusal.is_none()).map_or(Verdict::Inconclusive, |judged| judged.verdict);
    let refusal_free = refusal.is_none();
    let not_slower = judged.and_then(|judged| judged.not_slower).filter(|(holds, _)| *holds && refusal_free);
    let doubt = refusal.or_else(|| match judged {
        Some(judged) => judged.doubt.clone(),
        None => Some(super::judge::too_few(0, ALPHA)),
    });
    // What the margin's requirements fail on is evidence beyond the margin: a difference that is there and may be small enough
    // is no failure.
    let beyond = judged.filter(|_| refusal_free).and_then(|judged| match require {
        Requirement::NotSlower => judged.slower_by_margin,
        Requirement::Equivalent => judged.different_by_margin,
        Requirement::Faster | Requirement::Slower | Requirement::AtMost => None,
    });
    let (outcome, p) = match (require, verdict, not_slower, beyond) {
        (Requirement::NotSlower, Verdict::Inconclusive | Verdict::Slower, Some((_, p)), _) => {
            (CheckOutcome::Passed, Some(p))
        }
        (_, Verdict::Inconclusive, _, _) => (CheckOutcome::Inconclusive, None),
        (Requirement::NotSlower, Verdict::Faster | Verdict::Equivalent, _, _)
        | (Requirement::Faster, Verdict::Faster, _, _)
        | (Requirement::Slower, Verdict::Slower, _, _)
        | (Requirement::Equivalent, Verdict::Equivalent, _, _) => (CheckOutcome::Passed, claim(judged)),
        (_, _, _, Some((true, p))) => (CheckOutcome::Failed, Some(p)),
        (_, _, _, Some((false, _))) => (CheckOutcome::Inconclusive, None),
        _ => (CheckOutcome::Failed, claim(judged)),
    };
    let doubt = doubt.or_else(|| {
        let cut = outcome == CheckOutcome::Inconclusive;
        let level = judged.map_or(ALPHA, |judged| judged.alpha);
        cut.then(|| format!("{}, but the {} interval reaches into the margin", verdict.as_str(), confidence(level)))
    });
    let message = match (outcome, doubt) {
        (CheckOutcome::Inconclusive, doubt) => {
            format!("inconclusive: {}{}", doubt.unwrap_or_default(), seen(&evidence))
        }
        (CheckOutcome::Passed, _) if verdict == Verdict::Inconclusive => format!("not slower: {evidence}"),
        (_, _) => format!("{}: {evidence}", verdict.as_str()),
    };
    Asked { name, scenario: scenario.to_owned(), verdict: Some(verdict), outcome, p, message }
}

fn claim(judged: Option<&Judged>) -> Option<f64> {
    judged.and_then(|judged| judged.p_claim)
}

fn seen(evidence: &str) -> String {
    if evidence.is_empty() { String::new() } else { format!(". Seen: {evidence}") }
}

/// `129.9 s against 147.5 s, difference −17.6 s [−17.9, −17.3], 11.9 %, 30 blocks`; a percentage only where there is a claim,
/// which others may not want to be made.
fn evidence(judged: &Judged, may_claim: bool) -> String {
    let interval = judged.interval.map(|(low, high)| (whole(low), whole(high)));
    let sure = may_claim && matches!(judged.verdict, Verdict::Faster | Verdict::Slower);
    let percent = match judged.ratio {
        Some(ratio) if sure => format!(", {}", percent_off(ratio, true)),
        _ => String::new(),
    };
    format!(
        "{} against {}, difference {}{percent}, {}",
        duration(whole(judged.arm_mean).unsigned_abs()),
        duration(whole(judged.baseline_mean).unsigned_abs()),
        difference_with_interval(whole(judged.difference), interval),
        count(judged.blocks as u64, "block"),
    )
}

/// Adjusts what is claimed for the number of things asked (Holm): a claim that does not survive it is inconclusive.
pub(crate) fn settle(asked: Vec<Asked>, alpha: f64) -> Vec<Check> {
    // What claims nothing can claim nothing wrong, but was asked all the same.
    let p_values: Vec<f64> = asked.iter().map(|asked| asked.p.unwrap_or(1.0).clamp(0.0, 1.0)).collect();
    let adjusted = holm(&p_values).unwrap_or_else(|_| vec![1.0; p_values.len()]);
    let several = asked.len();
    asked
        .into_iter()
        .zip(adjusted)
        .map(|(asked, adjusted)| {
            let p_adjusted = asked.p.map(|_| adjusted);
            let lost = asked.outcome != CheckOutcome::Inconclusive && p_adjusted.is_some_and(|p| p >= alpha);
            let (outcome, message) = if lost {
                let message = format!(
                    "inconclusive: {} after Holm's adjustment for {several} gates. By itself {}",
                    p_value(adjusted),
                    asked.message
                );
                (CheckOutcome::Inconclusive, message)
            } else {
                (asked.outcome, asked.message)
            };
            Check {
                name: asked.name,
                scenario: asked.scenario,
                outcome,
                verdict: asked.verdict.map(Verdict::as_str),
                // Below this a double tells nothing, and 0 would be a lie.
                p_value: asked.p.map(|p| p.max(1e-15)),
                p_adjusted: p_adjusted.map(|p| p.max(1e-15)),
                message,
            }
        })
        .collect()
}

/// `aap not slower than eda on total (margin 2 %)`.
pub(crate) fn question(arm: &str, baseline: &str, metric: &str, require: Requirement, margin: Option<f64>) -> String {
    let than = match require {
        Requirement::Equivalent => "equivalent to",
        Requirement::Faster => "faster than",
        Requirement::Slower => "slower than",
        Requirement::NotSlower => "not slower than",
        Requirement::AtMost => "at most",
    };
    let margin = match margin {
        Some(margin) if require != Requirement::AtMost => format!(" (margin {})", percent(margin)),
        _ => String::new(),
    };
    format!("{arm} {than} {baseline} on {metric}{margin}")
}

/// `2 %`, `0.5 %`.
pub(crate) fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::verdict::check::overall;

    fn asked(outcome: CheckOutcome, p: Option<f64>) -> Asked {
        Asked { name: String::new(), scenario: String::new(), verdict: None, outcome, p, message: "faster".to_owned() }
    }

    #[test]
    fn a_claim_that_does_not_survive_the_number_of_gates_is_inconclusive() {
        use CheckOutcome::{Failed, Inconclusive, Passed};
        let checks =
            settle(vec![asked(Passed, Some(0.001)), asked(Failed, Some(0.03)), asked(Passed, Some(0.04))], 0.05);
        let outcomes: Vec<_> = checks.iter().map(|check| check.outcome).collect();
        // Holm: 0.003, 0.06, 0.06.
        assert_eq!(outcomes, [Passed, Inconclusive, Inconclusive]);
        assert!(checks[1].message.starts_with("inconclusive: p = 0.060 after Holm's adjustment for 3 gates"));
        assert_eq!(overall(&checks), Inconclusive);
        let alone = settle(vec![asked(Failed, Some(0.03))], 0.05);
        assert_eq!((alone[0].outcome, alone[0].p_adjusted), (Failed, Some(0.03)));
        assert_eq!(overall(&[]), Passed);
    }

    #[test]
    fn a_gate_with_a_margin_fails_on_evidence_beyond_the_margin_only() {
        use crate::{
            report::verdict::judge::{Rules, judge},
            stats::compare::BlockPair,
        };
        use CheckOutcome::{Failed, Inconclusive, Passed};
        let rules = Rules { alpha: 0.05, margin: Some(0.02), baseline_censored: 0, arm_censored: 0 };
        let answer = |require, middle: f64| {
            let pairs: Vec<BlockPair> = [0.5, -0.5, 0.2, -0.2, 0.1, -0.1, 0.3, -0.3]
                .map(|off| BlockPair { baseline: 100.0, arm: 100.0 + middle + off })
                .to_vec();
            let judged = judge(&pairs, &rules);
            required(String::new(), "", require, judged.as_ref(), None)
        };
        for (middle, not_slower, equivalent) in [
            (0.1, Passed, Passed),
            (1.9, Inconclusive, Inconclusive),
            (2.1, Inconclusive, Inconclusive),
            (3.0, Failed, Failed),
            (-3.0, Passed, Failed),
        ] {
            assert_eq!(answer(Requirement::NotSlower, middle).outcome, not_slower, "{middle}");
            assert_eq!(answer(Requirement::Equivalent, middle).outcome, equivalent, "{middle}");
        }
        let message = answer(Requirement::NotSlower, 1.9).message;
        assert!(
            message.starts_with("inconclusive: slower, but the 95 % interval reaches into the margin"),
            "{message}"
        );
        assert_eq!(answer(Requirement::Faster, 3.0).outcome, Failed);
    }

    #[test]
    fn identical_runs_pass_what_is_asked_of_a_baseline_of_nothing() {
        use crate::{
            report::verdict::judge::{Rules, judge},
            stats::compare::BlockPair,
        };
        let rules = Rules { alpha: 0.05, margin: Some(0.02), baseline_censored: 0, arm_censored: 0 };
        let answer = |require, arm: f64| {
            let judged = judge(&[BlockPair { baseline: 0.0, arm }; 8], &rules);
            settle(vec![required(String::new(), "", require, judged.as_ref(), None)], 0.05).remove(0).outcome
        };
        for require in [Requirement::NotSlower, Requirement::Equivalent] {
            assert_eq!((answer(require, 0.0), answer(require, 1.0)), (CheckOutcome::Passed, CheckOutcome::Failed));
        }
    }

    #[test]
    fn shares_are_written_without_needless_digits() {
        assert_eq!([0.02, 0.005, 1.0, 0.12345].map(percent), ["2 %", "0.5 %", "100 %", "12.345 %"]);
    }
}
