//! A store over a store: it says what it changes, and everything else is as below it.
//!
//! A layer costs what it does itself and one call through a table: what it leaves alone is the future
//! of the store below, not one boxed around it.

use std::sync::Arc;

use super::{
    AppendError, AppendLimits, Appended, EventStore, Expected, ReadError, Show, StoreFuture,
    show_read,
};
use crate::events::{NewEvent, Position, Recorded, StreamName};

/// A store by what it changes of another; each method is the port's, and means the same.
pub trait StoreLayer: Send + Sync + 'static {
    /// The store below.
    fn below(&self) -> &dyn EventStore;

    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        self.below().append(stream, expected, events)
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.below().read_stream(stream, from_revision, max)
    }

    /// What this layer reads, so that one that changes `read_stream` changes this, too.
    fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: Show,
    ) -> StoreFuture<'_, Result<usize, ReadError>> {
        show_read(StoreLayer::read_stream(self, stream, from_revision, max), show)
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        self.below().read_all(after, max)
    }

    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>> {
        self.below().last_revision(stream)
    }

    fn head(&self) -> Position {
        self.below().head()
    }

    fn end(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        self.below().end()
    }

    fn found_end(&self) -> StoreFuture<'_, ()> {
        self.below().found_end()
    }

    fn wait_after(&self, position: Position) -> StoreFuture<'_, Result<(), ReadError>> {
        self.below().wait_after(position)
    }

    fn limits(&self) -> AppendLimits {
        self.below().limits()
    }

    fn commit_failure(&self) -> Option<String> {
        self.below().commit_failure()
    }

    fn is_shared(&self) -> bool {
        self.below().is_shared()
    }

    fn close(&self) {
        self.below().close();
    }
}

impl<L: StoreLayer> EventStore for L {
    fn append(
        &self,
        stream: StreamName,
        expected: Expected,
        events: Arc<[NewEvent]>,
    ) -> StoreFuture<'_, Result<Appended, AppendError>> {
        StoreLayer::append(self, stream, expected, events)
    }

    fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        StoreLayer::read_stream(self, stream, from_revision, max)
    }

    fn show_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
        show: Show,
    ) -> StoreFuture<'_, Result<usize, ReadError>> {
        StoreLayer::show_stream(self, stream, from_revision, max, show)
    }

    fn read_all(
        &self,
        after: Position,
        max: usize,
    ) -> StoreFuture<'_, Result<Vec<Recorded>, ReadError>> {
        StoreLayer::read_all(self, after, max)
    }

    fn last_revision(&self, stream: StreamName) -> StoreFuture<'_, Result<Option<u64>, ReadError>> {
        StoreLayer::last_revision(self, stream)
    }

    fn head(&self) -> Position {
        StoreLayer::head(self)
    }

    fn end(&self) -> StoreFuture<'_, Result<Position, ReadError>> {
        StoreLayer::end(self)
    }

    fn found_end(&self) -> StoreFuture<'_, ()> {
        StoreLayer::found_end(self)
    }

    fn wait_after(&self, position: Position) -> StoreFuture<'_, Result<(), ReadError>> {
        StoreLayer::wait_after(self, position)
    }

    fn limits(&self) -> AppendLimits {
        StoreLayer::limits(self)
    }

    fn commit_failure(&self) -> Option<String> {
        StoreLayer::commit_failure(self)
    }

    fn is_shared(&self) -> bool {
        StoreLayer::is_shared(self)
    }

    fn close(&self) {
        StoreLayer::close(self);
    }
}
