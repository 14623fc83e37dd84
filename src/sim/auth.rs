//! Bearer tokens.

use http::{HeaderMap, header};

/// What a request brings to prove who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bearer {
    /// The right token, or none was asked for.
    Accepted,
    /// No `Authorization` header.
    Missing,
    /// Not of the form `Bearer TOKEN`.
    Malformed,
    /// Another token.
    Wrong,
}

/// Checks a request's headers against the token that is expected, if one is.
pub(super) fn check(expected: Option<&str>, headers: &HeaderMap) -> Bearer {
    let Some(expected) = expected else { return Bearer::Accepted };
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Bearer::Missing };
    let Some((scheme, token)) = value.to_str().ok().and_then(|text| text.trim().split_once(' ')) else {
        return Bearer::Malformed;
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Bearer::Malformed;
    }
    if is_equal(expected.as_bytes(), token.trim().as_bytes()) { Bearer::Accepted } else { Bearer::Wrong }
}

/// Whether a text is the secret that is expected, if one is.
pub(super) fn is_secret(expected: Option<&str>, given: &str) -> bool {
    expected.is_none_or(|expected| is_equal(expected.as_bytes(), given.as_bytes()))
}

/// Compares in a time that depends on the lengths only.
fn is_equal(expected: &[u8], given: &[u8]) -> bool {
    let differing = expected.iter().zip(given).fold(0_u8, |differing, (a, b)| differing | (a ^ b));
    expected.len() == given.len() && std::hint::black_box(differing) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, http::HeaderValue::from_static(value));
        headers
    }

    #[test]
    fn only_the_right_token_is_accepted() {
        let expected = Some("secret");
        assert_eq!(check(expected, &headers("Bearer secret")), Bearer::Accepted);
        assert_eq!(check(expected, &headers("bearer secret")), Bearer::Accepted);
        assert_eq!(check(expected, &headers("Bearer secre")), Bearer::Wrong);
        assert_eq!(check(expected, &headers("Bearer secrets")), Bearer::Wrong);
        assert_eq!(check(expected, &headers("Basic secret")), Bearer::Malformed);
        assert_eq!(check(expected, &headers("secret")), Bearer::Malformed);
        assert_eq!(check(expected, &HeaderMap::new()), Bearer::Missing);
        assert_eq!(check(None, &HeaderMap::new()), Bearer::Accepted);
    }
}
