//! What surrounds templates and jobs: the roots, the caller, organizations, labels.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Controller, catalogue::Root, list::Window, refusal::Refusal};
use crate::sim::http::{Query, json, write_json};

/// The version that the simulated controller says it is.
const VERSION: &str = "4.6.8";

/// The collections that the index names.
const COLLECTIONS: [&str; 13] = [
    "ping",
    "config",
    "me",
    "organizations",
    "labels",
    "job_templates",
    "workflow_job_templates",
    "unified_job_templates",
    "jobs",
    "workflow_jobs",
    "project_updates",
    "unified_jobs",
    "job_events",
];

#[derive(Deserialize)]
struct NewLabel {
    name: Option<String>,
    organization: Option<u64>,
}

/// `GET /api/`.
pub(super) fn api_root(root: Root) -> Response<Bytes> {
    let v2 = root.path();
    json(
        StatusCode::OK,
        &json!({
            "description": "AWX REST API",
            "current_version": v2,
            "available_versions": {"v2": v2},
            "oauth2": "/api/o/",
            "custom_logo": "",
            "custom_login_info": "",
            "login_redirect_override": "",
        }),
    )
}

/// `GET /api/v2/`.
pub(super) fn index(root: Root) -> Response<Bytes> {
    let entries: serde_json::Map<String, Value> =
        COLLECTIONS.iter().map(|name| ((*name).to_owned(), format!("{}{name}/", root.path()).into())).collect();
    json(StatusCode::OK, &entries)
}

/// `GET ping/`.
pub(super) fn ping() -> Response<Bytes> {
    json(
        StatusCode::OK,
        &json!({
            "ha": false,
            "version": VERSION,
            "active_node": "controller-0",
            "install_uuid": "00000000-0000-0000-0000-000000000000",
            "instances": [{"node": "controller-0", "node_type": "control", "capacity": 100, "version": VERSION}],
            "instance_groups": [{"name": "default", "capacity": 0, "instances": []}],
        }),
    )
}

/// `GET config/`.
pub(super) fn config() -> Response<Bytes> {
    json(
        StatusCode::OK,
        &json!({
            "time_zone": "UTC",
            "license_info": {"license_type": "open", "valid_key": true, "product_name": "AWX"},
            "version": VERSION,
            "eula": "",
            "analytics_status": "off",
            "become_methods": [],
        }),
    )
}

/// An organization's body.
fn organization_body(root: Root, id: usize, name: &str) -> Value {
    json!({
        "id": id,
        "type": "organization",
        "url": format!("{}organizations/{id}/", root.path()),
        "related": {},
        "summary_fields": {},
        "name": name,
        "description": "",
    })
}

fn label_body(root: Root, id: usize, name: &str, organization: u64) -> Value {
    json!({
        "id": id,
        "type": "label",
        "url": format!("{}labels/{id}/", root.path()),
        "related": {"organization": format!("{}organizations/{organization}/", root.path())},
        "summary_fields": {},
        "name": name,
        "organization": organization,
    })
}

impl Controller {
    /// `GET me/`.
    pub(super) fn me(&self, root: Root, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let user = |(), out: &mut Vec<u8>| {
            let user = json!({
                "id": 1,
                "type": "user",
                "url": format!("{}users/1/", root.path()),
                "related": {},
                "summary_fields": {},
                "created": self.stamp(crate::units::Nanos::ZERO),
                "username": "admin",
                "first_name": "",
                "last_name": "",
                "email": "",
                "is_superuser": true,
                "is_system_auditor": false,
            });
            write_json(&user, out);
        };
        Window::of(Query::of(request))?.page(request, &[()], user)
    }

    /// `GET organizations/`.
    pub(super) fn list_organizations(&self, root: Root, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let query = Query::of(request);
        let name = query.get("name");
        let organizations: Vec<(usize, &String)> = (1..).zip(self.catalogue.organizations()).collect();
        let asked: Vec<_> =
            organizations.into_iter().filter(|(_, known)| name.as_deref().is_none_or(|name| name == *known)).collect();
        Window::of(query)?.page(request, &asked, |(id, name), out| write_json(&organization_body(root, id, name), out))
    }

    /// `GET organizations/{id}/`.
    pub(super) fn organization(&self, root: Root, id: &str) -> Option<Response<Bytes>> {
        let id: usize = id.parse().ok()?;
        let name = self.catalogue.organizations().get(id.checked_sub(1)?)?;
        Some(json(StatusCode::OK, &organization_body(root, id, name)))
    }

    /// `GET labels/`.
    pub(super) fn list_labels(&self, root: Root, request: &Request<Bytes>) -> Result<Response<Bytes>, Refusal> {
        let query = Query::of(request);
        let name = query.get("name");
        let state = self.state.lock();
        let labels = (1..).zip(&state.labels);
        let asked: Vec<_> = labels.filter(|(_, (known, _))| name.as_deref().is_none_or(|name| name == known)).collect();
        Window::of(query)?.page(request, &asked, |(id, (name, organization)), out| {
            write_json(&label_body(root, id, name, *organization), out);
        })
    }

    /// `POST labels/`.
    pub(super) fn create_label(&self, root: Root, body: &Bytes) -> Result<Response<Bytes>, Refusal> {
        let required = |field: &str| Refusal::field(field, vec!["This field is required."]);
        let label: NewLabel =
            serde_json::from_slice(body).map_err(|_| Refusal::detail("JSON parse error - not a JSON object"))?;
        let name = label.name.ok_or_else(|| required("name"))?;
        let organization = label.organization.ok_or_else(|| required("organization"))?;
        let organizations = self.catalogue.organizations().len() as u64;
        if !(1..=organizations).contains(&organization) {
            let message = format!("Invalid pk \"{organization}\" - object does not exist.");
            return Err(Refusal::field("organization", vec![message]));
        }
        let mut state = self.state.lock();
        let label = (name, organization);
        if state.labels.contains(&label) {
            return Err(Refusal::field("__all__", vec!["Label with this Name and Organization already exists."]));
        }
        let body = label_body(root, state.labels.len() + 1, &label.0, organization);
        state.labels.push(label);
        Ok(json(StatusCode::CREATED, &body))
    }
}
