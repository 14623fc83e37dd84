//! The embedded API server against a kube-apiserver with etcd, side by side in one run: `cargo bench --bench control_plane`.
//!
//! Needs `KUBEBUILDER_ASSETS`. A list is the median of five; a ratio above 1 is in favour of the embedded server.
//! The budget (row "embedded API server"): creates and status writes at least 20 times as fast in process and 8 times over
//! TCP, up in 20 ms at most. A figure outside of it is marked; nothing fails, since machines differ and are noisy.
//!
//! Behind that: how long a cluster with TLS and a token takes from its first key to its first answer, and the February
//! experiment as a whole process on both, with the same clock.

use std::{net::Ipv4Addr, process::Command, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use kube::{
    Client, Config,
    client::Body,
    config::{KubeConfigOptions, Kubeconfig},
};
use provbench::{
    api::crd,
    clock::{Clock, SystemClock},
    cluster::{
        Cluster, Options,
        serve::{ServeOptions, Tls, Token, kubeconfig},
    },
    harness::target::envtest::{Envtest, Programs},
    units::Seed,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Requests under way at once, as in the figures of the budget.
const IN_FLIGHT: usize = 16;
/// Objects that are created, then patched, in a round.
const OBJECTS: usize = 2_000;
const LISTED: usize = 10_000;
const WATCHERS: usize = 10;
/// Events that every watcher gets.
const EVENTS: usize = 500;

const INSTANCES: &str = "/apis/cloudkit.openshift.io/v1alpha1/namespaces/default/computeinstances";

/// What was measured of one server, in seconds.
struct Figures {
    up: f64,
    create: f64,
    status: f64,
    list: f64,
    fan_out: f64,
}

#[tokio::main]
async fn main() {
    let programs = match Programs::find() {
        Ok(programs) => programs,
        Err(error) => {
            println!("skipped: {error}");
            return;
        }
    };
    let clock = SystemClock::start();

    let (up, in_process) = timed(&clock, async {
        let client = embedded().client("default");
        answers(&client).await;
        client
    })
    .await;
    let in_process = measure(&clock, up, &in_process).await;

    let (up, over_tcp) = timed(&clock, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(embedded().serve(listener, std::future::pending()));
        let client = Client::try_from(Config::new(url.parse().expect("a URL"))).expect("a client");
        answers(&client).await;
        client
    })
    .await;
    let over_tcp = measure(&clock, up, &over_tcp).await;

    let with_tls = with_tls(&clock).await;

    let (up, envtest) = timed(&clock, async { Envtest::start(&programs).await.expect("a control plane") }).await;
    let real = Client::try_from(envtest.config().clone()).expect("a client");
    install(&real, &clock).await;
    let real = measure(&clock, up, &real).await;

    println!(
        "embedded against {}, {IN_FLIGHT} requests in flight; seconds, and how many times as fast",
        envtest.version()
    );
    println!("{:<28} {:>12} {:>8} {:>12} {:>8} {:>12}  budget", "", "in process", "×", "over TCP", "×", "real");
    let at_least_as_fast = |in_process: f64, over_tcp: f64| {
        verdict(in_process >= IN_PROCESS && over_tcp >= OVER_TCP, &format!("× {IN_PROCESS} and × {OVER_TCP} or more"))
    };
    for (what, of, is_budgeted) in [
        ("create 2000", (|figures| figures.create) as fn(&Figures) -> f64, true),
        ("status patch 2000", |figures| figures.status, true),
        ("list of 10000", |figures| figures.list, false),
        ("500 events to 10 watchers", |figures| figures.fan_out, false),
    ] {
        let [first, second, third] = [&in_process, &over_tcp, &real].map(of);
        let budget = if is_budgeted { at_least_as_fast(third / first, third / second) } else { "none".to_owned() };
        println!(
            "{what:<28} {first:>12.6} {:>8.1} {second:>12.6} {:>8.1} {third:>12.6}  {budget}",
            third / first,
            third / second
        );
    }
    let [first, second, third] = [&in_process, &over_tcp, &real].map(|figures| figures.up);
    let budget = verdict(first.max(second) <= UP, &format!("{UP} s or less, both"));
    println!(
        "{:<28} {first:>12.6} {:>8.1} {second:>12.6} {:>8.1} {third:>12.6}  {budget}",
        "up",
        third / first,
        third / second
    );
    let budget = verdict(with_tls <= UP, &format!("{UP} s or less"));
    println!(
        "{:<28} {:>12} {:>8} {with_tls:>12.6} {:>8.1} {third:>12.6}  {budget}",
        "up, with TLS",
        "",
        "",
        third / with_tls
    );
    // The control plane above must not share the processors.
    drop(envtest);
    let (embedded, real) = (february(&clock, "embedded"), february(&clock, "envtest"));
    println!("{FEBRUARY}, one block, clock real × {SCALE}, as a process: embedded {embedded:.2} s, real {real:.2} s");
}

/// How many times as fast creates and status writes must be.
const IN_PROCESS: f64 = 20.0;
const OVER_TCP: f64 = 8.0;
/// How long a cluster may take to answer, in seconds.
const UP: f64 = 0.02;

fn verdict(holds: bool, budget: &str) -> String {
    format!("{budget}: {}", if holds { "OK" } else { "OVER" })
}

/// From nothing to the first answer with TLS and a token, keys and certificates included, as `provbench cluster` does it.
async fn with_tls(clock: &SystemClock) -> f64 {
    let up = timed(clock, async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let tls = Tls::generate(clock.now(), address.ip()).expect("certificates");
        let token = Token::generate().expect("a token");
        let text = kubeconfig(address, Some(&tls), Some(&token), "default").to_string();
        let options = ServeOptions { tls: Some(tls), token: Some(token), ..ServeOptions::default() };
        tokio::spawn(embedded().serve_with(listener, options, std::future::pending()));
        let kubeconfig = Kubeconfig::from_yaml(&text).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
        answers(&Client::try_from(config.expect("a configuration")).expect("a client")).await;
    });
    up.await.0
}

