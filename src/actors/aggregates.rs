//! The aggregates of a node: what is done alike for each kind, so that a new kind is one line.

use std::{pin::Pin, sync::Arc};

use futures_util::future::{join_all, ready};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    Census, Directory, OtherNodes, Shared, TakesParcels,
    other_nodes::{IncomingCall, Parcel, Passed, PassedFuture, WarmFuture},
    tail::StreamObserver,
};
use crate::{
    domain::Decider,
    events::{Category, StreamName},
};

/// A directory, whatever it is a directory of.
trait AnyDirectory: StreamObserver + TakesParcels + 'static {
    fn category(&self) -> Category;
    fn census(&self) -> Census;
    fn look_after_own(&self);
    fn keep_up(&self);
    fn drain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

impl<D: Decider> AnyDirectory for Directory<D> {
    fn category(&self) -> Category {
        D::CATEGORY
    }

    fn census(&self) -> Census {
        self.census()
    }

    fn look_after_own(&self) {
        self.look_after_own();
    }

    fn keep_up(&self) {
        self.keep_up();
    }

    fn drain(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.drain())
    }
}

/// The directories of all kinds of aggregates of a node.
#[derive(Clone)]
pub struct Aggregates {
    shared: Arc<Shared>,
    /// The other nodes of the service, where it has any.
    nodes: Option<Arc<dyn OtherNodes>>,
    all: Vec<Arc<dyn AnyDirectory>>,
}

impl Aggregates {
    /// None so far.
    pub fn new(shared: Arc<Shared>, nodes: Option<Arc<dyn OtherNodes>>) -> Self {
        Self { shared, nodes, all: Vec::new() }
    }

    /// A directory of one more kind, which hears what other nodes write, is counted and is drained with
    /// the others.
    pub fn add<D: Decider>(&mut self) -> Arc<Directory<D>> {
        self.added(Directory::new(Arc::clone(&self.shared)))
    }

    /// The same of a kind whose commands are decided by the node that owns what they are for.
    pub fn add_owned<D>(&mut self) -> Arc<Directory<D>>
    where
        D: Decider<Command: Serialize + DeserializeOwned, Outcome: Serialize + DeserializeOwned>,
    {
        let Some(nodes) = self.nodes.clone() else { return self.add() };
        self.added(Directory::passing_on(Arc::clone(&self.shared), nodes))
    }

    fn added<D: Decider>(&mut self, directory: Arc<Directory<D>>) -> Arc<Directory<D>> {
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

    /// Lets the actors that are owned here see to what is due by time.
    pub fn look_after_own(&self) {
        self.all.iter().for_each(|directory| directory.look_after_own());
    }

    /// Lets the actors read what other nodes wrote.
    pub fn keep_up(&self) {
        self.all.iter().for_each(|directory| directory.keep_up());
    }

    fn of(&self, category: Category) -> Option<&Arc<dyn AnyDirectory>> {
        self.all.iter().find(|directory| directory.category() == category)
    }

    /// Takes no more commands, and lets every actor finish what is in flight and stop.
    pub async fn drain(&self) {
        join_all(self.all.iter().map(|directory| directory.drain())).await;
    }
}

impl TakesParcels for Aggregates {
    fn take(&self, parcel: Parcel, call: &mut IncomingCall) -> PassedFuture {
        match self.of(parcel.stream.category) {
            Some(directory) => directory.take(parcel, call),
            None => Box::pin(ready(Passed::NotMine(None))),
        }
    }

    fn warm(&self, stream: StreamName) -> WarmFuture {
        match self.of(stream.category) {
            Some(directory) => directory.warm(stream),
            None => Box::pin(ready(())),
        }
    }

    fn in_use(&self) -> Vec<StreamName> {
        self.all.iter().flat_map(|directory| directory.in_use()).collect()
    }
}
