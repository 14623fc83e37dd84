//! `journal.ndjson`: one JSON object a line, appended trial by trial, flushed after each.
//!
//! Flow: a `run` line, then for each trial in the order of the plan a `trial` line, its `truth`, `transition`, `sample` and
//! `milestones` lines, and a `trial_end` line. A trial without its `trial_end` was cut off and is not counted.
//! Guarantees: a line is never changed once written; two virtual runs with one seed write the same bytes.

use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use crate::record::{
    ClockKind, ClockSkew, Cost, Milestones, RunInfo, SCHEMA_VERSION, Sample, Transition, TrialKey, TrialRecord, Truth,
    Word,
};

/// The head of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The experiment's name.
    pub experiment: String,
    /// The seed.
    pub seed: u64,
    /// `virtual` or `real`.
    pub clock: String,
    /// When it began (RFC 3339), by the real clock: what tells it from others of its seed. In virtual time nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
}

impl Head {
    /// The head of a run's journal.
    pub(super) fn of(run: &RunInfo) -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            experiment: run.experiment.clone(),
            seed: run.seed.get(),
            clock: run.clock.as_str().to_owned(),
            epoch: (run.clock == ClockKind::Real).then(|| run.epoch.clone()),
        }
    }
}

#[derive(Serialize)]
struct Written<T> {
    kind: &'static str,
    #[serde(flatten)]
    body: T,
}

#[derive(Serialize, Deserialize)]
struct TrialStart {
    position: u32,
    namespace: Word,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    warmup: bool,
}

#[derive(Deserialize)]
struct TrialEnd {
    problems: Vec<String>,
    #[serde(default)]
    cost: Option<Cost>,
    #[serde(default)]
    clock_skew: Option<ClockSkew>,
    #[serde(default)]
    stopped: bool,
}

#[derive(Serialize)]
struct TrialEndRef<'a> {
    problems: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clock_skew: Option<&'a ClockSkew>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stopped: bool,
}

/// Writes a journal.
#[derive(Debug)]
pub struct JournalWriter<W> {
    out: W,
    /// A line on its way: what all lines of a trial begin with is written over and over.
    line: Vec<u8>,
}

impl<W: Write> JournalWriter<W> {
    /// Begins a journal with its head, and flushes: a run that is killed in its first trial still says what it was.
    ///
    /// # Errors
    /// What the writer says.
    pub fn begin(mut out: W, run: &RunInfo) -> io::Result<Self> {
        serde_json::to_writer(&mut out, &Written { kind: "run", body: Head::of(run) })?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(Self { out, line: Vec::new() })
    }

    /// Appends a trial and flushes.
    ///
    /// # Errors
    /// What the writer says.
    pub fn trial(&mut self, trial: &TrialRecord) -> io::Result<()> {
        let key = &trial.key;
        let start = TrialStart { position: trial.position, namespace: trial.namespace.clone(), warmup: trial.warmup };
        self.lines("trial", key, [&start])?;
        self.lines("truth", key, &trial.truth)?;
        self.lines("transition", key, &trial.transitions)?;
        self.lines("sample", key, &trial.samples)?;
        self.lines("milestones", key, &trial.milestones)?;
        let end = TrialEndRef {
            problems: &trial.problems,
            cost: trial.cost,
            clock_skew: trial.clock_skew.as_ref(),
            stopped: trial.stopped,
        };
        self.lines("trial_end", key, [&end])?;
        self.out.flush()
    }

    /// A line for each body, which is an object with at least one field.
    fn lines<'a, T: Serialize + 'a>(
        &mut self,
        kind: &'static str,
        key: &TrialKey,
        bodies: impl IntoIterator<Item = &'a T>,
    ) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, &Written { kind, body: key })?;
        self.line.pop();
        let prefix = self.line.len();
        for body in bodies {
            self.line.truncate(prefix);
            serde_json::to_writer(&mut self.line, body)?;
            // Two objects become one: a comma for the braces between them.
            if let Some(brace) = self.line.get_mut(prefix) {
                *brace = b',';
            }
            self.line.push(b'\n');
            self.out.write_all(&self.line)?;
        }
        Ok(())
    }
}

