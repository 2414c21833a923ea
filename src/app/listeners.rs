//! The listeners of a server: gRPC, health and metrics, and the board.

use std::{io, net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use tokio::net::TcpListener;

use super::tls::Securing;
use crate::{
    config::{Config, Port},
    connections::{Security, Tls},
    grpc,
};

/// Where a server listens.
#[derive(Debug, Clone, Copy)]
pub(super) struct Addresses {
    pub(super) grpc: SocketAddr,
    pub(super) http: Option<SocketAddr>,
    pub(super) web: Option<SocketAddr>,
    pub(super) board: Option<SocketAddr>,
    pub(super) stock: Option<SocketAddr>,
}

/// What is listened on.
pub(super) struct Listeners {
    /// Listened on when calls are served.
    pub(super) grpc: (grpc::Bound, Security),
    pub(super) http: Option<(TcpListener, Security)>,
    pub(super) web: Option<(TcpListener, Security)>,
    pub(super) board: Option<(TcpListener, Security)>,
    /// For the pages of a shop that show its stock.
    pub(super) stock: Option<(TcpListener, Security)>,
    /// For other nodes.
    pub(super) peers: Option<TcpListener>,
    /// The certificate, where connections of clients are encrypted.
    pub(super) tls: Option<Arc<Tls>>,
}

impl Listeners {
    /// Listens where the settings say, and tells where that is.
    ///
    /// # Errors
    /// When an address cannot be listened on; its setting is named.
    pub(super) async fn bind(
        config: &Config,
        securing: &Securing,
    ) -> anyhow::Result<(Self, Addresses)> {
        let grpc = named("listen", config.listen, grpc::bind(config.listen))?;
        let http = over_http(config).await?;
        let web = maybe("web", config.web).await?;
        let board = maybe("board", config.board).await?;
        let stock = maybe("stock", config.stock).await?;
        let peers = maybe("peers_listen", config.peers_listen).await?;
        let at = |listener: &Option<TcpListener>| {
            listener.as_ref().map(TcpListener::local_addr).transpose()
        };
        let addresses = Addresses {
            grpc: grpc.local_addr()?,
            http: at(&http)?,
            web: at(&web)?,
            board: at(&board)?,
            stock: at(&stock)?,
        };
        let secured = |listener: Option<TcpListener>, port| {
            listener.map(|listener| (listener, securing.of(port)))
        };
        let listeners = Self {
            grpc: (grpc, securing.of(Port::Listen)),
            http: secured(http, Port::Http),
            web: secured(web, Port::Web),
            board: secured(board, Port::Board),
            stock: secured(stock, Port::Stock),
            peers,
            tls: securing.tls(),
        };
        Ok((listeners, addresses))
    }
}

/// The listener of HTTP/JSON. Several servers on one machine whose settings do not name its address
/// must not fail for it: the first one serves it.
async fn over_http(config: &Config) -> anyhow::Result<Option<TcpListener>> {
    let bound = maybe("http", config.http).await;
    let in_use = |error: &anyhow::Error| {
        let error = error.downcast_ref::<io::Error>();
        error.is_some_and(|error| error.kind() == io::ErrorKind::AddrInUse)
    };
    match bound {
        Err(error) if config.http == Config::default().http && in_use(&error) => {
            tracing::warn!("{error:#}: HTTP/JSON is not served; the setting http names an address");
            Ok(None)
        }
        bound => bound,
    }
}

/// Listens there, if anywhere.
async fn maybe(setting: &str, address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    match address {
        Some(address) => named(setting, address, TcpListener::bind(address).await).map(Some),
        None => Ok(None),
    }
}

/// Names the setting whose address cannot be had.
fn named<T>(setting: &str, address: SocketAddr, bound: io::Result<T>) -> anyhow::Result<T> {
    bound.with_context(|| format!("{setting}: cannot listen on {address}"))
}
