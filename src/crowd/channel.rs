//! A connection that sends the token of its caller with every call.

use std::task::{Context, Poll};

use tonic::{
    body::Body,
    codegen::{Service, http},
    transport,
};

use super::operator::Token;

/// A connection and a token.
#[derive(Debug, Clone)]
pub struct Channel {
    inner: transport::Channel,
    token: Token,
}

impl Channel {
    pub fn new(inner: transport::Channel, token: Token) -> Self {
        Self { inner, token }
    }
}

impl Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = transport::Error;
    type Future = <transport::Channel as Service<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        self.token.put_on(request.headers_mut());
        self.inner.call(request)
    }
}
