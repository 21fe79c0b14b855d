//! The time that is believed when old entries are to be dropped.
//!
//! A clock can leap: its battery is empty, a time server is wrong, somebody sets it. What is dropped on its word does not come back
//! when it is set right. So this follows the wall clock, but by no more than a day for each hour that the process lives. A leap is
//! believed in the end, since a machine may have been off for months; somebody has the time to see it before. What was believed
//! last is kept beside the log, because whatever starts while the clock is wrong writes entries with the wrong time.
//! Invariant: never later than the wall clock says.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use factree_auth::{Now, Timestamp};
use tracing::warn;

use super::identity::private;

/// The file, with milliseconds since 1970 in digits.
const FILE: &str = "believed";
/// How much faster than time passes it is caught up with.
const CATCH_UP: u32 = 24;
/// 2026-11-01. This was written later, so a clock that says less is wrong.
const FLOOR: Timestamp = Timestamp(1_793_491_200_000);
/// How far behind the wall clock it is worth a line in the log.
const WORTH_SAYING: Duration = Duration::from_secs(24 * 3600);

pub(super) struct Believed {
    time: Timestamp,
    /// When it was looked last.
    looked: Duration,
    path: PathBuf,
    is_behind: bool,
}

impl Believed {
    /// Goes on with what was believed last; else with the time of the last entry; a new log believes the clock.
    pub(super) fn open(directory: &Path, last_entry: Option<Timestamp>, now: Now) -> Self {
        let path = directory.join(FILE);
        let kept = std::fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok()).map(Timestamp);
        let time = kept.or(last_entry).unwrap_or(now.wall).max(FLOOR);
        Self { time, looked: now.monotonic, path, is_behind: false }
    }

    /// What time it is, as far as that is believed; kept for the next process.
    pub(super) fn look(&mut self, now: Now) -> Timestamp {
        let lived = now.monotonic.saturating_sub(self.looked);
        self.looked = now.monotonic;
        self.time = self.time.max(now.wall.min(self.time.after(lived.saturating_mul(CATCH_UP))));
        self.tell(now);
        if let Err(error) = self.keep() {
            warn!(file = %self.path.display(), %error, "which time is believed cannot be kept; after a restart it is an earlier one");
        }
        now.wall.min(self.time)
    }

    fn tell(&mut self, now: Now) {
        let is_behind = self.time.after(WORTH_SAYING) < now.wall;
        if is_behind && !self.is_behind {
            let (clock, believed) = (now.wall, self.time);
            warn!(%clock, %believed, "the clock has leapt; entries of the audit log are dropped by it a day for each hour from now on");
        }
        self.is_behind = is_behind;
    }

    fn keep(&self) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        private(&mut options);
        let mut file = options.open(&new)?;
        write!(file, "{}", self.time.0)?;
        file.sync_all()?;
        std::fs::rename(&new, &self.path)
    }
}
