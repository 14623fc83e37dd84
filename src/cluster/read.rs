//! GET: one object, or a list.

use bytes::Bytes;
use serde_json::json;

use super::{
    call::Call,
    create::to_bytes,
    kinds::Kind,
    page::{Key, Next, Page},
    query::Query,
    selection::Selection,
    snapshot,
    state::State,
    status::Refusal,
};

/// A list as it goes over the wire: what stands before the items, and the items, which are shared with the store.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// Up to and with the opening bracket.
    pub head: Bytes,
    /// The objects.
    pub items: Vec<Bytes>,
}

/// What stands after the items of a list.
pub(super) const LIST_TAIL: &[u8] = b"]}";

/// One object.
///
/// # Errors
/// 404, and 504 where the client asks for a state that is yet to come.
pub(super) fn get(state: &State, call: &Call<'_>, name: &str, query: &Query<'_>) -> Result<Bytes, Refusal> {
    revision(state, query)?;
    let stored = state.resources.get(call.at).and_then(|resource| resource.get(call.namespace, name));
    stored.map(|stored| stored.bytes.clone()).ok_or_else(|| Refusal::not_found(&call.kind, name))
}

/// All objects that are selected, or a page of them.
///
/// # Errors
/// 400, 410 or 504.
pub(super) fn list(
    state: &mut State,
    call: &Call<'_>,
    selection: &Selection,
    query: &Query<'_>,
) -> Result<List, Refusal> {
    let page = if let Some(token) = &query.continue_token {
        if query.resource_version.as_deref().is_some_and(|revision| revision != "0") {
            return Err(Refusal::bad_request("specifying resource version is not allowed when using continue"));
        }
        match state.pages.go_on(token, query.limit)? {
            Next::Page(page) => page,
            // Begun anew behind the last object that the client has seen.
            Next::Rest { after } => {
                let items = selected_after(state, call, selection, &after);
                state.pages.begin(state.revision, items, query.limit)
            }
        }
    } else {
        let asked = revision(state, query)?;
        // The table of "Resource versions" in Kubernetes' API concepts: with a limit, a revision alone means exactly that
        // one, for the sake of clients that are older than `resourceVersionMatch`.
        let exact = match query.resource_version_match.as_deref() {
            None => query.limit > 0 && asked != Some(0),
            Some(how) => how == "Exact",
        };
        let (shown, items) = match (asked, state.resources.get(call.at)) {
            (Some(asked), Some(resource)) if exact && asked != state.revision => {
                (asked, snapshot::at(resource, selection, asked)?)
            }
            _ => (state.revision, selected(state, call, selection)),
        };
        state.pages.begin(shown, items, query.limit)
    };
    Ok(wrap(&call.kind, page, selection.has_selectors()))
}

/// The bytes of all objects that are selected.
pub(super) fn selected(state: &State, call: &Call<'_>, selection: &Selection) -> Vec<Bytes> {
    let Some(resource) = state.resources.get(call.at) else { return Vec::new() };
    resource
        .iter(selection.namespace.as_deref())
        .filter(|(namespace, name, stored)| {
            selection.covers(namespace, name) && selection.picks(&stored.labels, || stored.bytes.clone())
        })
        .map(|(_, _, stored)| stored.bytes.clone())
        .collect()
}

/// The same for the objects that stand behind one in the order of lists.
fn selected_after(state: &State, call: &Call<'_>, selection: &Selection, after: &Key) -> Vec<Bytes> {
    let Some(resource) = state.resources.get(call.at) else { return Vec::new() };
    resource
        .iter(selection.namespace.as_deref())
        .filter(|(namespace, name, _)| after.is_before(namespace, name))
        .filter(|(namespace, name, stored)| {
            selection.covers(namespace, name) && selection.picks(&stored.labels, || stored.bytes.clone())
        })
        .map(|(_, _, stored)| stored.bytes.clone())
        .collect()
}

/// Puts a list around objects.
pub(super) fn wrap(kind: &Kind, page: Page, partial: bool) -> List {
    let mut metadata = json!({"resourceVersion": page.revision.to_string()});
    if let Some((token, left)) = page.more {
        metadata["continue"] = token.into();
        // With selectors the real server does not know how many are left, so clients must not rely on it.
        if !partial {
            metadata["remainingItemCount"] = left.into();
        }
    }
    let mut head =
        to_bytes(&json!({"kind": kind.list_name, "apiVersion": kind.api_version(), "metadata": metadata})).to_vec();
    head.pop();
    head.extend_from_slice(b",\"items\":[");
    List { head: head.into(), items: page.items }
}

/// The revision that a read asks for, if any.
///
/// # Errors
/// 400 where it is no number, 504 where it is yet to come.
pub(super) fn revision(state: &State, query: &Query<'_>) -> Result<Option<u64>, Refusal> {
    let Some(text) = query.resource_version.as_deref() else { return Ok(None) };
    let Ok(asked) = text.parse::<u64>() else {
        return Err(Refusal::bad_request(format!("Invalid value: {text:?}: resourceVersion must be a number")));
    };
    if asked > state.revision {
        return Err(Refusal::too_large_resource_version(asked, state.revision));
    }
    Ok(Some(asked))
}
