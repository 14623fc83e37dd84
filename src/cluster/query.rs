//! What a request asks for beyond its path: the query of its URL.

use std::borrow::Cow;

use super::{path::decode, propagation::Propagation, status::Refusal};

/// The parameters that the server knows; it ignores the others, as the real one does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Query<'a> {
    /// A stream of changes instead of a list.
    pub watch: bool,
    /// Text, because what is wrong with it depends on the verb.
    pub resource_version: Option<Cow<'a, str>>,
    /// `Exact` or `NotOlderThan`.
    pub resource_version_match: Option<Cow<'a, str>>,
    /// Unparsed.
    pub label_selector: Option<Cow<'a, str>>,
    /// Unparsed.
    pub field_selector: Option<Cow<'a, str>>,
    /// How many items a page of a list may have; none and 0 mean all.
    pub limit: usize,
    /// Where a paged list goes on.
    pub continue_token: Option<Cow<'a, str>>,
    /// When a watch ends by itself.
    pub timeout_seconds: Option<u64>,
    /// Whether a watch may carry bookmarks.
    pub bookmarks: bool,
    /// A list as the beginning of a watch; nothing where the client leaves it to the rules of old.
    pub send_initial_events: Option<bool>,
    /// Checks everything, changes nothing.
    pub dry_run: bool,
    /// A `dryRun` that is not `All`.
    pub odd_dry_run: Option<Cow<'a, str>>,
    /// What happens to unknown fields: `Ignore`, `Warn` or `Strict`.
    pub field_validation: Option<Cow<'a, str>>,
    /// What becomes of the dependents of what is deleted.
    pub propagation: Propagation,
    /// Who writes.
    pub field_manager: Option<Cow<'a, str>>,
    /// Whether a server-side apply takes what others own.
    pub force: Option<bool>,
}

impl<'a> Query<'a> {
    /// Reads a query.
    ///
    /// # Errors
    /// 400 where a number or a flag is none, or where the encoding is broken.
    pub(super) fn parse(query: &'a str) -> Result<Self, Refusal> {
        let mut parsed = Self::default();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let key = unescape(key)?;
            let value = unescape(value)?;
            match key.as_ref() {
                "watch" => parsed.watch = flag(&value)?,
                "resourceVersion" => parsed.resource_version = some(value),
                "resourceVersionMatch" => parsed.resource_version_match = some(value),
                "labelSelector" => parsed.label_selector = some(value),
                "fieldSelector" => parsed.field_selector = some(value),
                "limit" => parsed.limit = number(&value)?.and_then(|limit| limit.try_into().ok()).unwrap_or(0),
                "continue" => parsed.continue_token = some(value),
                "timeoutSeconds" => parsed.timeout_seconds = number(&value)?,
                "allowWatchBookmarks" => parsed.bookmarks = flag(&value)?,
                "sendInitialEvents" => parsed.send_initial_events = Some(flag(&value)?),
                "dryRun" if value == "All" => parsed.dry_run = true,
                "dryRun" => parsed.odd_dry_run = some(value),
                "fieldValidation" => parsed.field_validation = some(value),
                "fieldManager" => parsed.field_manager = some(value),
                "propagationPolicy" => parsed.propagation.propagation_policy = some(value).map(Cow::into_owned),
                "orphanDependents" => parsed.propagation.orphan_dependents = Some(flag(&value)?),
                "force" => parsed.force = Some(flag(&value)?),
                _ => {}
            }
        }
        Ok(parsed)
    }
}

/// An empty parameter says nothing.
fn some(value: Cow<'_, str>) -> Option<Cow<'_, str>> {
    (!value.is_empty()).then_some(value)
}

fn unescape(text: &str) -> Result<Cow<'_, str>, Refusal> {
    let malformed = || Refusal::bad_request(format!("invalid URL escape in {text:?}"));
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return decode(&spaced).map(|text| Cow::Owned(text.into_owned())).ok_or_else(malformed);
    }
    decode(text).ok_or_else(malformed)
}

/// Go's rule for flags: present is true, `false` and `0` are not.
fn flag(value: &str) -> Result<bool, Refusal> {
    match value {
        "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(Refusal::bad_request(format!("strconv.ParseBool: parsing {other:?}: invalid syntax"))),
    }
}

fn number(value: &str) -> Result<Option<u64>, Refusal> {
    if value.is_empty() {
        return Ok(None);
    }
    let malformed = |_| Refusal::bad_request(format!("strconv.ParseInt: parsing {value:?}: invalid syntax"));
    value.parse::<i64>().map(|number| u64::try_from(number).ok()).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_strangers_ignored() {
        let query =
            Query::parse("&watch=1&labelSelector=a%3Db%2Cc+in+%28d%29&limit=500&fieldManager=me&pretty").unwrap();
        assert!(query.watch);
        assert_eq!(query.label_selector.as_deref(), Some("a=b,c in (d)"));
        assert_eq!(query.limit, 500);
        assert_eq!(query.resource_version, None);
    }

    #[test]
    fn flags_and_numbers_that_are_none_are_refused() {
        for bad in ["watch=maybe", "limit=ten", "timeoutSeconds=1s", "labelSelector=%zz"] {
            assert_eq!(Query::parse(bad).unwrap_err().code(), 400, "{bad}");
        }
        assert!(!Query::parse("watch=false").unwrap().watch);
        assert_eq!(Query::parse("limit=-1").unwrap().limit, 0);
    }
}
