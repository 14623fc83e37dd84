//! Paged lists: what is left of them until the client asks for more.
//!
//! A page is served from the objects as they were when the list began, so that all pages together are one state, that
//! of the list's resourceVersion. The bytes are shared with the store; a list that nobody goes on with is forgotten when
//! many newer ones are open.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::{meta, status::Refusal};

/// As many lists as may be open at a time; the oldest is forgotten for a new one.
const MOST_OPEN: usize = 16;

/// All open lists.
#[derive(Debug, Default)]
pub(super) struct Pages {
    next: u64,
    open: BTreeMap<u64, Rest>,
}

/// What a list still has to give.
#[derive(Debug)]
struct Rest {
    revision: u64,
    items: Vec<Bytes>,
}

/// One page.
#[derive(Debug)]
pub(super) struct Page {
    /// The state that the whole list shows.
    pub revision: u64,
    /// The objects.
    pub items: Vec<Bytes>,
    /// Where it goes on, and how many are left.
    pub more: Option<(String, usize)>,
}

/// What a token asks for.
#[derive(Debug)]
pub(super) enum Next {
    /// A page of the list that it was made for.
    Page(Page),
    /// Whatever is there now behind the object that came last.
    Rest {
        /// That object.
        after: Key,
    },
}

/// Where an object stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key(String);

impl Key {
    fn of(object: &[u8]) -> Self {
        let object: serde_json::Value = serde_json::from_slice(object).unwrap_or_default();
        Self(format!("{}/{}", meta::text(&object, "namespace"), meta::text(&object, "name")))
    }

    /// Whether it comes before the object of that namespace and name.
    pub(super) fn is_before(&self, namespace: &str, name: &str) -> bool {
        let (own_namespace, own_name) = self.0.split_once('/').unwrap_or_default();
        (own_namespace, own_name) < (namespace, name)
    }
}

/// The content of a continue token, in the real server's shape. A revision of -1 stands for the present one, whatever it is
/// when the list goes on.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    v: String,
    rv: i64,
    start: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<(u64, usize)>,
}

const TOKEN_VERSION: &str = "meta.k8s.io/v1";

impl Pages {
    /// The first page of a list; keeps the rest where there is one. A limit of 0 is none.
    pub(super) fn begin(&mut self, revision: u64, mut items: Vec<Bytes>, limit: usize) -> Page {
        if limit == 0 || items.len() <= limit {
            return Page { revision, items, more: None };
        }
        let all = items.clone();
        items.truncate(limit);
        let list = self.next;
        self.next += 1;
        if self.open.len() >= MOST_OPEN {
            self.open.pop_first();
        }
        let left = all.len() - limit;
        self.open.insert(list, Rest { revision, items: all });
        let more = Some((next(revision, list, limit, &items), left));
        Page { revision, items, more }
    }

    /// Forgets all lists that were begun.
    pub(super) fn forget(&mut self) {
        self.open.clear();
    }

    /// What a token asks for.
    ///
    /// # Errors
    /// 400 where it is no token, 410 where its list has been forgotten; that has a token for the rest as it is now.
    pub(super) fn go_on(&mut self, token_text: &str, limit: usize) -> Result<Next, Refusal> {
        let token = parse(token_text)
            .ok_or_else(|| Refusal::bad_request("continue key is not valid: the token was not made by this server"))?;
        let after = Key(token.start);
        let Some((list, start)) = token.list else { return Ok(Next::Rest { after }) };
        let rest = self.open.get(&list).filter(|rest| i64::try_from(rest.revision) == Ok(token.rv));
        let Some(rest) = rest else {
            return Err(Refusal::expired_list(write(&after, -1, None)));
        };
        let revision = rest.revision;
        let end = if limit == 0 { rest.items.len() } else { start.saturating_add(limit).min(rest.items.len()) };
        let items = rest.items.get(start..end).unwrap_or_default().to_vec();
        let left = rest.items.len().saturating_sub(end);
        if left == 0 {
            self.open.remove(&list);
            return Ok(Next::Page(Page { revision, items, more: None }));
        }
        let more = Some((next(revision, list, end, &items), left));
        Ok(Next::Page(Page { revision, items, more }))
    }
}

/// The token for what comes behind `items` in a list.
fn next(revision: u64, list: u64, end: usize, items: &[Bytes]) -> String {
    let behind = items.last().map_or_else(|| Key(String::new()), |item| Key::of(item));
    write(&behind, i64::try_from(revision).unwrap_or(i64::MAX), Some((list, end)))
}

fn write(after: &Key, revision: i64, list: Option<(u64, usize)>) -> String {
    let token = Token { v: TOKEN_VERSION.to_owned(), rv: revision, start: after.0.clone(), list };
    // Texts and numbers: this cannot fail.
    BASE64URL_NOPAD.encode(&serde_json::to_vec(&token).unwrap_or_default())
}

fn parse(token: &str) -> Option<Token> {
    let token: Token = serde_json::from_slice(&BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()?;
    (token.v == TOKEN_VERSION && token.start.contains('/')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page_of(next: Next) -> Page {
        match next {
            Next::Page(page) => page,
            Next::Rest { .. } => panic!("the list is still open"),
        }
    }

    fn items(count: usize) -> Vec<Bytes> {
        (0..count).map(|item| item.to_string().into()).collect()
    }

    #[test]
    fn the_pages_together_are_the_list() {
        let mut pages = Pages::default();
        let mut page = pages.begin(7, items(10), 4);
        let mut seen = std::mem::take(&mut page.items);
        let mut left = vec![10 - seen.len()];
        while let Some((token, remaining)) = page.more {
            assert_eq!(Some(&remaining), left.last());
            page = page_of(pages.go_on(&token, 4).unwrap());
            assert_eq!(page.revision, 7);
            seen.append(&mut page.items);
            left.push(10 - seen.len());
        }
        assert_eq!(seen, items(10));
        assert!(pages.open.is_empty());
        assert!(pages.begin(1, items(4), 4).more.is_none());
    }

    #[test]
    fn a_list_that_was_left_open_too_long_is_forgotten() {
        let mut pages = Pages::default();
        let (token, _) = pages.begin(1, items(2), 1).more.unwrap();
        for _ in 0..MOST_OPEN {
            pages.begin(1, items(2), 1);
        }
        let refusal = pages.go_on(&token, 1).unwrap_err();
        assert_eq!(refusal.code(), 410);
        let status: serde_json::Value = serde_json::from_slice(&refusal.to_json()).unwrap();
        let rest = pages.go_on(status["metadata"]["continue"].as_str().unwrap(), 1).unwrap();
        assert!(matches!(rest, Next::Rest { .. }), "it goes on with what is there now");
        assert_eq!(pages.open.len(), MOST_OPEN);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "!", "e30", "eyJ2IjoieCJ9"] {
            assert_eq!(Pages::default().go_on(bad, 1).unwrap_err().code(), 400, "{bad}");
        }
    }
}
