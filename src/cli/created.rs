//! What a command has created, taken back when it fails.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a command creates in a folder that does not hold anything before. Unless it is kept, it goes when this goes, and
/// nothing else does: what others have put there meanwhile stays, and so does the folder then.
pub(super) struct Created {
    folder: PathBuf,
    /// Relative to the folder.
    files: Vec<PathBuf>,
    /// The folder and those above it that were not there, outermost first.
    made: Vec<PathBuf>,
    is_kept: bool,
}

impl Created {
    /// Begins before anything is created.
    pub(super) fn in_folder(folder: &Path) -> Self {
        let missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.exists();
        let mut made: Vec<PathBuf> = folder.ancestors().take_while(missing).map(Path::to_owned).collect();
        made.reverse();
        Self { folder: folder.to_owned(), files: Vec::new(), made, is_kept: false }
    }

    /// Takes note of files that are to be created.
    pub(super) fn files(&mut self, files: impl IntoIterator<Item = impl Into<PathBuf>>) {
        self.files.extend(files.into_iter().map(Into::into));
    }

    /// Everything stays.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for Created {
    fn drop(&mut self) {
        if self.is_kept {
            return;
        }
        for file in &self.files {
            let path = self.folder.join(file);
            let _ = fs::remove_file(&path);
            // A folder of ours that still holds something is not removed by this.
            if let Some(inner) = path.parent().filter(|inner| *inner != self.folder) {
                let _ = fs::remove_dir(inner);
            }
        }
        for folder in self.made.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_created_goes_and_what_was_there_stays() {
        let parent = tempfile::tempdir().expect("a folder");
        let write = |folder: &Path| {
            let mut created = Created::in_folder(folder);
            created.files(["run.json", "plots/total.svg", "never.csv"]);
            fs::create_dir_all(folder.join("plots")).expect("a folder");
            for file in ["run.json", "plots/total.svg"] {
                fs::write(folder.join(file), "text").expect("written");
            }
            created
        };
        let deep = parent.path().join("a/b");
        drop(write(&deep));
        assert!(!parent.path().join("a").exists() && parent.path().exists());

        let there = parent.path().join("there");
        fs::create_dir(&there).expect("a folder");
        drop(write(&there));
        assert_eq!(fs::read_dir(&there).expect("it stays").count(), 0);

        let created = write(&deep);
        fs::write(deep.join("others.txt"), "text").expect("written");
        drop(created);
        let left: Vec<_> =
            fs::read_dir(&deep).expect("it stays").map(|entry| entry.expect("one").file_name()).collect();
        assert_eq!(left, ["others.txt"]);

        write(&there).keep();
        assert!(there.join("plots/total.svg").exists());
    }
}
