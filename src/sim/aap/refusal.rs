//! Requests that are not done, and how the API says so.

use bytes::Bytes;
use http::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::sim::http::{empty, json, with_header};

/// Why a request is not done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Refusal {
    /// The path has no slash at its end.
    Moved(String),
    /// No such path.
    NoResource,
    /// No such object of a model.
    NoMatch(&'static str),
    /// A list does not have so many pages.
    InvalidPage,
    /// The method does nothing there, or nothing any more.
    NotAllowed(Method, &'static str),
    /// No token, or a wrong one.
    Unauthenticated,
    /// The token's user may not do that.
    Forbidden,
    /// A list may not be filtered by this field.
    Unsearchable(&'static str),
    /// The request is wrong; the body says where.
    Invalid(Value),
}

impl Refusal {
    /// A request that is wrong as a whole.
    pub(super) fn detail(message: impl Into<String>) -> Self {
        Self::Invalid(json!({ "detail": message.into() }))
    }

    /// A request of which one field is wrong.
    pub(super) fn field(field: &str, messages: impl Into<Value>) -> Self {
        Self::Invalid(json!({ field: messages.into() }))
    }

    /// What the API answers.
    pub(super) fn response(self) -> Response<Bytes> {
        let detail = |status, message: &str| json(status, &json!({ "detail": message }));
        match self {
            Self::Moved(to) => with_header(empty(StatusCode::MOVED_PERMANENTLY), header::LOCATION, to),
            Self::NoResource => detail(StatusCode::NOT_FOUND, "The requested resource could not be found."),
            Self::NoMatch(model) => detail(StatusCode::NOT_FOUND, &format!("No {model} matches the given query.")),
            Self::InvalidPage => detail(StatusCode::NOT_FOUND, "Invalid page."),
            Self::NotAllowed(method, allow) => {
                let message = format!("Method \"{method}\" not allowed.");
                with_header(detail(StatusCode::METHOD_NOT_ALLOWED, &message), header::ALLOW, allow)
            }
            Self::Unauthenticated => {
                let message =
                    "Authentication credentials were not provided. To establish a login session, visit /api/login/.";
                let response = detail(StatusCode::UNAUTHORIZED, message);
                with_header(response, header::WWW_AUTHENTICATE, "Bearer realm=\"api\"")
            }
            Self::Forbidden => detail(StatusCode::FORBIDDEN, "You do not have permission to perform this action."),
            Self::Unsearchable(field) => {
                detail(StatusCode::FORBIDDEN, &format!("Filtering on {field} is not allowed."))
            }
            Self::Invalid(body) => json(StatusCode::BAD_REQUEST, &body),
        }
    }
}
