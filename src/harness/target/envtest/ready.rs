//! Waits until a program answers.

use std::{net::Ipv4Addr, time::Duration};

use k8s_openapi::{api::core::v1::Namespace, apimachinery::pkg::version::Info};
use kube::{Api, Client};
use tokio::net::TcpStream;

use super::{EnvtestError, guard::Guard};
use crate::clock::{Clock, SystemClock};

/// How long a program may take. Some seconds are usual; a machine with more to do than it can takes longer.
const LIMIT: Duration = Duration::from_secs(60);
/// How often it is asked.
const INTERVAL: Duration = Duration::from_millis(20);

/// Asks until there is an answer, the program ends, or the time is up.
async fn wait<T>(
    guard: &Guard,
    program: &'static str,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> Result<T, EnvtestError> {
    let clock = SystemClock::start();
    loop {
        if let Some(answer) = ask().await {
            return Ok(answer);
        }
        let what = match guard.exit_code(program) {
            Some(code) => format!("ended with code {code} before it was ready"),
            None if clock.elapsed() > LIMIT.into() => format!("was not ready after {} s", LIMIT.as_secs()),
            None => {
                clock.sleep(INTERVAL).await;
                continue;
            }
        };
        return Err(EnvtestError::Program { program, what, log: guard.log(program) });
    }
}

/// etcd opens its port only when it serves.
pub(super) async fn etcd(guard: &Guard, port: u16) -> Result<(), EnvtestError> {
    wait(guard, "etcd", async || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok().map(drop)).await
}

/// The server is ready, and has made the namespace that is always there.
pub(super) async fn server(guard: &Guard, client: &Client) -> Result<Info, EnvtestError> {
    wait(guard, "kube-apiserver", async || {
        let ready = http::Request::get("/readyz").body(Vec::new()).ok()?;
        client.request_text(ready).await.ok()?;
        Api::<Namespace>::all(client.clone()).get("default").await.ok()?;
        client.apiserver_version().await.ok()
    })
    .await
}
