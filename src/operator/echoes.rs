//! A watch without the echoes of one's own writes.
//!
//! Most changes of an instance are the operator's own, and it knows what it wrote: to read the whole object again when the
//! watch shows it would be the most expensive thing that it does. So the lines of a watch are looked at before they are
//! read. One that shows just what a write of ours returned becomes a bookmark of the same resource version, which moves the
//! watch on, and whoever keeps the cache is given what was written.
//!
//! Guarantees: a line that may be anything else, or that did not come as a piece of its own, passes as it is.
//!
//! Assumptions: whoever reads the body has dealt with all lines before it asks for more, so that an echo reaches the cache
//! in its turn.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use serde::Deserialize;

use crate::operator::first_field::first_field;

/// What a line begins with that shows a change of an object.
const MODIFIED: &str = r#"{"type":"MODIFIED","object":"#;

/// Of the object in a line, what tells which one it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Identity<'a> {
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) uid: &'a str,
    pub(crate) resource_version: &'a str,
}

/// The body of an answer of which the echoes are taken out.
pub(crate) struct WithoutEchoes<B, F> {
    inner: B,
    /// Takes an object for an echo; `None` where the body is not a watch.
    take: Option<F>,
    /// Whether the next piece begins with a line.
    at_line: bool,
}

impl<B, F: FnMut(Identity<'_>) -> bool> WithoutEchoes<B, F> {
    /// `take` is asked whether a change of an object is an echo, and takes care of it where it is.
    pub(crate) fn of_watch(inner: B, take: F) -> Self {
        Self { inner, take: Some(take), at_line: true }
    }

    /// An answer that passes as it is.
    pub(crate) fn untouched(inner: B) -> Self {
        Self { inner, take: None, at_line: true }
    }

    fn replace(&mut self, piece: Bytes) -> Bytes {
        let Some(take) = &mut self.take else { return piece };
        let ends_line = piece.last() == Some(&b'\n');
        let begins_line = std::mem::replace(&mut self.at_line, ends_line);
        if begins_line
            && ends_line
            && let Some(identity) = modified(&piece)
            && take(identity)
        {
            return bookmark(identity.resource_version);
        }
        piece
    }
}

/// The object that a piece shows as changed, where the piece is that one line.
fn modified(piece: &[u8]) -> Option<Identity<'_>> {
    let (_, line) = piece.split_last()?;
    if !line.starts_with(MODIFIED.as_bytes()) || memchr::memchr(b'\n', line).is_some() {
        return None;
    }
    let object = std::str::from_utf8(line).ok()?.strip_prefix(MODIFIED)?;
    first_field(object, "metadata").ok()
}

fn bookmark(resource_version: &str) -> Bytes {
    format!(
        "{{\"type\":\"BOOKMARK\",\"object\":{{\"kind\":\"\",\"apiVersion\":\"\",\"metadata\":{{\"resourceVersion\":\"{resource_version}\"}}}}}}\n"
    )
    .into()
}

impl<B, F> Body for WithoutEchoes<B, F>
where
    B: Body<Data = Bytes> + Unpin,
    F: FnMut(Identity<'_>) -> bool + Unpin,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(|piece| self.replace(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.take.is_some() { SizeHint::default() } else { self.inner.size_hint() }
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;
    use http_body_util::{BodyExt, StreamBody};

    use super::*;

    fn line(change: &str, version: u32) -> String {
        format!(
            "{{\"type\":\"{change}\",\"object\":{{\"kind\":\"X\",\"metadata\":{{\"labels\":{{\"uid\":\"no\"}},\"name\":\"n\",\
             \"namespace\":\"s\",\"resourceVersion\":\"{version}\",\"uid\":\"u\"}},\"status\":{{}}}}}}\n"
        )
    }

    async fn read(pieces: Vec<String>, echo: &str) -> (String, Vec<String>) {
        let mut seen = Vec::new();
        let frames =
            futures::stream::iter(pieces).map(|piece| Ok::<_, std::io::Error>(Frame::data(Bytes::from(piece))));
        let body = WithoutEchoes::of_watch(StreamBody::new(frames), |identity: Identity<'_>| {
            seen.push(identity.resource_version.to_owned());
            identity.resource_version == echo
        });
        let text = body.collect().await.expect("a body").to_bytes();
        (String::from_utf8(text.to_vec()).expect("text"), seen)
    }

    #[tokio::test]
    async fn an_echo_becomes_a_bookmark_and_everything_else_passes() {
        let pieces = vec![line("ADDED", 2), line("MODIFIED", 2), line("MODIFIED", 3), line("DELETED", 2)];
        let (text, seen) = read(pieces.clone(), "2").await;
        assert_eq!(seen, ["2", "3"], "only changes are asked about");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        assert_eq!([lines[0], lines[2], lines[3]], [&pieces[0][..], &pieces[2], &pieces[3]]);
        let event: kube::core::WatchEvent<kube::core::DynamicObject> =
            serde_json::from_str(lines[1]).expect("an event");
        let kube::core::WatchEvent::Bookmark(bookmark) = event else { panic!("not a bookmark: {}", lines[1]) };
        assert_eq!(bookmark.metadata.resource_version, "2");
    }

    #[tokio::test]
    async fn lines_that_do_not_come_as_pieces_of_their_own_pass() {
        let whole = line("MODIFIED", 2);
        let (head, tail) = whole.split_at(9);
        // The last one looks like a line, and is the end of another.
        let pieces = vec![whole.repeat(2), head.to_owned(), tail.to_owned(), "{\"a\":".to_owned(), whole.clone()];
        let (text, seen) = read(pieces.clone(), "2").await;
        assert_eq!(text, pieces.concat());
        assert!(seen.is_empty(), "{seen:?}");
        let untouched: WithoutEchoes<_, fn(Identity<'_>) -> bool> =
            WithoutEchoes::untouched(http_body_util::Full::new(Bytes::from(whole.clone())));
        assert_eq!(untouched.collect().await.expect("a body").to_bytes(), whole);
    }
}
