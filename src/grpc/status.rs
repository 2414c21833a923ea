//! The one table from fault to gRPC status. Each status carries one `ErrorInfo` with the domain
//! `doorbuster`; retryable ones a delay, and invalid arguments their field.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::proto;
use crate::{
    actors::{Fault, PastFault},
    admission::{Role, Roles, TokenRefused},
    domain::Misdirected,
    store::ReadError,
    trace,
    values::{Invalid, ServiceLevel, millis},
};

/// The domain of every `ErrorInfo`.
const DOMAIN: &str = "doorbuster";

/// Retry delay after a full queue: a queue at its bound is processed within it.
const OVERLOAD_RETRY: Duration = Duration::from_millis(200);

/// An item that another node wrote to is rebuilt from the log on next use: nothing to wait for but
/// the other node's append.
const TAKEOVER_RETRY: Duration = Duration::from_millis(50);

/// A store that failed is asked again after this long.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// A level of the service is set by a person: they do not come and go by the second.
const LEVEL_RETRY: Duration = Duration::from_secs(5);

/// Work that takes seconds is worth asking for again after one.
const BUSY_RETRY: Duration = Duration::from_secs(1);

/// A failure on its way to a client: a status for a call of its own, a [`proto::Fault`] inside a
/// stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallError {
    code: Code,
    /// UPPER_SNAKE, part of the API.
    reason: &'static str,
    message: String,
    field: Option<String>,
    /// The level of the service that is in the way.
    level: Option<ServiceLevel>,
    /// The roles that may call it.
    roles: Option<Roles>,
    retry_after: Option<Duration>,
}

