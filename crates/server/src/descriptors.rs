//! File descriptors: how many connections the machine has them for.
//!
//! MQTT and HTTP each have a limit of their own, and both take from what the process may open (`ulimit -n`). So they are
//! lowered together, before the first client connects: what the store, the audit log and listeners need is never theirs.
//! Knows no socket. Invariant: connections of both and what is kept for files are together no more than there is.

use std::num::NonZeroU32;

/// For the store (64 files kept open, and those it writes), the audit log, listeners, attachments and the runtime.
const FILES: u64 = 160;

/// How many connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections {
    /// MQTT clients (MQ11, MQ13).
    pub(crate) mqtt: NonZeroU32,
    /// HTTP clients, streams among them.
    pub(crate) http: NonZeroU32,
}

impl Connections {
    /// As many as were asked for, or as many as there are descriptors for: if they are too few, HTTP has a quarter of them, or
    /// more if MQTT leaves more.
    pub(crate) fn affordable(self, files_max: u64) -> Self {
        let left = files_max - FILES.min(files_max / 4);
        let (mqtt, http) = (u64::from(self.mqtt.get()), u64::from(self.http.get()));
        let http = http.min(left.saturating_sub(mqtt).max(left / 4));
        let mqtt = mqtt.min(left - http);
        let some = |count: u64| u32::try_from(count).ok().and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN);
        Self { mqtt: some(mqtt), http: some(http) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn affordable(mqtt: u32, http: u32, files_max: u64) -> (u32, u32) {
        let some = |count| NonZeroU32::new(count).unwrap();
        let affordable = Connections { mqtt: some(mqtt), http: some(http) }.affordable(files_max);
        (affordable.mqtt.get(), affordable.http.get())
    }

    #[test]
    fn what_files_need_is_left_whatever_both_want() {
        assert_eq!(affordable(100_000, 8192, 1 << 20), (100_000, 8192), "there are enough");
        assert_eq!(affordable(100_000, 8192, 65_536), (57_184, 8192));
        assert_eq!(affordable(100_000, 8192, 1024), (648, 216));
        assert_eq!(affordable(100, 8192, 1024), (100, 764), "MQTT leaves more");
        assert_eq!(affordable(100_000, 10, 1024), (854, 10));
        for files_max in [5, 64, 256, 1024, 4096, 65_536, 1 << 20] {
            for (mqtt, http) in [(1, 1), (1, 8192), (100_000, 1), (100_000, 8192)] {
                let (mqtt, http) = affordable(mqtt, http, files_max);
                let files = FILES.min(files_max / 4);
                assert!(u64::from(mqtt) + u64::from(http) + files <= files_max, "{mqtt} {http} {files_max}");
            }
        }
    }
}
