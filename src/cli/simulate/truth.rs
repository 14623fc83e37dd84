//! What a simulator did, as a file: a head, and a line for each thing.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use jiff::Timestamp;
use serde_json::json;

use super::WRITE_INTERVAL;
use crate::{
    clock::{Clock, SystemClock},
    record::TruthLog,
};

/// Takes what is written into a log from time to time, so that it does not grow for ever, and keeps it if there is a file.
pub(super) struct TruthFile {
    truth: TruthLog,
    file: Option<BufWriter<File>>,
}

impl TruthFile {
    /// With a file, its head is written at once: times count from `epoch`, in seconds of which each takes `time_scale`.
    pub(super) fn create(path: Option<&Path>, epoch: Timestamp, time_scale: f64, truth: TruthLog) -> io::Result<Self> {
        let mut file = path.map(File::create).transpose()?.map(BufWriter::new);
        if let Some(file) = &mut file {
            writeln!(file, "{}", json!({"epoch": epoch.to_string(), "time_scale": time_scale}))?;
            file.flush()?;
        }
        Ok(Self { truth, file })
    }

    /// Writes again and again; ends only when that fails.
    pub(super) async fn keep(&mut self) -> io::Result<()> {
        let clock = SystemClock::start();
        loop {
            clock.sleep(WRITE_INTERVAL).await;
            self.write()?;
        }
    }

    /// Writes what came since the last time.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let news = self.truth.drain();
        let Some(file) = &mut self.file else { return Ok(()) };
        for entry in news {
            serde_json::to_writer(&mut *file, &entry)?;
            file.write_all(b"\n")?;
        }
        file.flush()
    }
}
