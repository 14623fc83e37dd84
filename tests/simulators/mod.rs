//! `provbench simulate` as a process, and a small HTTP client.

#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

pub(crate) const TOKEN: &str = "a-token-of-tests";

/// A process that is ended with its test.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn provbench() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_provbench"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env_remove("PROVBENCH_EDA_TOKEN").env("PROVBENCH_AAP_TOKEN", TOKEN);
    command
}

/// A simulator that serves.
pub(crate) struct Simulator {
    pub(crate) process: Running,
    /// Where; the last line on stdout.
    pub(crate) url: String,
    /// The lines in front of it.
    pub(crate) head: Vec<String>,
    rest: BufReader<ChildStdout>,
}

impl Simulator {
    /// Starts `provbench simulate` with arguments.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_command(provbench().arg("simulate").args(arguments))
    }

    pub(crate) fn start_command(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("provbench starts");
        let mut process = Running(child);
        let mut rest = BufReader::new(process.0.stdout.take().expect("piped"));
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if rest.read_line(&mut line).expect("readable") == 0 {
                let mut stderr = String::new();
                process.0.stderr.take().expect("piped").read_to_string(&mut stderr).expect("readable");
                panic!("the simulator ended: {stderr}");
            }
            let line = line.trim_end().to_owned();
            if line.starts_with("http://") {
                return Self { process, url: line, head, rest };
            }
            head.push(line);
        }
    }

    /// What came on stdout after the address.
    pub(crate) fn rest(mut self) -> (std::process::ExitStatus, String) {
        let mut text = String::new();
        self.rest.read_to_string(&mut text).expect("readable");
        (self.process.0.wait().expect("ends"), text)
    }

    pub(crate) fn interrupt(&self) {
        let id = self.process.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().expect("kill runs").success());
    }

    pub(crate) fn call(&self, method: &str, path: &str, body: &Value) -> (u16, Value) {
        call(&self.url, Some(TOKEN), method, path, body)
    }

    /// The jobs that there are, whole.
    pub(crate) fn jobs(&self) -> Vec<Value> {
        let (status, page) = self.call("GET", "/api/v2/jobs/?page_size=200&order_by=id", &Value::Null);
        assert_eq!(status, 200, "{page}");
        let ids = page["results"].as_array().expect("a list").iter().map(|job| job["id"].as_u64().expect("an id"));
        ids.map(|id| self.call("GET", &format!("/api/v2/jobs/{id}/"), &Value::Null).1).collect()
    }
}

/// One request on a connection of its own; the body of the answer is JSON or, where it is not, a string.
pub(crate) fn call(url: &str, token: Option<&str>, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let (head, body) = exchange(url, token, method, path, body);
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
}

/// The head and the body of the answer to one request.
pub(crate) fn exchange(url: &str, token: Option<&str>, method: &str, path: &str, body: &Value) -> (String, String) {
    let address = url.strip_prefix("http://").expect("an address");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let authorization = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
    let mut stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\n{authorization}connection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answered");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    (head.to_owned(), body.to_owned())
}

/// Looks again and again whether something is there, for half a minute.
pub(crate) fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(found) = look() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("{what}: not within 30 s");
}
