//! What a prediction assumes, and what speaks against it.

use crate::{
    record::{RunInfo, RunStatus},
    report::what_if::PredictedArm,
};

/// What every prediction rests on, a sentence each.
pub(super) fn assumptions(queue_replayed: bool) -> Vec<String> {
    let mut assumptions = vec![
        "only the end of an AAP job is learned by a poll; everything after it moves with it and takes as long as before".to_owned(),
        "a delete comes when it came, also where a polled state decides when that is".to_owned(),
        "the load of the polls themselves changes nothing".to_owned(),
        "no deadline cuts anything off: a run at that interval has the deadline of its experiment".to_owned(),
    ];
    if queue_replayed {
        assumptions.push(
            "jobs wait for room as the task manager of the recorded profile lets them, and run as long as before"
                .to_owned(),
        );
    }
    assumptions
}

/// What is wrong with a run as a whole.
pub(super) fn of_run(run: &RunInfo, which: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(problem) = run.problems.first() {
        let more = match run.problems.len() {
            1 => String::new(),
            all => format!(" (and {} more)", all - 1),
        };
        warnings.push(format!("{which} is invalid, and so is what follows from it: {problem}{more}"));
    }
    if run.status == RunStatus::Incomplete {
        warnings.push(format!("{which} was stopped before its plan was done: only its whole trials are counted"));
    }
    warnings
}

/// What is wrong with the instances of an arm.
pub(super) fn of_outcomes(arm: &PredictedArm) -> Option<String> {
    let outcomes = &arm.outcomes;
    let all = outcomes.succeeded + outcomes.failed + outcomes.canceled + outcomes.censored;
    (outcomes.failed + outcomes.censored > 0).then(|| {
        format!(
            "{}, {}: of {all} instances {} failed and {} were cut off by the deadline; those that came through are a selection, and \
             at another interval it would be another one",
            arm.arm, arm.scenario, outcomes.failed, outcomes.censored
        )
    })
}

/// What is uncertain where a polled state decides when a delete comes.
pub(super) fn of_deletes_at_a_state(arm: &PredictedArm) -> String {
    format!(
        "{}, {}: deletes wait for a state that polls tell of; at another interval they would come at another time, when the job \
         may be elsewhere",
        arm.arm, arm.scenario
    )
}

/// What is not told because chance decides it.
pub(super) fn of_what_is_uncertain(arm: &PredictedArm) -> Option<String> {
    let uncertain = arm.metrics.iter().filter(|metric| !metric.uncertain.is_empty());
    let names: Vec<String> = uncertain
        .map(|metric| {
            let fields: Vec<&str> = metric.uncertain.iter().map(|field| field.trim_end_matches("_ns")).collect();
            format!("{} of {}", fields.join(" and "), metric.metric)
        })
        .collect();
    (!names.is_empty()).then(|| {
        format!(
            "{}, {}: {} can't be told: jobs wait for each other, and which of those that are launched together goes first decides",
            arm.arm,
            arm.scenario,
            names.join(", ")
        )
    })
}
