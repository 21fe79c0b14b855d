//! Who is who: the ids that tie a socket, a session and a client together.
//!
//! A [`ConnectionId`] is the driver's, a [`ClientId`] is the client's own name, a [`SessionId`] is a place in this
//! broker's memory and never leaves it.
//! Invariant: a session id is reused only after every part has forgotten it.

use std::borrow::Borrow;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

/// One network connection. Given by the driver, never reused while the broker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// Stands for all connections of the process before this one. Drivers begin with 1.
    pub const BEFORE_RESTART: ConnectionId = ConnectionId(0);
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// The Client Identifier a session is known by. A clone costs a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

impl ClientId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ClientId {
    fn from(text: &str) -> Self {
        ClientId(text.into())
    }
}

impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A session's place in [`Sessions`](crate::sessions::Sessions).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SessionId(pub(crate) u32);

impl SessionId {
    /// As an index into a table of sessions.
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A shared subscription's group of members. Never reused, so a delivery may name a group that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GroupId(pub(crate) NonZeroU64);
