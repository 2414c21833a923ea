//! The common parts of a write: operator, request id, token and server.
//!
//! A steering verb adds only its request; the forms of the answers are in `decided`.

use tonic::{Response, Status};

use super::{failure::Failure, server::Server};
use crate::{
    clock,
    crowd::channel::Channel,
    grpc::proto::{WriteFields, WriteRequest},
    values::{RequestId, bounded_text},
};

/// The idempotency key of a write.
#[derive(Debug, Clone, clap::Args)]
pub struct Write {
    /// Repeat an earlier call under its id, so that it takes effect at most once [default: a new
    /// UUID]
    #[arg(long, value_name = "UUID")]
    pub request_id: Option<String>,
}

/// What every verb that steers has.
#[derive(Debug, Clone, clap::Args)]
pub struct Steering {
    /// The recorded operator, 1 to 64 characters [default: the token's operator, else cli]
    #[arg(long, value_name = "NAME", env = "DOORBUSTER_OPERATOR")]
    operator: Option<String>,
    #[command(flatten)]
    pub write: Write,
    #[command(flatten)]
    pub server: Server,
}

/// What every request that steers carries.
#[derive(Clone)]
pub struct Signed {
    pub request_id: String,
    /// Empty where a token says it.
    pub operator: String,
}

impl Write {
    /// The id that was given, or a new one.
    pub fn id(&self) -> Result<RequestId, Failure> {
        match &self.request_id {
            Some(text) => Ok(RequestId::parse("--request-id", text)?),
            None => Ok(clock::new_request_id()),
        }
    }
}

impl Steering {
    /// Which server is called.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Makes the write and waits for its answer. If its outcome stays unknown, the failure says how
    /// to repeat it.
    pub fn send<T>(
        &self,
        call: impl AsyncFn(Channel, Signed) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        let request_id = self.write.id()?;
        let mut name = self.server.token.operator("cli")?.name;
        if let Some(given) = &self.operator {
            bounded_text("--operator", given, crate::domain::sale::NAME_CHARS_MAX)?;
            name.clone_from(given);
        }
        let signed = Signed { request_id: request_id.to_string(), operator: name };
        self.server.write(request_id, async |channel| call(channel, signed.clone()).await)
    }

    /// The same of a write about one item or sale, with its fields filled in.
    pub fn act<Q: WriteRequest + Clone, T>(
        &self,
        subject_id: &str,
        reason: &str,
        request: Q,
        call: impl AsyncFn(Channel, Q) -> Result<Response<T>, Status>,
    ) -> Result<T, Failure> {
        self.send(async |channel, signed| {
            let Signed { request_id, operator } = signed;
            let (subject_id, reason) = (subject_id.to_owned(), reason.to_owned());
            let fields = WriteFields { request_id, subject_id, operator, reason };
            call(channel, request.clone().with(fields)).await
        })
    }
}
