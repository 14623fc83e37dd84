//! What the operator says of itself over HTTP.
#![cfg(feature = "harness")]

mod operator_lab;

use std::{collections::BTreeSet, sync::Arc};

use http::Method;
use http_body_util::BodyExt as _;
use operator_lab::{Lab, millis, seconds};
use provbench::{
    clock::SystemClock,
    cluster::serve::ServeOptions,
    operator::{config::ProviderKind, metrics::Metrics, probes::Probes, requests::counted_client},
};
use tokio::net::TcpListener;

async fn ask(probes: &Probes, path: &str) -> (u16, String) {
    let answer = probes.answer(&Method::GET, path);
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body").to_bytes();
    (status, String::from_utf8(body.to_vec()).expect("text"))
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_while_it_works_and_counts_what_it_does() {
    let mut lab = Lab::without_operator(operator_lab::config(ProviderKind::Aap)).await;
    assert_eq!(ask(&lab.probes, "/healthz").await.0, 200);
    assert_eq!(ask(&lab.probes, "/readyz").await.0, 503);
    lab.start_operator();
    lab.sleep(seconds(1)).await;
    assert_eq!(ask(&lab.probes, "/readyz").await, (200, "ok\n".to_owned()));
    lab.backend.behave(|behaviour| behaviour.refuse_launches = (2, 503));
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    lab.sleep(seconds(5)).await;
    lab.delete("vm-1").await;
    lab.until_gone("vm-1", seconds(60)).await;
    let (status, text) = ask(&lab.probes, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "cloudkit_job_transitions_total{provider=\"aap\",type=\"provision\",state=\"Pending\"} 1",
        "cloudkit_job_transitions_total{provider=\"aap\",type=\"provision\",state=\"Succeeded\"} 1",
        "cloudkit_job_transitions_total{provider=\"aap\",type=\"deprovision\",state=\"Running\"} 1",
        "cloudkit_provider_request_errors_total{provider=\"aap\",verb=\"launch\"} 2",
        "cloudkit_provider_request_duration_seconds_count{provider=\"aap\",verb=\"launch\"} 4",
        "workqueue_depth{name=\"cloudkit\"} 0",
    ] {
        assert!(text.lines().any(|present| present == line), "no {line} in\n{text}");
    }
    let counted = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name} in\n{text}"));
        line.rsplit(' ').next().and_then(|value| value.parse::<f64>().ok()).expect("a number")
    };
    assert!(counted("cloudkit_reconcile_duration_seconds_count{result=\"success\"}") > 5.0);
    assert!(counted("cloudkit_poll_lag_seconds_count") >= 2.0);
    assert!(counted("cloudkit_poll_lag_seconds_sum") < 1.0);
    lab.stop_operator().await;
    assert_eq!(ask(&lab.probes, "/readyz").await.0, 503);
}

