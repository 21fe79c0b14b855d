//! Files that may be replaced while the server runs: whether they have been, and whether it is time to read them.
//!
//! What is in force is compared with what can be seen of the files without reading them. Files that are gone, or cannot be
//! used, leave in force what was; they are read when they look different again, and now and then in any case, since what
//! stood in the way (a permission, a full table of descriptors) need not show. Knows neither what is in them nor the clock.
//! Invariant: what is not in force is tried again, until it is.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// How long after a failure the same files are read again.
const TRY_AGAIN: Duration = Duration::from_secs(30);

/// What can be seen of files, in their order.
pub(crate) type Seen = Vec<(PathBuf, Option<Written>)>;

/// What can be seen of a file without reading it. Who replaces one may well keep its length and its time of modification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    modified: SystemTime,
    len: u64,
    /// Which file it is, and when anything about it changed.
    #[cfg(unix)]
    status: (u64, i64, i64),
}

/// Looks at files; none of one that is not there.
pub(crate) fn see<'p>(files: impl IntoIterator<Item = &'p Path>) -> Seen {
    files.into_iter().map(|file| (file.to_owned(), written(file))).collect()
}

fn written(file: &Path) -> Option<Written> {
    let seen = std::fs::metadata(file).ok()?;
    #[cfg(unix)]
    let status = {
        use std::os::unix::fs::MetadataExt as _;
        (seen.ino(), seen.ctime(), seen.ctime_nsec())
    };
    Some(Written {
        modified: seen.modified().ok()?,
        len: seen.len(),
        #[cfg(unix)]
        status,
    })
}

/// Some files, and what has become of reading them.
#[derive(Debug, Default)]
pub(crate) struct Watched {
    /// What they were when they were read; none: nobody has yet.
    in_force: Option<Seen>,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Failed {
    at: Instant,
    of: Seen,
    why: String,
}

impl Watched {
    /// Files that have been read. `seen` is from before, so that what is written in between is read too.
    pub(crate) fn read(seen: Seen) -> Self {
        Watched { in_force: Some(seen), failed: None }
    }

    /// Whether they are to be read now.
    pub(crate) fn is_due(&mut self, now: Instant, seen: &Seen) -> bool {
        if self.in_force.as_ref() == Some(seen) {
            self.failed = None;
            return false;
        }
        let is_spared = |failed: &Failed| failed.of == *seen && now.saturating_duration_since(failed.at) < TRY_AGAIN;
        !self.failed.as_ref().is_some_and(is_spared)
    }

    /// They cannot be used; what was in force stays. Whether that is news.
    pub(crate) fn note_failure(&mut self, now: Instant, seen: Seen, why: &str) -> bool {
        let is_news = self.failed.as_ref().is_none_or(|failed| failed.why != why);
        self.failed = Some(Failed { at: now, of: seen, why: why.to_owned() });
        is_news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_tried_again_when_it_looks_different_and_now_and_then_and_said_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("list");
        let look = || see([&*file]);
        std::fs::write(&file, "old").unwrap();
        let (old, start) = (look(), Instant::now());
        let mut watched = Watched::read(old.clone());
        assert!(!watched.is_due(start, &old));
        std::fs::remove_file(&file).unwrap();
        let gone = look();
        assert!(watched.is_due(start, &gone) && watched.note_failure(start, gone.clone(), "not there"));
        assert!(!watched.is_due(start + TRY_AGAIN / 2, &gone), "it was told, and not much time has passed");
        assert!(watched.is_due(start + TRY_AGAIN, &gone));
        assert!(!watched.note_failure(start + TRY_AGAIN, gone, "not there"), "the same again");
        std::fs::write(&file, "new").unwrap();
        let new = look();
        assert!(watched.is_due(start + TRY_AGAIN, &new), "written anew, with the same length");
        assert!(watched.note_failure(start + TRY_AGAIN, new.clone(), "too many open files"));
        assert!(watched.is_due(start + 2 * TRY_AGAIN, &new), "nothing to be seen, but it may be well by now");
        let mut watched = Watched::read(new.clone());
        assert!(!watched.is_due(start, &new) && watched.is_due(start, &old));
    }

    #[test]
    fn a_file_that_is_back_as_it_was_is_in_force_still_and_its_next_end_is_news() {
        let mut watched = Watched::read(see([Path::new("/nowhere")]));
        let (back, now) = (see([Path::new("/nowhere")]), Instant::now());
        let away = see([Path::new("/elsewhere")]);
        for _ in 0..2 {
            assert!(watched.is_due(now, &away) && watched.note_failure(now, away.clone(), "not there"));
            assert!(!watched.is_due(now, &back));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_place_of_another_is_seen_though_its_length_and_time_are_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (file, other) = (directory.path().join("list"), directory.path().join("other"));
        std::fs::write(&file, "one").unwrap();
        std::fs::write(&other, "two").unwrap();
        let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::fs::File::options().append(true).open(&other).unwrap().set_modified(modified).unwrap();
        let before = see([&*file]);
        std::fs::rename(&other, &file).unwrap();
        assert_ne!(see([&*file]), before);
    }
}
