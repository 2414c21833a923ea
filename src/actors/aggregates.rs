//! The aggregates of a node: what is done alike for each kind, so that a new kind is one line.

use std::{pin::Pin, sync::Arc};

use futures_util::future::join_all;

use super::{Census, Directory, Shared, tail::StreamObserver};
use crate::{domain::Decider, events::Category};

/// A directory, whatever it is a directory of.
trait AnyDirectory: StreamObserver + 'static {
    fn category(&self) -> Category;
    fn census(&self) -> Census;
    fn drain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<D: Decider> AnyDirectory for Directory<D> {
    fn category(&self) -> Category {
        D::CATEGORY
    }

    fn census(&self) -> Census {
        self.census()
    }

    fn drain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.drain())
    }
}

/// The directories of all kinds of aggregates of a node.
pub struct Aggregates {
    shared: Arc<Shared>,
    all: Vec<Arc<dyn AnyDirectory>>,
}

impl Aggregates {
    /// None so far.
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, all: Vec::new() }
    }

    /// A directory of one more kind, which hears what other nodes write, is counted and is drained with
    /// the others.
    pub fn add<D: Decider>(&mut self) -> Arc<Directory<D>> {
        let directory = Directory::new(Arc::clone(&self.shared));
        self.all.push(Arc::clone(&directory) as _);
        directory
    }

    /// Those that hear what other nodes write.
    pub fn observers(&self) -> Vec<Arc<dyn StreamObserver>> {
        self.all.iter().map(|directory| Arc::clone(directory) as _).collect()
    }

    /// The actors that are awake, by kind.
    pub fn census(&self) -> Vec<(Category, Census)> {
        self.all.iter().map(|directory| (directory.category(), directory.census())).collect()
    }

    /// Takes no more commands, and lets every actor finish what is in flight and stop.
    pub async fn drain(&self) {
        join_all(self.all.iter().map(|directory| directory.drain())).await;
    }
}
