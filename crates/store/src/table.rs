//! The tables: which kinds of things outlive the process.
//!
//! A table is a name and a number, both written to disk: a number is never given to another table. What a key or a value
//! means is the caller's affair; here both are bytes.
//! Invariant: [`Table::ALL`] lists each table at the place of its number.

/// One ordered map from bytes to bytes. Its number and its name stand on disk and never change; new tables go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Table {
    /// Facts about the store's owner: counters, the last clean shutdown, what else is single.
    Meta = 0,
    /// Sessions that outlive their connection.
    Sessions = 1,
    /// Their subscriptions.
    Subscriptions = 2,
    /// What is queued or in flight to them.
    Deliveries = 3,
    /// The messages the deliveries point to, once however many sessions wait for them.
    Messages = 4,
    /// Packet identifiers of QoS 2 publications received but not released yet.
    Received = 5,
    /// Will messages, those waiting for their delay among them.
    Wills = 6,
    /// Retained messages by topic.
    Retained = 7,
    /// Sparkplug births, byte-exact.
    Births = 8,
    /// Last-known samples.
    Samples = 9,
    /// What context documents said, change by change.
    Contexts = 10,
    /// Users, roles, keys and browser sessions; in a store of their own.
    Access = 11,
}

impl Table {
    /// All tables, in the order of their numbers.
    pub const ALL: [Self; 12] = [
        Self::Meta,
        Self::Sessions,
        Self::Subscriptions,
        Self::Deliveries,
        Self::Messages,
        Self::Received,
        Self::Wills,
        Self::Retained,
        Self::Births,
        Self::Samples,
        Self::Contexts,
        Self::Access,
    ];

    /// The name on disk.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Sessions => "sessions",
            Self::Subscriptions => "subscriptions",
            Self::Deliveries => "deliveries",
            Self::Messages => "messages",
            Self::Received => "received",
            Self::Wills => "wills",
            Self::Retained => "retained",
            Self::Births => "births",
            Self::Samples => "samples",
            Self::Contexts => "contexts",
            Self::Access => "access",
        }
    }

    /// The engine's number for the table: the engine keeps 0 for itself.
    pub(crate) const fn keyspace_id(self) -> u64 {
        self as u64 + 1
    }

    pub(crate) fn from_keyspace_id(id: u64) -> Option<Self> {
        Self::ALL.get(usize::try_from(id).ok()?.checked_sub(1)?).copied()
    }
}
