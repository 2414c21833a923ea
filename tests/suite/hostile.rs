//! Clients that send and do not read, that are silent, or that go on while the server stops: each is
//! held to its bounds, and all other clients are served.

/// What fails before or beside a handler has the right code, and details.
mod codes;
/// A call is decided before its deadline or never.
mod deadlines;
/// Silent, slow and idle connections.
mod silent;
/// A server stops whatever its clients do.
mod stops;
/// Callers that do not read their answers.
mod unread;

use std::{convert::Infallible, net::SocketAddr};

use axum::body::Body;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;
use tonic::{Status, codegen::http};

const PLACE_ORDER: &str = "/doorbuster.v1.PurchaseService/PlaceOrder";

/// A connection without a gRPC client on it.
struct Raw {
    send: SendRequest<Body>,
}

impl Raw {
    async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        let mut builder = Builder::new(TokioExecutor::new());
        // Small windows: what is not read is not sent, and nothing hides in between.
        builder.initial_stream_window_size(1 << 10).initial_connection_window_size(1 << 16);
        let (send, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self { send }
    }

    /// Calls, and returns the answer with an unread body.
    async fn call(
        &mut self,
        path: &str,
        headers: &[(&str, &str)],
        body: Body,
    ) -> Response<Incoming> {
        let mut request = Request::post(format!("http://node{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send.ready().await.unwrap();
        self.send.send_request(request.body(body).unwrap()).await.unwrap()
    }

    /// Calls with one message, and gives the status of the answer.
    async fn status(&mut self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Status {
        let answer = self.call(path, headers, Body::from(body)).await;
        status_of(answer).await
    }
}

/// The status of an answer, read to its end.
async fn status_of(answer: Response<Incoming>) -> Status {
    let (parts, body) = answer.into_parts();
    if let Some(status) = Status::from_header_map(&parts.headers) {
        return status;
    }
    let mut body = Body::new(body);
    let mut trailers = http::HeaderMap::new();
    while let Some(frame) = next_frame(&mut body).await {
        if let Ok(more) = frame.into_trailers() {
            trailers = more;
        }
    }
    Status::from_header_map(&trailers).expect("a status")
}

async fn next_frame(body: &mut Body) -> Option<hyper::body::Frame<Bytes>> {
    use std::{future::poll_fn, pin::Pin};
    poll_fn(|context| hyper::body::Body::poll_frame(Pin::new(&mut *body), context))
        .await
        .map(|frame| frame.unwrap())
}

/// A message as it goes over the wire.
fn framed(message: &impl Message) -> Vec<u8> {
    framed_bytes(0, &message.encode_to_vec())
}

fn framed_bytes(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut framed = vec![flag];
    framed.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    framed.extend(message);
    framed
}

/// A body of these pieces.
fn body_of(pieces: impl futures_util::Stream<Item = Vec<u8>> + Send + 'static) -> Body {
    use futures_util::StreamExt as _;
    Body::from_stream(pieces.map(Ok::<_, Infallible>))
}
