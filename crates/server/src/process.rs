//! This process as the operating system sees it: memory, processor time, open files.
//!
//! Read from `/proc/self` when somebody asks; elsewhere than on Linux there is nothing to say.
//! Invariant: a figure that cannot be read is left out, never zero.

use std::fs;

/// What the system says of this process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Process {
    /// Memory that is in RAM, in bytes.
    pub(crate) resident_bytes: Option<u64>,
    /// The most it ever was.
    pub(crate) resident_bytes_max: Option<u64>,
    /// User and system time together, in seconds.
    pub(crate) cpu_seconds: Option<f64>,
    /// File descriptors in use.
    pub(crate) open_files: Option<u64>,
    /// File descriptors it may use.
    pub(crate) open_files_max: Option<u64>,
}

/// The kernel counts time for user space in hundredths of a second on every architecture Linux still runs on.
const TICKS_PER_SECOND: f64 = 100.0;

impl Process {
    /// Asks the system.
    pub(crate) fn now() -> Self {
        let status = fs::read_to_string("/proc/self/status").ok();
        let kib = |field: &str| status.as_deref().and_then(|status| number_after(status, field)).map(|kib| kib * 1024);
        Self {
            resident_bytes: kib("VmRSS:"),
            resident_bytes_max: kib("VmHWM:"),
            cpu_seconds: fs::read_to_string("/proc/self/stat").ok().as_deref().and_then(cpu_seconds),
            // The descriptor that reads the directory is one of them.
            open_files: fs::read_dir("/proc/self/fd").ok().map(|entries| (entries.count() as u64).saturating_sub(1)),
            open_files_max: open_files_max(),
        }
    }
}

/// How many file descriptors this process may have; `None` if nobody says or there is no limit.
pub(crate) fn open_files_max() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    number_after(&limits, "Max open files")
}

/// The first number behind a word at the beginning of a line.
fn number_after(text: &str, word: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Of `/proc/self/stat`: fields 14 and 15; the name in parentheses before them may hold anything.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 5 0 0 0 1250 250 0 0 20 0 3 0 99 1 2";
        assert_eq!(cpu_seconds(stat), Some(15.0));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_says_it_all() {
        let now = Process::now();
        assert!(now.resident_bytes.unwrap() > 1 << 20 && now.resident_bytes_max >= now.resident_bytes);
        assert!(now.cpu_seconds.is_some() && now.open_files.unwrap() >= 3);
        assert!(now.open_files_max.unwrap() >= now.open_files.unwrap());
    }
}
