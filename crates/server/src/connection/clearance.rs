//! A connection's client: who it is, and whether it may still be here.
//!
//! A CONNECT stays where it was read until it is known who sends it. From then on the client's login is compared before anything
//! passes, and looked at again if it is stale or its time is up.
//! Invariant: nothing passes that was not let in by a login that was good a moment ago, and a login with an end is looked at
//! then, however often the clock is set.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use factree_broker::{Holder, Lost};
use factree_mqtt::Connect;
use tokio::time::Instant;
use tracing::debug;

use super::Connection;
use crate::authority::wall;
use crate::hub::{Admission, Closing, LogIn};

impl Connection {
    /// Who is behind a CONNECT; none: somebody finds that out, see [`poll_admission`](Self::poll_admission).
    pub(super) fn admission_of(&mut self, connect: &Connect<'_>) -> Option<Admission> {
        if let Some(admission) = self.admission.take() {
            return Some(*admission);
        }
        match self.hub.log_in(connect, self.peer.ip(), self.certificate.as_ref()) {
            LogIn::Now(admission) => Some(admission),
            LogIn::Later(admitting) => {
                self.admitting = Some(admitting);
                None
            }
        }
    }

    /// Ready when that is found out: the CONNECT is to be looked at again.
    pub(super) fn poll_admission(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(admitting) = &mut self.admitting
            && let Poll::Ready(admission) = admitting.as_mut().poll(context)
        {
            (self.admitting, self.admission) = (None, Some(Box::new(admission)));
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Remembers who was let in, and for how long.
    pub(super) fn let_in(&mut self, admission: Admission) {
        if let Ok(holder) = admission {
            self.hold(holder);
        }
    }

    /// The timer is set for the end of his login, by the clocks of now: they may differ from what they were when it was set
    /// before.
    fn hold(&mut self, holder: Arc<Holder>) {
        self.login_ends = end_of(&holder);
        self.holder = Some(holder);
    }

    /// It is too late for a CONNECT, or a login is over.
    pub(super) fn on_time(&mut self) {
        if self.version.is_some() {
            self.is_timed = false;
            self.look_at_login();
            return;
        }
        debug!(peer = %self.peer, "nobody let in within connect_timeout; closing");
        self.hub.traffic().connects_timed_out.add(1);
        self.end(Lost::Closed);
    }

    /// Asks whether the login is still good, and for what; whether it is.
    pub(super) fn look_at_login(&mut self) -> bool {
        match self.hub.renew(self.id) {
            Ok(holder) => self.hold(holder),
            Err(closing) => self.close(&closing, false),
        }
        self.ending.is_none()
    }

    /// Whether packets and deliveries may pass: nothing about the client has changed, or it was asked what.
    #[inline]
    pub(super) fn is_still_let_in(&mut self) -> bool {
        !self.holder.as_ref().is_some_and(|holder| holder.is_stale()) || self.look_at_login()
    }

    /// The connection has ended: its will is judged by what its client may do now.
    pub(super) fn look_at_login_for_the_last_time(&mut self) {
        if self.holder.as_ref().is_some_and(|holder| holder.is_stale()) {
            let _: Result<Arc<Holder>, Closing> = self.hub.renew(self.id);
        }
    }
}

/// When a login ends, by the clock that connections go by.
fn end_of(holder: &Holder) -> Option<Instant> {
    let left = holder.login()?.until()?.0.saturating_sub(wall().0);
    Instant::now().checked_add(Duration::from_millis(left))
}
