//! Switches Nagle's algorithm off for connections opened by the client library.
//!
//! The official client leaves it on. A question leaves as two pieces, head and body; the second waits
//! until the first is acknowledged, and a receiver takes up to 40 ms for that: measured, 48 ms for a
//! refusal that is confirmed with the store. The client offers no setting, so this looks through the
//! sockets of the process and sets `TCP_NODELAY` on those that lack it. Where the system forbids that (a
//! container's usual seccomp profile does), reads take that much longer.

use std::{fs, os::fd::OwnedFd};

use rustix::{
    io::Errno,
    net::{AddressFamily, SocketType, sockopt},
    process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open},
};

/// Where the system lists the descriptors of this process.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Sends small pieces at once on all TCP connections of this process.
///
/// # Errors
/// When the system does not let a process look at its own sockets like this.
pub(super) fn everywhere() -> Result<(), Errno> {
    let own = pidfd_open(getpid(), PidfdFlags::empty())?;
    let Ok(descriptors) = fs::read_dir(DESCRIPTORS) else { return Err(Errno::NOSYS) };
    for descriptor in descriptors.flatten() {
        let is_socket = fs::read_link(descriptor.path())
            .is_ok_and(|target| target.to_string_lossy().starts_with("socket:"));
        let number = descriptor.file_name().to_str().and_then(|name| name.parse().ok());
        let (true, Some(number)) = (is_socket, number) else { continue };
        // A duplicate, so that the descriptor cannot be closed and its number reused meanwhile.
        match pidfd_getfd(&own, number, PidfdGetfdFlags::empty()) {
            Ok(socket) => set(&socket),
            // Closed since it was listed.
            Err(Errno::BADF) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn set(socket: &OwnedFd) {
    let is_tcp = sockopt::socket_type(socket) == Ok(SocketType::STREAM)
        && matches!(sockopt::socket_domain(socket), Ok(AddressFamily::INET | AddressFamily::INET6));
    if is_tcp && sockopt::tcp_nodelay(socket) == Ok(false) {
        // A connection that is being closed has nothing to send.
        _ = sockopt::set_tcp_nodelay(socket, true);
    }
}
