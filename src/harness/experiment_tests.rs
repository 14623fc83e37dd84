use super::*;
use crate::{api::JobState, operator::config::ProviderKind, record::Requirement};

const VALID: &str = "\
name: test
blocks: 2
instances: 3
profile: instant
arms:
  - name: eda
    provider: eda
  - name: aap
    provider: aap
    poll_interval: 5s
scenarios:
  - kind: provision-deprovision
";

fn file() -> PathBuf {
    // Profiles are looked for beside it.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("experiments/test.yaml")
}

fn read(text: &str) -> Result<Experiment, ExperimentError> {
    Experiment::from_yaml(text, &file(), &Overrides::default())
}

/// The place and message of the error that a change to the valid file gives.
fn error(from: &str, to: &str) -> String {
    assert!(VALID.contains(from), "{from}");
    let error = read(&VALID.replacen(from, to, 1)).expect_err(to).to_string();
    let place = format!("{}:", file().display());
    error.strip_prefix(&place).unwrap_or(&error).to_owned()
}

#[test]
fn what_is_left_out_has_a_default() {
    let experiment = read(VALID).expect("an experiment");
    assert_eq!((experiment.name(), experiment.blocks(), experiment.instances()), ("test", 2, 3));
    assert_eq!((experiment.clock(), experiment.tenants()), (ClockKind::Virtual, 1));
    assert_eq!(experiment.deadline(), Duration::from_secs(3600));
    assert_eq!(experiment.arrival_spacing(), Duration::ZERO);
    assert_eq!(experiment.scenarios()[0].name(), "provision-deprovision");
    let arms: Vec<_> = experiment.arms().iter().map(|arm| (arm.name(), arm.provider())).collect();
    assert_eq!(arms, [("eda", ProviderKind::Eda), ("aap", ProviderKind::Aap)]);
}

#[test]
fn an_arms_operator_is_set_up_through_its_environment() {
    let experiment = read(VALID).expect("an experiment");
    let endpoints = Endpoints {
        namespace: "vms".to_owned(),
        aap_url: "http://aap/api/controller".to_owned(),
        eda_url: "http://eda".to_owned(),
    };
    let config = experiment.arms()[1].operator_config(&endpoints).expect("a configuration");
    assert_eq!((config.provider, config.namespace.as_str()), (ProviderKind::Aap, "vms"));
    assert_eq!(config.status_poll_interval, Duration::from_secs(5));
    assert_eq!(config.aap.expect("AAP").url, "http://aap/api/controller");
}

#[test]
fn each_mistake_is_told_with_its_place_and_its_remedy() {
    for (from, to, expected) in [
        ("blocks: 2", "blocks: 0", "2:9: blocks is 0; at least 1 is needed"),
        ("instances: 3", "instances: 0", "3:12: instances is 0; at least 1 is needed"),
        ("name: aap", "name: eda", "8:11: two arms are named `eda`; give each a name of its own"),
        ("provider: eda", "provider: jenkins", "7:15: `jenkins` is no provider: expected eda or aap"),
        ("name: test", "name: ../x", "1:7: `../x` can't name an experiment; use letters, digits, `-`, `_` and `.`"),
        ("instances: 3", "instances: 2000000", "3:12: instances is 2000000; at most 1000000 are possible"),
        (
            "blocks: 2",
            "blocks: 2\ninstance: {template_id: 9x}",
            "3:25: `9x` is no template ID; it follows ^[a-zA-Z_][a-zA-Z0-9._]*$",
        ),
        (
            "blocks: 2",
            "blocks: 2\ninstance: {template_parameters: '[]'}",
            "3:33: the template's parameters are a JSON map, written as a string",
        ),
        (
            "blocks: 2",
            "blocks: 2\narrival: {spacing: 1h}",
            "3:20: 3 instances 1h apart don't all arrive before the deadline of 1h; arrive closer, or set a later `deadline`",
        ),
        ("poll_interval: 5s", "poll_interval: 0s", "10:20: the poll interval must be longer than 0s"),
        ("blocks: 2", "blocks: 2\ndeadline: 0s", "3:11: the deadline must be longer than 0s"),
        (
            "poll_interval: 5s",
            "settings: {CLOUDKIT_MAX_JOB_HISTORY: none}",
            "10:42: CLOUDKIT_MAX_JOB_HISTORY can't be \"none\": expected a whole number, at least 1",
        ),
        (
            "kind: provision-deprovision",
            "kind: delete-during-provision",
            "12:11: when to delete is missing; add `delete: {when_state: Running}` or `delete: {after: 60s}`",
        ),
    ] {
        assert_eq!(error(from, to), expected, "{to}");
    }
}

