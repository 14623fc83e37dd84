//! Connections: how long they last, what a client that does not read costs, and clusters without our definitions.

use std::{
    fmt::Write as _,
    fs,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use http::Request;
use provbench::{
    clock::{Clock as _, ModelClock, SystemClock},
    cluster::{
        Cluster, Options,
        serve::{ServeOptions, kubeconfig},
    },
    units::Seed,
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{
    experiments::{run_on, stderr},
    folder, get, send,
};

const SECRETS: &str = "/api/v1/namespaces/default/secrets";

const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/// Long enough for anything here on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A cluster in this process, on a socket, without TLS and without a token; it ends with the runtime.
async fn serve(options: ServeOptions, history: usize) -> (SocketAddr, kube::Client) {
    let clock = Arc::new(ModelClock::start(jiff::Timestamp::UNIX_EPOCH));
    let cluster = Cluster::new(Options { history, ..Options::new(clock, Seed::new(1)) });
    let client = cluster.client("default");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(cluster.serve_with(listener, options, std::future::pending()));
    (address, client)
}

/// A connection whose reads block this thread, for as long as anything may take here; the server has others.
fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(LIMIT)).expect("set");
    stream
}

/// Reads until the end of the stream.
fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Sends a GET and reads its whole answer, which says how long it is.
fn ask(stream: &mut TcpStream, path: &str) -> String {
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).expect("sent");
    let mut answer = String::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).expect("an answer");
        assert!(read > 0, "closed in the middle of {answer}");
        answer.push_str(&String::from_utf8_lossy(&buffer[..read]));
        if let Some((head, body)) = answer.split_once("\r\n\r\n") {
            let head = head.to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() == length.expect("a length").parse::<usize>().expect("a number") {
                return answer;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_is_kept_for_the_next_request_and_ends_when_there_is_none() {
    let options = ServeOptions { idle_timeout: Duration::from_millis(500), ..ServeOptions::default() };
    let (address, _) = serve(options, 100).await;
    let mut stream = connect(address);
    for path in ["/version", "/healthz", SECRETS] {
        assert!(ask(&mut stream, path).starts_with("HTTP/1.1 200 OK\r\n"), "{path}");
    }
    assert_eq!(rest(&mut stream), "");
    // One that never asks anything ends as well.
    let mut silent = connect(address);
    assert_eq!(rest(&mut silent), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_too_many_waits_until_there_is_room() {
    let options =
        ServeOptions { connections_max: 1, idle_timeout: Duration::from_millis(500), ..ServeOptions::default() };
    let (address, _) = serve(options, 100).await;
    let mut first = connect(address);
    ask(&mut first, "/healthz");
    let mut second = connect(address);
    // The first one ends for being idle, and then it is the second one's turn.
    assert!(ask(&mut second, "/healthz").ends_with("ok"));
    assert_eq!(rest(&mut first), "");
}

/// Fills the buffers of a watcher that does not read, and more than the history.
async fn flood(client: &kube::Client, count: usize) {
    let text = "x".repeat(200_000);
    for number in 0..count {
        let secret = json!({"metadata": {"name": format!("s-{number}")}, "stringData": {"text": text}}).to_string();
        let request = Request::post(SECRETS).header("content-type", "application/json").body(secret.into_bytes());
        let (code, ..) = send(client, request.expect("a request")).await;
        assert_eq!(code, 201);
    }
}

fn watch(address: SocketAddr) -> TcpStream {
    let mut stream = connect(address);
    let request = format!("GET {SECRETS}?watch=1&resourceVersion=1 HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut head = [0; 15];
    stream.read_exact(&mut head).expect("an answer");
    assert_eq!(&head, b"HTTP/1.1 200 OK");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_watcher_is_told_410_and_nobody_waits_for_it() {
    let (address, client) = serve(ServeOptions::default(), 10).await;
    let mut slow = watch(address);
    // 40 MB, which no socket's buffers hold; over another connection nobody notices.
    flood(&client, 150).await;
    let mut other = connect(address);
    assert!(ask(&mut other, "/readyz").ends_with("ok"));
    let seen = rest_of_watch(&mut slow);
    let last = seen.lines().rfind(|line| line.starts_with('{')).expect("a line");
    assert!(last.starts_with(r#"{"type":"ERROR","#) && last.contains(r#""code":410"#), "{last}");
    let added = seen.matches(r#"{"type":"ADDED""#).count();
    assert!(added < 150, "everything was kept for a watcher that did not read: {added}");
}

/// Reads a watch to the end of its answer; the connection itself stays.
fn rest_of_watch(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 1 << 20];
    while !bytes.ends_with(b"0\r\n\r\n") {
        let read = stream.read(&mut buffer).expect("an end");
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watcher_that_never_reads_is_cut_off() {
    let options = ServeOptions { stall_timeout: Duration::from_millis(500), ..ServeOptions::default() };
    let (address, client) = serve(options, 1000).await;
    let mut stuck = watch(address);
    flood(&client, 150).await;
    SystemClock::start().sleep(Duration::from_secs(2)).await;
    let mut bytes = Vec::new();
    // What is in the buffers comes yet, then the end: with or without a reset.
    if let Err(error) = stuck.read_to_end(&mut bytes) {
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it is still open");
    }
    assert!(!bytes.ends_with(b"0\r\n\r\n"), "it was ended properly, so that it was not cut off");
    assert!(bytes.len() < 40_000_000, "{}", bytes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_without_the_definitions_is_refused_and_gets_them_where_that_is_asked_for() {
    let (address, client) = serve(ServeOptions::default(), 10_000).await;
    let folder = folder();
    let path = folder.path().join("kubeconfig");
    let mut text = String::new();
    write!(text, "{}", kubeconfig(address, None, None, "default")).expect("a text");
    fs::write(&path, text).expect("written");
    let out = folder.path().join("run");
    let run = |arguments: &'static [&'static str]| {
        let (path, out) = (path.clone(), out.clone());
        tokio::task::spawn_blocking(move || run_on(&path, &out, arguments))
    };
    let output = run(&["--cluster", "kubeconfig"]).await.expect("it ran");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    for missing in ["computeinstances.cloudkit.openshift.io", "tenants.cloudkit.openshift.io", "--install-crds"] {
        assert!(stderr(&output).contains(missing), "{}", stderr(&output));
    }
    assert!(!out.exists());
    let (code, _, list) = get(&client, "/api/v1/namespaces", "application/json").await;
    assert_eq!((code, list["items"].as_array().map(Vec::len)), (200, Some(1)));

    let output = run(&["--cluster", "kubeconfig", "--install-crds", "--blocks", "1"]).await.expect("it ran");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (code, _, definition) = get(&client, &format!("{DEFINITIONS}/tenants.cloudkit.openshift.io"), "*/*").await;
    assert_eq!((code, &definition["metadata"]["managedFields"][0]["manager"]), (200, &json!("provbench")));
}
