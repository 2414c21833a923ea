//! The bytes of a connection, in plain text or through TLS.
//!
//! The handshake is made by whoever first reads or writes, in the task of the connection: whatever
//! bounds how long a connection may take to begin bounds its handshake, too, and nobody else waits.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::tls::{Spoken, Tls};

/// Bytes that are encrypted and not sent yet, at most: a peer that does not read is noticed by it.
const ENCRYPTED_BYTES: usize = 32 << 10;

/// How long what a peer sends is read and dropped after its handshake failed: closing a socket on
/// unread bytes resets it, and the peer loses the alert that says why.
const FAREWELL_LASTS: Duration = Duration::from_millis(500);

/// How the connections of one listener are secured.
#[derive(Debug, Clone, Default)]
pub struct Security(Option<(Arc<Tls>, Spoken)>);

impl Security {
    /// In plain text where there is no certificate.
    pub fn new(tls: Option<&Arc<Tls>>, spoken: Spoken) -> Self {
        Self(tls.map(|tls| (Arc::clone(tls), spoken)))
    }

    /// A new connection.
    pub fn secured(&self, stream: TcpStream) -> Secured {
        let Some((tls, spoken)) = &self.0 else { return Secured(Line::Plain(stream)) };
        let acceptor = TlsAcceptor::from(tls.config(*spoken));
        let greeting = acceptor.accept_with(stream, |session| {
            session.set_buffer_limit(Some(ENCRYPTED_BYTES));
        });
        let (state, tls) = (State::Greeting(greeting.into_fallible()), Arc::clone(tls));
        Secured(Line::Tls(Box::new(Encrypted { state, tls })))
    }
}

/// A connection.
pub struct Secured(Line);

enum Line {
    Plain(TcpStream),
    Tls(Box<Encrypted>),
}

struct Encrypted {
    state: State,
    tls: Arc<Tls>,
}

enum State {
    Greeting(tokio_rustls::FallibleAccept<TcpStream>),
    Open(TlsStream<TcpStream>),
    Failed(Farewell),
    Closed,
}

/// The end of a connection whose handshake failed.
struct Farewell {
    stream: TcpStream,
    error: Option<io::Error>,
    shut: bool,
    end: Pin<Box<Sleep>>,
}

impl Encrypted {
    /// The connection once its handshake is made.
    fn poll_open(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<Pin<&mut TlsStream<TcpStream>>>> {
        loop {
            match &mut self.state {
                State::Greeting(greeting) => match ready!(Pin::new(greeting).poll(context)) {
                    Ok(stream) => {
                        self.tls.shook_hands();
                        self.state = State::Open(stream);
                    }
                    Err((error, _)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                        self.tls.unfinished();
                        self.state = State::Closed;
                        return Poll::Ready(Err(error));
                    }
                    Err((error, stream)) => {
                        self.tls.failed(&error);
                        let end = Box::pin(sleep(FAREWELL_LASTS));
                        let error = Some(error);
                        self.state = State::Failed(Farewell { stream, error, shut: false, end });
                    }
                },
                State::Failed(farewell) => {
                    let error = ready!(farewell.poll_end(context));
                    self.state = State::Closed;
                    return Poll::Ready(Err(error));
                }
                State::Closed => return Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
                State::Open(_) => break,
            }
        }
        match &mut self.state {
            State::Open(stream) => Poll::Ready(Ok(Pin::new(stream))),
            State::Greeting(_) | State::Failed(_) | State::Closed => Poll::Pending,
        }
    }
}

impl Farewell {
    /// Reads until the peer is gone or has had its time, then says what was wrong.
    fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if !self.shut {
            self.shut = true;
            // Never waits; an error means that the peer is gone.
            let _ = Pin::new(&mut self.stream).poll_shutdown(context);
        }
        let mut dropped = [0; 4096];
        while self.end.as_mut().poll(context).is_pending() {
            let mut buffer = ReadBuf::new(&mut dropped);
            match ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                Ok(()) | Err(_) => break,
            }
        }
        Poll::Ready(self.error.take().unwrap_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        if matches!(self.state, State::Greeting(_)) {
            self.tls.unfinished();
        }
    }
}

impl AsyncRead for Secured {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Line::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Line::Tls(tls) => ready!(tls.poll_open(context))?.poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Secured {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Line::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Line::Tls(tls) => ready!(tls.poll_open(context))?.poll_write(context, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.0 {
            Line::Plain(stream) => Pin::new(stream).poll_write_vectored(context, parts),
            Line::Tls(tls) => ready!(tls.poll_open(context))?.poll_write_vectored(context, parts),
        }
    }

    fn is_write_vectored(&self) -> bool {
        // Also through TLS, which makes one record of the parts.
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Line::Plain(stream) => Pin::new(stream).poll_flush(context),
            Line::Tls(tls) => ready!(tls.poll_open(context))?.poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.0 {
            Line::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Line::Tls(tls) => match &mut tls.state {
                State::Open(stream) => Pin::new(stream).poll_shutdown(context),
                // Nothing was said that has an end.
                State::Greeting(_) | State::Failed(_) | State::Closed => Poll::Ready(Ok(())),
            },
        }
    }
}
