//! How a verb fails: the message, and the exit code for scripts.

use std::{error::Error, fmt, io};

use tonic::{Code as GrpcCode, Status};
use tonic_types::StatusExt;

use super::{json::short, sale_file::Complaints};
use crate::{
    config::BadSetting,
    grpc::proto::RefusalReason,
    store::{StoreOpenError, embedded::OpenError},
    values::{Invalid, RequestId},
};

/// The exit codes, as `--help` and `docs/configuration.md` list them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It did not work.
    Failed = 1,
    /// The command line, a file or a value is wrong.
    Usage = 2,
    /// A business "no": sold out, not open yet, over the limit.
    Refused = 3,
    /// No server answers there.
    Unreachable = 4,
    /// The log is damaged, or a read model differs from its rebuild.
    Integrity = 5,
    /// The log is known to have been longer, or is not the one that was answered from.
    Lost = 6,
    /// Ctrl-C or SIGTERM came before it was done.
    Interrupted = 130,
}

/// Why a verb did not do what it was asked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub code: Code,
    /// For people, on one line where possible.
    pub message: String,
    /// A write may or may not have happened.
    unsettled: bool,
}

impl Failure {
    /// A failure with its exit code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), unsettled: code == Code::Unreachable }
    }

    /// A business "no", by the name of its reason and its sentence.
    pub fn refused(reason: &str, sentence: &str) -> Self {
        Self::new(Code::Refused, format!("refused, {reason}: {sentence}"))
    }

    /// What a server answered instead of doing it: one sentence, with the reason's name.
    pub fn status(status: &Status) -> Self {
        let details = status.get_error_details();
        let ours = details.error_info();
        let reason = ours.map_or_else(|| grpc_name(status.code()), |info| info.reason.clone());
        let fields = details.bad_request().map(|bad| {
            let each = bad.field_violations.iter().map(|violation| {
                if violation.description.starts_with(&violation.field) {
                    violation.description.clone()
                } else {
                    format!("{} {}", violation.field, violation.description)
                }
            });
            each.collect::<Vec<_>>().join("; ")
        });
        let sentence = fields.filter(|fields| !fields.is_empty());
        let sentence = sentence.unwrap_or_else(|| status.message().to_owned());
        let mut message = format!("{} ({reason})", sentence.trim_end_matches('.'));
        // A connection that broke: the status alone only says that it did.
        let broke = status.source().filter(|_| ours.is_none());
        if let Some(cause) = broke {
            message.push_str(&format!(": {}", innermost(cause)));
        }
        if let Some(delay) = details.retry_info().and_then(|retry| retry.retry_delay) {
            message.push_str(&format!("; try again in {} ms", delay.as_millis()));
        }
        if matches!(reason.as_str(), "READ_MODEL_BEHIND" | "HEAD_UNKNOWN") {
            message.push_str("\n--stale answers with what is known so far");
        }
        if ours.is_none() && is_of_another_protocol(status) {
            message.push_str("\nis this the gRPC port of a doorbuster? http:// and https:// as it serves? see --server");
        }
        if reason.starts_with("TOKEN_") {
            message
                .push_str("\nthe token is the first line of --token-file (DOORBUSTER_TOKEN_FILE)");
        }
        let code = match status.code() {
            GrpcCode::InvalidArgument | GrpcCode::AlreadyExists => Code::Usage,
            // Without our details it is the connection that broke, not the server that answered.
            GrpcCode::Unavailable if ours.is_none() => Code::Unreachable,
            GrpcCode::Unknown if broke.is_some() => Code::Unreachable,
            GrpcCode::DataLoss => Code::Integrity,
            _ => Code::Failed,
        };
        let unsettled = may_have_happened(status.code());
        Self { code, message, unsettled }
    }

    /// Says how to repeat a write whose outcome is not known, so that it happens once at most.
    #[must_use]
    pub fn with_retry(mut self, request_id: RequestId) -> Self {
        if self.unsettled {
            let hint = format!("\nto try again safely, repeat it with --request-id {request_id}");
            self.message.push_str(&hint);
        }
        self
    }
}

/// Transport errors say "transport error" and keep what happened for their sources.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Failure {}

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::new(Code::Usage, invalid.to_string())
    }
}

/// The exit code of a verb's result; `None` when the reader of its output is gone, which is no
/// failure of the verb.
pub fn exit_code(error: &anyhow::Error) -> Option<Code> {
    for cause in error.chain() {
        if let Some(failure) = cause.downcast_ref::<Failure>() {
            return Some(failure.code);
        }
        if cause.is::<BadSetting>() || cause.is::<Complaints>() || cause.is::<Invalid>() {
            return Some(Code::Usage);
        }
        match cause.downcast_ref() {
            Some(StoreOpenError::Cluster { .. }) => return Some(Code::Usage),
            Some(StoreOpenError::Embedded(error)) => return Some(opening(error)),
            None => {}
        }
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        if io == Some(io::ErrorKind::BrokenPipe) {
            return None;
        }
    }
    Some(Code::Failed)
}

/// The exit code of a log that was not opened.
pub fn opening(error: &OpenError) -> Code {
    match error {
        OpenError::Lost { .. } => Code::Lost,
        OpenError::NotADirectory { .. }
        | OpenError::InUse { .. }
        | OpenError::Io { .. }
        | OpenError::Foreign { .. }
        | OpenError::Newer { .. }
        | OpenError::Damaged { .. }
        | OpenError::ReadOnly { .. } => Code::Failed,
    }
}

/// The name of a reason without its prefix, for example `SOLD_OUT`; empty where there is none.
pub fn reason_name(reason: RefusalReason) -> &'static str {
    short("REFUSAL_REASON_", reason.as_str_name())
}

/// Whether the other side does not speak gRPC, as far as the gRPC client can tell.
fn is_of_another_protocol(status: &Status) -> bool {
    let broken = matches!(status.code(), GrpcCode::Internal | GrpcCode::Unknown);
    let words = ["protocol error", "h2 protocol", "http2 error", "transport error"];
    broken && words.iter().any(|words| status.message().contains(words))
}

/// Whether a write that ended like this may have happened, or is worth repeating as it is.
fn may_have_happened(code: GrpcCode) -> bool {
    match code {
        GrpcCode::Cancelled
        | GrpcCode::Unknown
        | GrpcCode::DeadlineExceeded
        | GrpcCode::ResourceExhausted
        | GrpcCode::Aborted
        | GrpcCode::Internal
        | GrpcCode::Unavailable
        | GrpcCode::DataLoss => true,
        GrpcCode::Ok
        | GrpcCode::InvalidArgument
        | GrpcCode::NotFound
        | GrpcCode::AlreadyExists
        | GrpcCode::PermissionDenied
        | GrpcCode::FailedPrecondition
        | GrpcCode::OutOfRange
        | GrpcCode::Unimplemented
        | GrpcCode::Unauthenticated => false,
    }
}

/// `ResourceExhausted` as the gRPC documentation writes it: `RESOURCE_EXHAUSTED`.
fn grpc_name(code: GrpcCode) -> String {
    let mut name = String::new();
    for letter in format!("{code:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_uppercase());
    }
    name
}
