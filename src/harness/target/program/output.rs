//! What a program writes: read as fast as it comes, and forgotten but for its end.

use std::{
    collections::VecDeque,
    io::Read,
    sync::{Arc, mpsc},
    time::Duration,
};

use parking_lot::Mutex;

/// How much of the end is kept.
const KEPT_MAX: usize = 4_096;
/// Lines that are shown of it.
const LINES_SHOWN: usize = 12;
/// How long the rest may take to be read once the program has ended: another may hold the pipe open.
const REST_LIMIT: Duration = Duration::from_millis(500);

/// The end of an output, or of two together.
#[derive(Clone, Debug, Default)]
pub(super) struct Tail(Arc<Mutex<VecDeque<u8>>>);

impl Tail {
    fn push(&self, bytes: &[u8]) {
        let mut kept = self.0.lock();
        let bytes = &bytes[bytes.len().saturating_sub(KEPT_MAX)..];
        let over = (kept.len() + bytes.len()).saturating_sub(KEPT_MAX);
        kept.drain(..over);
        kept.extend(bytes);
    }

    /// The last lines.
    pub(super) fn text(&self) -> String {
        let bytes: Vec<u8> = self.0.lock().iter().copied().collect();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(LINES_SHOWN)..].join("\n")
    }
}

/// Reads outputs until they end.
#[derive(Debug)]
pub(super) struct Readers {
    tail: Tail,
    /// Closed when every output has ended.
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Readers {
    pub(super) fn start(outputs: impl IntoIterator<Item = Box<dyn Read + Send>>) -> Self {
        let tail = Tail::default();
        let (ends, ended) = mpsc::channel();
        for mut output in outputs {
            let (tail, ends) = (tail.clone(), ends.clone());
            // It ends with the output.
            std::thread::spawn(move || {
                let mut buffer = vec![0; 64 * 1024];
                while let Ok(read @ 1..) = output.read(&mut buffer) {
                    tail.push(&buffer[..read]);
                }
                drop(ends);
            });
        }
        Self { tail, ended: Mutex::new(ended) }
    }

    /// The last lines; of a program that has ended, the very last.
    pub(super) fn last_words(&self, has_ended: bool) -> String {
        if has_ended {
            let _ = self.ended.lock().recv_timeout(REST_LIMIT);
        }
        self.tail.text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_kept_however_much_comes() {
        let tail = Tail::default();
        for line in 0..100_000 {
            tail.push(format!("line {line}\n").as_bytes());
        }
        assert!(tail.0.lock().len() <= KEPT_MAX);
        let text = tail.text();
        assert!(text.ends_with("line 99998\nline 99999"), "{text}");
        assert_eq!(text.lines().count(), LINES_SHOWN);
        tail.push(&vec![b'x'; 3 * KEPT_MAX]);
        assert_eq!(tail.0.lock().len(), KEPT_MAX);
    }

    #[test]
    fn what_an_ended_program_wrote_is_complete() {
        let readers = Readers::start([Box::new(&b"first\nlast\n"[..]) as Box<dyn Read + Send>]);
        assert_eq!(readers.last_words(true), "first\nlast");
    }
}
