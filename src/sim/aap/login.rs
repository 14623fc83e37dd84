//! Who may call: a bearer token, a name and a password with each request, or a session.
//!
//! There is one user, `admin`, and one secret, the controller's token: it is the user's password, what a session's cookie
//! carries, and what the user gets who asks for a token. Nothing has to be kept, and nobody can know one without the other.

use bytes::Bytes;
use data_encoding::BASE64;
use http::{HeaderMap, Response, StatusCode, header};
use serde_json::json;

use super::{Controller, refusal::Refusal};
use crate::sim::{
    auth::{self, Bearer},
    http::{Query, empty, html, json, with_header},
};

/// The name of the user.
const USER: &str = "admin";
/// The cookie of a session.
const COOKIE: &str = "awx_sessionid";
/// The header that tells a client which cookie that is.
const COOKIE_NAME_HEADER: header::HeaderName = header::HeaderName::from_static("x-api-session-cookie-name");
/// What stands for the token where everybody may call.
const NO_TOKEN: &str = "anybody";

impl Controller {
    /// Whether a request's headers prove who sent it.
    pub(super) fn knows(&self, headers: &HeaderMap) -> bool {
        let token = self.token.as_deref();
        auth::check(token, headers) == Bearer::Accepted
            || session(headers).is_some_and(|session| auth::is_secret(token, session))
            || basic(headers).is_some_and(|(name, password)| name == USER && auth::is_secret(token, &password))
    }

    /// `POST login/`: a form with `username`, `password` and `next`, where the caller goes from here.
    pub(super) fn log_in(&self, form: &Bytes) -> Response<Bytes> {
        let form = String::from_utf8_lossy(form);
        let form = Query::new(&form);
        let field = |name| form.get(name).unwrap_or_default();
        if field("username") != USER || !auth::is_secret(self.token.as_deref(), &field("password")) {
            return page(StatusCode::UNAUTHORIZED);
        }
        let next = field("next");
        // Only to a place of this server.
        let is_here = next.starts_with('/') && !next.starts_with("//");
        let next = if is_here { next.as_ref() } else { "/api/" };
        let secret = self.token.as_deref().unwrap_or(NO_TOKEN);
        let response = with_header(empty(StatusCode::FOUND), header::LOCATION, next);
        let cookie = format!("{COOKIE}={secret}; HttpOnly; Path=/; SameSite=Lax");
        with_header(with_header(response, header::SET_COOKIE, cookie), COOKIE_NAME_HEADER, COOKIE)
    }

    /// `POST users/{name}/personal_tokens/`.
    pub(super) fn personal_token(&self, name: &str) -> Result<Response<Bytes>, Refusal> {
        if !matches!(name, USER | "1") {
            return Err(Refusal::NoMatch("User"));
        }
        let token = self.token.as_deref().unwrap_or(NO_TOKEN);
        let body = json!({
            "id": 1,
            "type": "o_auth2_access_token",
            "user": 1,
            "token": token,
            "refresh_token": null,
            "application": null,
            "scope": "write",
            "description": "",
        });
        Ok(json(StatusCode::CREATED, &body))
    }
}

/// The page on which a person would log in.
pub(super) fn page(status: StatusCode) -> Response<Bytes> {
    html(
        status,
        "<!doctype html><title>Log in</title><form method=post><input name=username><input name=password type=password>\
         <input name=next type=hidden value=/api/><button>Log in</button></form>",
    )
}

/// The session that a request's cookies name.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, value)| value)
}

/// The name and the password that a request brings (RFC 7617).
fn basic(headers: &HeaderMap) -> Option<(String, String)> {
    let (scheme, encoded) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, http::HeaderValue::from_static(value))])
    }

    #[test]
    fn a_session_is_found_among_other_cookies() {
        let cookies = headers(header::COOKIE, "csrftoken=abc; awx_sessionid=secret");
        assert_eq!(session(&cookies), Some("secret"));
        assert_eq!(session(&headers(header::COOKIE, "sessionid=secret")), None);
    }

    #[test]
    fn a_name_and_a_password_are_read() {
        // `admin:se:cret`, as `printf admin:se:cret | base64` writes it.
        let authorization = headers(header::AUTHORIZATION, "Basic YWRtaW46c2U6Y3JldA==");
        assert_eq!(basic(&authorization), Some(("admin".to_owned(), "se:cret".to_owned())));
        assert_eq!(basic(&headers(header::AUTHORIZATION, "Bearer YWRtaW46c2U6Y3JldA==")), None);
        assert_eq!(basic(&headers(header::AUTHORIZATION, "Basic !")), None);
    }
}