impl<W: Write> JournalWriter<W> {
    /// Appends a trial in the bytes that [`JournalReader::next_trial_into`] gave, and flushes.
    ///
    /// # Errors
    /// What the writer says.
    pub fn trial_as_it_is(&mut self, lines: &[u8]) -> io::Result<()> {
        self.out.write_all(lines)?;
        self.out.flush()
    }
}

/// Why a journal could not be read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file could not be read.
    #[error("failed to read the journal at line {line}: {source}")]
    Read {
        /// The line, from 1.
        line: usize,
        /// The reason.
        source: io::Error,
    },
    /// A line is not what this version writes.
    #[error("journal line {line} is not a record: {source}")]
    Parse {
        /// The line, from 1.
        line: usize,
        /// The reason.
        source: serde_json::Error,
    },
    /// Another version wrote it.
    #[error(
        "the journal has schema version {found}, this provbench reads {SCHEMA_VERSION}; use the version that wrote it"
    )]
    Version {
        /// The version in the file.
        found: u32,
    },
    /// It has no head, and so nothing else.
    #[error("the journal is empty: the run was killed before it wrote anything, and has no block; run it again")]
    Empty,
    /// It was written by another run.
    #[error(
        "the journal is of another run: its {what} is {journal}, that of run.json {run}; put them together as they were written"
    )]
    OtherRun {
        /// What differs.
        what: &'static str,
        /// What the journal has.
        journal: String,
        /// What `run.json` has.
        run: String,
    },
    /// A line is out of place.
    #[error("journal line {line} ({kind}) is out of place; the file was changed after it was written")]
    OutOfPlace {
        /// The line, from 1.
        line: usize,
        /// Its kind.
        kind: String,
    },
}

/// Reads a journal trial by trial; a trial that was cut off is left out.
#[derive(Debug)]
pub struct JournalReader<R> {
    input: R,
    line: usize,
    buffer: String,
    head: Head,
}

#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    kind: std::borrow::Cow<'a, str>,
}

#[derive(Deserialize)]
struct Keyed<T> {
    #[serde(flatten)]
    key: TrialKey,
    #[serde(flatten)]
    body: T,
}

impl<R: BufRead> JournalReader<R> {
    /// Opens a journal and reads its head.
    ///
    /// # Errors
    /// When it is empty, has no head, or one of another version.
    pub fn open(input: R) -> Result<Self, JournalError> {
        let head = Head { schema_version: 0, experiment: String::new(), seed: 0, clock: String::new(), epoch: None };
        let mut reader = Self { input, line: 0, buffer: String::new(), head };
        match reader.next_kind()? {
            Some(kind) if kind == "run" => {}
            Some(kind) => return Err(reader.out_of_place(kind.into())),
            // Of a head that was cut off there is no more to tell.
            None => return Err(JournalError::Empty),
        }
        reader.head = reader.parse()?;
        if reader.head.schema_version == SCHEMA_VERSION {
            Ok(reader)
        } else {
            Err(JournalError::Version { found: reader.head.schema_version })
        }
    }

    /// The head.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next trial, or `None` at the end.
    ///
    /// # Errors
    /// When a line can't be read, is no record or is out of place.
    pub fn next_trial(&mut self) -> Result<Option<TrialRecord>, JournalError> {
        self.next(&mut |_, _| {})
    }

