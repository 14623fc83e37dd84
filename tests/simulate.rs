//! `provbench simulate`: simulated backends for other people's clients.

#![cfg(feature = "harness")]

mod simulators;

use std::fs;

use serde_json::{Value, json};
use simulators::{Simulator, TOKEN, call, eventually, exchange, provbench};

fn object(name: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "ns"}, "spec": {}, "status": {"desiredConfigVersion": "abc"}})
}

#[test]
fn an_engine_launches_on_a_controller_over_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let journal = folder.path().join("eda.ndjson");
    let aap = Simulator::start(&["aap", "--profile", "instant"]);
    for path in ["/api", "/api/controller"] {
        let url = format!("{}{path}", aap.url);
        let journal = journal.to_str().expect("a path");
        let eda = Simulator::start(&["eda", "--profile", "instant", "--aap-url", &url, "--journal", journal]);
        let before = aap.jobs().len();
        let (status, answer) = call(&eda.url, None, "POST", "/create-compute-instance", &object("ci-0001"));
        assert_eq!((status, answer), (200, json!("create-compute-instance")));
        let job = eventually("a job that is done", || aap.jobs().into_iter().nth(before).filter(is_done));
        assert_eq!((&job["status"], &job["name"]), (&json!("successful"), &json!("create-compute-instance")));
        let variables: Value = serde_json::from_str(job["extra_vars"].as_str().expect("text")).expect("JSON");
        assert_eq!(variables["ansible_eda"]["event"]["payload"], object("ci-0001"));
        eda.interrupt();
        let (ended, rest) = eda.rest();
        assert_eq!((ended.code(), rest.as_str()), (Some(0), ""), "nothing comes after the address");
    }
    let written = fs::read_to_string(&journal).expect("written");
    assert!(written.lines().next().is_some_and(|head| head.contains("\"epoch\"")), "{written}");
    assert!(written.contains("\"launched\"") && !written.contains(TOKEN), "{written}");
}

fn is_done(job: &Value) -> bool {
    job["finished"].is_string()
}

#[test]
fn a_job_takes_its_time_and_can_be_canceled() {
    let aap = Simulator::start(&["aap", "--profile", "vmaas-dev-2026-02", "--time-scale", "0.005"]);
    let launch = |name: &str| {
        let (status, job) = aap.call("POST", &format!("/api/v2/job_templates/{name}/launch/"), &json!({}));
        assert_eq!(status, 201, "{job}");
        job["id"].as_u64().expect("an id")
    };
    let read = |id: u64| aap.call("GET", &format!("/api/v2/jobs/{id}/"), &Value::Null).1;
    let (kept, canceled) = (launch("create-compute-instance"), launch("delete-compute-instance"));
    eventually("a running job", || Some(read(canceled)).filter(|job| job["status"] == "running"));
    let (status, _) = aap.call("POST", &format!("/api/v2/jobs/{canceled}/cancel/"), &Value::Null);
    assert_eq!(status, 202);
    let job = eventually("an end", || Some(read(canceled)).filter(is_done));
    assert_eq!(job["status"], "canceled");
    let job = eventually("an end", || Some(read(kept)).filter(is_done));
    assert_eq!(job["status"], "successful");
    // Some 126 s of setup, boot and wrap-up in the profile's time, whatever the scale; what a busy machine adds to its 0.6 s
    // counts two-hundredfold. A wrong scale would be off by as much.
    let elapsed = job["elapsed"].as_f64().expect("a number");
    assert!((110.0..1_000.0).contains(&elapsed), "{elapsed}");
}

#[test]
fn nobody_gets_in_without_the_token() {
    let aap = Simulator::start(&["aap"]);
    let jobs = |token| call(&aap.url, token, "GET", "/api/v2/jobs/", &Value::Null).0;
    assert_eq!((jobs(None), jobs(Some("another")), jobs(Some(TOKEN))), (401, 401, 200));
    let (head, _) = exchange(&aap.url, None, "POST", "/api/login/?username=admin", &Value::Null);
    assert!(head.starts_with("HTTP/1.1 401") && !head.contains(TOKEN), "{head}");
}

#[test]
fn a_token_is_made_where_none_is_given() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let told = Simulator::start_command(provbench().env_remove("PROVBENCH_AAP_TOKEN").args(["simulate", "aap"]));
    let token = told.head[0].strip_prefix("token: ").expect("a token is told").to_owned();
    assert_eq!(call(&told.url, Some(&token), "GET", "/api/v2/jobs/", &Value::Null).0, 200);
    let kept = Simulator::start(&["aap", "--token-file", file.to_str().expect("a path")]);
    assert!(kept.head.is_empty(), "what is in a file is not told");
    let token = fs::read_to_string(&file).expect("written");
    assert_eq!(call(&kept.url, Some(token.trim()), "GET", "/api/v2/jobs/", &Value::Null).0, 200);
}

#[test]
fn it_ends_when_its_time_is_over_and_says_what_is_wrong_with_its_settings() {
    let aap = Simulator::start(&["aap", "--for", "300ms"]);
    let (ended, rest) = aap.rest();
    assert_eq!((ended.code(), rest.as_str()), (Some(0), ""));
    let other = Simulator::start(&["aap"]);
    let taken = other.url.strip_prefix("http://").expect("an address");
    let cases: [(&[&str], i32, &str); 5] = [
        (&["aap", "--listen", taken], 1, "--listen"),
        (&["aap", "--profile", "no-such-profile"], 2, "no-such-profile"),
        (&["aap", "--time-scale", "0"], 2, "no time scale"),
        (&["aap", "--for", "soon"], 2, "write it like"),
        (&["eda", "--aap-url", "aap.example"], 2, "looks like"),
    ];
    for (arguments, code, message) in cases {
        let output = provbench().arg("simulate").args(arguments).output().expect("provbench runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {stderr}");
        assert!(stderr.contains(message), "{arguments:?}: {stderr}");
    }
}
