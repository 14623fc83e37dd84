//! The kubeconfig of a served cluster.

use std::net::SocketAddr;

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{Tls, Token};

/// What kubectl and client libraries need to reach a cluster at `address`; JSON, which YAML takes for its own. It has the token
/// in it: it is for the owner alone.
#[must_use]
pub fn kubeconfig(address: SocketAddr, tls: Option<&Tls>, token: Option<&Token>, namespace: &str) -> Value {
    const NAME: &str = "provbench";
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut cluster = json!({"server": format!("{scheme}://{address}")});
    if let Some(tls) = tls {
        cluster["certificate-authority-data"] = BASE64.encode(tls.authority_pem().as_bytes()).into();
    }
    let user = token.map_or_else(|| json!({}), |token| json!({"token": token.reveal()}));
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": NAME, "cluster": cluster}],
        "users": [{"name": NAME, "user": user}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME, "namespace": namespace}}],
        "current-context": NAME,
    })
}
