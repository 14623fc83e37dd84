//! What work a run did: the parts of its resolved configuration that must be alike for times to be comparable.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::report::first_difference;

/// Members of the configuration that define the work of every arm. Clock and time scale stand in the digest by themselves;
/// seed, blocks and design decide how surely something is known, not what is measured.
const MEMBERS: [&str; 6] =
    ["arrival_spacing", "deadline", "instances", "template_id", "template_parameters", "tenants"];

/// Members that hold something by name; what only one run has is no difference of the work.
const NAMED: [&str; 2] = ["arms", "scenarios"];

/// What each arm finds: how its backends behave, and the history that instances arrive with. How its operator is set up is not
/// among it, see [`setup_of`].
const OF_ARMS: [&str; 3] = ["profile", "old_jobs", "backend"];

/// The work of a run, from its resolved configuration.
pub(super) fn work_of(config: &Value) -> Value {
    let arms = named(&config["arms"], |member| OF_ARMS.contains(&member));
    // What is expected of a scenario changes no time.
    let scenarios = named(&config["scenarios"], |member| !matches!(member, "name" | "expect"));
    let members = MEMBERS.iter().map(|name| ((*name).to_owned(), config[*name].clone()));
    Value::Object(members.chain([("arms".to_owned(), arms), ("scenarios".to_owned(), scenarios)]).collect())
}

/// A list of named things as an object by name, with those of their members that count.
fn named(list: &Value, counts: impl Fn(&str) -> bool) -> Value {
    let things = list.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(|thing| {
        let members = thing.as_object()?.iter().filter(|(member, _)| counts(member));
        let members: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
        Some((thing["name"].as_str()?.to_owned(), Value::Object(members)))
    });
    Value::Object(things.collect())
}

/// How the operator of an arm is set up: its provider and its settings, on one level.
pub(super) fn setup_of(config: &Value, arm: &str) -> Map<String, Value> {
    let arms = config["arms"].as_array().map(Vec::as_slice).unwrap_or_default();
    let Some(found) = arms.iter().find(|found| found["name"] == arm) else { return Map::new() };
    let mut setup = found["settings"].as_object().cloned().unwrap_or_default();
    setup.insert("provider".to_owned(), found["provider"].clone());
    setup
}

/// What differs in how an arm is set up, one phrase each: `X is 60s, 5s before`.
pub(super) fn setup_changes(later: &Map<String, Value>, earlier: &Map<String, Value>) -> Vec<String> {
    let names: BTreeSet<&String> = later.keys().chain(earlier.keys()).collect();
    let changed = names.into_iter().filter(|name| later.get(*name) != earlier.get(*name));
    changed.map(|name| format!("{name} is {}, {} before", word(later.get(name)), word(earlier.get(name)))).collect()
}

fn word(value: Option<&Value>) -> String {
    match value {
        None => "not set".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// Where two runs did different work first, and what each did there: `scenarios.x.hold`, `"8s"`, `"7s"`. Arms and scenarios
/// that only one of them has are left out.
pub(super) fn different_work(later: &Value, earlier: &Value) -> Option<(String, String, String)> {
    let members = MEMBERS.iter().find_map(|name| first_difference(&later[*name], &earlier[*name], name));
    members.or_else(|| {
        NAMED.iter().find_map(|kind| {
            later[*kind]
                .as_object()?
                .iter()
                .find_map(|(name, thing)| first_difference(thing, earlier[*kind].get(name)?, &format!("{kind}.{name}")))
        })
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config() -> Value {
        json!({
            "seed": 1, "instances": 3, "tenants": 1,
            "arms": [{"name": "aap", "provider": "aap", "settings": {"X": "5s"}, "profile": {"boot": {"fixed": "3s"}}}],
            "scenarios": [{"name": "life", "expect": {}, "life": {"hold": "7s"}}],
        })
    }

    fn difference(change: impl Fn(&mut Value)) -> Option<(String, String, String)> {
        let mut changed = config();
        change(&mut changed);
        different_work(&work_of(&changed), &work_of(&config()))
    }

    #[test]
    fn whatever_defines_the_work_is_a_difference_with_its_place() {
        let place = |change: fn(&mut Value)| difference(change).expect("a difference").0;
        assert_eq!(place(|config| config["tenants"] = json!(2)), "tenants");
        assert_eq!(place(|config| config["scenarios"][0]["life"]["hold"] = json!("8s")), "scenarios.life.life.hold");
        assert_eq!(
            difference(|config| config["arms"][0]["profile"]["boot"] = json!({"fixed": "4s"})),
            Some(("arms.aap.profile.boot.fixed".to_owned(), "\"4s\"".to_owned(), "\"3s\"".to_owned()))
        );
        assert_eq!(place(|config| config["arms"][0]["old_jobs"] = json!(4)), "arms.aap.old_jobs");
    }

    #[test]
    fn seed_setup_and_what_only_one_run_has_are_no_different_work() {
        assert_eq!(difference(|config| config["seed"] = json!(2)), None);
        assert_eq!(difference(|config| config["arms"][0]["settings"]["X"] = json!("6s")), None);
        assert_eq!(difference(|config| config["arms"][0]["name"] = json!("other")), None);
        assert_eq!(difference(|config| config["scenarios"][0]["expect"] = json!({"aap": {}})), None);
    }

    #[test]
    fn what_is_set_up_differently_is_named() {
        let mut config_now = config();
        config_now["arms"][0]["settings"] = json!({"Y": "1"});
        let changes = setup_changes(&setup_of(&config_now, "aap"), &setup_of(&config(), "aap"));
        assert_eq!(changes, ["X is not set, 5s before", "Y is 1, not set before"]);
    }
}
