//! The tables that are written a trial at a time, all together.

use std::io::{self, Write};

use crate::{
    record::TrialRecord,
    report::{LedgerCsv, SamplesCsv, TransitionsCsv},
};

/// From so many instances on a trial's tables are written side by side: a thread is worth its start then.
const SIDE_BY_SIDE_MIN: usize = 1_000;

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
    /// What `open` or a writer says.
    pub fn begin(mut open: impl FnMut(&str) -> io::Result<W>) -> io::Result<Self> {
        let [samples, transitions, ledger] = Self::NAMES;
        Ok(Self {
            samples: SamplesCsv::new(open(samples)?)?,
            transitions: TransitionsCsv::new(open(transitions)?)?,
            ledger: LedgerCsv::new(open(ledger)?)?,
        })
    }

    /// Appends a trial to all of them.
    ///
    /// # Errors
    /// What a writer says.
    pub fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        let Self { samples, transitions, ledger } = self;
        if trial.samples.len() < SIDE_BY_SIDE_MIN {
            samples.trial(trial)?;
            transitions.trial(trial)?;
            return ledger.trial(trial);
        }
        // The ledger is as large as the others together.
        std::thread::scope(|scope| {
            let beside = scope.spawn(|| ledger.trial(trial));
            let written = samples.trial(trial).and_then(|()| transitions.trial(trial));
            let of_ledger = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            written.and(of_ledger)
        })
    }

    /// Writes out what is left.
    ///
    /// # Errors
    /// What a writer says.
    pub fn finish(self) -> io::Result<()> {
        self.samples.finish()?.flush()?;
        self.transitions.finish()?.flush()?;
        self.ledger.finish()?.flush()
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