#[test]
fn a_design_that_makes_no_sense_is_told_with_its_place() {
    for (to, expected) in [
        (
            "blocks: 2\nprimary: speed",
            "3:10: arms can't be compared on `speed`; use one of provision_total, deprovision_total",
        ),
        ("blocks: 2\nwarmup: 2000000", "3:9: at most 1000000 blocks can warm up"),
        ("blocks: 2\nuntil: {half_width: 5%, max_blocks: 200}", "3:8: give either `blocks` or `until`"),
        ("until: {half_width: 5%, max_blocks: 5}", "2:37: max_blocks is 5; below 6 nothing can be told"),
        ("until: {half_width: 5%, max_blocks: 20, looks: [6, 10]}", "2:48: the last look is the one at max_blocks, 20"),
        (
            "until: {half_width: 5%, max_blocks: 20, looks: [10, 8, 20]}",
            "2:48: looks are block counts in ascending order",
        ),
        ("", "1:7: how many blocks are run is missing; add `blocks: 30` or `until: {half_width: 5%, max_blocks: 200}`"),
        (
            "blocks: 2\ngates:\n- {require: equivalent}",
            "4:13: which difference does not matter is missing; add `margin: 2%`",
        ),
        ("blocks: 2\ngates:\n- {require: faster, arm: gcp}", "4:26: `gcp` is not an arm of this experiment"),
        ("blocks: 2\ngates:\n- {require: faster, arm: eda}", "4:3: the baseline is not compared with itself"),
        ("blocks: 2\ngates:\n- {require: faster, scenario: x}", "4:31: `x` is not a scenario of this experiment"),
        (
            "blocks: 2\ngates:\n- {metric: total}",
            "4:3: give either `require` (faster, slower, equivalent or not-slower)",
        ),
        ("blocks: 2\ngates:\n- {at_most: 1s, margin: 2%}", "4:25: `margin` belongs to `require`"),
    ] {
        let error = error("blocks: 2", to);
        assert!(error.starts_with(expected), "{to}: {error}");
    }
    for (to, line, word) in [
        ("blocks: 2\nmargin: 5", "3:9:", "write it as 5% or 0.05"),
        ("blocks: 2\nmargin: 0%", "3:9:", "write it as 5% or 0.05"),
        ("until: {halfwidth: 5%, max_blocks: 20}", "2:9:", "halfwidth"),
        ("blocks: 2\naudit: ab", "3:8:", "ab"),
        ("blocks: 2\ngates:\n- {requires: faster}", "4:4:", "requires"),
        ("blocks: 2\ngates:\n- {require: better}", "4:13:", "better"),
    ] {
        let error = error("blocks: 2", to);
        assert!(error.starts_with(line) && error.contains(word), "{to}: {error}");
    }
    let error = error("poll_interval: 5s", "old_jobs: 9999");
    assert_eq!(error, "10:15: old_jobs is 9999; an object holds at most 5000 in its megabyte");
}

#[test]
fn a_design_is_read_with_its_defaults() {
    let design = |more: &str| {
        let text = VALID.replacen("blocks: 2", more, 1);
        let experiment = read(&text).expect("an experiment");
        (experiment.design().clone(), experiment)
    };
    let (plain, experiment) = design("blocks: 2");
    assert_eq!((plain, experiment.arms().len()), (Design::default(), 2));
    let (whole, experiment) = design(
        "until: {half_width: 5%, max_blocks: 200}\nwarmup: 2\nmargin: 2%\nprimary: provision_total\naudit: aa\n\
         gates:\n- {require: not-slower}\n- {metric: total, require: faster, arm: aap}\n- {at_most: 3m}",
    );
    assert_eq!(whole.until.as_ref().expect("a rule").looks, [13, 25, 50, 100, 200]);
    assert_eq!((experiment.blocks(), whole.warmup, whole.audit.as_deref()), (200, 2, Some("eda-aa")));
    assert!(experiment.arms()[2].is_audit() && experiment.arms()[2].provider() == ProviderKind::Eda);
    let gates: Vec<_> = whole.gates.iter().map(|gate| (gate.metric.as_str(), gate.require, gate.margin)).collect();
    assert_eq!(
        gates,
        [
            ("provision_total", Requirement::NotSlower, Some(0.02)),
            ("total", Requirement::Faster, Some(0.02)),
            ("provision_total", Requirement::AtMost, None),
        ]
    );
    assert_eq!(whole.gates[2].at_most_ns, Some(180_000_000_000));
    let overrides = Overrides { blocks: Some(7), ..Overrides::default() };
    let text = VALID.replacen("blocks: 2", "until: {half_width: 5%, max_blocks: 200}", 1);
    let experiment = Experiment::from_yaml(&text, &file(), &overrides).expect("an experiment");
    assert_eq!((experiment.blocks(), &experiment.design().until), (7, &None), "--blocks makes the number fixed");
}

