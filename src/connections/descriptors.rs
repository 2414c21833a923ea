//! How many connections the limit of open files leaves room for.

use crate::values::narrow;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files of the store, the read models and whatever asks them.
const FILES: u64 = 192;

/// Connections that each listener may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Descriptors {
    pub grpc: usize,
    pub http: usize,
    pub web: usize,
    pub board: usize,
    /// 0 where it is not served.
    pub stock: usize,
}

/// Raises the limit of open files as far as this process may, and cuts the wanted numbers of
/// connections to what it leaves: half for gRPC, an eighth for HTTP/JSON and for the web listener, a
/// quarter for the board, which it shares with pages that watch stock.
pub fn descriptors(wanted: Descriptors) -> Descriptors {
    let Some(limit) = raised() else { return wanted };
    let allowed = wanted.within(limit);
    if allowed != wanted {
        tracing::warn!(
            open_files = limit,
            grpc = allowed.grpc,
            http = allowed.http,
            web = allowed.web,
            board = allowed.board,
            stock = allowed.stock,
            "the limit of open files leaves room for fewer connections than are set"
        );
    }
    allowed
}

impl Descriptors {
    /// What a limit of so many open files leaves of it.
    pub fn within(self, limit: u64) -> Self {
        let left = limit.saturating_sub(FILES).max(32);
        let part = |wanted: usize, share: u64| wanted.min(narrow(left / share)).max(1);
        Self {
            grpc: part(self.grpc, 2),
            http: part(self.http, 8),
            web: part(self.web, 8),
            board: part(self.board, if self.stock == 0 { 4 } else { 8 }),
            stock: if self.stock == 0 { 0 } else { part(self.stock, 8) },
        }
    }
}

/// The limit after raising it; `None` where there is none.
fn raised() -> Option<u64> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    // Where it is refused the limit stays what it was.
    let _ = setrlimit(Resource::Nofile, raised);
    getrlimit(Resource::Nofile).current
}
