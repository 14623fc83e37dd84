//! Operators in a process of their own: our own binary measures as it does in this process, and whatever such a program does, the run
//! ends with a clear answer and leaves nothing behind.

#![cfg(all(feature = "harness", target_os = "linux"))]

#[path = "control_plane/mod.rs"]
mod control_plane;
#[path = "external_operator/runs.rs"]
mod runs;

use std::fs;

use serde_json::Value;

use self::runs::{Lab, OPERATOR, Run};

#[test]
fn our_operator_as_a_program_has_the_same_results_as_in_this_process() {
    let lab = Lab::new();
    for provider in ["aap", "eda"] {
        let file = lab.experiment(
            provider,
            &format!(
                "blocks: 1\narms:\n  - {{name: inside, provider: {provider}}}\n  - name: outside\n    provider: {provider}\n    \
                 operator: {{external: {{command: [{OPERATOR}]}}}}\n"
            ),
        );
        let run = lab.run(&file, &["--time-scale", "0.02"]);
        run.ended_with(0);
        run.same_outcomes("inside", "outside");
        let cost = run.cost("outside");
        let process = &cost["process"];
        assert_eq!((&process["starts"], &process["exit"]), (&Value::from(1), &Value::from(0)), "{cost}");
        assert!(process["rss_peak_bytes"].as_u64() > Some(1_000_000), "{cost}");
        assert!(cost["operator_cpu_ns"].is_u64(), "{cost}");
        // Nothing of it is seen but what the API shows.
        let transitions = run.file("transitions.csv");
        assert!(transitions.lines().any(|line| line.contains("inside") && line.contains(",operator,")));
        assert!(!transitions.lines().any(|line| line.contains("outside") && line.contains(",operator,")));
        let report = run.file("comparison.md");
        assert!(report.contains("joins segments whose boundary was not visible"), "{report}");
        assert!(report.contains("| not visible | not visible | not visible |"), "{report}");
    }
    lab.left_nothing();
}

#[test]
fn inside_and_outside_are_equivalent() {
    let lab = Lab::new();
    let file = lab.experiment(
        "equivalence",
        &format!(
            "blocks: 6\nmargin: 10%\narms:\n  - {{name: inside, provider: aap, poll_interval: 10s}}\n  - name: outside\n    \
             provider: aap\n    poll_interval: 10s\n    operator: {{external: {{command: [{OPERATOR}]}}}}\n"
        ),
    );
    let run = lab.run(&file, &["--time-scale", "0.02"]);
    run.ended_with(0);
    all_equivalent(&run);
}

/// Whether the two arms of a run are equivalent in all that both have.
fn all_equivalent(run: &Run) {
    let summary: Value = serde_json::from_str(&run.file("summary.json")).expect("JSON");
    let comparisons = summary["comparisons"].as_array().expect("comparisons");
    for metric in ["provision_total", "deprovision_total", "total"] {
        let found = comparisons.iter().find(|comparison| comparison["metric"] == metric).expect(metric);
        println!("{metric}: ratio {}, {}", found["ratio"], found["verdict"]);
        assert_eq!(found["verdict"], "equivalent", "{found}");
    }
}

#[test]
fn our_operator_as_a_program_has_the_same_results_on_a_real_server() {
    if control_plane::programs("our_operator_as_a_program_has_the_same_results_on_a_real_server").is_none() {
        return;
    }
    let lab = Lab::new();
    let file = lab.experiment(
        "real-server",
        &format!(
            "blocks: 6\nmargin: 20%\narms:\n  - {{name: inside, provider: aap, poll_interval: 10s}}\n  - name: outside\n    \
             provider: aap\n    poll_interval: 10s\n    operator: {{external: {{command: [{OPERATOR}]}}}}\n"
        ),
    );
    let run = lab.run(&file, &["--time-scale", "0.02", "--cluster", "envtest"]);
    run.ended_with(0);
    run.same_outcomes("inside", "outside");
    // A real server's own noise, on a machine that does other things too, is more than that of the embedded one.
    all_equivalent(&run);
    lab.left_nothing();
}

