//! Where the server of a demonstration listens: at the default addresses of a server, so that the
//! other verbs find it without an option.

use std::{
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
};

use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
    },
    config::Config,
};

/// Addresses as they were asked for.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Addresses {
    /// Where its server listens; port 0 takes a free one
    /// [default: 127.0.0.1:7420, or a free port if that is in use]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where its board is served; port 0 takes a free one
    /// [default: 127.0.0.1:7422, or a free port if that is in use]
    #[arg(long, value_name = "ADDRESS")]
    board: Option<SocketAddr>,
}

impl Addresses {
    /// Puts them into the settings.
    ///
    /// # Errors
    /// When one that was asked for cannot be had.
    pub fn choose(&self, config: &mut Config, common: &Common) -> anyhow::Result<()> {
        config.listen = free("--listen", self.listen, config.listen, common)?;
        if let Some(usual) = config.board {
            config.board = Some(free("--board", self.board, usual, common)?);
        }
        Ok(())
    }
}

/// The address that was asked for, or the usual one, or a free port beside it.
fn free(
    flag: &str,
    asked: Option<SocketAddr>,
    usual: SocketAddr,
    common: &Common,
) -> anyhow::Result<SocketAddr> {
    let address = asked.unwrap_or(usual);
    let Err(error) = TcpListener::bind(address) else { return Ok(address) };
    if asked.is_none() && error.kind() == ErrorKind::AddrInUse {
        common.note(format_args!("{usual} is in use: taking a free port; {flag} names one"));
        return Ok(SocketAddr::new(usual.ip(), 0));
    }
    let problem = format!("{flag}: cannot listen on {address}: {error}");
    Err(Failure::new(Code::Failed, problem).into())
}
