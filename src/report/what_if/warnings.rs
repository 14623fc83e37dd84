//! What a prediction assumes, and what speaks against it.

use crate::{
    record::{RunInfo, RunStatus, TrialRecord},
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

/// The most broken invariants that are counted.
const PROBLEMS_MAX: usize = 200;

/// Takes note of the broken invariants of a trial: a run that was killed did not get to say them itself.
pub(super) fn note_problems(run: &mut RunInfo, trial: &TrialRecord) {
    for problem in &trial.problems {
        let said = format!("{}: {problem}", trial.key);
        if run.problems.len() < PROBLEMS_MAX && !run.problems.contains(&said) {
            run.problems.push(said);
        }
    }
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
        // What was cut off with the run tells of nothing but when that was.
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
            "{}, {}: of {all} instances {} failed and {} were cut off before they had ended; those that came through are a selection, and \
             at another interval it would be another one",
            arm.arm, arm.scenario, outcomes.failed, outcomes.censored
        )
    })
}

/// What is not predicted because no deprovisioning was seen to end.
pub(super) fn of_nothing_deprovisioned(arm: &PredictedArm) -> String {
    format!(
        "{}, {}: nothing can be predicted: polls move deprovisioning alone, and none came to its end",
        arm.arm, arm.scenario
    )
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
