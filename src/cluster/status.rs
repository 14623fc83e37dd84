//! Refusals: the `Status` objects that an API server answers with when it does not do what it was asked.

use http::StatusCode;
use serde::Serialize;

use super::{field_error::FieldError, kinds::Kind};

/// Why a request is refused, as the client gets to see it. Boxed, because most requests succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal(Box<Parts>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    code: StatusCode,
    reason: &'static str,
    message: String,
    details: Option<Details>,
    /// Where a list that has expired can go on.
    more: Option<String>,
}

/// What the refusal is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Details {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    kind: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<Cause>,
    #[serde(rename = "retryAfterSeconds", skip_serializing_if = "Option::is_none")]
    retry_after_seconds: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Cause {
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'static str,
    message: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    field: String,
}

/// The order of the keys is that of the Go struct, so that the bytes can be compared with recorded ones.
#[derive(Serialize)]
struct Wire<'a> {
    kind: &'static str,
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    metadata: Metadata<'a>,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<&'a Details>,
    code: u16,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    more: Option<&'a str>,
}

impl Refusal {
    fn new(code: StatusCode, reason: &'static str, message: String, details: Option<Details>) -> Self {
        Self(Box::new(Parts { code, reason, message, details, more: None }))
    }

    fn about(kind: &Kind, name: &str) -> Details {
        Details { name: name.to_owned(), group: kind.group.clone(), kind: kind.plural.clone(), ..Details::default() }
    }

