//! From a request to the verb that answers it.

use std::{cell::RefCell, sync::Arc};

use bytes::Bytes;
use http::{Method, header::CONTENT_TYPE, request::Parts};
use serde_json::{Value, json};

use super::{
    apply::{FieldTracking, apply, tracking::Writer},
    call::Call,
    create::{create, to_bytes},
    delete::{DeleteOptions, delete, delete_collection},
    discovery::{self, reviews},
    duplicates::duplicates,
    embedded::Shared,
    kinds::{Kind, Role},
    list_options,
    namespace_lifecycle::finalize,
    negotiate,
    page::Page,
    patch::{Patch, patch, patch_status},
    path::{ResourcePath, Target},
    protobuf::{self, Unreadable},
    query::Query,
    read::{get, list, wrap},
    reply::Reply,
    selection::Selection,
    state::State,
    status::Refusal,
    update::{Origin, Updated, update, update_status},
    watch::Watch,
    wire,
    write_options::WriteOptions,
    yaml,
};

/// Answers a request.
///
/// # Errors
/// The refusal, where the request cannot or may not be done.
pub(super) fn answer(shared: &Arc<Shared>, parts: &Parts, body: &Bytes) -> Result<Reply, Refusal> {
    match Target::parse(parts.uri.path()) {
        Some(Target::Version) if parts.method != Method::GET => Err(Refusal::no_such_method()),
        Some(Target::Version) => Ok(Reply::ok(version())),
        Some(Target::Health) => Ok(Reply::Text(http::StatusCode::OK, "ok")),
        Some(Target::Resource(path)) => {
            let query = Query::parse(parts.uri.query().unwrap_or_default())?;
            let shape = negotiate::shape(parts)?;
            let verb = match Verb::read(parts, &path, &query, body) {
                Ok(verb) => verb,
                // What is sent to where nothing is needs not be understood.
                Err(_) if !is_known(shared, parts, &path) => return Ok(Reply::NO_PAGE),
                Err(refusal) => return Err(refusal),
            };
            let now = shared.options.clock.now();
            let mut form = None;
            let warnings = RefCell::new(Vec::new());
            let reply = shared.with(|state| {
                let Some((at, kind)) = resource(state, &parts.method, &path) else { return absent(parts, &path, body) };
                form = shape.map(|shape| (shape, kind.clone()));
                let namespace = path.namespace.as_deref().unwrap_or_default();
                let writer = Writer {
                    field_manager: query.field_manager.as_deref(),
                    headers: Some(&parts.headers),
                    tracking: shared.options.field_tracking,
                    subresource: path.subresource.as_ref().map_or("", |_| "status"),
                };
                let strict = query.field_validation.as_deref() == Some("Strict");
                let warned = warns(shared, &query).then_some(&warnings);
                let call = Call { at, kind, namespace, now, dry_run: query.dry_run, strict, warnings: warned, writer };
                if strict || warned.is_some() {
                    call.report(repeated(parts, body))?;
                }
                verb.perform(shared, state, call, &path, &query)
            })?;
            let reply = match form {
                None => reply,
                // When the lock is free again: it is work.
                Some((shape, kind)) => shape.apply(reply, &kind, &shared.options.clock)?,
            };
            let warnings = warnings.into_inner();
            Ok(if warnings.is_empty() { reply } else { Reply::Warned(Box::new(reply), warnings) })
        }
        None => discovery::answer(shared, parts),
    }
}

fn is_known(shared: &Shared, parts: &Parts, path: &ResourcePath<'_>) -> bool {
    reviews::find(&path.group, &path.version, &path.plural).is_some()
        || shared.with(|state| resource(state, &parts.method, path).is_some())
}

/// The answer to a path that is about no resource of the store: a question about oneself, or none.
fn absent(parts: &Parts, path: &ResourcePath<'_>, body: &Bytes) -> Result<Reply, Refusal> {
    match reviews::find(&path.group, &path.version, &path.plural) {
        Some(review) if parts.method == Method::POST && path.name.is_none() => {
            review.answer(&parts.headers, sent_object(parts, body)?)
        }
        Some(_) => Err(Refusal::no_such_method()),
        None => Ok(Reply::NO_PAGE),
    }
}

