//! Opens the listener; the only place that sets the accept backlog.
//!
//! Having the address and listening on it are two steps: connections to a node that cannot serve yet
//! are refused, so that a proxy tries another node at once instead of waiting for an answer.

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that may wait to be accepted; the system may allow fewer. Connections beyond the
/// backlog are dropped and clients retry after a second; a sale opens with more callers than the
/// usual 128.
const BACKLOG: u32 = 4096;

/// An address on which nothing listens yet.
pub struct Bound(TcpSocket);

/// Takes that address.
///
/// # Errors
/// When it cannot be had.
pub fn bind(address: SocketAddr) -> io::Result<Bound> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A server that was just stopped leaves connections behind that must not keep its address.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(Bound(socket))
}

impl Bound {
    /// The address, with its port.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Listens there. Call it within a runtime.
    ///
    /// # Errors
    /// When another socket listens there.
    pub fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}
