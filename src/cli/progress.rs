//! How far a run has come, on a terminal; nothing in a pipe.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

/// A bar that counts instances, or nothing where nobody looks.
pub(super) struct Progress {
    bar: ProgressBar,
    done: Arc<AtomicBool>,
    updater: Option<std::thread::JoinHandle<()>>,
}

impl Progress {
    /// Shows `ended` of `total` instances on stderr until it is finished, where stderr is a terminal.
    pub(super) fn start(total: u64, ended: Arc<AtomicU64>) -> Self {
        let bar = ProgressBar::new(total);
        let template = "{elapsed_precise} {bar:40} {pos}/{len} instances, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        let done = Arc::new(AtomicBool::new(false));
        let updater = (!bar.is_hidden()).then(|| {
            let (bar, done) = (bar.clone(), done.clone());
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    bar.set_position(ended.load(Ordering::Relaxed));
                    std::thread::park_timeout(Duration::from_millis(100));
                }
            })
        });
        Self { bar, done, updater }
    }

    /// Takes the bar away.
    pub(super) fn finish(self) {
        self.done.store(true, Ordering::Relaxed);
        if let Some(updater) = self.updater {
            updater.thread().unpark();
            let _ = updater.join();
        }
        self.bar.finish_and_clear();
    }
}