const FEBRUARY: &str = "experiments/aap-vs-eda.yaml";
const SCALE: &str = "0.02";

/// How long the experiment takes on a cluster, in seconds.
fn february(clock: &SystemClock, cluster: &str) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let start = clock.elapsed();
    let output = Command::new(env!("CARGO_BIN_EXE_provbench"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args([
            "run",
            FEBRUARY,
            "--blocks",
            "1",
            "--no-plots",
            "--clock",
            "real",
            "--time-scale",
            SCALE,
            "--cluster",
            cluster,
        ])
        .arg("--out")
        .arg(folder.path().join("run"))
        .output()
        .expect("provbench runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Duration::from(clock.elapsed() - start).as_secs_f64()
}

fn embedded() -> Cluster {
    let cluster = Cluster::new(Options::new(Arc::new(SystemClock::start()), Seed::new(1)));
    for (_, definition) in crd::all().expect("definitions") {
        cluster.install_crd(&definition).expect("installed");
    }
    cluster
}

async fn timed<T>(clock: &SystemClock, work: impl Future<Output = T>) -> (f64, T) {
    let start = clock.elapsed();
    let result = work.await;
    (Duration::from(clock.elapsed() - start).as_secs_f64(), result)
}

async fn send(client: &Client, method: &str, path: &str, body: Option<&Value>) -> StatusCode {
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let bytes = body.map_or_else(Vec::new, |body| body.to_string().into_bytes());
    let request = Request::builder().method(method).uri(path).header("content-type", kind).body(Body::from(bytes));
    let response = client.send(request.expect("a request")).await.expect("an answer");
    let code = response.status();
    response.into_body().collect().await.expect("a body");
    code
}

async fn answers(client: &Client) {
    assert_eq!(send(client, "GET", INSTANCES, None).await, StatusCode::OK);
}

async fn install(client: &Client, clock: &SystemClock) {
    for (_, definition) in crd::all().expect("definitions") {
        let path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
        assert_eq!(send(client, "POST", path, Some(&definition)).await, StatusCode::CREATED);
    }
    while send(client, "GET", INSTANCES, None).await != StatusCode::OK {
        clock.sleep(Duration::from_millis(20)).await;
    }
}

fn instance(name: &str) -> Value {
    json!({
        "apiVersion": "cloudkit.openshift.io/v1alpha1", "kind": "ComputeInstance",
        "metadata": {"name": name, "finalizers": []}, "spec": {"templateID": "ocp_virt_vm", "templateParameters": "{}"},
    })
}

async fn create(client: &Client, prefix: &str, count: usize) {
    let requests = (0..count).map(|index| async move {
        let object = instance(&format!("{prefix}-{index}"));
        assert_eq!(send(client, "POST", INSTANCES, Some(&object)).await, StatusCode::CREATED);
    });
    stream::iter(requests).buffer_unordered(IN_FLIGHT).for_each(async |()| {}).await;
}

async fn measure(clock: &SystemClock, up: f64, client: &Client) -> Figures {
    let (create_time, ()) = timed(clock, create(client, "object", OBJECTS)).await;
    let patches = (0..OBJECTS).map(|index| async move {
        let path = format!("{INSTANCES}/object-{index}/status");
        let status = json!({"status": {"phase": "Starting", "desiredConfigVersion": "a1b2c3d4"}});
        assert_eq!(send(client, "PATCH", &path, Some(&status)).await, StatusCode::OK);
    });
    let all_patched = stream::iter(patches).buffer_unordered(IN_FLIGHT).for_each(async |()| {});
    let (status, ()) = timed(clock, all_patched).await;
    create(client, "listed", LISTED - OBJECTS).await;
    let mut lists = Vec::new();
    for _ in 0..5 {
        lists.push(timed(clock, answers(client)).await.0);
    }
    lists.sort_by(f64::total_cmp);
    let (fan_out, ()) = timed(clock, fan_out(client)).await;
    Figures { up, create: create_time, status, list: lists[lists.len() / 2], fan_out }
}

/// Every watcher gets every event: from the first write to the last delivery.
async fn fan_out(client: &Client) {
    let path = format!("{INSTANCES}?limit=1");
    let request = Request::get(path).body(Vec::new()).expect("a request");
    let list: Value = client.request(request).await.expect("a list");
    let version = list["metadata"]["resourceVersion"].as_str().expect("a version").to_owned();
    let mut watches = Vec::new();
    for _ in 0..WATCHERS {
        let request = Request::get(format!("{INSTANCES}?watch=true&resourceVersion={version}")).body(Body::empty());
        watches.push(client.send(request.expect("a request")).await.expect("a watch").into_body().into_data_stream());
    }
    let readers = watches.into_iter().map(|mut watch| async move {
        let mut seen = 0;
        while seen < EVENTS {
            let bytes = watch.next().await.expect("more").expect("bytes");
            seen += bytes.split(|&byte| byte == b'\n').count() - 1;
        }
    });
    futures::join!(create(client, "watched", EVENTS), futures::future::join_all(readers));
}
