//! What the store may take of the machine, and how safe it keeps what it is given.

/// What survives once a commit has returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Everything, whatever happens to the process or to the power: each commit ends with one sync of the journal.
    Power,
    /// Everything unless the machine itself stops: each commit ends in the operating system's hands.
    Process,
}

/// Bounds, small by default: an edge computer has one or two gigabytes for everything.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Below this many free bytes [`crate::Store::space`] says [`crate::Space::Low`]: take no new work, but housekeeping
    /// still goes through. At least `floor_bytes`. 64 MiB: a journal's worth.
    pub reserve_bytes: u64,
    /// Below this many free bytes (and the batch's own) commits are refused before the disk refuses them. 16 MiB: the
    /// background thread's largest single write, twice.
    pub floor_bytes: u64,
    /// Memory one table may collect before it goes to disk; up to four times this per table under pressure. 8 MiB.
    /// Stored with a table when it is made.
    pub memtable_bytes: u64,
    /// Memory for blocks read from disk. 8 MiB: everything is read once, at start.
    pub cache_bytes: u64,
    /// Files kept open, at least 10. 64: a table of a few gigabytes has that many.
    pub open_files_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            reserve_bytes: 64 << 20,
            floor_bytes: 16 << 20,
            memtable_bytes: 8 << 20,
            cache_bytes: 8 << 20,
            open_files_max: 64,
        }
    }
}

/// How much room the disk has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// Go on.
    Enough,
    /// The reserve is reached, or there is no room yet for what was refused last: take no new work.
    Low,
}
