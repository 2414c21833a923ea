//! From an address to a store that is open.

use std::{path::Path, sync::Arc};

use super::{
    SharedStore, StoreAddress,
    embedded::{DirectoryLock, EmbeddedStore, OpenError},
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
    match address {
        StoreAddress::Embedded => {
            let store: Arc<EmbeddedStore> = EmbeddedStore::open(data, clock)?;
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
        StoreAddress::Cluster(_) => DirectoryLock::of_directory(data).map(Some),
    }
}
