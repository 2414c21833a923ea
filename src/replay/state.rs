//! The exact state of an item or a sale at any moment.
//!
//! A state is the mark before the moment and the item's events from there on; without marks it is all
//! of its events. A moment in time takes in every event that says it happened at that time or
//! before, by the item's own clock.

use super::{Log, ReplayError};
use crate::{
    domain::item::ItemPhase,
    events::{Counts, Position, StreamName},
    projections::marks::{EVENTS_PER_MARK, ItemState, OrderCounts},
    reports::{MarkLimit, Paging, ReportError, Reports},
    values::{Invalid, ItemId, SaleId, UnixMs},
};

/// Items of a sale on one page, and at most.
const ITEMS: (i64, i64) = (100, 1_000);

/// A moment of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Up to and with this event of the item.
    Revision(u64),
    /// Up to and with this place in the log.
    Position(Position),
    /// Up to and with this time, by the items' own clocks.
    Time(UnixMs),
    /// As far as the log goes.
    End,
}

/// Where states are read.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    pub log: &'a Log,
    /// Where the marks are; without them every event of an item is read.
    pub marks: Option<&'a Reports>,
    pub now: UnixMs,
}

/// An item at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateAt {
    pub item: ItemId,
    pub state: ItemState,
    pub phase: ItemPhase,
}

/// A sale at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaleStateAt {
    pub orders: OrderCounts,
    pub units: Counts,
    pub revenue_minor: i64,
    pub refunds_due_minor: i64,
    pub refunded_minor: i64,
    pub refunds_settled_minor: i64,
    /// A page of its items, in the order of the plan. Those not on offer yet are left out.
    pub items: Vec<StateAt>,
    pub next_page_token: String,
}

impl Past<'_> {
    /// An item at a moment.
    ///
    /// # Errors
    /// When there is no such item, or the moment is before its first event or beyond the log.
    pub fn item(&self, item: ItemId, moment: Moment) -> Result<StateAt, ReplayError> {
        self.check(moment)?;
        if let Some(state) = self.find(item, moment)? {
            return Ok(state);
        }
        let mut first = None;
        self.log.each_of_item(item, 0, 1, |fact| {
            first = Some((fact.recorded.position, fact.event.at().unwrap_or_default()));
            Ok(false)
        })?;
        let Some((position, at)) = first else { return Err(ReplayError::NotFound("item_id")) };
        Err(match moment {
            Moment::Time(_) => invalid("time", format!("is before the item's first event at {at}")),
            Moment::Position(_) | Moment::Revision(_) | Moment::End => invalid(
                "position",
                format!("is before the item's first event at position {position}"),
            ),
        })
    }

    /// A sale at a moment.
    ///
    /// # Errors
    /// When there is no such sale, or the moment is before its first event or beyond the log.
    pub fn sale(
        &self,
        sale: SaleId,
        moment: Moment,
        paging: &Paging,
    ) -> Result<SaleStateAt, ReplayError> {
        self.check(moment)?;
        if let Moment::Revision(_) = moment {
            let problem = "is of one item: a sale is looked at by position or time";
            return Err(invalid("revision", problem));
        }
        let (planned, items) = self.log.items_of(sale)?;
        let mut states = Vec::new();
        for item in items {
            states.extend(self.find(item, moment)?);
        }
        if states.is_empty() {
            return Err(match moment {
                Moment::Time(_) => invalid("time", "is before the sale's first item"),
                Moment::Position(_) | Moment::Revision(_) | Moment::End => invalid(
                    "position",
                    format!("is before the sale's first item; the sale stands at {planned}"),
                ),
            });
        }
        let mut total = SaleStateAt {
            orders: OrderCounts::default(),
            units: Counts::default(),
            revenue_minor: 0,
            refunds_due_minor: 0,
            refunded_minor: 0,
            refunds_settled_minor: 0,
            items: Vec::new(),
            next_page_token: String::new(),
        };
        states.iter().for_each(|state| total.add(&state.state));
        let question = [b"state".as_slice(), sale.0.as_bytes()];
        let (page, token) = paging.of_list(ITEMS, question, states.len())?;
        total.items = states.drain(page).collect();
        total.next_page_token = token;
        Ok(total)
    }

    fn check(&self, moment: Moment) -> Result<(), ReplayError> {
        match moment {
            Moment::Position(Position::START) => Err(invalid("position", "must be at least 1")),
            Moment::Position(position) => {
                let head = self.log.head()?;
                if position > head {
                    let problem = format!("must be at most {head}, where the log ends");
                    return Err(invalid("position", problem));
                }
                Ok(())
            }
            Moment::Time(at) if at > self.now => {
                Err(invalid("time", format!("must not be after {}: it is to come", self.now)))
            }
            Moment::Time(_) | Moment::Revision(_) | Moment::End => Ok(()),
        }
    }

    /// The item at a moment; `None` while nothing has happened to it.
    fn find(&self, item: ItemId, moment: Moment) -> Result<Option<StateAt>, ReplayError> {
        let mark = self.mark(item, moment)?;
        let from = mark.as_ref().map_or(0, |mark| mark.revision);
        // The event that the mark was made at is read again: it says where in the log that is.
        let mut state = mark.clone().unwrap_or_default();
        let mut seen = false;
        self.log.each_of_item(item, from, page_events(moment), |fact| {
            let past = match moment {
                Moment::Revision(revision) => fact.recorded.revision > revision,
                Moment::Position(position) => fact.recorded.position > position,
                Moment::Time(at) => fact.event.at().is_some_and(|happened| happened > at),
                Moment::End => false,
            };
            if past {
                return Ok(false);
            }
            if mark.is_some() && fact.recorded.revision == from {
                state.position = fact.recorded.position;
            } else {
                let at = fact.recorded.position;
                state
                    .apply(&fact.recorded, &fact.event)
                    .map_err(|why| ReplayError::Impossible(format!("event {at}: {why}")))?;
            }
            seen = true;
            Ok(true)
        })?;
        if !seen {
            return Ok(None);
        }
        if let Moment::Revision(revision) = moment
            && state.revision < revision
        {
            let problem = format!("must be at most {}, the item's last", state.revision);
            return Err(invalid("revision", problem));
        }
        let at = match moment {
            Moment::Time(at) => at,
            Moment::Revision(_) | Moment::Position(_) => state.at,
            Moment::End => self.now.max(state.at),
        };
        let phase = phase(&state, at);
        Ok(Some(StateAt { item, state, phase }))
    }

    /// The last mark of the item at or before a moment.
    fn mark(&self, item: ItemId, moment: Moment) -> Result<Option<ItemState>, ReplayError> {
        let Some(marks) = self.marks else { return Ok(None) };
        let limit = match moment {
            Moment::Revision(revision) => MarkLimit::Revision(revision),
            Moment::Time(at) => MarkLimit::Time(at),
            Moment::End => MarkLimit::Revision(u64::MAX),
            Moment::Position(position) => match self.revision_before(marks, item, position)? {
                Some(revision) => MarkLimit::Revision(revision),
                None => return Ok(None),
            },
        };
        mark_before(marks, item, limit)
    }

    /// Revision of the last mark at or before a position. Marks do not know where in the log they
    /// stand, so it is searched for by halves; each look is one event of the log.
    fn revision_before(
        &self,
        marks: &Reports,
        item: ItemId,
        position: Position,
    ) -> Result<Option<u64>, ReplayError> {
        let Some(last) = mark_before(marks, item, MarkLimit::Revision(u64::MAX))? else {
            return Ok(None);
        };
        let revision = |mark: u64| mark * EVENTS_PER_MARK - 1;
        // The marks up to `low` are known to be at or before the position.
        let (mut low, mut high) = (0, (last.revision + 1) / EVENTS_PER_MARK);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let page = self.log.read_stream(StreamName::item(item), revision(middle), 1)?;
            match page.first() {
                Some(event) if event.position <= position => low = middle,
                // Also where the marks are of a longer log: then they are no use here.
                Some(_) | None => high = middle - 1,
            }
        }
        Ok((low > 0).then(|| revision(low)))
    }
}