/// The jobs as the metrics count them at present, without those that there are none of.
async fn present_jobs(lab: &Lab) -> Vec<String> {
    let text = ask(&lab.probes, "/metrics").await.1;
    let lines = text.lines().filter_map(|line| line.strip_prefix("cloudkit_jobs{"));
    lines.filter(|line| !line.ends_with(" 0")).map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn jobs_are_counted_by_the_state_that_they_are_in() {
    let mut lab = Lab::without_operator(operator_lab::config(ProviderKind::Aap)).await;
    let before = ask(&lab.probes, "/metrics").await.1;
    assert!(!before.contains("cloudkit_jobs{") && !before.contains("workqueue_depth{"), "nobody works: {before}");
    lab.start_operator();
    lab.create("vm-1").await;
    lab.create("vm-2").await;
    lab.sleep(millis(1_900)).await;
    let running = "provider=\"aap\",type=\"provision\",state=\"Running\"} 2";
    assert_eq!(present_jobs(&lab).await, [running]);
    for name in ["vm-1", "vm-2"] {
        lab.until_running(name, seconds(60)).await;
    }
    lab.sleep(seconds(5)).await;
    let done = "provider=\"aap\",type=\"provision\",state=\"Succeeded\"} 2";
    assert_eq!(present_jobs(&lab).await, [done], "a job is in one state");
    let text = ask(&lab.probes, "/metrics").await.1;
    let every = text.lines().filter(|line| line.starts_with("cloudkit_jobs{")).count();
    assert_eq!(every, 2 * 2 * 7, "providers, types and states, whether there are such jobs or not");
    for name in ["vm-1", "vm-2"] {
        lab.delete(name).await;
        lab.until_gone(name, seconds(60)).await;
    }
    lab.sleep(seconds(1)).await;
    assert_eq!(present_jobs(&lab).await, [""; 0], "they go with their instances");
    // Found again by another operator, which has not made them.
    lab.create("vm-3").await;
    lab.until_running("vm-3", seconds(60)).await;
    lab.sleep(seconds(5)).await;
    lab.kill_operator().await;
    lab.probes = Arc::default();
    lab.start_operator();
    lab.sleep(seconds(1)).await;
    assert_eq!(present_jobs(&lab).await, ["provider=\"aap\",type=\"provision\",state=\"Succeeded\"} 1"]);
}

/// The rules of <https://prometheus.io/docs/practices/naming/> and of the OpenMetrics format, of every family that there is.
#[tokio::test(start_paused = true)]
async fn every_metric_follows_the_conventions() {
    let lab = Lab::start(ProviderKind::Aap).await;
    lab.backend.behave(|behaviour| behaviour.refuse_launches = (1, 503));
    lab.create("vm-1").await;
    lab.until_running("vm-1", seconds(60)).await;
    let text = ask(&lab.probes, "/metrics").await.1;
    assert!(text.ends_with("# EOF\n"), "{text}");
    let mut families = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (family, kind) = line.split_once(' ').expect("a type");
        assert!(families.insert(family), "{family} twice");
        assert!(text.contains(&format!("# HELP {family} ")), "{family} without a help text");
        assert!(family.starts_with("cloudkit_") || family == "workqueue_depth", "{family}");
        let samples: Vec<&str> = text
            .lines()
            .filter(|line| line.strip_prefix(family).is_some_and(|rest| rest.starts_with(['{', '_', ' '])))
            .collect();
        match kind {
            // With its ending, which the samples carry and the family does not.
            "counter" => assert!(samples.iter().all(|line| line.starts_with(&format!("{family}_total")))),
            "histogram" => assert!(family.ends_with("_seconds") && text.contains(&format!("# UNIT {family} seconds"))),
            "gauge" => assert!(!family.ends_with("_total")),
            other => panic!("{family} is a {other}"),
        }
    }
    // Those of the API server's client are counted where the operator is a process.
    assert_eq!(families.len(), 7, "{families:?}");
    assert!(text.contains("workqueue_depth{name="), "client-go's queues have names");
}

/// As client-go's operators label them, so that their dashboards and alerts find them.
#[tokio::test]
async fn requests_to_the_api_server_are_counted_by_code_host_and_method() {
    let lab = Lab::without_operator(operator_lab::config(ProviderKind::Aap)).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server =
        tokio::spawn(lab.cluster.clone().serve_with(listener, ServeOptions::default(), std::future::pending()));
    let metrics = Metrics::default();
    let config = kube::Config::new(format!("http://{address}/").parse().expect("a URL"));
    let client = counted_client(config, &metrics).expect("a client");
    client.apiserver_version().await.expect("an answer");
    let instances: kube::Api<provbench::api::ComputeInstance> = kube::Api::namespaced(client.clone(), "vms");
    assert!(instances.get_opt("nobody").await.expect("an answer").is_none());
    server.abort();
    let _ = server.await;
    let gone = counted_client(kube::Config::new("http://127.0.0.1:1/".parse().expect("a URL")), &metrics);
    gone.expect("a client").apiserver_version().await.expect_err("nobody listens there");
    let text = metrics.text();
    for labels in [
        format!("code=\"200\",host=\"{address}\""),
        format!("code=\"404\",host=\"{address}\""),
        "code=\"<error>\",host=\"127.0.0.1:1\"".to_owned(),
    ] {
        let line = format!("rest_client_requests_total{{{labels},method=\"GET\"}} 1");
        assert!(text.lines().any(|present| present == line), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn the_probes_are_served_over_http() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(Arc::new(Probes::default()).serve(listener, Arc::new(SystemClock::start())));
    let request = |method: &'static str, path: &'static str| async move {
        let transport = provbench::operator::provider::http::plain_transport();
        let request = http::Request::builder().method(method).uri(format!("http://{address}{path}"));
        let request = request.body(bytes::Bytes::new()).expect("a request");
        tower::ServiceExt::oneshot(transport, request).await.expect("an answer").status().as_u16()
    };
    for (method, path, expected) in [
        ("GET", "/healthz", 200),
        ("HEAD", "/healthz", 200),
        ("GET", "/readyz", 503),
        ("GET", "/metrics", 200),
        ("GET", "/", 404),
        ("POST", "/healthz", 405),
    ] {
        assert_eq!(request(method, path).await, expected, "{method} {path}");
    }
    server.abort();
}
