//! Lines out of pieces.

use bytes::Bytes;

/// Puts pieces together and takes them apart at the ends of lines. A piece that is one line is handed on as it came.
#[derive(Debug, Default)]
pub(super) struct Lines {
    piece: Bytes,
    /// A line's beginning, whose end has not come yet.
    begun: Vec<u8>,
}

impl Lines {
    /// Adds a piece; the one before must have been read to its end.
    pub(super) fn push(&mut self, piece: Bytes) {
        self.begun.extend_from_slice(&self.piece);
        self.piece = piece;
    }

    /// The next whole line with its end; `None` until another piece comes.
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let Some(end) = memchr::memchr(b'\n', &self.piece) else {
            self.begun.extend_from_slice(&std::mem::take(&mut self.piece));
            return None;
        };
        let line = self.piece.split_to(end + 1);
        if self.begun.is_empty() {
            return Some(line);
        }
        self.begun.extend_from_slice(&line);
        Some(std::mem::take(&mut self.begun).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_same_however_they_are_cut() {
        let text = b"first\n\nthird and longer\nunfinished";
        for size in 1..=text.len() {
            let mut lines = Lines::default();
            let mut read = Vec::new();
            for piece in text.chunks(size) {
                lines.push(Bytes::copy_from_slice(piece));
                while let Some(line) = lines.next() {
                    read.push(line);
                }
            }
            assert_eq!(read, ["first\n", "\n", "third and longer\n"], "in pieces of {size}");
        }
    }
}
