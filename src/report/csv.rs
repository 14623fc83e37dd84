//! `samples.csv` and `transitions.csv`, written a trial at a time.

use std::io::{self, Write};

use crate::{
    record::{Sample, Transition, TrialKey, TrialRecord},
    report::rows::{Rows, push_word},
    units::Nanos,
};

/// The columns that all rows of a trial share.
pub(super) fn prefix(key: &TrialKey) -> Vec<u8> {
    let mut prefix = format!("{},", key.block).into_bytes();
    push_word(&mut prefix, &key.arm);
    push_word(&mut prefix, &key.scenario);
    prefix
}

/// Writes `samples.csv`: a row an instance.
#[derive(Debug)]
pub struct SamplesCsv<W> {
    rows: Rows<W>,
}

impl<W: Write> SamplesCsv<W> {
    /// The columns, in their order; the times are nanoseconds since the epoch of the trial or durations.
    pub const HEADER: &str = "block,arm,scenario,instance,outcome,intended_ns,sent_ns,provision_total_ns,\
        deprovision_total_ns,total_ns,provision_jobs,deprovision_jobs,orphans,provision_service_ns,total_service_ns,\
        provision_state,accepted_ns,running_ns,delete_sent_ns,gone_ns,censored_ns";

    /// Begins the file with its header.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { rows: Rows::new(out, Self::HEADER) })
    }

    /// Appends the samples of a trial.
    ///
    /// # Errors
    /// What the writer says.
    pub fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        let prefix = prefix(&trial.key);
        for sample in &trial.samples {
            self.rows.buffer.extend_from_slice(&prefix);
            self.sample(sample)?;
        }
        Ok(())
    }

    fn sample(&mut self, sample: &Sample) -> io::Result<()> {
        let deprovision = sample.deprovision_total();
        let service = sample.provision_service();
        let total_service = service.zip(deprovision).map(|(p, d)| Nanos::new(p.get().saturating_add(d.get())));
        let rows = &mut self.rows;
        rows.instance(sample.instance.index());
        rows.word(sample.outcome.as_str());
        rows.number(sample.intended_ns.get());
        rows.number(sample.sent_ns.get());
        rows.time(sample.provision_total());
        rows.time(deprovision);
        rows.time(sample.total());
        rows.number(sample.provision_jobs.into());
        rows.number(sample.deprovision_jobs.into());
        rows.number(sample.orphans.into());
        rows.time(service);
        rows.time(total_service);
        rows.word(&sample.provision_state);
        rows.time(sample.accepted_ns);
        rows.time(sample.running_ns);
        rows.time(sample.delete_sent_ns);
        rows.time(sample.gone_ns);
        rows.time(sample.censored_ns);
        rows.end()
    }

    /// Writes out what is left and gives the writer back.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(self) -> io::Result<W> {
        self.rows.finish()
    }
}

/// Writes `transitions.csv`: a row a change of a job's state on a plane.
#[derive(Debug)]
pub struct TransitionsCsv<W> {
    rows: Rows<W>,
}

impl<W: Write> TransitionsCsv<W> {
    /// The columns, in their order; the time is nanoseconds since the epoch of the trial.
    pub const HEADER: &str = "block,arm,scenario,instance,job_id,job_type,plane,from,to,at_ns";

    /// Begins the file with its header.
    ///
    /// # Errors
    /// What the writer says.
    pub fn new(out: W) -> io::Result<Self> {
        Ok(Self { rows: Rows::new(out, Self::HEADER) })
    }

    /// Appends the transitions of a trial.
    ///
    /// # Errors
    /// What the writer says.
    pub fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        let prefix = prefix(&trial.key);
        for transition in &trial.transitions {
            self.rows.buffer.extend_from_slice(&prefix);
            self.transition(transition)?;
        }
        Ok(())
    }

    fn transition(&mut self, transition: &Transition) -> io::Result<()> {
        let rows = &mut self.rows;
        rows.instance(transition.instance.index());
        rows.word(&transition.job_id);
        rows.word(&transition.job_type);
        rows.word(transition.plane.as_str());
        rows.word(&transition.from);
        rows.word(&transition.to);
        rows.number(transition.at_ns.get());
        rows.end()
    }

    /// Writes out what is left and gives the writer back.
    ///
    /// # Errors
    /// What the writer says.
    pub fn finish(self) -> io::Result<W> {
        self.rows.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        record::{Outcome, Plane},
        report::{
            fixture::{S, lived, sample, transition, trial},
            rows::FLUSH_AT,
        },
    };

    fn awkward() -> TrialRecord {
        let cut = Sample {
            outcome: Outcome::Censored,
            censored_ns: Some(Nanos::new(600 * S)),
            provision_state: "Running".into(),
            orphans: 1,
            ..sample(99_999)
        };
        let mut record = trial(1, "a \"b\", c", vec![lived(0, 130 * S, 82 * S), cut]);
        record.transitions = vec![
            transition(0, "eda-webhook-1", Plane::Observed, "", "Pending", 40_000_000),
            transition(99_999, "two\nlines", Plane::Backend, "Pending", "Running", u64::MAX),
        ];
        record
    }

    fn written() -> (String, String) {
        let mut samples = SamplesCsv::new(Vec::new()).unwrap();
        let mut transitions = TransitionsCsv::new(Vec::new()).unwrap();
        samples.trial(&awkward()).unwrap();
        transitions.trial(&awkward()).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (text(samples.finish().unwrap()), text(transitions.finish().unwrap()))
    }

    #[test]
    fn both_tables_have_the_promised_columns_and_quote_what_must_be_quoted() {
        let (samples, transitions) = written();
        insta::assert_snapshot!("samples_csv", samples);
        insta::assert_snapshot!("transitions_csv", transitions);
    }

    #[test]
    fn both_tables_read_back_to_what_was_recorded() {
        let record = awkward();
        let (samples, transitions) = written();
        let mut reader = ::csv::Reader::from_reader(samples.as_bytes());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        assert_eq!(rows.len(), record.samples.len());
        for (row, sample) in rows.iter().zip(&record.samples) {
            assert_eq!(&row[1], record.key.arm.as_str());
            assert_eq!(row[3].parse(), Ok(sample.instance));
            assert_eq!(row[9].parse().ok(), sample.total().map(Nanos::get));
            assert_eq!(row[20].parse().ok(), sample.censored_ns.map(Nanos::get));
        }
        let mut reader = ::csv::Reader::from_reader(transitions.as_bytes());
        for (row, change) in reader.records().map(Result::unwrap).zip(&record.transitions) {
            assert_eq!(&row[4], change.job_id.as_str());
            assert_eq!(row[9].parse(), Ok(change.at_ns.get()));
        }
    }

    #[test]
    fn rows_are_written_out_along_the_way() {
        let record = trial(1, "aap", (0..2_000).map(|index| lived(index, S, S)).collect());
        let mut samples = SamplesCsv::new(Vec::new()).unwrap();
        samples.trial(&record).unwrap();
        assert!(samples.rows.buffer.len() < FLUSH_AT && samples.rows.out.len() >= FLUSH_AT);
        let text = String::from_utf8(samples.finish().unwrap()).unwrap();
        assert_eq!(text.lines().count(), 2_001);
    }
}