#[test]
fn a_metric_is_asked_for_only_where_it_can_be_measured() {
    let cut = "- kind: delete-during-provision\n    delete: {when_state: Running}";
    // Only instances that are deleted on the way.
    let only_cut = VALID.replacen("- kind: provision-deprovision", cut, 1);
    let design = |text: &str| read(text).map(|experiment| experiment.design().clone());
    assert_eq!(design(&only_cut).expect("an experiment").primary, "deprovision_total");
    let asked =
        design(&only_cut.replacen("blocks: 2", "blocks: 2\nprimary: total", 1)).expect_err("nothing to measure");
    assert!(asked.to_string().contains("3:10: no scenario here gets an instance to Running"), "{asked}");
    // Both kinds: a gate asks where the metric is, and says so in the record.
    let both = VALID.replacen("scenarios:\n", &format!("scenarios:\n  {cut}\n"), 1);
    let gates = |gate: &str| design(&both.replacen("blocks: 2", &format!("blocks: 2\ngates:\n- {gate}"), 1));
    let scenarios = |gate: &str| -> Vec<Option<String>> {
        gates(gate).expect("an experiment").gates.into_iter().map(|gate| gate.scenario).collect()
    };
    assert_eq!(scenarios("{require: faster}"), [Some("provision-deprovision".to_owned())]);
    assert_eq!(scenarios("{require: faster, metric: deprovision_total}"), [None]);
    let asked = gates("{require: faster, scenario: delete-during-provision}").expect_err("nothing to measure");
    assert!(asked.to_string().contains("are deleted before they get to Running: it has no total"), "{asked}");
    // The processor's time.
    let cpu = error("blocks: 2", "blocks: 2\nprimary: operator_cpu");
    assert!(cpu.starts_with("3:10: operator_cpu is measured on the real clock only"), "{cpu}");
    let cpu = error("blocks: 2", "blocks: 2\ngates:\n- {metric: operator_cpu, at_most: 1s}");
    assert!(cpu.starts_with("4:12: operator_cpu is measured on the real clock only"), "{cpu}");
    let real = VALID.replacen("blocks: 2", "blocks: 2\nclock: real\nprimary: operator_cpu", 1);
    assert_eq!(design(&real).expect("an experiment").primary, "operator_cpu");
}

#[test]
fn mistakes_of_form_have_a_place_too() {
    for (from, to, line, word) in [
        ("blocks: 2", "blokcs: 2", "2:", "blokcs"),
        ("poll_interval: 5s", "poll_interval: -5s", "10:20:", "negative"),
        ("poll_interval: 5s", "poll_interval: soon", "10:20:", "not a duration"),
        ("instances: 3", "instances: -3", "3:12:", "invalid u32"),
        ("kind: provision-deprovision", "kind: nothing", "12:11:", "nothing"),
        ("arms:", "arms: [", "", ""),
    ] {
        let error = error(from, to);
        assert!(error.starts_with(line) && error.contains(word), "{to}: {error}");
    }
}

#[test]
fn an_unknown_profile_is_told_with_those_that_are_known() {
    let error = error("profile: instant", "profile: production");
    assert!(error.starts_with("4:10: there is no profile `production`"), "{error}");
    assert!(error.contains("known are hands-on, instant, quiet-engine, short-jobs, vmaas-dev-2026-02"), "{error}");
}

#[test]
fn an_unknown_setting_is_told_with_those_that_are_known() {
    let error = error("poll_interval: 5s", "settings: {CLOUDKIT_NOISE: '1'}");
    assert!(error.contains("no setting CLOUDKIT_NOISE") && error.contains("CLOUDKIT_MAX_JOB_HISTORY"), "{error}");
}

#[test]
fn a_missing_file_is_told() {
    let error = Experiment::load(Path::new("nowhere.yaml"), &Overrides::default()).expect_err("no file").to_string();
    assert!(error.starts_with("nowhere.yaml: failed to read the experiment"), "{error}");
}

