//! The bodies of responses.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{
    read::{LIST_TAIL, List},
    table::ShapedLines,
    watch::Watch,
};

/// Lists go out in pieces of about this size: large enough to cost little each, small enough to never hold a second copy
/// of a long list.
const PIECE: usize = 64 * 1024;

/// The body of a response: an object, a list or a watch.
#[derive(Debug)]
pub struct ClusterBody(Content);

#[derive(Debug)]
enum Content {
    Whole(Option<Bytes>),
    List { head: Option<Bytes>, items: std::vec::IntoIter<Bytes>, left: u64 },
    Watch(Box<Watch>),
    ShapedWatch(Box<(Watch, ShapedLines)>),
}

impl ClusterBody {
    /// All of it at once.
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self(Content::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    /// A list, put together as it is read.
    pub(super) fn list(list: List) -> Self {
        let commas = list.items.len().saturating_sub(1);
        let objects: usize = list.items.iter().map(Bytes::len).sum();
        let left = (list.head.len() + objects + commas + LIST_TAIL.len()) as u64;
        Self(Content::List { head: Some(list.head), items: list.items.into_iter(), left })
    }

    /// A stream of changes.
    pub(super) fn watch(watch: Watch) -> Self {
        Self(Content::Watch(Box::new(watch)))
    }

    /// A stream of changes in another form.
    pub(super) fn shaped_watch(watch: Watch, lines: ShapedLines) -> Self {
        Self(Content::ShapedWatch(Box::new((watch, lines))))
    }
}

fn piece(head: &mut Option<Bytes>, items: &mut std::vec::IntoIter<Bytes>) -> Vec<u8> {
    let mut piece = Vec::with_capacity(PIECE + PIECE / 8);
    let mut first = false;
    if let Some(head) = head.take() {
        piece.extend_from_slice(&head);
        first = true;
    }
    while piece.len() < PIECE {
        let Some(item) = items.next() else { break };
        if !first {
            piece.push(b',');
        }
        first = false;
        piece.extend_from_slice(&item);
    }
    if items.len() == 0 {
        piece.extend_from_slice(LIST_TAIL);
    }
    piece
}

impl Body for ClusterBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            Content::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::List { left: 0, .. } => Poll::Ready(None),
            Content::List { head, items, left } => {
                let piece = piece(head, items);
                *left = left.saturating_sub(piece.len() as u64);
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
            Content::Watch(watch) => watch.poll_line(context).map(|line| line.map(|line| Ok(Frame::data(line)))),
            Content::ShapedWatch(shaped) => {
                let (watch, lines) = &mut **shaped;
                watch.poll_line(context).map(|line| line.map(|line| Ok(Frame::data(lines.line(&line)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Content::Whole(bytes) => bytes.is_none(),
            Content::List { left, .. } => *left == 0,
            Content::Watch(_) | Content::ShapedWatch(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Content::List { left, .. } => SizeHint::with_exact(*left),
            Content::Watch(_) | Content::ShapedWatch(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_list_in_pieces_is_as_long_as_it_said() {
        for (count, size) in [(0, 0), (1, 10), (3, 10), (2, PIECE), (10, PIECE / 3)] {
            let item = Bytes::from(format!("\"{}\"", "x".repeat(size)));
            let list = List { head: Bytes::from_static(b"{\"items\":["), items: vec![item; count] };
            let body = ClusterBody::list(list);
            let said = body.size_hint().exact().unwrap();
            let bytes = body.collect().await.unwrap().to_bytes();
            assert_eq!(said, bytes.len() as u64, "{count} of {size}");
            let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(value["items"].as_array().unwrap().len(), count);
        }
    }
}
