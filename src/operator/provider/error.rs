//! Why a backend could not be used, and what to do about it.

use std::time::Duration;

/// A backend did not do what it was asked.
///
/// No variant carries a header or a body beyond an excerpt of the backend's own error text: tokens can't leak through it.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// The token is not accepted (401).
    #[error("{what} answered 401: {}", if *.with_token {
        "the token is missing, wrong or expired; check CLOUDKIT_AAP_TOKEN (or CLOUDKIT_AAP_TOKEN_FILE)"
    } else {
        "it asks for a token, and the operator sends none with webhooks; let it take them without"
    })]
    Unauthorized {
        /// The request.
        what: String,
        /// Whether a token was sent with it.
        with_token: bool,
    },
    /// The request could not be sent, for want of a token.
    #[error("{what} was not sent: {reason}; check CLOUDKIT_AAP_TOKEN_FILE")]
    NoToken {
        /// The request.
        what: String,
        /// What is wrong with the token.
        reason: String,
    },
    /// The token does not suffice (403).
    #[error("{what} answered 403: the token's user lacks the permission; grant it execute on the template")]
    Forbidden {
        /// The request.
        what: String,
    },
    /// A template of this name exists neither as a job template nor as a workflow job template.
    #[error("AAP has no job template and no workflow job template named {name:?}; create it, or correct the setting")]
    NoTemplate {
        /// The name.
        name: String,
    },
    /// The backend is busy (429), and may say for how long.
    #[error(
        "{what} answered 429: too many requests; it is tried again later (if this lasts, raise \
         CLOUDKIT_AAP_STATUS_POLL_INTERVAL, or the server's limit)"
    )]
    Busy {
        /// The request.
        what: String,
        /// When to try again, where it said so.
        retry_after: Option<Duration>,
    },
    /// Any other answer that means no.
    #[error("{what} answered {status}: {excerpt}; {}", advice(*.status))]
    Refused {
        /// The request.
        what: String,
        /// The status code.
        status: u16,
        /// The beginning of what it said.
        excerpt: String,
    },
    /// The answer is not what the API promises.
    #[error("{what} gave an answer that is not the API's: {reason}; check that the URL points at the API")]
    Protocol {
        /// The request.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No answer came.
    #[error("{what} got no answer: {reason}; check that the server is up, and the URL in the operator's settings")]
    Unreachable {
        /// The request.
        what: String,
        /// Why.
        reason: String,
    },
    /// More jobs than can be looked through.
    #[error("{what}: no end after {read} jobs; the job in question can't be told from the others")]
    TooMany {
        /// The request.
        what: String,
        /// Jobs looked at.
        read: usize,
    },
    /// The job belongs to a backend that is not set up.
    #[error("the job belongs to {0}, which is not set up in the operator's environment")]
    NotConfigured(&'static str),
}

/// What to do about an answer that means no.
const fn advice(status: u16) -> &'static str {
    match status {
        404 | 405 => "check the URL in the operator's settings",
        500.. => "the server's log says more",
        _ => "correct on the server what it names",
    }
}

impl ProviderError {
    /// Whether the backend may have done what it was asked all the same: no answer came, or one that does not tell.
    #[must_use]
    pub const fn is_in_doubt(&self) -> bool {
        match self {
            Self::Unreachable { .. } | Self::Protocol { .. } => true,
            Self::Refused { status, .. } => *status >= 500,
            Self::Unauthorized { .. }
            | Self::NoToken { .. }
            | Self::Forbidden { .. }
            | Self::NoTemplate { .. }
            | Self::Busy { .. }
            | Self::NotConfigured(_)
            | Self::TooMany { .. } => false,
        }
    }

    /// When the backend wants to be asked again, where it said so.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}
