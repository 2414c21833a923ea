//! One call: from its body to a gRPC request inside the process, and from the answer back.

use std::{convert::Infallible, io::Write as _, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, header},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;
use hyper::body::Incoming;
use prost_reflect::MessageDescriptor;
use serde_json::json;
use tonic::{Code, Status, codegen::Service as _};

use super::{
    bodies, failure,
    frames::{Frames, framed},
    gateway::{Called, Gateway},
    json,
    protocol::{self, END_STREAM, Format},
};
use crate::grpc::{foreign::of_tonic, share::Share, status::CallError};

/// Answers that are larger are compressed where the client takes that.
const PLAIN_BYTES_MAX: usize = 1024;

/// Headers of the HTTP request, and those by which a client would speak to gRPC itself.
const OF_HTTP: [HeaderName; 12] = [
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("grpc-accept-encoding"),
    HeaderName::from_static("grpc-encoding"),
    HeaderName::from_static("grpc-timeout"),
];

impl Gateway {
    /// Answers a call of that method.
    pub(super) async fn call(
        &self,
        method: &Called,
        request: Request<Incoming>,
        share: Arc<Share>,
    ) -> Response<Body> {
        let streams = method.descriptor.is_server_streaming();
        if method.descriptor.is_client_streaming() {
            let refused = self.fails_here(method, takes_stream(method));
            let in_stream = Format::of(request.headers(), true);
            return in_stream
                .map_or_else(|| failure::answer(&refused), |format| ended(format, &refused));
        }
        let Some(format) = Format::of(request.headers(), streams) else {
            return self.wrong_content(method, streams);
        };
        let accepts_gzip = accepts_gzip(request.headers());
        let answered = match self.prepared(method, format, request, share).await {
            Ok(request) => match self.routes.clone().call(request).await {
                Ok(answer) => Frames::of(answer),
                Err(never) => match never {},
            },
            Err(failed) => Err(self.fails_here(method, failed)),
        };
        let output = method.descriptor.output();
        if streams {
            return answered.map_or_else(
                |status| ended(format, &status),
                |frames| follow(format, output, frames),
            );
        }
        let message = match answered {
            Ok(frames) => only(frames).await.and_then(|message| written(format, &output, message)),
            Err(status) => Err(status),
        };
        message.map_or_else(
            |status| failure::answer(&status),
            |message| unary(format, message, accepts_gzip),
        )
    }

    /// The gRPC request that the body comes to.
    async fn prepared(
        &self,
        method: &Called,
        format: Format,
        request: Request<Incoming>,
        share: Arc<Share>,
    ) -> Result<Request<Body>, CallError> {
        let (head, body) = request.into_parts();
        let mut headers = head.headers;
        protocol::check_version(&headers)?;
        let timeout = protocol::grpc_timeout(&headers)?;
        let bytes_max = method.bytes_max;
        let message = if method.descriptor.is_server_streaming() {
            let body = self.room.read(&headers, body, bytes_max + protocol::PREFIX_BYTES).await?;
            bodies::enveloped(&headers, body, bytes_max)?
        } else {
            let body = self.room.read(&headers, body, bytes_max).await?;
            bodies::unary(&headers, body, bytes_max)?
        };
        let message = match format {
            Format::Proto => message,
            Format::Json => json::to_proto(&method.descriptor.input(), &message)?.into(),
        };
        let message = framed(0, &message)
            .map_err(|why| CallError::internal("the message could not be passed on", &why))?;
        for name in &OF_HTTP {
            headers.remove(name);
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        if let Some(timeout) = timeout {
            headers.insert("grpc-timeout", timeout);
        }
        let mut call = Request::new(Body::from(message));
        *call.method_mut() = head.method;
        *call.uri_mut() = head.uri;
        *call.headers_mut() = headers;
        call.extensions_mut().insert(share);
        Ok(call)
    }

    /// A call that failed before it reached its service, counted like any other.
    fn fails_here(&self, method: &Called, failed: CallError) -> Status {
        let status = Status::from(failed);
        let service = method.descriptor.parent_service().full_name();
        let path = format!("/{service}/{}", method.descriptor.name());
        self.counted.at(&path).answered(status.code());
        status
    }

    fn wrong_content(&self, method: &Called, streams: bool) -> Response<Body> {
        let accepted = Format::accepted(streams);
        let why = format!("the content type must be {}", accepted.to_str().unwrap_or_default());
        let failed = CallError::foreign(Code::Unimplemented, "CONTENT_TYPE", why);
        let status = self.fails_here(method, failed);
        let mut answer = failure::with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE, &status);
        answer.headers_mut().insert("accept-post", accepted);
        answer
    }
}

fn takes_stream(method: &Called) -> CallError {
    let name = method.descriptor.name();
    let why = format!("{name} takes a stream of messages, which is served over gRPC only");
    CallError::foreign(Code::Unimplemented, "STREAM_UNSUPPORTED", why)
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut words = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    words.any(|word| {
        let (name, quality) = word.split_once(';').unwrap_or((word, ""));
        name.trim() == "gzip" && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

/// The message of a unary answer.
async fn only(mut frames: Frames) -> Result<Bytes, Status> {
    let message = frames.next().await?;
    // The status stands behind the message.
    while frames.next().await?.is_some() {}
    message.ok_or_else(|| Status::internal("the answer has no message"))
}

/// A message of ours as it is sent.
fn written(format: Format, output: &MessageDescriptor, message: Bytes) -> Result<Bytes, Status> {
    match format {
        Format::Proto => Ok(message),
        Format::Json => match json::to_json(output, &message) {
            Ok(text) => Ok(text.into()),
            Err(why) => Err(CallError::internal("the answer could not be written", &why).into()),
        },
    }
}

fn unary(format: Format, message: Bytes, accepts_gzip: bool) -> Response<Body> {
    let packed =
        if accepts_gzip && message.len() > PLAIN_BYTES_MAX { gzip(&message) } else { None };
    let is_packed = packed.is_some();
    let mut answer = Response::new(Body::from(packed.unwrap_or(message)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, format.content_type(false));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer
}

fn gzip(message: &[u8]) -> Option<Bytes> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(message).ok()?;
    packed.finish().ok().map(Bytes::from)
}

/// The message that ends a stream.
fn end(failed: Option<&Status>) -> Bytes {
    let said = failed.map_or_else(
        || json!({}),
        |status| json!({ "error": failure::as_json(&of_tonic(status)) }),
    );
    framed(END_STREAM, said.to_string().as_bytes()).unwrap_or_default()
}

/// A stream that failed before its first message.
fn ended(format: Format, status: &Status) -> Response<Body> {
    stream_of(format, Body::from(end(Some(status))))
}

/// A stream, message by message.
fn follow(format: Format, output: MessageDescriptor, frames: Frames) -> Response<Body> {
    let messages = stream::unfold(Some(frames), move |frames| {
        let output = output.clone();
        async move {
            let mut frames = frames?;
            let next = match frames.next().await {
                Ok(Some(message)) => written(format, &output, message)
                    .and_then(|message| framed(0, &message))
                    .map(Some),
                Ok(None) => Ok(None),
                Err(status) => Err(status),
            };
            Some(match next {
                Ok(Some(message)) => (Ok::<_, Infallible>(message), Some(frames)),
                Ok(None) => (Ok(end(None)), None),
                Err(status) => (Ok(end(Some(&status))), None),
            })
        }
    });
    stream_of(format, Body::from_stream(messages))
}

fn stream_of(format: Format, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    answer.headers_mut().insert(header::CONTENT_TYPE, format.content_type(true));
    answer
}
