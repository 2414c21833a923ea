//! gRPC inside the process: messages with five bytes in front, and trailers at the end.

use std::{future::poll_fn, pin::Pin};

use axum::http::HeaderMap;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use hyper::body::Body as HttpBody;
use tonic::{Code, Status, body::Body};

use super::protocol::PREFIX_BYTES;

/// A message with what stands in front of it.
pub(super) fn framed(flags: u8, message: &[u8]) -> Result<Bytes, Status> {
    let length = u32::try_from(message.len());
    let length = length.map_err(|_long| Status::internal("the message is too long"))?;
    let mut framed = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    framed.put_u8(flags);
    framed.put_u32(length);
    framed.put_slice(message);
    Ok(framed.freeze())
}

/// The messages of an answer.
pub(super) struct Frames {
    body: Body,
    came: BytesMut,
    trailers: HeaderMap,
}

impl Frames {
    /// # Errors
    /// The status of an answer that failed before its first message.
    pub(super) fn of(answer: tonic::codegen::http::Response<Body>) -> Result<Self, Status> {
        let (head, body) = answer.into_parts();
        match Status::from_header_map(&head.headers) {
            Some(status) if status.code() != Code::Ok => Err(status),
            Some(_) | None => Ok(Self { body, came: BytesMut::new(), trailers: head.headers }),
        }
    }

    /// The next message; none at a good end.
    ///
    /// # Errors
    /// The status of an answer that failed.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Status> {
        loop {
            if let Some(message) = self.whole() {
                return Ok(Some(message));
            }
            let body = &mut self.body;
            match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
                Some(frame) => match frame?.into_data() {
                    Ok(data) => self.came.extend_from_slice(&data),
                    Err(frame) => self.trailers.extend(frame.into_trailers().unwrap_or_default()),
                },
                None => {
                    return match Status::from_header_map(&self.trailers) {
                        Some(status) if status.code() == Code::Ok => Ok(None),
                        Some(status) => Err(status),
                        None => Err(Status::internal("the answer ended without a status")),
                    };
                }
            }
        }
    }

    /// A message that came in whole. Ours are not compressed: nothing asked for it.
    fn whole(&mut self) -> Option<Bytes> {
        let [_flags, length @ ..] = *self.came.first_chunk::<PREFIX_BYTES>()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        if self.came.len() - PREFIX_BYTES < length {
            return None;
        }
        self.came.advance(PREFIX_BYTES);
        Some(self.came.split_to(length).freeze())
    }
}
