//! The log as replays read it: whole streams, decoded, from a thread that may block.

use tokio::runtime::Handle;

use super::ReplayError;
use crate::{
    events::{
        Category, DemandTick, Family, ItemEvent, Position, Recorded, SaleCreated, SaleEvent,
        StreamName, decode,
    },
    store::{LogSource, ReadError},
    values::{ItemId, SaleId},
};

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;

/// A log to look back into. Its methods block, and must not be called from within async code.
#[derive(Debug, Clone)]
pub struct Log {
    source: LogSource,
    runtime: Handle,
}

/// An event of an item's stream.
#[derive(Debug, Clone)]
pub struct ItemFact {
    pub recorded: Recorded,
    pub event: ItemEvent,
}

impl Log {
    /// Reads from there; what waits for a store waits on that runtime.
    pub fn new(source: LogSource, runtime: Handle) -> Self {
        Self { source, runtime }
    }

    /// Where it reads from.
    pub fn source(&self) -> &LogSource {
        &self.source
    }

    /// Position of the last event.
    pub fn head(&self) -> Result<Position, ReplayError> {
        Ok(self.runtime.block_on(self.source.head())?)
    }

    /// The next events of the whole log.
    pub fn read_all(&self, after: Position) -> Result<Vec<Recorded>, ReadError> {
        match &self.source {
            LogSource::File(reader) => reader.read_all(after, PAGE_EVENTS),
            LogSource::Store(store) => self.runtime.block_on(store.read_all(after, PAGE_EVENTS)),
        }
    }

    /// Events of one stream from a revision on; none at its end.
    pub fn read_stream(
        &self,
        stream: StreamName,
        from_revision: u64,
        max: usize,
    ) -> Result<Vec<Recorded>, ReadError> {
        match &self.source {
            LogSource::File(reader) => reader.read_stream(stream, from_revision, max),
            LogSource::Store(store) => {
                self.runtime.block_on(store.read_stream(stream, from_revision, max))
            }
        }
    }

    /// Gives each event of an item from a revision on, until `see` says that it has seen enough.
    pub fn each_of_item(
        &self,
        item: ItemId,
        from_revision: u64,
        page_events: usize,
        mut see: impl FnMut(ItemFact) -> Result<bool, ReplayError>,
    ) -> Result<(), ReplayError> {
        let stream = StreamName::item(item);
        let mut next = from_revision;
        loop {
            let page = self.read_stream(stream, next, page_events)?;
            let Some(last) = page.last() else { return Ok(()) };
            next = last.revision + 1;
            for recorded in page {
                let event = ItemEvent::pick(decode(&recorded)?);
                let event = event.ok_or_else(|| ReplayError::misplaced(&recorded))?;
                if !see(ItemFact { recorded, event })? {
                    return Ok(());
                }
            }
        }
    }

    /// Gives each demand tick of an item.
    pub fn each_tick(
        &self,
        item: ItemId,
        mut see: impl FnMut(DemandTick) -> Result<(), ReplayError>,
    ) -> Result<(), ReplayError> {
        let stream = StreamName::demand(item);
        let mut next = 0;
        loop {
            let page = self.read_stream(stream, next, PAGE_EVENTS)?;
            let Some(last) = page.last() else { return Ok(()) };
            next = last.revision + 1;
            for recorded in &page {
                let tick = DemandTick::pick(decode(recorded)?);
                see(tick.ok_or_else(|| ReplayError::misplaced(recorded))?)?;
            }
        }
    }

    /// A sale as it was planned, and where the plan stands.
    pub fn plan(&self, sale: SaleId) -> Result<(Position, SaleCreated), ReplayError> {
        let found = self.read_stream(StreamName::sale(sale), 0, 1)?;
        let Some(recorded) = found.first() else { return Err(ReplayError::NotFound("sale_id")) };
        match SaleEvent::pick(decode(recorded)?) {
            Some(SaleEvent::Created(created)) => Ok((recorded.position, created)),
            _ => Err(ReplayError::misplaced(recorded)),
        }
    }

    /// The items that a sale was planned with, in their order, and where the plan stands.
    pub fn items_of(&self, sale: SaleId) -> Result<(Position, Vec<ItemId>), ReplayError> {
        let (position, created) = self.plan(sale)?;
        Ok((position, created.items.iter().map(|plan| plan.item_id).collect()))
    }

    /// All sales in the log, in the order in which they were created.
    pub fn sales(&self) -> Result<Vec<SaleId>, ReplayError> {
        let of_sale =
            |name: StreamName| (name.category == Category::Sale).then_some(SaleId(name.id));
        if let LogSource::File(reader) = &self.source {
            let streams = reader.streams()?;
            return Ok(streams.into_iter().filter_map(|head| of_sale(head.name)).collect());
        }
        // A cluster keeps no list of them, so every event is looked at.
        let (mut sales, mut after) = (Vec::new(), Position::START);
        loop {
            let page = self.read_all(after)?;
            let Some(last) = page.last() else { return Ok(sales) };
            after = last.position;
            let first = page.iter().filter(|recorded| recorded.revision == 0);
            sales.extend(first.filter_map(|recorded| of_sale(recorded.stream)));
        }
    }
}
