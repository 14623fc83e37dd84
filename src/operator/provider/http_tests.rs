//! Over real sockets, in real time: what the other tests put a script in the place of.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::Arc,
    thread::JoinHandle,
};

use super::*;
use crate::clock::SystemClock;

/// A server that takes one connection, answers with these bytes, and gives back what it was sent.
fn answering(bytes: Vec<u8>) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/api", listener.local_addr().expect("an address"));
    let server = std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().expect("a connection");
        let mut sent = vec![0; 4096];
        let length = socket.read(&mut sent).expect("a request");
        // Whoever has read enough may hang up.
        let _ = socket.write_all(&bytes);
        String::from_utf8_lossy(&sent[..length]).into_owned()
    });
    (url, server)
}

fn client(transport: Transport) -> HttpClient {
    HttpClient::new(transport, Arc::new(SystemClock::start()), Some(Secret::new("t0ps3cret".into())), ANSWER_TIME_MAX)
}

fn transports() -> Vec<Transport> {
    // Without root certificates there is nothing to verify a server against, and the plain one has to do.
    std::iter::once(plain_transport()).chain(network_transport(None).ok()).collect()
}

#[tokio::test]
async fn a_request_goes_out_and_its_answer_comes_back() {
    for transport in transports() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 9\r\nlocation: /jobs/7/\r\n\r\n{\"id\": 7}";
        let (url, server) = answering(answer.to_vec());
        let answer = client(transport).post(&url, &serde_json::json!({})).await.expect("an answer");
        assert_eq!((answer.status().as_u16(), answer.location_id()), (201, Some(7)));
        assert_eq!(answer.json::<serde_json::Value>().expect("JSON"), serde_json::json!({"id": 7}));
        let sent = server.join().expect("the server").to_lowercase();
        assert!(sent.starts_with("post /api http/1.1") && sent.contains("authorization: bearer t0ps3cret"), "{sent}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let mut answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", ANSWER_BYTES_MAX + 1).into_bytes();
    answer.resize(answer.len() + ANSWER_BYTES_MAX + 1, b' ');
    let (url, _server) = answering(answer);
    let error = client(plain_transport()).get(&url).await.err().expect("no answer");
    assert!(matches!(&error, ProviderError::Unreachable { reason, .. } if reason.contains("length limit")), "{error}");
}

#[tokio::test]
async fn half_an_answer_and_a_way_elsewhere_are_told_and_not_followed() {
    let half = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"id\": 7, \"sta";
    let (url, server) = answering(half.to_vec());
    let error = client(plain_transport()).get(&url).await.err().expect("no answer").to_string();
    assert!(error.contains("got no answer") && error.contains("check that the server is up"), "{error}");
    server.join().expect("the server");
    let elsewhere = b"HTTP/1.1 302 Found\r\nlocation: /login?next=t0ps3cret\r\ncontent-length: 0\r\n\r\n";
    let (url, server) = answering(elsewhere.to_vec());
    // A server of one connection: whoever follows finds nobody.
    let error = client(plain_transport()).get(&url).await.and_then(Answer::successful).err().expect("no success");
    let error = error.to_string();
    assert!(error.contains("a redirect (302), as to a login page") && !error.contains("t0ps3cret"), "{error}");
    server.join().expect("the server");
}

#[tokio::test]
async fn a_port_that_nobody_listens_on_is_told_with_its_cause() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/api", listener.local_addr().expect("an address"));
    drop(listener);
    let error = client(plain_transport()).get(&url).await.err().expect("no answer").to_string();
    assert!(error.starts_with(&format!("GET {url} got no answer: ")) && error.contains("refused"), "{error}");
    assert!(!format!("{:?}", client(plain_transport())).contains("t0ps3cret"));
}

#[tokio::test]
async fn a_token_in_a_file_is_read_for_each_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let token = Secret::in_file(file.clone());
    let client = HttpClient::new(plain_transport(), Arc::new(SystemClock::start()), Some(token), ANSWER_TIME_MAX);
    for rotated in ["first", "second"] {
        std::fs::write(&file, format!("{rotated}\n")).expect("a file");
        let echo = format!("HTTP/1.1 500 Oops\r\ncontent-length: {}\r\n\r\n{rotated}", rotated.len());
        let (url, server) = answering(echo.into_bytes());
        let error = client.get(&url).await.and_then(Answer::successful).err().expect("no success").to_string();
        assert!(!error.contains(rotated), "{error}");
        assert!(
            server.join().expect("the server").to_lowercase().contains(&format!("authorization: bearer {rotated}\r\n"))
        );
    }
    std::fs::remove_file(&file).expect("a removal");
    let error = client.get("http://127.0.0.1:9/").await.err().expect("no token").to_string();
    assert!(error.contains("the token's file can't be read"), "{error}");
}

#[test]
fn a_file_of_authorities_holds_certificates_or_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, text).expect("a file");
        let error = network_transport(Some(&file)).expect_err("no transport").to_string();
        assert!(error.contains("ca.pem has no certificates that can be used"), "{error}");
    }
    network_transport(Some(&folder.path().join("nowhere"))).expect_err("no file");
}

#[test]
fn tls_is_needed_where_the_scheme_says_so() {
    for (url, is) in
        [("https://a/api", true), ("HTTPS://a", true), ("http://https:1", false), ("http:", false), ("é", false)]
    {
        assert_eq!(is_by_tls(url), is, "{url}");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let nowhere = folder.path().join("nowhere");
    transport_for(["http://a"], Some(&nowhere)).expect_err("a file that is named is read");
    transport_for(["http://a"], None).expect("nothing is read");
}
