//! A line: the socket of an HTTP connection, or TLS over it, which tells the connection's [`Turn`] what has been written, and
//! has [`Heads`] look at what is read.
//!
//! It also holds the connection's admission, because a WebSocket outlives the HTTP connection it began as.
//! Invariant: the library flushes only what it has written whole, so `poll_flush` means that nothing is left.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::heads::{ENDING, Heads};
use super::turn::Turn;
use crate::gate::Admission;
use crate::patience::Patient;

pub(super) struct Line<S> {
    inner: Patient<S>,
    turn: Arc<Turn>,
    heads: Heads,
    /// What was read and may not be handed on yet.
    behind: Vec<u8>,
    _admission: Admission,
}

impl<S: AsyncWrite + Unpin> Line<S> {
    pub(super) fn new(stream: S, turn: Arc<Turn>, heads: Heads, admission: Admission) -> Self {
        Self { inner: Patient::of_http(stream), turn, heads, behind: Vec::new(), _admission: admission }
    }

    fn note(&self, written: Poll<io::Result<usize>>, context: &Context<'_>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(_)) => self.turn.wrote(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.turn.waits_for_peer(context.waker()),
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Line<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { inner, turn, heads, behind, .. } = &mut *self;
        let before = buffer.filled().len();
        if behind.is_empty() {
            ready!(Pin::new(inner).poll_read(context, buffer))?;
        } else {
            let len = behind.len().min(buffer.remaining());
            buffer.put_slice(&behind[..len]);
            behind.drain(..len);
        }
        let had_long_line = turn.has_long_line();
        let fresh = &mut buffer.filled_mut()[before..];
        let handed = heads.look(fresh, turn)?;
        if turn.has_long_line() && !had_long_line {
            *behind = ENDING.to_vec();
        } else if handed < fresh.len() {
            behind.splice(..0, fresh[handed..].iter().copied());
        }
        buffer.set_filled(before + handed);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Line<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.note(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        if let Poll::Ready(Ok(())) = flushed {
            self.turn.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