#[test]
fn a_file_that_is_not_text_or_no_file_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("latin-1.yaml");
    std::fs::write(&path, b"name: caf\xe9\n").expect("written");
    let told = Experiment::load(&path, &Overrides::default()).expect_err("no text").to_string();
    assert_eq!(told, format!("{}: the file is not UTF-8 text; save it as UTF-8", path.display()));
    let folder = folder.path().display();
    let told = error("profile: instant", &format!("profile: {folder}"));
    assert_eq!(told, format!("4:10: the profile `{folder}` is a folder ({folder}); name a file in it"));
}

#[test]
fn when_to_delete_is_a_state_or_a_delay() {
    let with = |delete: &str| {
        let kind = format!("kind: delete-during-provision\n    delete: {delete}");
        read(&VALID.replacen("kind: provision-deprovision", &kind, 1))
            .map(|experiment| experiment.scenarios()[0].kind())
    };
    let delete = DeleteWhen::State(JobState::Running);
    assert_eq!(with("{when_state: Running}").expect("valid"), ScenarioKind::DeleteDuringProvision { delete });
    let delete = DeleteWhen::After(GoDuration(Duration::from_secs(90)));
    assert_eq!(with("{after: 1m30s}").expect("valid"), ScenarioKind::DeleteDuringProvision { delete });
    for bad in ["{}", "{when_state: Running, after: 1s}", "{when_state: Ready}", "{when: Running}"] {
        assert!(with(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_time_scale_needs_a_real_clock_and_a_sane_value() {
    for (clock, scale) in [(ClockKind::Virtual, 0.01), (ClockKind::Real, 0.0), (ClockKind::Real, f64::NAN)] {
        let overrides = Overrides { clock: Some(clock), time_scale: Some(scale), ..Overrides::default() };
        assert!(Experiment::from_yaml(VALID, &file(), &overrides).is_err(), "{clock:?} {scale}");
    }
}

#[test]
fn a_real_engine_needs_its_provider_and_the_real_clock() {
    let with_engine = |clock: &str, provider: &str| {
        let text = VALID.replacen("blocks: 2", &format!("blocks: 2\n{clock}"), 1);
        let engine = format!("    provider: {provider}\n    backend: {{eda: {{engine: ansible-rulebook}}}}\n");
        read(&text.replacen(&format!("    provider: {provider}\n"), &engine, 1))
    };
    let message = |clock: &str, provider: &str| with_engine(clock, provider).expect_err("an error").to_string();
    assert!(
        message("", "eda").contains("test.yaml:9:14: a real engine needs the real clock"),
        "{}",
        message("", "eda")
    );
    assert!(message("clock: virtual", "eda").contains("needs the real clock"));
    assert!(message("clock: real\ntime_scale: 0.1", "eda").contains("leave `time_scale`"));
    assert!(message("clock: real", "aap").contains("needs `provider: eda`"));
    let experiment = with_engine("clock: real", "eda").expect("an experiment");
    let written = serde_json::to_value(experiment.arms()).expect("JSON");
    assert_eq!(written[0]["backend"], serde_json::json!({"eda": {"engine": "ansible-rulebook"}}));
    assert_eq!(written[1].get("backend"), None);
    let unknown = VALID.replacen("    provider: eda\n", "    provider: eda\n    backend: {eda: {engine: drools}}\n", 1);
    assert!(read(&unknown).expect_err("an error").to_string().contains("ansible-rulebook"));
}

#[test]
fn a_token_among_the_settings_is_in_no_record_and_events_are_off_unless_asked_for() {
    let settings = "settings: {CLOUDKIT_AAP_TOKEN: t0ps3cret, CLOUDKIT_EVENTS: 'true', \
                    CLOUDKIT_COMPUTE_INSTANCE_PROVISION_WEBHOOK: 'http://eda/x?token=t0ps3cret'}";
    let experiment = read(&VALID.replacen("poll_interval: 5s", settings, 1)).expect("an experiment");
    let written = serde_json::to_string(&experiment).expect("JSON");
    assert!(written.contains("(secret)") && written.contains("http://eda/x\""), "{written}");
    assert!(!written.contains("t0ps3cret"), "{written}");
    let endpoints =
        Endpoints { namespace: "vms".into(), aap_url: "http://aap/api".into(), eda_url: "http://eda".into() };
    let events = |arm: &Arm| arm.operator_config(&endpoints).expect("a configuration").events;
    assert_eq!(experiment.arms().iter().map(events).collect::<Vec<_>>(), [false, true]);
}