    /// 400: the request itself is malformed.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BadRequest", message.into(), None)
    }

    /// 401: whoever asks is not known.
    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Unauthorized", "Unauthorized".to_owned(), None)
    }

    /// 403: the user has no rights here.
    pub(super) fn forbidden_user(user: &str) -> Self {
        let message = format!("forbidden: User {user:?} has no rights on this cluster: only the token's owner has");
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, Some(Details::default()))
    }

    /// 405: what can be asked here can't be asked so.
    pub(super) fn no_such_method() -> Self {
        let message = "the server does not allow this method on the requested resource".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, Some(Details::default()))
    }

    /// 406: no format that the client takes.
    pub(super) fn not_acceptable(offered: &[&str]) -> Self {
        let message = format!("only the following media types are accepted: {}", offered.join(", "));
        Self::new(StatusCode::NOT_ACCEPTABLE, "NotAcceptable", message, None)
    }

    /// 404: no object of that name.
    pub(super) fn not_found(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} not found", kind.resource());
        Self::new(StatusCode::NOT_FOUND, "NotFound", message, Some(Self::about(kind, name)))
    }

    /// 409: the name is taken.
    pub(super) fn already_exists(kind: &Kind, name: &str) -> Self {
        let message = format!("{} {name:?} already exists", kind.resource());
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message, Some(Self::about(kind, name)))
    }

    /// 409: the names that were generated are all taken.
    pub(super) fn no_free_name(kind: &Kind, name: &str) -> Self {
        let message = format!(
            "{} {name:?} already exists, the server was not able to generate a unique name for the object",
            kind.resource()
        );
        let details = Details { retry_after_seconds: Some(1), ..Self::about(kind, name) };
        Self::new(StatusCode::CONFLICT, "AlreadyExists", message, Some(details))
    }

    /// 409: the object is not what the client thinks it is.
    pub(super) fn conflict(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.resource());
        Self::new(StatusCode::CONFLICT, "Conflict", message, Some(Self::about(kind, name)))
    }

    /// 409: the object has changed since the client read it.
    pub(super) fn modified(kind: &Kind, name: &str) -> Self {
        let why = "the object has been modified; please apply your changes to the latest version and try again";
        Self::conflict(kind, name, why)
    }

    /// 409: others own what an applied configuration says otherwise. Each cause is a sentence and a field.
    pub(super) fn apply_conflict(message: String, causes: Vec<(String, String)>) -> Self {
        let cause = |(message, field)| Cause { reason: "FieldManagerConflict", message, field };
        let details = Details { causes: causes.into_iter().map(cause).collect(), ..Details::default() };
        Self::new(StatusCode::CONFLICT, "Conflict", message, Some(details))
    }

    /// 409: a precondition of a delete does not hold. The real server names the kind here, not the resource.
    pub(super) fn precondition(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {} {name:?}: {why}", kind.qualified_name());
        let details =
            Details { name: name.to_owned(), group: kind.group.clone(), kind: kind.name.clone(), ..Details::default() };
        Self::new(StatusCode::CONFLICT, "Conflict", message, Some(details))
    }

    /// 403: never allowed.
    pub(super) fn forbidden(kind: &Kind, name: &str, why: &str) -> Self {
        let message = format!("{} {name:?} is forbidden: {why}", kind.resource());
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message, Some(Self::about(kind, name)))
    }

    /// 403: the namespace is on its way out and takes nothing new.
    pub(super) fn namespace_terminating(kind: &Kind, name: &str, namespace: &str) -> Self {
        let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
        let mut refusal = Self::forbidden(kind, name, &why);
        if let Some(details) = &mut refusal.0.details {
            details.causes.push(Cause {
                reason: "NamespaceTerminating",
                message: format!("namespace {namespace} is being terminated"),
                field: "metadata.namespace".to_owned(),
            });
        }
        refusal
    }

    /// 422: the object breaks the rules of its kind.
    pub(super) fn invalid(kind: &Kind, name: &str, errors: Vec<FieldError>) -> Self {
        Self::invalid_as(&kind.group, &kind.name, kind.qualified_name(), name, errors)
    }

    /// 422: an object of another kind than that of the path; it is named as what it says it is.
    pub(super) fn other_type(kind: &Kind, sent: &str, name: &str, errors: Vec<FieldError>) -> Self {
        Self::invalid_as(&kind.group, sent, &format!("{sent}.{}", kind.group), name, errors)
    }

    /// 422: options that make no sense, of the kind `CreateOptions` and the like.
    pub(super) fn invalid_options(kind: &str, errors: Vec<FieldError>) -> Self {
        const GROUP: &str = "meta.k8s.io";
        Self::invalid_as(GROUP, kind, &format!("{kind}.{GROUP}"), "", errors)
    }

    /// 422: an update without the resourceVersion that its kind asks for. The storage layer of the real server, which
    /// says this, knows the resource only.
    pub(super) fn resource_version_required(kind: &Kind, name: &str) -> Self {
        let error = FieldError {
            reason: "FieldValueInvalid",
            message: "Invalid value: 0x0: must be specified for an update".to_owned(),
            field: "metadata.resourceVersion".to_owned(),
        };
        Self::invalid_as(&kind.group, &kind.plural, kind.resource(), name, vec![error])
    }

    fn invalid_as(group: &str, kind: &str, qualified: &str, name: &str, errors: Vec<FieldError>) -> Self {
        let mut sentences: Vec<String> = Vec::new();
        for error in &errors {
            let sentence = format!("{}: {}", error.field, error.message);
            if !sentences.contains(&sentence) {
                sentences.push(sentence);
            }
        }
        let message = match sentences.as_slice() {
            [] => format!("{qualified} {name:?} is invalid"),
            [one] => format!("{qualified} {name:?} is invalid: {one}"),
            many => format!("{qualified} {name:?} is invalid: [{}]", many.join(", ")),
        };
        let causes = errors
            .into_iter()
            .map(|error| Cause { reason: error.reason, message: error.message, field: error.field })
            .collect();
        let details = Details {
            name: name.to_owned(),
            group: group.to_owned(),
            kind: kind.to_owned(),
            causes,
            ..Details::default()
        };
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, Some(details))
    }

    /// 422: a JSON patch that does not fit the object. The real server does not say what did not fit.
    pub(super) fn patch_failed() -> Self {
        let message = "the server rejected our request due to an error in our request".to_owned();
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", message, Some(Details::default()))
    }

    /// 405: the resource knows no such verb.
    pub(super) fn method_not_allowed(kind: &Kind, verb: &str) -> Self {
        let message = format!("{verb} is not supported on resources of kind {:?}", kind.resource());
        let details = Details { group: kind.group.clone(), kind: kind.plural.clone(), ..Details::default() };
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed", message, Some(details))
    }

    /// 410: the history does not reach back that far.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(StatusCode::GONE, "Expired", message.into(), None)
    }

    /// 410: a paged list that has been forgotten. The token is for what is there now of its rest.
    pub(super) fn expired_list(token: String) -> Self {
        let mut refusal = Self::expired(
            "The provided continue parameter is too old to display a consistent list result. You can start a new list \
             without the continue parameter, or use the continue token in this response to retrieve the remainder of the \
             results. Continuing with the provided token results in an inconsistent list - objects that were created, \
             modified, or deleted between the time the first chunk was returned and now may show up in the list.",
        );
        refusal.0.more = Some(token);
        refusal
    }

    /// 413: more bytes than a request may have.
    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("Request entity too large: limit is {limit}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message, None)
    }

    /// 413: more operations than a JSON patch may have.
    pub(super) fn too_many_operations(limit: usize, found: usize) -> Self {
        let message =
            format!("Request entity too large: The allowed maximum operations in a JSON patch is {limit}, got {found}");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", message, None)
    }

    /// 415: a body in a format that is not taken here.
    pub(super) fn unsupported_media_type(accepted: &[&str]) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: {}",
            accepted.join(", ")
        );
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", message, None)
    }

    /// 500: an error that the real server has no better word for.
    pub(super) fn internal(message: String) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", message, None)
    }

    /// 500: a resourceVersion in a new object.
    pub(super) fn resource_version_on_create() -> Self {
        Self::internal("resourceVersion should not be set on objects to be created".to_owned())
    }

    /// 504: a read that asks for the future.
    pub(super) fn too_large_resource_version(asked: u64, current: u64) -> Self {
        let message = format!("Timeout: Too large resource version: {asked}, current: {current}");
        let cause = Cause {
            reason: "ResourceVersionTooLarge",
            message: "Too large resource version".to_owned(),
            field: String::new(),
        };
        let details = Details { causes: vec![cause], retry_after_seconds: Some(1), ..Details::default() };
        Self::new(StatusCode::GATEWAY_TIMEOUT, "Timeout", message, Some(details))
    }

    /// The HTTP status.
    pub(super) fn code(&self) -> StatusCode {
        self.0.code
    }

    /// The sentence for people.
    pub(super) fn message(&self) -> &str {
        &self.0.message
    }

    /// The `Status` object as JSON.
    pub(super) fn to_json(&self) -> Vec<u8> {
        let wire = Wire {
            kind: "Status",
            api_version: "v1",
            metadata: Metadata { more: self.0.more.as_deref() },
            status: "Failure",
            message: &self.0.message,
            reason: self.0.reason,
            details: self.0.details.as_ref(),
            code: self.0.code.as_u16(),
        };
        // Texts, numbers and maps with text keys: there is nothing in it that could fail to serialise.
        serde_json::to_vec(&wire).unwrap_or_default()
    }
}