/// The object in a request's body.
///
/// # Errors
/// 415 for a format that is not taken, 400 for what is malformed.
fn sent_object(parts: &Parts, body: &Bytes) -> Result<Value, Refusal> {
    let malformed = |error: &dyn std::fmt::Display| {
        Refusal::bad_request(format!("the object provided is unrecognized: json parse error: {error}"))
    };
    match content_type(parts) {
        "" | "application/json" => wire::read(body).map_err(|error| malformed(&error)),
        "application/yaml" => yaml::read(body).map_err(|error| malformed(&error)),
        // What kubectl's typed clients send; they take JSON for an answer.
        "application/vnd.kubernetes.protobuf" => protobuf::read(body).map_err(|error| match error {
            Unreadable::Malformed => Refusal::bad_request(error.to_string()),
            Unreadable::Unknown(_) => Refusal::unsupported_media_type(TAKEN),
        }),
        _ => Err(Refusal::unsupported_media_type(TAKEN)),
    }
}

const TAKEN: &[&str] = &["application/json", "application/yaml"];

fn content_type(parts: &Parts) -> &str {
    let content_type = parts.headers.get(CONTENT_TYPE).map_or("", |value| value.to_str().unwrap_or("?"));
    content_type.split(';').next().unwrap_or_default().trim()
}

/// Whether unknown and repeated fields are warned of. That is what kube-apiserver does where the client says nothing; here
/// only a server does it that keeps track of fields anyway, since it costs every write.
fn warns(shared: &Shared, query: &Query<'_>) -> bool {
    match query.field_validation.as_deref() {
        None => shared.options.field_tracking == FieldTracking::Always,
        Some(level) => level == "Warn",
    }
}

/// Complaints about keys that stand twice in the body of a write.
fn repeated(parts: &Parts, body: &Bytes) -> Vec<String> {
    if !matches!(parts.method, Method::POST | Method::PUT | Method::PATCH) {
        return Vec::new();
    }
    duplicates(body).iter().map(|field| format!("duplicate field {field:?}")).collect()
}

/// The resource that a path is about, where it is served in that version and scope.
fn resource(state: &State, method: &Method, path: &ResourcePath<'_>) -> Option<(usize, Arc<Kind>)> {
    let at = state.find(&path.group, &path.plural)?;
    let kind = &state.resources.get(at)?.kind;
    let misplaced = path.namespace.is_some() && !kind.namespaced;
    // In all namespaces at once there are lists and watches only; of a custom resource there is no other page.
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let unplaced =
        path.namespace.is_none() && kind.namespaced && (path.name.is_some() || (kind.role == Role::Custom && !reads));
    (kind.version == path.version && !misplaced && !unplaced).then(|| (at, kind.clone()))
}

/// What is asked for, with its body read: parsing takes no lock.
enum Verb {
    Get,
    Create(Value),
    Update(Value),
    Patch(Patch),
    Delete(DeleteOptions),
    /// One that can be asked for elsewhere.
    Other(&'static str),
    /// A method that is no verb of any resource, such as OPTIONS.
    Unknown(Method),
}

impl Verb {
    fn read(parts: &Parts, path: &ResourcePath<'_>, query: &Query<'_>, body: &Bytes) -> Result<Self, Refusal> {
        let object = || sent_object(parts, body);
        let on_object = path.name.is_some();
        Ok(match (&parts.method, on_object) {
            // What HEAD answers is cut off where it is sent.
            (&Method::GET | &Method::HEAD, _) => Self::Get,
            (&Method::POST, false) => {
                WriteOptions::Create.check(query)?;
                Self::Create(object()?)
            }
            (&Method::PUT, true) => {
                WriteOptions::Update.check(query)?;
                Self::Update(object()?)
            }
            (&Method::PATCH, true) => {
                let change = Patch::parse(content_type(parts), body)?;
                let is_apply = matches!(change, Patch::Apply(_));
                let options = if is_apply { WriteOptions::Apply } else { WriteOptions::Patch };
                options.check(query)?;
                Self::Patch(change)
            }
            (&Method::DELETE, _) => {
                WriteOptions::Delete.check(query)?;
                let options = DeleteOptions::parse(body, query)?;
                Self::Delete(options)
            }
            (&Method::POST, true) => Self::Other("create"),
            (&Method::PUT, false) => Self::Other("update"),
            (&Method::PATCH, false) => Self::Other("patch"),
            (method, _) => Self::Unknown(method.clone()),
        })
    }

