//! Rows of a CSV table on their way to a writer.
//!
//! RFC 4180 with `\n` between rows. Rows are put together by hand: a run can have ten million of them, and all but the
//! words are numbers that need no quoting.

use std::io::{self, Write};

use crate::units::Nanos;

/// The bytes that a row buffer is written out at.
pub(super) const FLUSH_AT: usize = 1 << 16;

/// Rows under way to a writer.
#[derive(Debug)]
pub(super) struct Rows<W> {
    pub(super) out: W,
    pub(super) buffer: Vec<u8>,
}

impl<W: Write> Rows<W> {
    pub(super) fn new(out: W, header: &str) -> Self {
        let mut buffer = Vec::with_capacity(FLUSH_AT + 1024);
        buffer.extend_from_slice(header.as_bytes());
        buffer.push(b'\n');
        Self { out, buffer }
    }

    /// Ends a row in which every field was followed by a comma.
    pub(super) fn end(&mut self) -> io::Result<()> {
        if let Some(last) = self.buffer.last_mut() {
            *last = b'\n';
        }
        if self.buffer.len() < FLUSH_AT {
            return Ok(());
        }
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.out)
    }

    #[expect(clippy::cast_possible_truncation, reason = "what is left is below 100")]
    pub(super) fn number(&mut self, number: u64) {
        // From the right, two digits a division; the last of the 21 bytes is the comma.
        let mut digits = [b','; 21];
        let mut first = 20;
        let mut rest = number;
        while rest >= 100 {
            let pair = (rest % 100) as u8;
            rest /= 100;
            first -= 2;
            digits[first] = b'0' + pair / 10;
            digits[first + 1] = b'0' + pair % 10;
        }
        let pair = rest as u8;
        first -= 1;
        digits[first] = b'0' + pair % 10;
        if pair >= 10 {
            first -= 1;
            digits[first] = b'0' + pair / 10;
        }
        self.buffer.extend_from_slice(&digits[first..]);
    }

    pub(super) fn time(&mut self, time: Option<Nanos>) {
        match time {
            Some(time) => self.number(time.get()),
            None => self.buffer.push(b','),
        }
    }

    pub(super) fn word(&mut self, word: &str) {
        push_word(&mut self.buffer, word);
    }

    pub(super) fn instance(&mut self, index: u32) {
        self.buffer.extend_from_slice(b"ci-");
        let number = u64::from(index) + 1;
        for below in [1000, 100, 10] {
            if number < below {
                self.buffer.push(b'0');
            }
        }
        self.number(number);
    }
}

/// The bytes that a field must be quoted for.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    special[b',' as usize] = true;
    special[b'"' as usize] = true;
    special[b'\n' as usize] = true;
    special[b'\r' as usize] = true;
    special
};

/// Appends a field and its comma, quoted where it must be.
pub(super) fn push_word(buffer: &mut Vec<u8>, word: &str) {
    if word.bytes().any(|byte| SPECIAL[usize::from(byte)]) {
        buffer.push(b'"');
        buffer.extend_from_slice(word.replace('"', "\"\"").as_bytes());
        buffer.push(b'"');
    } else {
        buffer.extend_from_slice(word.as_bytes());
    }
    buffer.push(b',');
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    #[test]
    fn numbers_of_every_length_are_written_as_they_are() {
        let mut rows = Rows::new(Vec::new(), "");
        rows.buffer.clear();
        let mut expected = String::new();
        for number in [0, 9, 10, 99, 100, 101, u64::MAX].into_iter().chain((0..20).map(|power| 10_u64.pow(power))) {
            rows.number(number);
            write!(expected, "{number},").unwrap();
        }
        assert_eq!(String::from_utf8(rows.buffer).unwrap(), expected);
    }
}
