//! The tables that are written a trial at a time, all together.

use std::io::{self, Write};

use crate::{
    record::TrialRecord,
    report::{LedgerCsv, SamplesCsv, TransitionsCsv},
};

/// From so many instances on a trial's tables are written side by side: a thread is worth its start then.
const SIDE_BY_SIDE_MIN: usize = 1_000;

/// A table could not be written.
#[derive(Debug, thiserror::Error)]
#[error("failed to write {name}: {source}")]
pub struct TableError {
    /// The name of its file.
    pub name: &'static str,
    /// The reason.
    pub source: io::Error,
}

/// What makes an error one of a table.
fn of(name: &'static str) -> impl Fn(io::Error) -> TableError {
    move |source| TableError { name, source }
}

/// `samples.csv`, `transitions.csv` and `ledger.csv`, each with a writer of its own.
#[derive(Debug)]
pub struct Tables<W> {
    samples: SamplesCsv<W>,
    transitions: TransitionsCsv<W>,
    ledger: LedgerCsv<W>,
}

impl<W: Write + Send> Tables<W> {
    /// The names of the files.
    pub const NAMES: [&'static str; 3] = ["samples.csv", "transitions.csv", "ledger.csv"];

    /// Begins all of them with their headers; `open` gives the writer for a name.
    ///
    /// # Errors
    /// What `open` or a writer says, and of which table.
    pub fn begin(mut open: impl FnMut(&str) -> io::Result<W>) -> Result<Self, TableError> {
        let [samples, transitions, ledger] = Self::NAMES;
        Ok(Self {
            samples: open(samples).and_then(SamplesCsv::new).map_err(of(samples))?,
            transitions: open(transitions).and_then(TransitionsCsv::new).map_err(of(transitions))?,
            ledger: open(ledger).and_then(LedgerCsv::new).map_err(of(ledger))?,
        })
    }

    /// Appends a trial to all of them.
    ///
    /// # Errors
    /// What a writer says, and of which table.
    pub fn trial(&mut self, trial: &TrialRecord) -> Result<(), TableError> {
        let names = Self::NAMES.map(of);
        let Self { samples, transitions, ledger } = self;
        if trial.samples.len() < SIDE_BY_SIDE_MIN {
            samples.trial(trial).map_err(&names[0])?;
            transitions.trial(trial).map_err(&names[1])?;
            return ledger.trial(trial).map_err(&names[2]);
        }
        // The ledger is as large as the others together.
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| ledger.trial(trial));
            let written = samples.trial(trial).map_err(&names[0]);
            let written = written.and_then(|()| transitions.trial(trial).map_err(&names[1]));
            let of_ledger = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.and(of_ledger.map_err(&names[2]))
        })
    }

    /// Writes out what is left.
    ///
    /// # Errors
    /// What a writer says, and of which table.
    pub fn finish(self) -> Result<(), TableError> {
        let [samples, transitions, ledger] = Self::NAMES;
        self.samples.finish().and_then(|mut out| out.flush()).map_err(of(samples))?;
        self.transitions.finish().and_then(|mut out| out.flush()).map_err(of(transitions))?;
        self.ledger.finish().and_then(|mut out| out.flush()).map_err(of(ledger))
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeMap, sync::Arc};

    use parking_lot::Mutex;

    use super::*;
    use crate::report::fixture::{S, lived, milestones, trial};

    /// A writer whose text can be looked at afterwards.
    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn record(instances: u32) -> TrialRecord {
        let mut record = trial(1, "eda", (0..instances).map(|index| lived(index, 120 * S, 80 * S)).collect());
        record.milestones = record.samples.iter().map(|sample| milestones(sample, true)).collect();
        record
    }

    #[test]
    fn tables_that_are_written_side_by_side_are_those_that_are_written_one_by_one() {
        let files = RefCell::new(BTreeMap::<String, Shared>::new());
        let mut tables =
            Tables::begin(|name| Ok(files.borrow_mut().entry(name.to_owned()).or_default().clone())).unwrap();
        let many = record(u32::try_from(SIDE_BY_SIDE_MIN).unwrap());
        tables.trial(&many).unwrap();
        tables.finish().unwrap();
        let (mut samples, mut ledger) = (SamplesCsv::new(Vec::new()).unwrap(), LedgerCsv::new(Vec::new()).unwrap());
        samples.trial(&many).unwrap();
        ledger.trial(&many).unwrap();
        let files = files.into_inner();
        assert_eq!(
            files.keys().map(String::as_str).collect::<Vec<_>>(),
            ["ledger.csv", "samples.csv", "transitions.csv"]
        );
        assert!(*files["samples.csv"].0.lock() == samples.finish().unwrap());
        assert!(*files["ledger.csv"].0.lock() == ledger.finish().unwrap());
    }
}
