//! Bodies, on their way in and out: each tells the connection's [`Turn`] when it is over, and one that comes in is bounded.
//!
//! A length that is declared was judged with the head; a chunked body says its length by ending.
//! Invariant: no handler is handed more than the bound.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body as Answer, Bytes};
use hyper::body::{Body, Frame, Incoming, SizeHint};

use super::turn::Turn;

/// A request's body.
pub(super) struct Arriving {
    inner: Incoming,
    left: u64,
    turn: Arc<Turn>,
}

impl Arriving {
    pub(super) fn new(inner: Incoming, bytes_max: u64, turn: Arc<Turn>) -> Self {
        Self { inner, left: bytes_max, turn }
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(context) else {
            self.turn.waits_for_peer(context.waker());
            return Poll::Pending;
        };
        let bytes = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()).map_or(0, Bytes::len);
        Poll::Ready(match (frame, self.left.checked_sub(bytes as u64)) {
            (Some(Ok(frame)), Some(left)) => {
                self.left = left;
                Some(Ok(frame))
            }
            (Some(Ok(_)), None) => Some(Err(io::Error::other("larger than http_body_bytes_max"))),
            (Some(Err(error)), _) => Some(Err(io::Error::other(error))),
            (None, _) => {
                self.turn.body_arrived();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.turn.body_arrived();
    }
}

/// The body of an answer.
pub(super) struct Told {
    inner: Answer,
    turn: Arc<Turn>,
}

impl Told {
    pub(super) fn new(inner: Answer, turn: Arc<Turn>) -> Self {
        Self { inner, turn }
    }
}

impl Body for Told {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.turn.answered();
    }
}
