//! `ledger.csv`, written a trial at a time.

use std::io::{self, Write};

use crate::{
    record::{Milestones, Sample, TrialRecord},
    report::{
        csv::prefix,
        ledger::{Operation, ledger},
        rows::Rows,
    },
};

/// Writes `ledger.csv`: a row a segment of each operation that came to its end.
#[derive(Debug)]
pub struct LedgerCsv<W> {
    rows: Rows<W>,
}

impl<W: Write> LedgerCsv<W> {
    /// The columns, in their order; the times are nanoseconds since the epoch of the trial.
    pub const HEADER: &str = "block,arm,scenario,instance,operation,segment,start_ns,end_ns";

    /// Begins the file with its header.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { rows: Rows::new(out, Self::HEADER) })
    }

    /// Appends the ledgers of a trial.
    ///
    /// # Errors
    /// What the writer says.
    pub fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        let mut prefix = prefix(&trial.key);
        let shared = prefix.len();
        let mut start = Vec::new();
        let rows = &mut self.rows;
        for (sample, milestones) in with_milestones(trial) {
            for operation in Operation::ALL {
                let Some(ledger) = ledger(operation, sample, &milestones) else { continue };
                prefix.truncate(shared);
                std::mem::swap(&mut rows.buffer, &mut prefix);
                rows.instance(sample.instance.index());
                rows.word(operation.as_str());
                std::mem::swap(&mut rows.buffer, &mut prefix);
                // A segment begins where the one before it ended: its number is there already.
                start.clear();
                write!(start, "{},", ledger.start().get())?;
                for entry in ledger.entries() {
                    rows.buffer.extend_from_slice(&prefix);
                    match entry.segment.whole_name() {
                        // A name of ours needs no quotes.
                        Some(name) => {
                            rows.buffer.extend_from_slice(name.as_bytes());
                            rows.buffer.push(b',');
                        }
                        None => rows.word(&entry.segment.to_string()),
                    }
                    rows.buffer.extend_from_slice(&start);
                    let end_at = rows.buffer.len();
                    rows.number(entry.end.get());
                    start.clear();
                    start.extend_from_slice(&rows.buffer[end_at..]);
                    rows.end()?;
                }
            }
        }
        Ok(())
    }

    /// Writes out what is left and gives the writer back.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(self) -> io::Result<W> {
        self.rows.finish()
    }
}

/// The samples of a trial with their milestones; a sample without any has none that are visible.
pub(in crate::report) fn with_milestones(
    trial: &TrialRecord,
) -> impl Iterator<Item = (&Sample, std::borrow::Cow<'_, Milestones>)> {
    let mut rest = trial.milestones.iter().peekable();
    trial.samples.iter().map(move |sample| {
        while rest.next_if(|milestones| milestones.instance < sample.instance).is_some() {}
        let own = rest.next_if(|milestones| milestones.instance == sample.instance);
        let hidden = || std::borrow::Cow::Owned(Milestones::hidden(sample.instance));
        (sample, own.map_or_else(hidden, std::borrow::Cow::Borrowed))
    })
}
