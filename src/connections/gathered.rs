//! The writes of a connection, gathered over one turn of its thread.
//!
//! Answers to calls of one connection often become ready together, and each would be a write of its
//! own. So a flush lets the tasks that are ready run first, and then writes all that they have added:
//! with 64 calls in flight a third of the writes (`docs/performance.md`). Nothing waits for a
//! timer: a connection with one answer is written in the next turn.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are gathered at most; from here on nothing is gained by waiting.
const GATHERED_BYTES: usize = 16 << 10;

/// Bytes of memory that a connection keeps between writes.
const KEPT_BYTES: usize = 4 << 10;

/// A connection that gathers what is written.
pub(super) struct Gathered<I> {
    io: I,
    bytes: Vec<u8>,
    /// The turn was given to others since something was written.
    waited: bool,
}

impl<I> Gathered<I> {
    pub(super) fn new(io: I) -> Self {
        Self { io, bytes: Vec::new(), waited: false }
    }
}

impl<I: AsyncWrite + Unpin> Gathered<I> {
    /// Writes what was gathered.
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.bytes.is_empty() {
            let written = ready!(Pin::new(&mut self.io).poll_write(context, &self.bytes))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.bytes.drain(..written);
        }
        if self.bytes.capacity() > KEPT_BYTES {
            self.bytes = Vec::new();
        }
        self.waited = false;
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Gathered<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer)
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Gathered<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self { io, bytes: gathered, .. } = &mut *self;
        if gathered.len() + bytes.len() <= GATHERED_BYTES {
            gathered.extend_from_slice(bytes);
            return Poll::Ready(Ok(bytes.len()));
        }
        let parts = [IoSlice::new(gathered), IoSlice::new(bytes)];
        let written = ready!(Pin::new(io).poll_write_vectored(context, &parts))?;
        let before = gathered.len();
        gathered.drain(..written.min(before));
        if written > before {
            return Poll::Ready(Ok(written - before));
        }
        if written == 0 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        // None of these were taken yet: there is room for a part of them now.
        let room = bytes.len().min(GATHERED_BYTES - gathered.len());
        gathered.extend_from_slice(&bytes[..room]);
        Poll::Ready(Ok(room))
    }

    // Not vectored: HTTP/2 then copies small payloads behind their heads instead of writing each by
    // itself.

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if !this.waited && !this.bytes.is_empty() && this.bytes.len() < GATHERED_BYTES / 2 {
            this.waited = true;
            // Behind all that is ready on this thread.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(this.poll_drain(context))?;
        Pin::new(&mut this.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}
