//! The action of a rule: look the template up, launch it, wait for its job.

use std::{collections::BTreeMap, fmt};

use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use tower::ServiceExt;

use super::{Event, Shared};
use crate::{
    record::Word,
    sim::{http::encode_query, profile::key},
    units::Seed,
};

const RULESET: &str = "osac webhook";
const SOURCE: &str = "eda.builtin.webhook";

#[derive(Serialize)]
struct Launch<'a> {
    limit: &'static str,
    extra_vars: ExtraVars<'a>,
}

#[derive(Serialize)]
struct ExtraVars<'a> {
    ansible_eda: AnsibleEda<'a>,
}

#[derive(Serialize)]
struct AnsibleEda<'a> {
    ruleset: &'static str,
    rule: &'a str,
    event: EventBody<'a>,
}

#[derive(Serialize)]
struct EventBody<'a> {
    payload: &'a RawValue,
    meta: Meta<'a>,
}

#[derive(Serialize)]
struct Meta<'a> {
    endpoint: &'a str,
    headers: &'a BTreeMap<String, String>,
    source: Source,
    received_at: String,
    uuid: String,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Deserialize)]
struct Templates {
    results: Vec<Template>,
}

#[derive(Deserialize)]
struct Template {
    related: Related,
}

#[derive(Deserialize)]
struct Related {
    launch: String,
}

/// Of a launched job, what the engine remembers.
#[derive(Deserialize)]
struct Job {
    id: u64,
    url: String,
}

/// A request that the controller did not do.
#[derive(Debug)]
pub(super) struct Refused {
    /// `None` when there was no answer.
    pub(super) status: Option<StatusCode>,
    reason: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.status {
            Some(status) => write!(f, "{status}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Runs the action of an event to its end.
pub(super) async fn run(shared: &std::sync::Arc<Shared>, event: Event) {
    let endpoint = &shared.endpoints[event.endpoint];
    let playbook = endpoint.playbook;
    let purpose = compact_str::format_compact!("{}.handoff", playbook.job_type());
    shared.wait(shared.profile.handoff.draw(key(shared.seed, &event.object, &purpose, event.attempt))).await;
    match launch(shared, &event).await {
        Ok(job) => {
            let id = compact_str::format_compact!("{}", job.id);
            shared.note("launched", &event.object, playbook, id, String::new());
            // `…/jobs/7/` → `…/jobs/`
            let collection = job.url.trim_end_matches('/').trim_end_matches(|c: char| c.is_ascii_digit());
            shared.until_ended(collection, job.id).await;
        }
        Err(refused) => shared.note("launch_failed", &event.object, playbook, Word::default(), refused.to_string()),
    }
}

async fn launch(shared: &Shared, event: &Event) -> Result<Job, Refused> {
    let endpoint = &shared.endpoints[event.endpoint];
    let lookup = format!("/api/v2/unified_job_templates/?name={}", encode_query(&endpoint.template));
    let templates: Templates = parse(&shared.ask(Method::GET, &lookup, Bytes::new()).await?)?;
    let template = templates.results.into_iter().next().ok_or_else(|| Refused {
        status: None,
        reason: format!("Job template {} in organization Default does not exist", endpoint.template),
    })?;
    let body = launch_body(shared, event);
    let mut retries = shared.profile.launch_retries;
    loop {
        match shared.ask(Method::POST, &template.related.launch, body.clone()).await {
            Err(refused) if retries > 0 && is_worth_a_retry(&refused) => {
                retries -= 1;
                shared.wait(shared.profile.retry_delay).await;
            }
            answer => return parse(&answer?),
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused { status: None, reason: error.to_string() })
}

/// A 502 may have come after the job was launched: then there are two.
fn is_worth_a_retry(refused: &Refused) -> bool {
    let retried = [StatusCode::TOO_MANY_REQUESTS, StatusCode::BAD_GATEWAY, StatusCode::SERVICE_UNAVAILABLE];
    refused.status.is_some_and(|status| retried.contains(&status))
}

fn launch_body(shared: &Shared, event: &Event) -> Bytes {
    let endpoint = &shared.endpoints[event.endpoint];
    let body = Launch {
        limit: "all",
        extra_vars: ExtraVars {
            ansible_eda: AnsibleEda {
                ruleset: RULESET,
                rule: &endpoint.rule,
                event: EventBody {
                    payload: &event.payload,
                    meta: Meta {
                        endpoint: &endpoint.name,
                        headers: &event.headers,
                        source: Source { name: SOURCE, kind: SOURCE },
                        received_at: format!("{:.6}", event.received_at),
                        uuid: uuid(key(shared.seed, &event.object, endpoint.playbook.job_type(), event.attempt)),
                    },
                },
            },
        },
    };
    // Our own types serialise.
    serde_json::to_vec(&body).unwrap_or_default().into()
}

/// A version 4 UUID from a seed (RFC 9562, section 5.4).
fn uuid(seed: Seed) -> String {
    let mut bits = seed.stream();
    let (high, low) = (bits.next_bits(), bits.next_bits());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

impl Shared {
    /// Asks the controller; gives the body of its answer.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, Refused> {
        let mut request = Request::builder().method(method).uri(path);
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.aap_authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let broken = |reason: String| Refused { status: None, reason };
        let request = request.body(body).map_err(|error| broken(error.to_string()))?;
        let aap = self.aap.lock().clone();
        let response = aap.oneshot(request).await.map_err(|error| broken(error.to_string()))?;
        if !response.status().is_success() {
            let reason = String::from_utf8_lossy(response.body()).into_owned();
            return Err(Refused { status: Some(response.status()), reason });
        }
        Ok(response.into_body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_of_version_4_and_repeats_for_its_key() {
        let uuid_of = |seed| uuid(Seed::new(seed));
        assert_eq!(uuid_of(1), uuid_of(1));
        assert_ne!(uuid_of(1), uuid_of(2));
        let text = uuid_of(3);
        assert_eq!(text.len(), 36);
        assert_eq!(&text[14..15], "4");
        assert!("89ab".contains(&text[19..20]), "{text}");
    }
}
