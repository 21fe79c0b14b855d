//! What the API tells about Edge Nodes: plain copies, taken under the lock and read at leisure.
//!
//! The types speak Sparkplug's words but need none of its machinery, so `http` can show an Edge Node without knowing how
//! one is kept. Knows nothing of JSON.

use factree_namespace::Timestamp;
use factree_sparkplug::Reason;

/// Whether an Edge Node or Device is alive, as far as its births, its deaths and its MQTT session tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Born and not dead.
    Online,
    /// The same, and messages before one that has come are missing: so many are held for them.
    Reordering {
        /// How many.
        held: usize,
    },
    /// Known from before our restart and not heard since. Its samples are Stale.
    Restored,
    /// Dead: by its Death certificate or because its MQTT session ended. Its samples are Stale.
    Offline,
    /// Heard of, but its Birth has not been seen; a Rebirth has been asked for.
    Unborn,
}

/// One Edge Node.
#[derive(Clone, Debug, PartialEq)]
pub struct EdgeNodeReport {
    /// Group id.
    pub group: String,
    /// Edge Node id.
    pub edge_node: String,
    /// Alive or not.
    pub liveness: Liveness,
    /// Since when, by our clock.
    pub since: Timestamp,
    /// When the current or last NBIRTH arrived, by our clock.
    pub born: Option<Timestamp>,
    /// `bdSeq` of the current or last NBIRTH.
    pub bd_seq: Option<u8>,
    /// The `seq` that the next message should carry; none while offline.
    pub next_seq: Option<u8>,
    /// The MQTT client id that published the NBIRTH.
    pub client_id: Option<String>,
    /// The attachment over which the NBIRTH was heard, or what needs one; none: our own broker, or a Birth from before a
    /// restart.
    pub attachment: Option<u16>,
    /// Where the Edge Node stands in the tree.
    pub path: Option<String>,
    /// How many metrics it has, its Devices' among them.
    pub metrics_len: usize,
    /// Its Devices, by id.
    pub devices: Vec<DeviceReport>,
    /// What it sent and got.
    pub counters: Counters,
    /// When its last message arrived, by our clock.
    pub last_message: Option<Timestamp>,
    /// The last rebirth we asked for since this process started.
    pub rebirth: Option<RebirthReport>,
}

/// A rebirth that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RebirthReport {
    /// When, by our clock.
    pub asked: Timestamp,
    /// Why: one of the codes of [`Counters::rebirths_by_reason`].
    pub reason: &'static str,
}

/// One Device of an Edge Node.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceReport {
    /// Device id.
    pub device: String,
    /// Alive or not.
    pub liveness: Liveness,
    /// Since when.
    pub since: Timestamp,
    /// Where the Device stands in the tree.
    pub path: Option<String>,
    /// How many metrics it has.
    pub metrics_len: usize,
}

/// One metric as its Birth declared it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricReport {
    /// The Device, or none for the Edge Node's own metrics.
    pub device: Option<String>,
    /// Metric name, in full.
    pub name: String,
    /// Metric alias, if it has one.
    pub alias: Option<u64>,
    /// Sparkplug datatype by name.
    pub datatype: &'static str,
    /// Where its element is.
    pub path: Option<String>,
}

/// Plain counts of an Edge Node since this process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// NBIRTH and DBIRTH messages.
    pub births: u64,
    /// NDATA and DDATA messages.
    pub data: u64,
    /// NDEATH and DDEATH messages.
    pub deaths: u64,
    /// Gaps seen in `seq`.
    pub seq_gaps: u64,
    /// Messages that came after their successors, or twice.
    pub seq_late: u64,
    /// Messages that came too early and were held for those before them.
    pub held: u64,
    /// Of those, the ones that an NBIRTH made void.
    pub held_dropped: u64,
    /// Messages that were ignored because another session's NBIRTH has taken the place of their session's.
    pub displaced: u64,
    /// Rebirths we asked for, in the order of [`Counters::rebirths_by_reason`].
    pub rebirths: [u64; Reason::ALL.len()],
    /// Payloads that did not decode.
    pub malformed: u64,
    /// Deviations from the Sparkplug specification.
    pub findings: u64,
}

impl Counters {
    /// Rebirths we asked for, whatever for.
    pub fn rebirths_asked(&self) -> u64 {
        self.rebirths.iter().sum()
    }

    /// The same by reason, each with its code.
    pub fn rebirths_by_reason(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Reason::ALL.iter().map(|reason| reason.code()).zip(self.rebirths)
    }

    /// Adds what the host counted.
    pub(crate) fn add(&mut self, counters: &factree_sparkplug::Counters) {
        self.births += counters.nbirth + counters.dbirth;
        self.data += counters.ndata + counters.ddata;
        self.deaths += counters.ndeath + counters.ddeath;
        self.seq_gaps += counters.seq_gaps;
        self.seq_late += counters.seq_late;
        self.held += counters.held;
        self.held_dropped += counters.held_dropped;
        self.displaced += counters.displaced;
        self.malformed += counters.malformed;
        for (sum, reason) in self.rebirths.iter_mut().zip(Reason::ALL) {
            *sum += counters.rebirths_asked.of(reason);
        }
    }
}
