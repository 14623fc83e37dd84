use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    harness::experiment::{Arm, Experiment, ExperimentError, Overrides, ScenarioKind},
    record::ClockKind,
    units::Seed,
};

const VALID: &str = "\
name: 007                # of the file
blocks: 2
instances: 3
profile: instant
arms:
  - name: 1.10
    provider: eda
    settings: {CLOUDKIT_MAX_JOB_HISTORY: 010}
  - name: 1_0
    provider: aap
    poll_interval: 5s
scenarios:
  - kind: provision-deprovision
  - kind: delete-during-provision
    name: cut
    delete: {when_state: Running}
";

fn file() -> PathBuf {
    // Profiles are looked for beside it.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/p.yaml")
}

fn read(text: &str, settings: &[&str]) -> Result<Experiment, ExperimentError> {
    let set = settings.iter().map(|setting| (*setting).to_owned()).collect();
    Experiment::from_yaml(text, &file(), &Overrides { set, ..Overrides::default() })
}

fn set(settings: &[&str]) -> Experiment {
    read(VALID, settings).unwrap_or_else(|error| panic!("{settings:?}: {error}"))
}

/// The error that the valid file with a change gives, without the folder of the file.
fn error((from, to): (&str, &str), settings: &[&str]) -> String {
    assert!(VALID.contains(from), "{from}");
    let error = read(&VALID.replacen(from, to, 1), settings).expect_err(to).to_string();
    error.replace(&file().display().to_string(), "p.yaml")
}

fn arms(experiment: &Experiment) -> Vec<&str> {
    experiment.arms().iter().map(Arm::name).collect()
}

#[test]
fn values_are_set_over_the_file() {
    let overrides = Overrides {
        set: ["instances=50", "arms.1_0.poll_interval=1m", "scenarios.0.hold=10s", "arrival.spacing=2s"]
            .map(str::to_owned)
            .to_vec(),
        seed: Some(9),
        blocks: Some(7),
        clock: Some(ClockKind::Real),
        time_scale: Some(0.01),
    };
    let experiment = Experiment::from_yaml(VALID, &file(), &overrides).expect("an experiment");
    assert_eq!((experiment.instances(), experiment.blocks(), experiment.seed()), (50, 7, Seed::new(9)));
    assert_eq!(experiment.scenarios()[0].hold(), Duration::from_secs(10));
    assert_eq!(experiment.arrival_spacing(), Duration::from_secs(2));
    assert_eq!((experiment.clock(), experiment.time_scale().to_bits()), (ClockKind::Real, 0.01_f64.to_bits()));
    assert_eq!(experiment.arms()[1].settings.get("CLOUDKIT_AAP_STATUS_POLL_INTERVAL").map(String::as_str), Some("1m"));
}

#[test]
fn what_is_not_set_keeps_its_text() {
    let written = |experiment: &Experiment| serde_json::to_string(experiment).expect("JSON");
    let as_it_is = read(VALID, &[]).expect("an experiment");
    assert_eq!((as_it_is.name(), arms(&as_it_is)), ("007", vec!["1.10", "1_0"]));
    assert_eq!(written(&set(&["seed=1"])), written(&as_it_is));
    let side_by_side = read(&VALID.replace("1_0", "1.1"), &["seed=2"]).expect("an experiment");
    assert_eq!((arms(&side_by_side), side_by_side.seed()), (vec!["1.10", "1.1"], Seed::new(2)));
    for entry in std::fs::read_dir(file().parent().expect("a folder")).expect("experiments").flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let load = |set: Vec<String>| Experiment::load(&path, &Overrides { set, ..Overrides::default() });
            match (load(vec![]), load(vec!["description=x".to_owned(), "seed=5".to_owned()])) {
                (Ok(as_it_is), Ok(mut changed)) => {
                    changed.description = as_it_is.description.clone();
                    changed.seed = as_it_is.seed;
                    assert_eq!(written(&changed), written(&as_it_is), "{}", path.display());
                }
                (as_it_is, changed) => panic!("{}: {as_it_is:?} {changed:?}", path.display()),
            }
        }
    }
}

#[test]
fn a_value_of_a_field_that_is_text_stays_the_text_that_was_typed() {
    for text in ["007", "on", "1.10", "1_0", "0x1F", "null-", "1e3", ".5"] {
        let experiment = read(&VALID.replacen("name: 1.10", "name: eda", 1), &[&format!("arms.1_0.name={text}")]);
        match experiment {
            Ok(experiment) => assert_eq!(experiment.arms()[1].name(), text),
            Err(error) => assert!(text == ".5" && error.to_string().contains("`.5` can't name"), "{text}: {error}"),
        }
    }
    assert_eq!(set(&["name=00"]).name(), "00");
    for text in ["note: x # not a comment", "*x", "it's", "- a", "{x", "[1, 2]", "a=b", "5%", "100"] {
        assert_eq!(set(&[&format!("description={text}")]).description(), text);
    }
    // JSON as a text, where a text is wanted; the same as a map, where that is.
    let set = set(&[
        "instance.template_parameters={\"cpus\": 010}",
        "instance.template_parameters={\"cpus\": 2}",
        "scenarios.cut.delete={\"after\": \"90s\"}",
        "name='quoted'",
    ]);
    assert_eq!((set.template_parameters(), set.name()), (Some("{\"cpus\": 2}"), "quoted"));
    let ScenarioKind::DeleteDuringProvision { delete } = set.scenarios()[1].kind() else { panic!("another kind") };
    assert_eq!(format!("{delete:?}"), "After(1m30s)");
}

