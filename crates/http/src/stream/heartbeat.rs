//! The heartbeat of a stream: a comment when there was nothing to tell for a while.
//!
//! One clock for the life of a stream. An event does not set it, which would cost more than the event; it is noted, and the
//! clock is set again when it is due.

use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use axum::body::Bytes;
use tokio::time::{Instant, Sleep, sleep};

/// A stream without an event says that it is still there, so that neither side nor anything in between takes it for dead.
const PERIOD: Duration = Duration::from_secs(15);

pub(crate) struct Heartbeat {
    clock: Pin<Box<Sleep>>,
    told: Instant,
}

impl Heartbeat {
    /// What a heartbeat is in Server-Sent Events.
    pub(crate) const COMMENT: Bytes = Bytes::from_static(b": heartbeat\n\n");

    /// Within a tokio runtime.
    pub(crate) fn start() -> Heartbeat {
        Heartbeat { clock: Box::pin(sleep(PERIOD)), told: Instant::now() }
    }

    /// What comes of `telling`, or none if that takes longer than a heartbeat. Then it is dropped, and may be asked again.
    pub(crate) async fn unless<T>(&mut self, telling: impl Future<Output = T>) -> Option<T> {
        let mut telling = pin!(telling);
        let told = std::future::poll_fn(|context| {
            if let Poll::Ready(told) = telling.as_mut().poll(context) {
                return Poll::Ready(Some(told));
            }
            while self.clock.as_mut().poll(context).is_ready() {
                let due = self.told + PERIOD;
                if due <= Instant::now() {
                    return Poll::Ready(None);
                }
                self.clock.as_mut().reset(due);
            }
            Poll::Pending
        })
        .await;
        self.told = Instant::now();
        if told.is_none() {
            self.clock.as_mut().reset(self.told + PERIOD);
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_beats_when_nothing_was_told_for_a_period() {
        let mut heartbeat = Heartbeat::start();
        let start = Instant::now();
        assert_eq!(heartbeat.unless(sleep(Duration::from_secs(10))).await, Some(()));
        assert_eq!(heartbeat.unless(std::future::pending::<()>()).await, None);
        assert_eq!(start.elapsed().as_secs(), 25);
        assert_eq!(heartbeat.unless(std::future::pending::<()>()).await, None);
        assert_eq!(start.elapsed().as_secs(), 40);
    }
}