    fn perform(
        self,
        shared: &Arc<Shared>,
        state: &mut State,
        mut call: Call<'_>,
        path: &ResourcePath<'_>,
        query: &Query<'_>,
    ) -> Result<Reply, Refusal> {
        let name = path.name.as_deref();
        if path.subresource.as_deref() == Some("finalize") && call.kind.role == Role::Namespace {
            return match (self, name) {
                (Self::Update(object), Some(name)) => finalize(state, &call, name, object).map(Reply::ok),
                _ => Err(Refusal::no_such_method()),
            };
        }
        if let Some(subresource) = path.subresource.as_deref()
            && (subresource != "status" || !call.kind.status)
        {
            return Err(Refusal::not_found(&call.kind, name.unwrap_or_default()));
        }
        let on_status = path.subresource.is_some();
        match (self, name) {
            (Self::Get, Some(name)) if !query.watch => get(state, &call, name, query).map(Reply::ok),
            (Self::Get, name) => {
                list_options::check(query)?;
                let mut selection = Selection::new(&call.kind, path.namespace.as_deref(), query)?;
                if let Some(name) = name {
                    selection.narrow(name);
                }
                if query.watch {
                    return Watch::start(shared, state, &call, selection, query).map(Reply::Watch);
                }
                list(state, &call, &selection, query).map(Reply::List)
            }
            (Self::Create(object), None) if path.namespace.is_some() == call.kind.namespaced => {
                create(state, &call, object).map(Reply::created)
            }
            (Self::Update(object), Some(name)) if on_status => {
                update_status(state, &call, name, object, Origin::Put).map(Reply::ok)
            }
            (Self::Update(object), Some(name)) => update(state, &call, name, object).map(Reply::from),
            (Self::Patch(Patch::Apply(config)), Some(name)) => {
                apply(state, &call, name, config, query.force.unwrap_or(false)).map(Reply::from)
            }
            (Self::Patch(change), Some(name)) if on_status => patch_status(state, &call, name, change).map(Reply::ok),
            (Self::Patch(change), Some(name)) => patch(state, &call, name, change).map(Reply::ok),
            (Self::Delete(options), name) if !on_status && (name.is_some() || has_collections(&call, path)) => {
                call.dry_run |= options.is_dry_run();
                if let Some(name) = name {
                    return delete(state, &call, name, &options).map(Reply::ok);
                }
                let selection = Selection::new(&call.kind, path.namespace.as_deref(), query)?;
                let items = delete_collection(state, &call, &selection, &options)?;
                let page = Page { revision: state.revision, items, more: None };
                Ok(Reply::List(wrap(&call.kind, page, true)))
            }
            (Self::Create(_), _) => Err(Refusal::method_not_allowed(&call.kind, "create")),
            (Self::Delete(_), _) => Err(Refusal::method_not_allowed(&call.kind, "delete")),
            (Self::Update(_), None) => Err(Refusal::method_not_allowed(&call.kind, "update")),
            (Self::Patch(_), None) => Err(Refusal::method_not_allowed(&call.kind, "patch")),
            (Self::Other(verb), _) => Err(Refusal::method_not_allowed(&call.kind, verb)),
            // The real server's two ways: where custom resources are served it names the verb, which is an empty word there.
            (Self::Unknown(method), _) if call.kind.role == Role::Custom => {
                Err(Refusal::method_not_allowed(&call.kind, method.as_str()))
            }
            (Self::Unknown(_), _) => Err(Refusal::no_such_method()),
        }
    }
}

/// Whether all objects under a path can be deleted at once: those of one namespace, and never namespaces.
fn has_collections(call: &Call<'_>, path: &ResourcePath<'_>) -> bool {
    path.namespace.is_some() == call.kind.namespaced && call.kind.role != Role::Namespace
}

impl From<Updated> for Reply {
    fn from(updated: Updated) -> Self {
        match updated {
            Updated::Kept(bytes) => Self::ok(bytes),
            Updated::Created(bytes) => Self::created(bytes),
        }
    }
}

/// The version whose behaviour is followed.
fn version() -> Bytes {
    to_bytes(&json!({
        "major": "1",
        "minor": "33",
        "gitVersion": "v1.33.0",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }))
}