#[test]
fn an_item_of_a_list_is_found_by_its_name_or_the_name_that_it_has_by_default() {
    let experiment = set(&["scenarios.provision-deprovision.hold=10s", "scenarios.cut.name=cut-short"]);
    assert_eq!(experiment.scenarios()[0].hold(), Duration::from_secs(10));
    assert_eq!(experiment.scenarios()[1].name(), "cut-short");
    // A name with a dot in it, and the longer of two.
    let text = VALID.replace("1_0", "1.1");
    let experiment = read(&text, &["arms.1.10.old_jobs=1", "arms.1.1.old_jobs=2", "arms.1.name=x"]).expect("valid");
    assert_eq!(experiment.arms().iter().map(Arm::old_jobs).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(arms(&experiment), ["1.10", "x"]);
    let named = error(("blocks", "blocks"), &["scenarios.delete-during-provision.name=x"]);
    assert!(named.contains("there is no `delete-during-provision`"), "it has a name of its own: {named}");
}

#[test]
fn what_is_in_the_file_can_be_taken_away_and_a_map_be_made_of_nothing() {
    let text = VALID.replace("arms:", "arrival:\narms:");
    let experiment = read(&text, &["arms.1_0.poll_interval=null", "arrival.spacing=2s", "scenarios.cut.name="]);
    let experiment = experiment.expect("an experiment");
    assert_eq!(experiment.arms()[1].settings.get("CLOUDKIT_AAP_STATUS_POLL_INTERVAL"), None);
    assert_eq!(experiment.arrival_spacing(), Duration::from_secs(2));
    assert_eq!(experiment.scenarios()[1].name(), "delete-during-provision");
}

#[test]
fn a_secret_that_was_set_is_in_no_message() {
    for setting in ["arms.1_0.settings.CLOUDKIT_AAP_TOKENS=t0ps3cret", "arms.1_0.settings={THE_KEY: t0ps3cret}"] {
        let told = error(("blocks", "blocks"), &[setting]);
        assert!(told.contains("(secret): the operator has no setting") && !told.contains("t0ps3cret"), "{told}");
    }
}

#[test]
fn what_an_alias_stands_for_is_set_at_one_place_alone() {
    let text = VALID
        .replace("    settings: {", "    settings: &history {")
        .replace("    poll_interval: 5s\n", "    settings: *history\n");
    let experiment = read(&text, &["arms.1_0.settings.CLOUDKIT_MAX_JOB_HISTORY=007"]).expect("an experiment");
    let history = |arm: usize| experiment.arms()[arm].settings.get("CLOUDKIT_MAX_JOB_HISTORY").map(String::as_str);
    assert_eq!((history(0), history(1)), (Some("010"), Some("007")));
}

#[test]
fn a_mistake_in_the_file_has_its_place_also_when_values_are_set() {
    for (change, expected) in [
        (("provider: aap", "provider: x"), "p.yaml:10:15: `x` is no provider: expected eda or aap"),
        (("instances: 3", "instances: 0"), "p.yaml:3:12: instances is 0; at least 1 is needed"),
        (("blocks: 2", "blokcs: 2"), "p.yaml:2:1: "),
        (("CLOUDKIT_MAX_JOB_HISTORY: 010", "NOISE: 1"), "p.yaml:8:23: the operator has no setting NOISE"),
        (("{when_state: Running}", "{}"), "p.yaml:16:13: give either `when_state` or `after`"),
        (
            ("profile: instant", "profile: instant\nsubject: {api_version: /, kind: X, manifest: {}, ready: {}}"),
            "p.yaml:5:24: `/` is no apiVersion",
        ),
    ] {
        let found = error(change, &["seed=2", "description=x"]);
        assert!(found.starts_with(expected), "{change:?}: {found}");
        assert_eq!(found, error(change, &[]), "the same without values");
    }
}

#[test]
fn a_mistake_in_a_value_is_told_with_the_setting() {
    for (setting, expected) in [
        ("instances", "write it as PATH=VALUE, such as instances=50"),
        ("arms.gcp.poll_interval=1s", "there is no `gcp` on the path"),
        ("arms.7.poll_interval=1s", "there is no `7` on the path"),
        ("arms..name=x", "there is no `` on the path"),
        ("name.x=1", "there is no `x` on the path"),
        ("instances=0", "instances is 0; at least 1 is needed"),
        ("instances=many", "invalid"),
        ("instnces=1", "unknown field `instnces`"),
        ("arms.1_0.provider=x", "`x` is no provider: expected eda or aap"),
        ("arms.1_0.name=1.10", "two arms are named `1.10`"),
        ("arms.1_0.poll_interval=-5s", "`-5s` is negative"),
        ("scenarios.cut.delete.after=1s", "p.yaml:16:13: give either `when_state` or `after`"),
        // Shows at a value of the file that nothing is wrong with.
        ("arms.1.10.name=1_0", "p.yaml:9:11: two arms are named `1_0`"),
        ("scenarios.cut.kind=provision-deprovision", "p.yaml:16:13: `delete` belongs to delete-during-provision"),
        ("arms.1_0.operator={}", "nothing is chosen"),
        ("arms.1_0.operator.external.ready=probe", "missing field `command`"),
    ] {
        let found = error(("blocks", "blocks"), &["seed=2", setting]);
        let one = found.strip_prefix(&format!("--set {setting}: "));
        // What two places don't agree on is told with all that was set.
        let told = one.or_else(|| found.strip_prefix(&format!("--set seed=2 --set {setting}: ")));
        assert!(told.is_some_and(|told| told.starts_with(expected)), "{setting}: {found}");
        assert_eq!(one.is_none(), expected.starts_with("p.yaml"), "{setting}: {found}");
    }
}
