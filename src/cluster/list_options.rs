//! The options of lists and watches that come in the query, checked as apimachinery's `ValidateListOptions` does.

use serde_json::json;

use super::{field_error::FieldError, query::Query, status::Refusal};

/// Checks what a query says of a list or a watch.
///
/// # Errors
/// 422 with everything that is wrong.
pub(super) fn check(query: &Query<'_>) -> Result<(), Refusal> {
    let (how, initial) = (query.resource_version_match.as_deref(), query.send_initial_events);
    if how.is_none() && initial.is_none() {
        return Ok(());
    }
    let mut errors = Vec::new();
    if query.watch {
        check_watch(query, &mut errors);
    } else {
        check_list(query, &mut errors);
    }
    if errors.is_empty() { Ok(()) } else { Err(Refusal::invalid_options("ListOptions", errors)) }
}

const MATCH: &str = "resourceVersionMatch";

fn check_list(query: &Query<'_>, errors: &mut Vec<FieldError>) {
    let mut forbid = |field: &str, why: &str| errors.push(FieldError::forbidden(field, why));
    if let Some(how) = query.resource_version_match.as_deref() {
        if query.resource_version.is_none() {
            forbid(MATCH, "resourceVersionMatch is forbidden unless resourceVersion is provided");
        }
        if query.continue_token.is_some() {
            forbid(MATCH, "resourceVersionMatch is forbidden when continue is provided");
        }
        if how == "Exact" && query.resource_version.as_deref() == Some("0") {
            forbid(MATCH, "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
        }
        if !matches!(how, "Exact" | "NotOlderThan") {
            let supported = ["", "Exact", "NotOlderThan"].map(|how| json!(how));
            errors.push(FieldError::not_supported(MATCH, &how.into(), &supported));
        }
    }
    if query.send_initial_events.is_some() {
        errors.push(FieldError::forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
    }
}

fn check_watch(query: &Query<'_>, errors: &mut Vec<FieldError>) {
    let how = query.resource_version_match.as_deref();
    let mut forbid = |why: &str| errors.push(FieldError::forbidden(MATCH, why));
    if query.send_initial_events.is_some() {
        if how != Some("NotOlderThan") {
            forbid("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan");
        }
    } else {
        forbid("resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided");
    }
    if query.continue_token.is_some() && how.is_some() {
        forbid("resourceVersionMatch is forbidden when continue is provided");
    }
    if let Some(how) = how.filter(|how| *how != "NotOlderThan") {
        errors.push(FieldError::not_supported(MATCH, &how.into(), &[json!("NotOlderThan")]));
    }
}
