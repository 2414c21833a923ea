//! From an address to a store that is open.

use std::{path::Path, sync::Arc};

use super::{
    SharedStore, StoreAddress,
    embedded::{DirectoryLock, EmbeddedStore, OpenError, read_models_are_of_a_cluster},
    kurrent::KurrentStore,
};
use crate::clock::SharedClock;

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    #[error(transparent)]
    Embedded(#[from] OpenError),
    #[error("{address}: {problem}")]
    Cluster { address: String, problem: String },
}

/// How often what an embedded log is known to hold is synced beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WitnessSync {
    /// Each second, off the way of appends.
    #[default]
    EachSecond,
    /// At every commit.
    EachCommit,
}

/// Opens a store. `data` is the directory of this node: the embedded log is in it.
///
/// # Errors
/// When the directory is refused, or the address is one that can never work. A cluster that does
/// not answer yet is no error: its store is open and unavailable.
pub async fn open(
    address: &StoreAddress,
    data: &Path,
    clock: SharedClock,
) -> Result<SharedStore, StoreOpenError> {
    open_with(address, data, clock, WitnessSync::default()).await
}

/// Opens a store like [`open`], and says how often an embedded one syncs its witness.
///
/// # Errors
/// As [`open`].
pub async fn open_with(
    address: &StoreAddress,
    data: &Path,
    clock: SharedClock,
    sync: WitnessSync,
) -> Result<SharedStore, StoreOpenError> {
    match address {
        StoreAddress::Embedded => {
            let store: Arc<EmbeddedStore> = EmbeddedStore::open(data, clock)?;
            store.sync_witness_at_commits(sync == WitnessSync::EachCommit);
            Ok(store)
        }
        StoreAddress::Cluster(cluster) => {
            let store = KurrentStore::open(cluster).map_err(|problem| StoreOpenError::Cluster {
                address: cluster.to_string(),
                problem,
            })?;
            Ok(store)
        }
    }
}

/// Keeps other nodes out of the data directory of a node whose log is in a cluster; `None` where
/// the store does that itself. Hold it for as long as the node runs.
///
/// # Errors
/// When another node runs on that directory, or it cannot be made.
pub fn keep_to_one_node(
    address: &StoreAddress,
    data: &Path,
) -> Result<Option<DirectoryLock>, OpenError> {
    match address {
        StoreAddress::Embedded => Ok(None),
        StoreAddress::Cluster(_) => {
            let lock = DirectoryLock::of_directory(data)?;
            read_models_are_of_a_cluster(data).map_err(|error| OpenError::Io {
                path: data.to_owned(),
                problem: error.to_string(),
            })?;
            Ok(Some(lock))
        }
    }
}