impl CallError {
    fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, reason, message, field: None, level: None, roles: None, retry_after: None }
    }

    fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }

    /// A read model that has not come as far as it was asked to.
    pub(super) fn behind(wanted: u64, position: u64) -> Self {
        let message = format!("the read model is at position {position}, not yet at {wanted}");
        Self::new(Code::Unavailable, "READ_MODEL_BEHIND", message).retry_after(OVERLOAD_RETRY)
    }

    /// A read model that has not come as far as the log went when it was opened or begun anew.
    pub(super) fn being_built(name: &str, end: u64, position: u64) -> Self {
        let message =
            format!("the read model {name} is being built and is at position {position} of {end}");
        Self::new(Code::Unavailable, "READ_MODEL_BUILDING", message).retry_after(STORE_RETRY)
    }

    /// A read model that cannot be read at the moment, or is about to be built anew.
    pub(super) fn unreadable(why: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%why, "a read model cannot be read at the moment");
        let message = "the read model cannot be read at the moment; the server's log says why";
        Self::new(Code::Unavailable, "READ_MODEL_UNREADABLE", message).retry_after(STORE_RETRY)
    }

    /// A read model that is being built.
    pub(super) fn not_ready(name: &str) -> Self {
        let message = format!("the read model {name} is being built");
        Self::new(Code::Unavailable, "READ_MODEL_BUILDING", message).retry_after(STORE_RETRY)
    }

    /// What this field names does not exist.
    pub(super) fn not_found(field: &'static str) -> Self {
        Misdirected::not_found(field).into()
    }

    /// Work of which one at a time is done on a node, and one is under way.
    pub(super) fn busy(what: &str) -> Self {
        let message = format!("another {what} is under way on this node");
        Self::new(Code::ResourceExhausted, "BUSY", message).retry_after(BUSY_RETRY)
    }

    /// More questions than are answered at once.
    pub(super) fn crowded() -> Self {
        let message = "too many queries on this node at once";
        Self::new(Code::ResourceExhausted, "BUSY", message).retry_after(BUSY_RETRY)
    }

    /// A call without a valid token, to a server that has tokens.
    pub(super) fn token_refused(why: TokenRefused, roles: Roles) -> Self {
        let (reason, message) = (why.reason(), why.message());
        Self { roles: Some(roles), ..Self::new(Code::Unauthenticated, reason, message) }
    }

    /// A call with a valid token of a role that may not make it.
    pub(super) fn role_forbidden(role: Role, roles: Roles) -> Self {
        let role = role.name();
        let message = format!("the token's role is {role}; this takes one of: {roles}");
        Self { roles: Some(roles), ..Self::new(Code::PermissionDenied, "ROLE_FORBIDDEN", message) }
    }

    /// A filter by which a caller who sees pseudonyms could find out whose they are.
    pub(super) fn filter_forbidden(field: &'static str) -> Self {
        let message =
            format!("{field} must be empty: analysts see pseudonyms and cannot ask by name");
        let failure = Self::new(Code::PermissionDenied, "FILTER_FORBIDDEN", message);
        Self { field: Some(field.to_owned()), ..failure }
    }

    /// A write in another name than that of its token.
    pub(super) fn operator_mismatch(operator: &str) -> Self {
        let message = format!("the token is that of {operator}: the request names another");
        Self::new(Code::PermissionDenied, "OPERATOR_MISMATCH", message)
    }

    /// What something else than a handler says of a call.
    pub(super) fn foreign(code: Code, reason: &'static str, message: String) -> Self {
        Self::new(code, reason, message)
    }

    /// A call that took longer than its caller waits. Nothing was decided, and nothing will be.
    pub(super) fn deadline() -> Self {
        Fault::DeadlineExceeded.into()
    }

    /// A stream that its caller does not wait for any longer. What was read of it may have been done.
    pub(super) fn stream_deadline() -> Self {
        let message = "the deadline of the stream passed; what it did not answer may have been done: \
                       send that again as it was";
        Self::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", message.to_owned())
    }

    /// More than is held in memory.
    pub(super) fn too_much(why: String) -> Self {
        Self::new(Code::ResourceExhausted, "TOO_LARGE", why)
    }

    /// A question that is not answered at this level of the service.
    pub(super) fn degraded(level: ServiceLevel) -> Self {
        let message = format!("not answered while the service runs at the level {level}");
        let failure = Self::new(Code::Unavailable, "SERVICE_DEGRADED", message);
        Self { level: Some(level), ..failure.retry_after(LEVEL_RETRY) }
    }

    /// An order while none are taken.
    pub(super) fn closed(level: ServiceLevel) -> Self {
        let message = "no new orders are taken at the moment; held orders can still be paid";
        let failure = Self::new(Code::Unavailable, "SERVICE_CLOSED", message);
        Self { level: Some(level), ..failure.retry_after(LEVEL_RETRY) }
    }

    /// A read model that stopped at an event it cannot apply.
    pub(super) fn stopped(name: &str, why: &str) -> Self {
        tracing::error!(projection = name, why, "a query of a stopped projection");
        let message = format!("the read model {name} stopped; the server's log says why");
        Self::new(Code::Unavailable, "READ_MODEL_STOPPED", message).retry_after(STORE_RETRY)
    }

    /// A log that cannot be read now, by a question.
    pub(super) fn store_away(why: &str) -> Self {
        tracing::debug!(why, "a question was not answered");
        let message = "the log cannot be read at the moment";
        Self::new(Code::Unavailable, "STORE_UNAVAILABLE", message).retry_after(STORE_RETRY)
    }

    /// A question for the head of a log whose end is not known now.
    pub(super) fn head_unknown(why: &str) -> Self {
        tracing::debug!(why, "a question was not answered");
        let message = "the end of the log is unknown because the store does not answer";
        Self::new(Code::Unavailable, "HEAD_UNKNOWN", message).retry_after(STORE_RETRY)
    }

    /// A log that holds what no store of ours wrote.
    pub(super) fn log_unreadable(why: &str) -> Self {
        tracing::error!(why, "the log cannot be read");
        let message = "the log cannot be read; the server's log says where";
        Self::new(Code::DataLoss, "LOG_UNREADABLE", message)
    }

    /// An export whose lines do not have the digest that stands in the log.
    pub(super) fn export_differs(number: i64, logged: &str, found: &str) -> Self {
        tracing::error!(number, logged, found, "an export differs from its digest in the log");
        let message =
            format!("export {number} has the digest {found} now, and {logged} in the log");
        Self::new(Code::DataLoss, "EXPORT_DIFFERS", message)
    }

    /// A place in a log that this log does not have.
    pub(super) fn log_changed() -> Self {
        let message = "resume_token is of another log: what it stands behind is not in this one; \
                       begin anew with after_position";
        let failure = Self::new(Code::FailedPrecondition, "LOG_CHANGED", message);
        Self { field: Some("resume_token".to_owned()), ..failure }
    }

    /// Something that should not happen. The reason goes to the server's log, not to the client.
    pub(super) fn internal(what: &str, why: &dyn std::fmt::Display) -> Self {
        tracing::error!(%why, "{what}");
        Self::new(Code::Internal, "INTERNAL", format!("{what}; the server's log says why"))
    }

    /// The same, its field named as a part of `outer`.
    pub(super) fn within(mut self, outer: &str) -> Self {
        self.field = self.field.map(|field| format!("{outer}.{field}"));
        self
    }

    pub(super) fn into_proto(self) -> proto::Fault {
        proto::Fault {
            code: code_name(self.code).to_owned(),
            reason: self.reason.to_owned(),
            message: self.message,
            field: self.field.unwrap_or_default(),
            retry_after_ms: self.retry_after.map_or(0, millis),
        }
    }
}

