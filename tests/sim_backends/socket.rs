//! The backends on a socket, in real time.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::{Duration, Instant},
};

use provbench::sim::{BODY_LIMIT, serve};
use tokio::{net::TcpListener, sync::oneshot};

use crate::{
    cluster::Cluster,
    world::{World, profile},
};

/// Sends a request and gives the status and the body of its answer.
fn ask(stream: &mut TcpStream, request: &str) -> (u16, String) {
    stream.write_all(request.as_bytes()).expect("sent");
    let mut received = Vec::new();
    loop {
        let mut chunk = [0; 4_096];
        let read = stream.read(&mut chunk).expect("received");
        assert!(read > 0, "the connection was closed");
        received.extend_from_slice(&chunk[..read]);
        let text = String::from_utf8_lossy(&received);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.and_then(|length| length.parse().ok()).unwrap_or(0) {
            let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
            return (status.expect("a status"), body.to_owned());
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "what is looked for is a gap of 40 ms of real time")]
fn talk(address: SocketAddr) {
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("set");
    let mut took = Vec::new();
    for _ in 0..50 {
        let began = Instant::now();
        let (status, body) = ask(&mut stream, "GET /api/v2/job_templates/7/ HTTP/1.1\r\nhost: aap\r\n\r\n");
        assert_eq!(status, 200);
        assert!(body.contains("\"id\":7"), "{body}");
        took.push(began.elapsed());
    }
    // The median: a busy machine may keep some of them waiting, a gap all.
    took.sort();
    assert!(took[25] < Duration::from_millis(35), "{took:?}");
    let large = format!("POST /api/v2/labels/ HTTP/1.1\r\nhost: aap\r\ncontent-length: {}\r\n\r\n", BODY_LIMIT + 1);
    assert_eq!(ask(&mut stream, &large).0, 413);
}

#[tokio::test]
async fn many_requests_go_over_one_connection_without_gaps() {
    let world = World::new(profile("instant"), Cluster::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (stop, stopped) = oneshot::channel::<()>();
    let server = tokio::spawn(serve(world.service.clone(), listener, async move {
        let _ = stopped.await;
    }));
    tokio::task::spawn_blocking(move || talk(address)).await.expect("served");
    stop.send(()).expect("the server runs");
    server.await.expect("the server ends").expect("without an error");
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}
