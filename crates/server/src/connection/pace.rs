//! How fast a client is read: in large bites, in smaller ones while its subscribers are behind, and not at all while it has a debt.
//!
//! Knows no socket. Invariant: who rests is read again, whatever others do.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Sleep, sleep};

use super::READ_BYTES;

/// Read at least so much at once, even if subscribers are behind.
const READ_BYTES_MIN: usize = 16 * 1024;
/// How long such a publisher rests between two reads: the shortest that the clock knows.
const REST: Duration = Duration::from_millis(1);

/// How fast this client is read. A publisher that is ahead of its subscribers rests a moment and then takes smaller bites,
/// so a burst is slowed down instead of dropped. The broker does not count subscribers that take nothing, so a stalled one
/// slows nobody; a slow one may slow its publishers to 16 MB/s each and no further.
pub(super) struct Pace {
    pub(super) read_bytes: usize,
    rest: Option<Pin<Box<Sleep>>>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { read_bytes: READ_BYTES, rest: None }
    }
}

impl Pace {
    pub(super) fn adapt(&mut self, subscribers_behind: bool) {
        if subscribers_behind {
            self.read_bytes = (self.read_bytes / 2).max(READ_BYTES_MIN);
            self.rest = Some(Box::pin(sleep(REST)));
        } else {
            self.read_bytes = (self.read_bytes * 2).min(READ_BYTES);
        }
    }

    /// The client is beyond its rate: nothing is read from it until the debt is paid.
    pub(super) fn rest_for(&mut self, debt: Duration) {
        self.rest = Some(Box::pin(sleep(debt.max(REST))));
    }

    pub(super) fn poll_rested(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(context));
            self.rest = None;
        }
        Poll::Ready(())
    }
}
