//! Goal: on a cluster everything is as on the embedded log, whatever the wire does. Method: the
//! real server and the official client against the development server, which runs in this process,
//! so that a test can tell it what to do wrong and look into its log afterwards. A real cluster is
//! not verified here: `doorbuster conformance` tests one.

/// Appends beside each other, and what one in doubt came to.
mod appends;
/// Under each fault of the wire, with orders flowing: nothing lost, nothing doubled, never oversold.
mod faults;
/// The contract of the port, and what only this store promises.
mod store;
/// The command line.
mod tools;

use std::{net::SocketAddr, path::Path, sync::Arc};

use doorbuster::{
    clock::WallClock,
    devstore::{Config, Devstore, Role},
    projections,
    store::{SharedStore, StoreAddress, embedded::LogReader, kurrent::KurrentStore},
};
use tempfile::TempDir;

/// A development server with a log of its own.
pub struct Cluster {
    devstore: Option<Devstore>,
    data: TempDir,
}

pub const ANY_PORT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

impl Cluster {
    pub fn start() -> Self {
        Self::of(&[Role::Leader])
    }

    /// Nodes with these roles on one log.
    pub fn of(roles: &[Role]) -> Self {
        let nodes: Vec<_> = roles.iter().map(|role| (ANY_PORT, *role)).collect();
        Self::with(|config| config.nodes = nodes)
    }

    /// A server that is set like this.
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config::single(data.path().to_owned(), ANY_PORT);
        change(&mut config);
        let devstore = Some(Devstore::start(config, Arc::new(WallClock)).unwrap());
        Self { devstore, data }
    }

    pub fn devstore(&self) -> &Devstore {
        self.devstore.as_ref().unwrap()
    }

    /// Ends the server and starts it again where it was; what only its memory knew is forgotten.
    pub fn restart(&mut self) {
        let devstore = self.devstore.take().unwrap();
        let address = devstore.address();
        devstore.stop();
        self.devstore = Some(serve(self.data.path(), vec![(address, Role::Leader)]));
    }

    pub fn stop(&mut self) {
        if let Some(devstore) = self.devstore.take() {
            devstore.stop();
        }
    }

    pub fn log(&self) -> LogReader {
        LogReader::open(self.data.path()).unwrap()
    }

    /// One node as people would write it.
    pub fn address(&self, node: usize) -> StoreAddress {
        format!("esdb://{}?tls=false", self.devstore().node_address(node)).parse().unwrap()
    }

    /// The store of a node on it.
    pub fn store(&self) -> SharedStore {
        match self.address(0) {
            StoreAddress::Cluster(address) => KurrentStore::open(&address).unwrap(),
            StoreAddress::Embedded => panic!("not a cluster"),
        }
    }

    /// The nodes as seeds of a cluster.
    pub fn seeds(&self, nodes: &[usize]) -> StoreAddress {
        let seeds = nodes.iter().map(|node| self.devstore().node_address(*node).to_string());
        format!("esdb://{}?tls=false", seeds.collect::<Vec<_>>().join(",")).parse().unwrap()
    }

    /// P1, P4, P11: the verifier, which shares no code with anything, proves the log.
    pub fn assert_proved(&self) {
        let proof = audit::verify(self.data.path(), &mut |_, _| {}).unwrap();
        assert!(proof.ok(), "{proof}");
    }

    /// P5: read models of a node equal a rebuild from this log.
    pub fn assert_read_models_are_of_this_log(&self, views: &Path) {
        let log = self.log();
        let compared =
            projections::compare(views, |after| log.read_all(after, 500), |_| {}).unwrap();
        for (name, equal) in compared {
            assert!(equal, "the read model {name} differs from its rebuild");
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(data: &Path, nodes: Vec<(SocketAddr, Role)>) -> Devstore {
    let config = Config { nodes, ..Config::single(data.to_owned(), ANY_PORT) };
    Devstore::start(config, Arc::new(WallClock)).unwrap()
}
