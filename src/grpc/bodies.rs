//! Bodies that hold the permits of their connection: an answer its permit, a large message its
//! bytes, a stream its time.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tonic::{Status, body::Body, codegen::http::HeaderMap};

use super::{share::LARGE_BYTES_MAX, status::CallError};
use crate::values::{narrow, short};

/// Bytes that are handed over at once: only what the client has a window for is taken from here, so
/// a place is free again when nearly all of its answer is on its way.
const PIECE_BYTES: usize = 16 << 10;

/// Messages up to this size reserve nothing.
const SMALL_BYTES: u32 = 64 << 10;

/// Bytes that a compressed message may have when it is unpacked, at most.
const UNPACKED_BYTES: u32 = 4 << 20;

/// Bytes in front of each message: whether it is compressed, and how long it is.
const PREFIX_BYTES: usize = 5;

/// An answer that holds a place until the last of it was taken.
pub(super) struct Held {
    body: Body,
    rest: Bytes,
    _place: OwnedSemaphorePermit,
}

impl Held {
    pub(super) fn new(body: Body, place: OwnedSemaphorePermit) -> Self {
        Self { body, rest: Bytes::new(), _place: place }
    }
}

impl HttpBody for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.rest.is_empty() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                ended => return Poll::Ready(ended),
            };
            match frame.into_data() {
                Ok(data) if data.is_empty() => return Poll::Ready(Some(Ok(Frame::data(data)))),
                Ok(data) => self.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let bytes = self.rest.len().min(PIECE_BYTES);
        let piece = self.rest.split_to(bytes);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A stream that ends when something else does, with the failure that this comes to.
pub(super) struct Until {
    body: Body,
    end: Option<End>,
}

/// What ends a stream.
pub(super) type End = Pin<Box<dyn Future<Output = CallError> + Send>>;

impl Until {
    pub(super) fn new(body: Body, end: End) -> Self {
        Self { body, end: Some(end) }
    }
}

impl HttpBody for Until {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(end) = &mut self.end else { return Poll::Ready(None) };
        let Poll::Ready(failure) = end.as_mut().poll(context) else {
            return Pin::new(&mut self.body).poll_frame(context);
        };
        self.end = None;
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        let ended = Status::from(failure).add_header(&mut trailers);
        Poll::Ready(Some(ended.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.end.is_some()
    }
}

type Reserving = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// Messages that are let in only when all the bytes they say they have may be held.
///
/// Each reserves its whole length before more of it is read, so those that have reserved can be
/// completed, and one that never is holds up large messages of its own connection only.
pub(super) struct Reserved {
    body: Body,
    free: Arc<Semaphore>,
    goes_on: bool,
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that came.
    prefixed: usize,
    /// Bytes of the message that did not come yet.
    missing: u32,
    reserving: Option<Reserving>,
    reserved: Option<OwnedSemaphorePermit>,
    /// What came and waits until its message may be held.
    waiting: Option<Bytes>,
}

impl Reserved {
    /// `goes_on` says that more messages may follow the first.
    pub(super) fn new(body: Body, free: Arc<Semaphore>, goes_on: bool) -> Self {
        Self {
            body,
            free,
            goes_on,
            prefix: [0; PREFIX_BYTES],
            prefixed: 0,
            missing: 0,
            reserving: None,
            reserved: None,
            waiting: None,
        }
    }

    /// Follows the messages in what came. Whatever large one it begins is to be reserved.
    fn follow(&mut self, data: &[u8]) {
        let mut data = data;
        while !data.is_empty() {
            if self.missing == 0 {
                let more = data.len().min(PREFIX_BYTES - self.prefixed);
                self.prefix[self.prefixed..self.prefixed + more].copy_from_slice(&data[..more]);
                self.prefixed += more;
                data = &data[more..];
                if self.prefixed < PREFIX_BYTES {
                    return;
                }
                self.prefixed = 0;
                let [compressed, length @ ..] = self.prefix;
                self.missing = u32::from_be_bytes(length);
                // How long it is when it is not compressed any more is known only then.
                let holds = if compressed == 0 { self.missing } else { UNPACKED_BYTES };
                // Longer ones are refused when they are read.
                let most = short(LARGE_BYTES_MAX);
                if holds > SMALL_BYTES && holds <= most {
                    let free = Arc::clone(&self.free);
                    self.reserving = Some(Box::pin(free.acquire_many_owned(holds)));
                }
            }
            let came = data.len().min(narrow(self.missing.into()));
            self.missing -= short(came);
            data = &data[came..];
            // A single message is held until its call reads no more.
            if self.missing == 0 && self.goes_on {
                self.reserved = None;
            }
        }
    }
}

impl HttpBody for Reserved {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        loop {
            if let Some(reserving) = &mut self.reserving {
                let reserved = ready!(reserving.as_mut().poll(context));
                self.reserving = None;
                // An error is a closed semaphore, and it is never closed.
                self.reserved = reserved.ok();
            }
            if let Some(data) = self.waiting.take() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                ended => return Poll::Ready(ended),
            };
            match frame.into_data() {
                Ok(data) => {
                    self.follow(&data);
                    self.waiting = Some(data);
                }
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }
}
