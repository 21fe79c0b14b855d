//! Mailboxes: where other tasks leave what a connection must do.
//!
//! Letters are few: replies to what somebody else did, and the last word. Deliveries are not put here; a mailbox is only woken
//! for them, and its connection fetches as many as its socket drains.
//! Knows no socket.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Mutex;

use factree_broker::Reply;
use factree_mqtt::{ProtocolVersion, ReasonCode};
use factree_namespace::Timestamp;
use tokio::sync::Notify;

use super::lock;

/// One connection's mailbox.
pub(crate) struct Mailbox {
    /// Where the client is.
    pub(super) peer: SocketAddr,
    /// When it was opened.
    pub(super) since: Timestamp,
    letters: Mutex<Letters>,
    notify: Notify,
}

#[derive(Default)]
pub(super) struct Letters {
    pub(super) replies: Vec<Reply>,
    pub(super) closing: Option<Closing>,
    /// What its client calls itself, proven or not. It stays here.
    pub(super) username: Option<Box<str>>,
}

/// A connection is to be ended.
#[derive(Clone, Debug)]
pub(crate) struct Closing {
    /// What a 5.0 client is told; none where nothing is to be said.
    pub(crate) reason: Option<ReasonCode>,
    /// For people and logs at the other end.
    pub(crate) reason_string: Option<Cow<'static, str>>,
    pub(crate) by: Closer,
}

/// Who decided that a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closer {
    /// The broker, for which it is over.
    Broker,
    /// The server, which shuts down. The broker has yet to hear, so what waits for the client can go out first.
    Server,
}

impl Mailbox {
    /// An empty one.
    pub(super) fn new(peer: SocketAddr, since: Timestamp) -> Self {
        Self { peer, since, letters: Mutex::default(), notify: Notify::new() }
    }

    /// Leaves a letter; the mailbox is to be woken when the visit has ended.
    pub(super) fn leave(&self, write: impl FnOnce(&mut Letters)) {
        write(&mut lock(&self.letters));
    }

    /// Waits until something is in the box or deliveries wait with the broker.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }

    /// Makes its connection look into it.
    pub(crate) fn wake(&self) {
        self.notify.notify_one();
    }

    /// Empties the box: replies into `outgoing`, and whether to close.
    pub(crate) fn take(&self, version: Option<ProtocolVersion>, outgoing: &mut Vec<u8>) -> Option<Closing> {
        let mut letters = lock(&self.letters);
        if let Some(version) = version {
            letters.replies.drain(..).for_each(|reply| reply.encode(version, outgoing));
        }
        letters.closing.take()
    }

    /// What its client calls itself, proven or not.
    pub(super) fn username(&self) -> Option<Box<str>> {
        lock(&self.letters).username.clone()
    }

    /// The last word, unless there is one.
    pub(super) fn close(&self, closing: Closing) {
        lock(&self.letters).closing.get_or_insert(closing);
        self.wake();
    }
}
