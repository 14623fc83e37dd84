//! What a request is answered with.

use bytes::Bytes;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CONTENT_TYPE, ETAG},
};

use super::{body::ClusterBody, read::List, status::Refusal, table::ShapedLines, watch::Watch};

/// What a request is answered with.
#[derive(Debug)]
pub(super) enum Reply {
    /// JSON that is there already.
    Json(StatusCode, Bytes),
    /// A text.
    Text(StatusCode, &'static str),
    /// A list.
    List(List),
    /// A stream of changes.
    Watch(Watch),
    /// A stream of changes in another form.
    ShapedWatch(Watch, ShapedLines),
    /// Something about the API itself.
    Document {
        /// 304 has no bytes.
        code: StatusCode,
        content_type: &'static str,
        /// In its quotes.
        etag: Option<HeaderValue>,
        bytes: Bytes,
    },
}

impl Reply {
    /// What the real server says to a path that leads nowhere; it is the one answer that is not JSON.
    pub(super) const NO_PAGE: Self = Self::Text(StatusCode::NOT_FOUND, "404 page not found\n");

    /// An object that is there.
    pub(super) fn ok(bytes: Bytes) -> Self {
        Self::Json(StatusCode::OK, bytes)
    }

    /// An object that was not there before.
    pub(super) fn created(bytes: Bytes) -> Self {
        Self::Json(StatusCode::CREATED, bytes)
    }

    /// The HTTP response.
    pub(super) fn into_response(self) -> Response<ClusterBody> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
        let mut tag = None;
        let (code, content_type, body) = match self {
            Self::Json(code, bytes) => (code, JSON, ClusterBody::whole(bytes)),
            Self::Text(code, text) => (code, TEXT, ClusterBody::whole(Bytes::from_static(text.as_bytes()))),
            Self::List(list) => (StatusCode::OK, JSON, ClusterBody::list(list)),
            Self::Watch(watch) => (StatusCode::OK, JSON, ClusterBody::watch(watch)),
            Self::ShapedWatch(watch, lines) => (StatusCode::OK, JSON, ClusterBody::shaped_watch(watch, lines)),
            Self::Document { code, content_type, etag, bytes } => {
                tag = etag;
                (code, HeaderValue::from_static(content_type), ClusterBody::whole(bytes))
            }
        };
        let mut response = Response::new(body);
        *response.status_mut() = code;
        response.headers_mut().insert(CONTENT_TYPE, content_type);
        if let Some(tag) = tag {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Json(refusal.code(), refusal.to_json().into())
    }
}
