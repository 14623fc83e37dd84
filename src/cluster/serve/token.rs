//! The bearer token of a served cluster.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use http::{HeaderMap, header::AUTHORIZATION};

/// Bytes of a token: as many as nobody guesses.
const LENGTH: usize = 32;

/// A secret that a client must show. It is in no log: its `Debug` says nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// A token from the system's random numbers.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; LENGTH];
        let provider = rustls::crypto::ring::default_provider();
        provider.secure_random.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// The text, to be written where only its owner reads it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether a request shows it.
    pub(super) fn is_shown(&self, headers: &HeaderMap) -> bool {
        let shown = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer);
        shown.is_some_and(|shown| equal(shown.as_bytes(), self.0.as_bytes()))
    }
}

/// What stands after the scheme, whose case does not matter (RFC 9110, section 11.1).
fn bearer(value: &str) -> Option<&str> {
    let (scheme, rest) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| rest.trim())
}

/// Takes as long for any two texts of a length, so that the time does not tell how much was right.
fn equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// The system has no random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no random numbers")]
pub struct NoRandomness;

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, value.parse().expect("a header"));
        headers
    }

    #[test]
    fn only_the_whole_token_is_let_in() {
        let token = Token::generate().expect("a token");
        assert!(token.is_shown(&headers(&format!("Bearer {}", token.reveal()))));
        assert!(token.is_shown(&headers(&format!("bearer {}", token.reveal()))));
        let cut = &token.reveal()[1..];
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer x", &format!("Bearer {cut}"), &format!("Basic {}", token.reveal())]
        {
            assert!(!token.is_shown(&headers(wrong)), "{wrong}");
        }
        assert!(!token.is_shown(&HeaderMap::new()));
    }

    #[test]
    fn tokens_differ_and_are_not_shown_by_debug() {
        let (one, other) = (Token::generate().expect("a token"), Token::generate().expect("a token"));
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 43);
        assert!(!format!("{one:?}").contains(one.reveal()));
    }
}