    /// The next trial with `offset` added to the number of its block, and its lines, changed likewise, in the place of what
    /// `lines` held; `None` at the end.
    ///
    /// # Errors
    /// As for [`Self::next_trial`].
    pub fn next_trial_into(&mut self, offset: u32, lines: &mut Vec<u8>) -> Result<Option<TrialRecord>, JournalError> {
        lines.clear();
        let mut changed = true;
        let mut trial = self.next(&mut |line, at| changed &= copy_with_offset(line, at, offset, lines))?;
        if !changed {
            return Err(self.out_of_place("a line that does not begin with its kind and block".to_owned()));
        }
        if let Some(trial) = &mut trial {
            trial.key.block += offset;
        }
        Ok(trial)
    }

    fn next(&mut self, seen: &mut dyn FnMut(&str, &str)) -> Result<Option<TrialRecord>, JournalError> {
        let mut trial: Option<TrialRecord> = None;
        while let Some(kind) = self.next_kind()? {
            seen(&self.buffer, &kind);
            match (kind.as_str(), &mut trial) {
                ("trial", None) => {
                    let Keyed { key, body } = self.parse::<Keyed<TrialStart>>()?;
                    trial = Some(TrialRecord {
                        key,
                        position: body.position,
                        namespace: body.namespace,
                        samples: Vec::new(),
                        milestones: Vec::new(),
                        transitions: Vec::new(),
                        truth: Vec::new(),
                        problems: Vec::new(),
                        warmup: body.warmup,
                        cost: None,
                        clock_skew: None,
                        stopped: false,
                    });
                }
                ("truth", Some(trial)) => trial.truth.push(self.parse::<Truth>()?),
                ("transition", Some(trial)) => trial.transitions.push(self.parse::<Transition>()?),
                ("sample", Some(trial)) => trial.samples.push(self.parse::<Sample>()?),
                ("milestones", Some(trial)) => trial.milestones.push(self.parse::<Milestones>()?),
                ("trial_end", Some(open)) => {
                    let Keyed { key, body } = self.parse::<Keyed<TrialEnd>>()?;
                    if key != open.key {
                        return Err(self.out_of_place(kind.into()));
                    }
                    open.problems = body.problems;
                    open.cost = body.cost;
                    open.clock_skew = body.clock_skew;
                    open.stopped = body.stopped;
                    return Ok(trial);
                }
                _ => return Err(self.out_of_place(kind.into())),
            }
        }
        Ok(None)
    }

    fn next_kind(&mut self) -> Result<Option<Word>, JournalError> {
        self.buffer.clear();
        self.line += 1;
        let line = self.line;
        let read = self.input.read_line(&mut self.buffer).map_err(|source| JournalError::Read { line, source })?;
        // A line without its newline was cut off in the middle of a write: the trial that it belongs to is not whole.
        if read == 0 || !self.buffer.ends_with('\n') {
            return Ok(None);
        }
        // As we write it ourselves; what others have written anew may have another order.
        let kind = match self.buffer.strip_prefix("{\"kind\":\"").and_then(|rest| rest.split_once('"')) {
            Some((kind, _)) => kind.into(),
            None => self.parse::<Kind<'_>>()?.kind.as_ref().into(),
        };
        Ok(Some(kind))
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, JournalError> {
        serde_json::from_str(&self.buffer).map_err(|source| JournalError::Parse { line: self.line, source })
    }

    pub(super) fn out_of_place(&self, kind: String) -> JournalError {
        JournalError::OutOfPlace { line: self.line, kind }
    }
}

/// Copies a line with another number of its block; whether it has the form that this needs.
fn copy_with_offset(line: &str, kind: &str, offset: u32, lines: &mut Vec<u8>) -> bool {
    let start = "{\"kind\":\"\",\"block\":".len() + kind.len();
    let Some((head, rest)) = line.split_at_checked(start) else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (number, tail) = rest.split_at(digits);
    let Ok(block) = number.parse::<u32>() else { return false };
    if !head.ends_with("\"block\":") {
        return false;
    }
    lines.extend_from_slice(head.as_bytes());
    lines.extend_from_slice(block.saturating_add(offset).to_string().as_bytes());
    lines.extend_from_slice(tail.as_bytes());
    true
}