/// The mark, if it can be had: marks only shorten the way, the events say the same.
fn mark_before(
    marks: &Reports,
    item: ItemId,
    limit: MarkLimit,
) -> Result<Option<ItemState>, ReplayError> {
    match marks.mark_before(item, limit) {
        Ok(mark) => Ok(mark),
        Err(ReportError::NotReady(_)) => Ok(None),
        Err(ReportError::Unreadable(error)) => {
            tracing::warn!(%error, "marks cannot be read; states are computed from all events");
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

impl SaleStateAt {
    fn add(&mut self, item: &ItemState) {
        self.units = self.units.saturating_with(item.units());
        for (sum, more) in [
            (&mut self.orders.placed, item.orders.placed),
            (&mut self.orders.held, item.orders.held),
            (&mut self.orders.paid, item.orders.paid),
            (&mut self.orders.cancelled, item.orders.cancelled),
            (&mut self.orders.expired, item.orders.expired),
            (&mut self.orders.refunded, item.orders.refunded),
            (&mut self.revenue_minor, item.revenue_minor),
            (&mut self.refunds_due_minor, item.refunds_due_minor),
            (&mut self.refunded_minor, item.refunded_minor),
            (&mut self.refunds_settled_minor, item.refunds_settled_minor),
        ] {
            *sum = sum.saturating_add(more);
        }
    }
}

/// Between two marks there is one page; at the end of the log there may be more.
fn page_events(moment: Moment) -> usize {
    match moment {
        Moment::Revision(_) | Moment::Position(_) | Moment::Time(_) => {
            usize::try_from(EVENTS_PER_MARK).map_or(1, |events| events + 1)
        }
        Moment::End => 1_000,
    }
}

/// What the item let buyers do, as [`ItemPhase`] says it of the present.
fn phase(state: &ItemState, at: UnixMs) -> ItemPhase {
    if state.closed || at >= state.closes_at {
        ItemPhase::Closed
    } else if state.paused || state.sale_paused {
        ItemPhase::Paused
    } else if at < state.opens_at {
        ItemPhase::NotOpenYet
    } else {
        ItemPhase::Open
    }
}

fn invalid(field: &str, problem: impl Into<String>) -> ReplayError {
    ReplayError::Invalid(Invalid::new(format!("at.{field}"), problem))
}
