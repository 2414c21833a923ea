//! The words of the Connect protocol: content types, headers, and how a gRPC code is called there.
//!
//! Source: <https://connectrpc.com/docs/protocol>.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use tonic::Code;

use crate::{
    grpc::{status::CallError, timeout},
    values::Invalid,
};

pub(super) const VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
pub(super) const TIMEOUT: HeaderName = HeaderName::from_static("connect-timeout-ms");
/// How the messages of a stream are compressed.
pub(super) const MESSAGE_ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");

/// Bytes in front of each message of a stream: flags, and how long it is.
pub(super) const PREFIX_BYTES: usize = 5;
/// The flag of a compressed message, and that of the message that ends a stream.
pub(super) const COMPRESSED: u8 = 0b01;
pub(super) const END_STREAM: u8 = 0b10;

/// Most digits of a timeout in milliseconds.
const TIMEOUT_DIGITS_MAX: usize = 10;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Proto,
}

/// How a body or a message is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

impl Format {
    /// The content type of requests and answers.
    pub(super) fn content_type(self, streams: bool) -> HeaderValue {
        HeaderValue::from_static(match (self, streams) {
            (Self::Json, false) => "application/json",
            (Self::Proto, false) => "application/proto",
            (Self::Json, true) => "application/connect+json",
            (Self::Proto, true) => "application/connect+proto",
        })
    }

    /// What a request is written in; `None` where its method takes no such content.
    pub(super) fn of(headers: &HeaderMap, streams: bool) -> Option<Self> {
        let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let (kind, parameters) = value.split_once(';').unwrap_or((value, ""));
        let (kind, parameters) = (kind.trim(), parameters.trim().replace(['"', ' '], ""));
        if !parameters.is_empty() && !parameters.eq_ignore_ascii_case("charset=utf-8") {
            return None;
        }
        [Self::Json, Self::Proto].into_iter().find(|format| {
            kind.as_bytes().eq_ignore_ascii_case(format.content_type(streams).as_bytes())
        })
    }

    /// What a method takes, for a request that sent something else.
    pub(super) fn accepted(streams: bool) -> HeaderValue {
        HeaderValue::from_static(if streams {
            "application/connect+json, application/connect+proto"
        } else {
            "application/json, application/proto"
        })
    }
}

impl Encoding {
    /// What that header says.
    pub(super) fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Self, CallError> {
        match headers.get(name).map(HeaderValue::as_bytes) {
            None | Some(b"identity") => Ok(Self::Identity),
            Some(b"gzip") => Ok(Self::Gzip),
            Some(other) => {
                let other = String::from_utf8_lossy(other);
                let why = format!("{name}: {other} is not supported; gzip and identity are");
                Err(CallError::foreign(Code::Unimplemented, "COMPRESSION_UNSUPPORTED", why))
            }
        }
    }
}

/// Checks the version that a client names, if it names one.
pub(super) fn check_version(headers: &HeaderMap) -> Result<(), Invalid> {
    match headers.get(&VERSION).map(HeaderValue::as_bytes) {
        None | Some(b"1") => Ok(()),
        Some(_) => Err(Invalid::new("Connect-Protocol-Version", "must be 1")),
    }
}

/// The `grpc-timeout` of a call, if it has a timeout.
pub(super) fn grpc_timeout(headers: &HeaderMap) -> Result<Option<HeaderValue>, Invalid> {
    let Some(value) = headers.get(&TIMEOUT) else { return Ok(None) };
    let digits = value.to_str().unwrap_or_default();
    let is_number = (1..=TIMEOUT_DIGITS_MAX).contains(&digits.len())
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    let millis: u64 = match digits.parse() {
        Ok(millis) if is_number => millis,
        _ => return Err(Invalid::new("Connect-Timeout-Ms", "must be one to ten digits")),
    };
    // gRPC has eight digits; what does not fit is longer than any timeout that is kept.
    let timeout = HeaderValue::from_str(&format!("{millis}m")).ok();
    Ok(timeout.filter(|_| u128::from(millis) <= timeout::TIMEOUT_MAX.as_millis()))
}

/// What Connect calls a code.
pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "canceled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

/// The HTTP status of a unary call that failed.
pub(super) fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
    }
}
