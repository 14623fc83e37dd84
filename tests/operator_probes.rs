//! What the operator says of itself over HTTP.
#![cfg(feature = "harness")]

mod operator_lab;

use std::sync::Arc;

use http::Method;
use http_body_util::BodyExt as _;
use operator_lab::{Lab, seconds};
use provbench::{
    clock::SystemClock,
    operator::{config::ProviderKind, probes::Probes},
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
        "cloudkit_jobs_total{provider=\"aap\",type=\"provision\",state=\"Pending\"} 1",
        "cloudkit_jobs_total{provider=\"aap\",type=\"provision\",state=\"Succeeded\"} 1",
        "cloudkit_jobs_total{provider=\"aap\",type=\"deprovision\",state=\"Running\"} 1",
        "cloudkit_provider_request_errors_total{provider=\"aap\",verb=\"launch\"} 2",
        "cloudkit_provider_request_duration_seconds_count{provider=\"aap\",verb=\"launch\"} 4",
        "workqueue_depth 0",
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
