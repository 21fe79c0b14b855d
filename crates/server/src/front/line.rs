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

use super::heads::Heads;
use super::turn::Turn;
use crate::gate::Admission;
use crate::patience::Patient;

pub(super) struct Line<S> {
    inner: Patient<S>,
    turn: Arc<Turn>,
    heads: Heads,
    behind: Behind,
    _admission: Admission,
}

impl<S: AsyncWrite + Unpin> Line<S> {
    pub(super) fn new(stream: S, turn: Arc<Turn>, heads: Heads, admission: Admission) -> Self {
        Self { inner: Patient::of_http(stream), turn, heads, behind: Behind::default(), _admission: admission }
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
        if behind.is_empty() {
            let before = buffer.filled().len();
            ready!(Pin::new(inner).poll_read(context, buffer))?;
            let read = &mut buffer.filled_mut()[before..];
            let (len, instead) = heads.look(read, turn)?;
            behind.wait(instead.unwrap_or(&read[len..]));
            buffer.set_filled(before + len);
        } else {
            let waiting = behind.first(buffer.remaining());
            let (len, instead) = heads.look(waiting, turn)?;
            buffer.put_slice(&waiting[..len]);
            behind.gone(len);
            if let Some(instead) = instead {
                *behind = Behind::default();
                behind.wait(instead);
            }
        }
        Poll::Ready(Ok(()))
    }
}

/// What was read and may not be handed on yet. Each byte is copied once, however little goes at a time.
#[derive(Default)]
struct Behind {
    bytes: Vec<u8>,
    gone: usize,
}

impl Behind {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Nothing else waits.
    fn wait(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn first(&mut self, len_max: usize) -> &mut [u8] {
        let end = self.bytes.len().min(self.gone.saturating_add(len_max));
        &mut self.bytes[self.gone..end]
    }

    fn gone(&mut self, len: usize) {
        self.gone += len;
        if self.gone == self.bytes.len() {
            *self = Self::default();
        }
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