#[test]
fn an_operator_that_is_killed_or_restarted_in_the_middle_finishes_what_it_began() {
    let lab = Lab::new();
    for (step, ends) in [("kill_operator", -9), ("restart_operator", 0)] {
        let text = format!(
            "blocks: 1\narms:\n  - name: outside\n    provider: aap\n    operator: {{external: {{command: [{OPERATOR}]}}}}\n"
        );
        let scenario = format!("  - kind: provision-deprovision\n    {step}: {{after: 40s, down: 10s}}\n");
        let file = lab.experiment_with(step, &text, &scenario);
        let run = lab.run(&file, &["--time-scale", "0.05"]);
        run.ended_with(0);
        let samples = run.rows("samples.csv");
        assert_eq!(samples.len(), 3);
        for sample in samples {
            let facts = ["outcome", "provision_jobs", "deprovision_jobs", "orphans"].map(|name| sample[name].as_str());
            assert_eq!(facts, ["succeeded", "1", "1", "0"], "{step}");
        }
        let cost = run.cost("outside");
        // The last one is asked to end with the trial; how the first one ended does not show.
        assert_eq!(
            (&cost["process"]["starts"], &cost["process"]["exit"]),
            (&Value::from(2), &Value::from(0)),
            "{ends}"
        );
    }
    lab.left_nothing();
}

/// One arm whose operator is a script.
fn script(lab: &Lab, name: &str, script: &str, more: &str) -> std::path::PathBuf {
    let program = lab.script(name, script);
    lab.experiment(
        name,
        &format!(
            "blocks: 1\ndeadline: 20s\narms:\n  - name: it\n    provider: aap\n    operator:\n      external:\n        \
             command: [{}]\n{more}",
            program.display()
        ),
    )
}

#[test]
fn a_crash_at_the_start_is_told_with_what_it_said_and_without_a_secret() {
    let lab = Lab::new();
    let text = "cat \"$KUBECONFIG\" >&2; cp \"$KUBECONFIG\" \"$SEEN\"; ls -l \"$KUBECONFIG\" >\"$SEEN.mode\"\n\
                env >\"$SEEN.env\"; echo \"token $CLOUDKIT_AAP_TOKEN and $MY_PASSWORD\" >&2; echo no such flag >&2; exit 3";
    let seen = lab.path("seen");
    let env = format!("        env: {{SEEN: {}, MY_PASSWORD: hunter2hunter2}}\n", seen.display());
    let run = lab.run(&script(&lab, "crash", text, &env), &[]);
    run.ended_with(1);
    assert!(run.stderr.contains("arm it: `") && run.stderr.contains("with exit status 3"), "{}", run.stderr);
    assert!(run.stderr.contains("no such flag"), "{}", run.stderr);
    let kubeconfig: Value = serde_json::from_str(&fs::read_to_string(&seen).expect("it was there")).expect("JSON");
    let token = kubeconfig["users"][0]["user"]["token"].as_str().expect("a token").to_owned();
    let mode = fs::read_to_string(seen.with_extension("mode")).expect("a mode");
    assert!(mode.starts_with("-rw-------"), "{mode}");
    for secret in [token.as_str(), "hunter2hunter2"] {
        run.never_shows(secret);
    }
    // It got what an operator needs.
    let environment = fs::read_to_string(seen.with_extension("env")).expect("an environment");
    for name in [
        "CLOUDKIT_PROVISIONING_PROVIDER=aap",
        "CLOUDKIT_COMPUTE_INSTANCE_NAMESPACE=provbench-",
        "CLOUDKIT_AAP_URL=http://127.0.0.1:",
        "CLOUDKIT_AAP_STATUS_POLL_INTERVAL=30s",
        "CLOUDKIT_BIND_ADDRESS=127.0.0.1:",
    ] {
        assert!(environment.contains(name), "{name}: {environment}");
    }
    lab.left_nothing();
}

#[test]
fn a_program_that_can_not_be_run_is_told() {
    let lab = Lab::new();
    for (program, says) in [
        (
            "/no/such/operator",
            "failed to start it: No such file or directory (os error 2); check `operator.external.command`",
        ),
        ("/bin/false", "it ended before it was ready: with exit status 1; it wrote nothing"),
    ] {
        let text = format!(
            "blocks: 1\narms:\n  - name: it\n    provider: aap\n    operator: {{external: {{command: [{program}]}}}}\n"
        );
        let run = lab.run(&lab.experiment("cannot", &text), &[]);
        run.ended_with(1);
        assert!(run.stderr.contains(says) && run.stderr.contains(program), "{}", run.stderr);
    }
}

