//! Bodies of requests, read within bounds of bytes and time, and uncompressed within them.

use std::{future::poll_fn, io::Read as _, pin::Pin, sync::Arc, time::Duration};

use axum::http::{HeaderMap, header};
use bytes::{Buf as _, Bytes, BytesMut};
use flate2::read::GzDecoder;
use hyper::body::{Body as HttpBody, Incoming};
use tokio::{sync::Semaphore, time::timeout};

use super::protocol::{COMPRESSED, Encoding, MESSAGE_ENCODING, PREFIX_BYTES};
use crate::{
    actors::Fault,
    grpc::{share::LARGE_BYTES_MAX, status::CallError},
    values::{Invalid, narrow, short, wide},
};

/// Bodies up to this size reserve nothing.
const SMALL_BYTES: usize = 64 << 10;

/// What bodies of all connections of the port may take together.
#[derive(Debug, Clone)]
pub(super) struct Room {
    large: Arc<Semaphore>,
    /// How long a body may take to come.
    lasts: Duration,
}

impl Room {
    pub(super) fn new(lasts: Duration) -> Self {
        Self { large: Arc::new(Semaphore::new(LARGE_BYTES_MAX)), lasts }
    }

    /// Reads a body of at most so many bytes.
    pub(super) async fn read(
        &self,
        headers: &HeaderMap,
        body: Incoming,
        bytes_max: usize,
    ) -> Result<Bytes, CallError> {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let announced: Option<usize> = announced.and_then(|value| value.parse().ok());
        if announced.is_some_and(|bytes| bytes > bytes_max) {
            return Err(too_large(bytes_max));
        }
        let reading = async {
            // A body whose length is not known may become as large as any.
            let bytes = announced.unwrap_or(bytes_max);
            let reserved = if bytes > SMALL_BYTES {
                let bytes = short(bytes.min(LARGE_BYTES_MAX));
                Some(self.large.acquire_many(bytes).await)
            } else {
                None
            };
            let read = collect(body, bytes_max).await;
            drop(reserved);
            read
        };
        timeout(self.lasts, reading).await.unwrap_or_else(|_late| {
            let why = format!("the body did not come within {} ms", self.lasts.as_millis());
            Err(CallError::foreign(tonic::Code::DeadlineExceeded, "BODY_LATE", why))
        })
    }
}

async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Bytes, CallError> {
    let mut read = BytesMut::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        // A broken connection takes no answer, so the error need not say more.
        let frame = frame.map_err(|_broken| Fault::Stopping)?;
        if let Ok(data) = frame.into_data() {
            if read.len() + data.len() > bytes_max {
                return Err(too_large(bytes_max));
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(read.freeze())
}

/// The one message of a unary call.
pub(super) fn unary(
    headers: &HeaderMap,
    body: Bytes,
    bytes_max: usize,
) -> Result<Bytes, CallError> {
    match Encoding::of(headers, &header::CONTENT_ENCODING)? {
        Encoding::Identity => Ok(body),
        Encoding::Gzip => unpacked(&body, bytes_max),
    }
}

/// The one message of a call whose answer is a stream.
pub(super) fn enveloped(
    headers: &HeaderMap,
    mut body: Bytes,
    bytes_max: usize,
) -> Result<Bytes, CallError> {
    let encoding = Encoding::of(headers, &MESSAGE_ENCODING)?;
    let wrong = |why: &str| CallError::from(Invalid::new("message", why));
    if body.len() < PREFIX_BYTES {
        return Err(wrong("must be one message with 5 bytes in front: its flags and its length"));
    }
    let flags = body.get_u8();
    let length = narrow(body.get_u32().into());
    if length != body.len() {
        return Err(wrong("must be one message, as long as the bytes in front of it say"));
    }
    match (flags, encoding) {
        (0, _) => Ok(body),
        (COMPRESSED, Encoding::Gzip) => unpacked(&body, bytes_max),
        (COMPRESSED, Encoding::Identity) => {
            Err(wrong("says that it is compressed, but Connect-Content-Encoding does not"))
        }
        _ => Err(wrong("has flags in front that no message of a request has")),
    }
}

fn unpacked(packed: &[u8], bytes_max: usize) -> Result<Bytes, CallError> {
    let mut unpacked = Vec::new();
    let read = GzDecoder::new(packed).take(wide(bytes_max) + 1).read_to_end(&mut unpacked);
    read.map_err(|why| Invalid::new("message", format!("is not compressed with gzip: {why}")))?;
    if unpacked.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(unpacked.into())
}

fn too_large(bytes_max: usize) -> CallError {
    CallError::too_much(format!("the body is larger than {bytes_max} bytes, the limit of this RPC"))
}