impl From<Invalid> for CallError {
    fn from(invalid: Invalid) -> Self {
        let message = invalid.to_string();
        let mut failure = Self::new(Code::InvalidArgument, "INVALID_ARGUMENT", message);
        failure.field = Some(invalid.field);
        failure
    }
}

impl From<Misdirected> for CallError {
    fn from(why: Misdirected) -> Self {
        let message = why.to_string();
        match why {
            Misdirected::NotFound(field) => {
                let mut failure = Self::new(Code::NotFound, "NOT_FOUND", message);
                failure.field = Some(field.into_owned());
                failure
            }
            Misdirected::RequestIdReused(_) => {
                Self::new(Code::AlreadyExists, "REQUEST_ID_REUSED", message)
            }
            Misdirected::Invalid(invalid) => invalid.into(),
        }
    }
}

impl From<Fault> for CallError {
    fn from(fault: Fault) -> Self {
        match &fault {
            Fault::Overloaded => {
                Self::new(Code::ResourceExhausted, "OVERLOADED", fault.to_string())
                    .retry_after(OVERLOAD_RETRY)
            }
            Fault::StoreUnavailable(why) => {
                // Once for each command; the outage of the store is logged once, where it is
                // detected.
                tracing::debug!(why, "a command was not answered");
                let message = "the store is unavailable; repeat the call with the same request id";
                Self::new(Code::Unavailable, "STORE_UNAVAILABLE", message).retry_after(STORE_RETRY)
            }
            Fault::LostOwnership => Self::new(Code::Aborted, "LOST_OWNERSHIP", fault.to_string())
                .retry_after(TAKEOVER_RETRY),
            Fault::DeadlineExceeded => {
                Self::new(Code::DeadlineExceeded, "DEADLINE_EXCEEDED", fault.to_string())
            }
            Fault::Unreadable(why) => Self::log_unreadable(why),
            Fault::Stopping => {
                Self::new(Code::Unavailable, "STOPPING", fault.to_string()).retry_after(STORE_RETRY)
            }
        }
    }
}

impl From<ReadError> for CallError {
    fn from(error: ReadError) -> Self {
        Fault::from(error).into()
    }
}

impl From<PastFault> for CallError {
    fn from(fault: PastFault) -> Self {
        match &fault {
            PastFault::Overloaded => {
                Self::new(Code::ResourceExhausted, "OVERLOADED", fault.to_string())
                    .retry_after(STORE_RETRY)
            }
            PastFault::Building(_) => {
                let message = format!("{fault}; ask again later, the work goes on");
                Self::new(Code::Unavailable, "AS_OF_BUILDING", message).retry_after(STORE_RETRY)
            }
            PastFault::HeldUp(why) => Self::unreadable(why),
            PastFault::Failed(why) => {
                Self::internal("read models of that moment could not be built", why)
            }
        }
    }
}

impl From<CallError> for Status {
    fn from(failure: CallError) -> Self {
        let mut metadata = HashMap::new();
        let mut details = ErrorDetails::new();
        if let Some(field) = &failure.field {
            metadata.insert("field".to_owned(), field.clone());
            if failure.code == Code::InvalidArgument {
                details.add_bad_request_violation(field.clone(), failure.message.clone());
            }
        }
        if let Some(level) = failure.level {
            metadata.insert("level".to_owned(), level.name().to_owned());
        }
        if let Some(roles) = failure.roles {
            metadata.insert("roles".to_owned(), roles.to_string());
        }
        // An error of the caller is complete in itself, and equal for all callers.
        if !is_mistake(failure.code)
            && let Some(id) = trace::current()
        {
            metadata.insert("trace_id".to_owned(), id.to_string());
        }
        details.set_error_info(failure.reason, DOMAIN, metadata);
        if let Some(pause) = failure.retry_after {
            details.set_retry_info(Some(pause));
        }
        Self::with_error_details(failure.code, failure.message, details)
    }
}

/// Whether the caller has to change the request.
fn is_mistake(code: Code) -> bool {
    matches!(
        code,
        Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::PermissionDenied
            | Code::Unauthenticated
            | Code::FailedPrecondition
            | Code::OutOfRange
    )
}

pub(super) fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