#[test]
fn a_program_that_is_never_ready_is_given_up_and_ended() {
    let lab = Lab::new();
    let run = lab.run(&script(&lab, "hang", "echo waiting; sleep 600", "        ready_timeout: 1500ms\n"), &[]);
    run.ended_with(1);
    assert!(run.stderr.contains("it was not ready within 1.5s: http://127.0.0.1:"), "{}", run.stderr);
    assert!(run.stderr.contains("waiting"), "{}", run.stderr);
    lab.left_nothing();
}

#[test]
fn a_program_that_does_nothing_leaves_censored_samples() {
    let lab = Lab::new();
    let run =
        lab.run(&script(&lab, "idle", "exec sleep 600", "        ready: {after: 100ms}\n"), &["--time-scale", "0.05"]);
    run.ended_with(4);
    assert!(run.rows("samples.csv").iter().all(|row| row["outcome"] == "censored"));
    lab.left_nothing();
}

#[test]
fn a_program_that_ends_in_the_middle_invalidates_the_run_before_the_deadline() {
    let lab = Lab::new();
    let file = script(&lab, "ends", "sleep 1; echo out of luck >&2; exit 9", "        ready: {after: 100ms}\n");
    let run = lab.run(&file, &["--set", "deadline=10m"]);
    run.ended_with(4);
    let info: Value = serde_json::from_str(&run.file("run.json")).expect("JSON");
    let problems = info["problems"].to_string();
    assert!(problems.contains("the operator ended by itself, with exit status 9"), "{problems}");
    assert!(problems.contains("out of luck"), "{problems}");
    assert_eq!(run.cost("it")["process"]["exit"], 9);
}

#[test]
fn a_flood_of_output_stalls_nothing_and_fills_nothing() {
    let lab = Lab::new();
    let flood = format!("(yes 'a line of a flood' | head -c 300000000 >&2; echo it is over >&2) &\nexec {OPERATOR}");
    let file = script(&lab, "flood", &flood, "");
    let run = lab.run(&file, &["--time-scale", "0.02", "--set", "deadline=1h"]);
    run.ended_with(0);
    assert!(run.rows("samples.csv").iter().all(|row| row["outcome"] == "succeeded"));
    assert!(run.stderr.len() < 100_000);
    lab.left_nothing();
}

#[test]
fn a_kill_of_the_run_takes_the_operator_and_its_children_and_the_kubeconfig_with_it() {
    let lab = Lab::new();
    let file = script(&lab, "killed", "sleep 1000 & sleep 1001", "        ready: {after: 100ms}\n");
    for signal in ["-KILL", "-INT"] {
        let mut child = lab.start(&file, &["--set", "deadline=1h"]);
        runs::eventually("an operator", || (lab.processes() >= 3 && !lab.folders().is_empty()).then_some(()));
        let killed =
            std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(killed.success());
        child.wait().expect("an end");
        lab.left_nothing();
    }
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    let lab = Lab::new();
    let arms = |more: &str| format!("blocks: 1\narms:\n  - name: it\n    provider: aap\n{more}");
    let external = "    operator: {external: {command: [x]}}\n";
    for (text, scenario, says) in [
        (arms("    operator: {external: {command: []}}\n"), "", ":14:36: the command names no program"),
        (arms("    operator: {external: {command: [x], port: 1}}\n"), "", ": unknown field `port`"),
        (arms("    operator: {external: {command: [x], ready: {url: ftp://x}}}\n"), "", ": `ftp://x` can't be asked"),
        (
            arms("    operator: none\n    backend: {eda: {engine: ansible-rulebook}}\n"),
            "",
            ":15:14: an operator that is deployed already has its EDA already; give `aap:` alone",
        ),
        (
            arms("    operator: none\n    poll_interval: 3s\n"),
            "",
            ": an operator that is deployed already has its settings",
        ),
        (arms("    namespace: x\n"), "", ":14:16: `namespace` says where a deployed operator works"),
        (arms(""), "    kill_operator: {after: 1s}\n", ": only a program can be ended and started again"),
        (arms(external), "    kill_operator: {after: 1s}\n    restart_operator: {after: 1s}\n", "give either"),
    ] {
        let scenario = format!("  - kind: provision-deprovision\n{scenario}");
        let run = lab.run(&lab.experiment_with("wrong", &text, &scenario), &[]);
        run.ended_with(2);
        let placed =
            run.stderr.split_once("wrong.yaml:").and_then(|(_, rest)| rest.split(':').next()?.parse::<u32>().ok());
        assert!(placed >= Some(11) && run.stderr.contains(says), "{says}: {}", run.stderr);
    }
    let run = lab.run(&lab.experiment("virtual", &arms(external)), &["--clock", "virtual"]);
    run.ended_with(2);
    assert!(run.stderr.contains("outside of this process needs the real clock"), "{}", run.stderr);
    let run = lab.run(&lab.experiment("nowhere", &arms("    operator: none\n")), &[]);
    run.ended_with(2);
    assert!(run.stderr.contains("name its cluster with --cluster kubeconfig"), "{}", run.stderr);
}

