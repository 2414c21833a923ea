//! Answers of one connection that become ready together are written together.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body;
use doorbuster::connections::{Limits, Peers, Phase, http2};
use futures_util::future::join_all;
use hyper::{Response, body::Incoming, service::service_fn};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Barrier, watch},
};

use super::Raw;

const CALLS: usize = 32;
/// Longer than what HTTP/2 copies behind the head of its frame where it writes vectors.
const ANSWER_BYTES: usize = 600;

/// A socket whose writes are counted.
struct Counting {
    stream: TcpStream,
    writes: Arc<AtomicUsize>,
}

impl AsyncRead for Counting {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Counting {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// On one thread, so that which tasks are ready together does not depend on the machine.
#[tokio::test]
async fn answers_that_are_ready_together_are_one_write() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_phase, serving) = watch::channel(Phase::Serving);
    let lasts = Duration::from_secs(60);
    let limits = Limits { calls_max: 100, start_lasts: lasts, idle_lasts: lasts };
    let writes = Arc::new(AtomicUsize::new(0));
    let (counted, together) = (Arc::clone(&writes), Arc::new(Barrier::new(CALLS)));
    let server = http2::serve(listener, Peers::new(10), limits, serving, move |stream, _peer| {
        let (together, before) = (Arc::clone(&together), Arc::clone(&counted));
        let service = service_fn(move |_: hyper::Request<Incoming>| {
            let (together, before) = (Arc::clone(&together), Arc::clone(&before));
            Box::pin(async move {
                if together.wait().await.is_leader() {
                    before.store(0, Ordering::Relaxed);
                }
                Ok::<_, io::Error>(Response::new(Body::from(vec![7; ANSWER_BYTES])))
            })
        });
        (Counting { stream, writes: Arc::clone(&counted) }, service)
    });
    tokio::spawn(server);

    let raw = Raw::connect(address).await;
    let calls = (0..CALLS).map(|_| {
        let mut send = Raw { send: raw.send.clone() };
        async move { send.call("/any", &[], Body::empty()).await }
    });
    let answers = join_all(calls).await;
    assert_eq!(answers.len(), CALLS);
    let written = writes.load(Ordering::Relaxed);
    // 16 KiB at most in one write.
    let needed = (CALLS * ANSWER_BYTES).div_ceil(16 << 10);
    assert!(written <= 2 * needed + 2, "{written} writes for {CALLS} answers");
}
