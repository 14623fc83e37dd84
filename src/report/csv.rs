//! `samples.csv` and `transitions.csv`, written a trial at a time.
//!
//! RFC 4180 with `\n` between rows. Rows are put together by hand: a run can have ten million of them, and all but the
//! words are numbers that need no quoting.

use std::io::{self, Write};

use crate::{
    record::{Sample, Transition, TrialKey, TrialRecord},
    units::Nanos,
};

/// The bytes that a row buffer is written out at.
const FLUSH_AT: usize = 1 << 16;

/// Rows under way to a writer.
#[derive(Debug)]
struct Rows<W> {
    out: W,
    buffer: Vec<u8>,
}

impl<W: Write> Rows<W> {
    fn new(out: W, header: &str) -> Self {
        let mut buffer = Vec::with_capacity(FLUSH_AT + 1024);
        buffer.extend_from_slice(header.as_bytes());
        buffer.push(b'\n');
        Self { out, buffer }
    }

    /// Ends a row in which every field was followed by a comma.
    fn end(&mut self) -> io::Result<()> {
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

    fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn number(&mut self, number: u64) {
        let mut digits = [0_u8; 20];
        let mut first = digits.len();
        let mut rest = number;
        loop {
            first -= 1;
            digits[first] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.buffer.extend_from_slice(&digits[first..]);
        self.buffer.push(b',');
    }

    fn time(&mut self, time: Option<Nanos>) {
        match time {
            Some(time) => self.number(time.get()),
            None => self.buffer.push(b','),
        }
    }

    fn word(&mut self, word: &str) {
        push_word(&mut self.buffer, word);
    }

    fn instance(&mut self, index: u32) {
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

/// Appends a field and its comma, quoted where it must be.
fn push_word(buffer: &mut Vec<u8>, word: &str) {
    if word.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        buffer.push(b'"');
        buffer.extend_from_slice(word.replace('"', "\"\"").as_bytes());
        buffer.push(b'"');
    } else {
        buffer.extend_from_slice(word.as_bytes());
    }
    buffer.push(b',');
}

/// The columns that all rows of a trial share.
fn prefix(key: &TrialKey) -> Vec<u8> {
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
        let total_service = service.zip(deprovision).map(|(p, d)| Nanos::new(p.get() + d.get()));
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
