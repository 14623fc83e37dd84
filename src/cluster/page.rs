//! Paged lists: what is left of them until the client asks for more.
//!
//! A page is served from the objects as they were when the list began, so that all pages together are one state, that
//! of the list's resourceVersion. The bytes are shared with the store; a list that nobody goes on with is forgotten when
//! many newer ones are open.

use std::collections::BTreeMap;

use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::status::Refusal;

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

/// The content of a continue token, in the real server's shape.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    v: String,
    rv: u64,
    start: String,
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
        Page { revision, items, more: Some((token(revision, list, limit), left)) }
    }

    /// The page that a token asks for.
    ///
    /// # Errors
    /// 400 where it is no token, 410 where its list has been forgotten.
    pub(super) fn go_on(&mut self, token_text: &str, limit: usize) -> Result<Page, Refusal> {
        let (revision, list, start) = parse(token_text)
            .ok_or_else(|| Refusal::bad_request("continue key is not valid: the token was not made by this server"))?;
        let expired = "The provided continue parameter is too old to display a consistent list result. You can start a new \
                       list without the continue parameter, or use the continue token in this response to retrieve the \
                       remainder of the results.";
        let rest = self.open.get(&list).filter(|rest| rest.revision == revision);
        let rest = rest.ok_or_else(|| Refusal::expired(expired))?;
        let end = if limit == 0 { rest.items.len() } else { start.saturating_add(limit).min(rest.items.len()) };
        let items = rest.items.get(start..end).unwrap_or_default().to_vec();
        let left = rest.items.len().saturating_sub(end);
        if left == 0 {
            self.open.remove(&list);
            return Ok(Page { revision, items, more: None });
        }
        Ok(Page { revision, items, more: Some((token(revision, list, end), left)) })
    }
}

fn token(revision: u64, list: u64, start: usize) -> String {
    let token = Token { v: TOKEN_VERSION.to_owned(), rv: revision, start: format!("{list}/{start}") };
    // Texts and a number: this cannot fail.
    BASE64URL_NOPAD.encode(&serde_json::to_vec(&token).unwrap_or_default())
}

fn parse(token: &str) -> Option<(u64, u64, usize)> {
    let token: Token = serde_json::from_slice(&BASE64URL_NOPAD.decode(token.as_bytes()).ok()?).ok()?;
    let (list, start) = token.start.split_once('/')?;
    (token.v == TOKEN_VERSION).then_some(())?;
    Some((token.rv, list.parse().ok()?, start.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

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
            page = pages.go_on(&token, 4).unwrap();
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
        assert_eq!(pages.go_on(&token, 1).unwrap_err().code(), 410);
        assert_eq!(pages.open.len(), MOST_OPEN);
    }

    #[test]
    fn what_is_no_token_is_refused() {
        for bad in ["", "!", "e30", "eyJ2IjoieCJ9"] {
            assert_eq!(Pages::default().go_on(bad, 1).unwrap_err().code(), 400, "{bad}");
        }
    }
}