#[test]
fn an_operator_that_is_written_otherwise_is_told_what_there_is() {
    let lab = Lab::new();
    let allowed = "expected one of `in_process`, `none` and `{external: {command: [PROGRAM, ARGUMENT, …]}}`";
    let ready = "expected one of `probe`, `{url: http://HOST:PORT/PATH}` and `{after: 5s}`";
    let program = "expected a program, as `{command: [PROGRAM, ARGUMENT, …]}`";
    for (written, says, what_there_is) in [
        ("nothing", "`nothing` is none of these", allowed),
        ("external", "`external` is none of these", allowed),
        ("3", "invalid type: ", allowed),
        ("[none]", "invalid type: sequence", allowed),
        ("{}", "nothing is chosen", allowed),
        ("{outside: {}}", "`outside` is none of these", allowed),
        ("{external: {command: [x]}, none}", "`external` and `none` don't go together", allowed),
        ("{none: , external: {command: [x]}}", "`none` and `external` don't go together", allowed),
        ("{external: }", "invalid type: ", program),
        ("{external: ./operator}", "invalid type: string \"./operator\"", program),
        ("{external: {command: [x], ready: never}}", "`never` is none of these", ready),
        (
            "{external: {command: [x], ready: {url: 'http://x', after: 1s}}}",
            "`url` and `after` don't go together",
            ready,
        ),
    ] {
        let arms = format!("blocks: 1\narms:\n  - name: it\n    provider: aap\n    operator: {written}\n");
        let run = lab.run(&lab.experiment("wrong", &arms), &[]);
        run.ended_with(2);
        let (_, place) = run.stderr.split_once("wrong.yaml:").unwrap_or_else(|| panic!("{written}: {}", run.stderr));
        assert!(place.starts_with("14:"), "{written}: {}", run.stderr);
        assert!(place.contains(says) && place.contains(what_there_is), "{written}: {}", run.stderr);
    }
}

#[test]
fn an_operator_that_is_deployed_already_is_observed() {
    let lab = Lab::new();
    let cluster = lab.cluster(&["--with-operator", "aap", "--with-simulators", "--namespace", "vms"]);
    let file =
        lab.experiment("deployed", "blocks: 2\narms:\n  - {name: it, provider: aap, operator: none, namespace: vms}\n");
    let run = lab.run_in(&file, &["--cluster", "kubeconfig", "--install-crds"], &cluster.kubeconfig);
    run.ended_with(0);
    let samples = run.rows("samples.csv");
    assert_eq!(samples.len(), 6);
    for sample in &samples {
        let facts = ["outcome", "provision_jobs", "deprovision_jobs"].map(|name| sample[name].as_str());
        assert_eq!(facts, ["succeeded", "1", "1"]);
    }
    // Neither the operator nor the backends are ours to look into.
    assert!(run.rows("transitions.csv").iter().all(|row| row["plane"] == "observed"));
}
