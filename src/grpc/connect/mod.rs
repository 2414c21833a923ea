//! The contract over plain HTTP: the Connect protocol, JSON or protobuf in `POST` requests, for
//! clients without gRPC; and its description as OpenAPI.
//!
//! Only the encoding is made here. Each call goes to the same services inside the process as a gRPC
//! call, so deadlines, levels, sizes, operators, figures and failures are the same.

mod bodies;
mod call;
mod failure;
mod frames;
mod gateway;
mod guard;
mod json;
mod openapi;
mod protocol;
mod schema;
mod strict;

use std::{convert::Infallible, pin::Pin, sync::Arc};

use axum::{
    body::Body,
    http::{Request, Response},
};
use hyper::body::Incoming;
use tokio::{net::TcpListener, sync::watch};

pub(super) use self::gateway::Gateway;
use super::share::{ConnectionLimits, Share};
use crate::connections::{Limits, Peers, Phase, Security, http1};

/// The port of one connection.
struct OneConnection {
    gateway: Arc<Gateway>,
    share: Arc<Share>,
}

impl hyper::service::Service<Request<Incoming>> for OneConnection {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let (gateway, share) = (Arc::clone(&self.gateway), Arc::clone(&self.share));
        Box::pin(async move { Ok(gateway.answer(request, share).await) })
    }
}

/// Serves until the phase is not [`Phase::Serving`] any more, and returns when the last connection
/// is closed.
pub(super) async fn serve(
    listener: (TcpListener, Security),
    gateway: Gateway,
    peers: Arc<Peers>,
    limits: (Limits, ConnectionLimits),
    phase: watch::Receiver<Phase>,
) {
    let gateway = Arc::new(gateway);
    let (connections, connection) = limits;
    http1::serve(listener, peers, connections, phase, || OneConnection {
        gateway: Arc::clone(&gateway),
        share: Share::new(connection),
    })
    .await;
}
