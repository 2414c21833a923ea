//! Queries without a server: the same services, over a pipe inside this process.
//!
//! The caller uses the same client, so each query has one implementation. Only services
//! that read are here.

use std::{
    future::{Ready, ready},
    io,
    task::{Context, Poll},
};

use futures_util::{StreamExt, stream};
use hyper_util::rt::TokioIo;
use tokio::io::{DuplexStream, duplex};
use tonic::{
    codegen::Service,
    transport::{Channel, Endpoint, Error, Server, Uri},
};

use super::{ReadSide, proto, report::ReportApi};

/// Bytes under way in one direction.
const PIPE_BYTES: usize = 1 << 20;

/// A channel on which the read models are asked. It lasts as long as the runtime.
///
/// # Errors
/// When the two ends cannot agree, which should not happen.
pub async fn connect(reads: ReadSide) -> Result<Channel, Error> {
    let (ours, theirs) = duplex(PIPE_BYTES);
    // There is exactly one caller.
    let callers = stream::once(ready(Ok::<_, io::Error>(theirs))).chain(stream::pending());
    let report = proto::report_service_server::ReportServiceServer::new(ReportApi { reads });
    tokio::spawn(Server::builder().add_service(report).serve_with_incoming(callers));
    let pipe = Pipe(Some(TokioIo::new(ours)));
    Endpoint::from_static("http://data.directory").connect_with_connector(pipe).await
}

/// Our end, for the first connection.
struct Pipe(Option<TokioIo<DuplexStream>>);

impl Service<Uri> for Pipe {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::Error::other("the pipe was used up")))
    }
}
