//! Converts failures that tonic creates outside of handlers to those of the contract.
//!
//! Failures of handlers carry details; a status without any is tonic's own. tonic returns INTERNAL
//! for an undecodable message and OUT_OF_RANGE for one that is too large; both are errors of the
//! caller, and clients and proxies decide about retries by the code.

use tonic::{Code, Status, body::Body, codegen::http};

use super::status::CallError;
use crate::values::Invalid;

/// How tonic and prost begin what they say.
const NO_PROTOBUF: &str = "failed to decode Protobuf message: ";
const COMPRESSED_BY: &str = "Content is compressed with ";
const COMPRESSION_FLAG: &str = "protocol error: received message with ";

/// How much of a name that does not exist is said again.
const NAME_CHARS_MAX: usize = 200;

/// Where the details of a status are.
const DETAILS: &str = "grpc-status-details-bin";

/// Completes an answer that is a failure, and gives its code.
pub(super) fn complete(answer: &mut http::Response<Body>) -> Code {
    let headers = answer.headers_mut();
    let Some(status) = Status::from_header_map(headers) else { return Code::Ok };
    if status.code() == Code::Ok || headers.contains_key(DETAILS) {
        return status.code();
    }
    let completed = of_tonic(&status);
    match completed.add_header(headers) {
        Ok(()) => completed.code(),
        Err(_unwritable) => status.code(),
    }
}

/// What tonic says of a call, with details.
pub(super) fn of_tonic(status: &Status) -> Status {
    if !status.details().is_empty() {
        return status.clone();
    }
    let said = status.message();
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => CallError::too_much(said.to_owned()).into(),
        Code::Internal if said.starts_with(COMPRESSION_FLAG) => {
            CallError::foreign(Code::Internal, "COMPRESSION_FLAG", said.to_owned()).into()
        }
        Code::Internal => CallError::from(unreadable(said)).into(),
        Code::Unimplemented if said.starts_with(COMPRESSED_BY) => {
            let said = format!("{said}; gzip and uncompressed messages are supported");
            CallError::foreign(Code::Unimplemented, "COMPRESSION_UNSUPPORTED", said).into()
        }
        Code::Unimplemented => method_unknown("of this name").into(),
        code => CallError::foreign(code, super::status::code_name(code), said.to_owned()).into(),
    }
}

/// There is no such method.
pub(super) fn method_unknown(name: &str) -> CallError {
    let name: String = name.chars().take(NAME_CHARS_MAX).collect();
    let said = format!("there is no method {name}");
    CallError::foreign(Code::Unimplemented, "METHOD_UNKNOWN", said)
}

/// A message that is none, with the field that is wrong where that is known.
fn unreadable(said: &str) -> Invalid {
    let Some(why) = said.strip_prefix(NO_PROTOBUF) else {
        return Invalid::new("message", format!("cannot be read: {said}"));
    };
    // prost says `PlaceOrderRequest.buyer: PlaceOrdersRequest.command: what is wrong`.
    let (mut fields, mut problem) = (Vec::new(), why);
    while let Some((place, rest)) = problem.split_once(": ")
        && let Some((_message, field)) = place.split_once('.')
        && !place.contains(' ')
    {
        fields.push(field);
        problem = rest;
    }
    fields.reverse();
    let field = if fields.is_empty() { "message".to_owned() } else { fields.join(".") };
    Invalid::new(field, format!("cannot be read: {problem}"))
}
