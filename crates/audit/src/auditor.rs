//! One walk over the log, from the first event to the last.
//!
//! Checks every event for its place, chain and form, and passes it to the rules of its item or
//! sale. It is independent of the source of the events.

use uuid::Uuid;

use super::{
    Finding, Proof,
    bodies::{DemandTick, Metadata, TrafficRecorded, parse_id},
    certificate::{Judged, JudgedItem},
    chain::{self, Hash, Link},
    coupons::CouponBook,
    demand,
    fulfilment::{FulfilmentBook, Payments},
    item::{ItemBook, Keep},
    operations::{self, OperationsBook},
    order_coupons::OrderCoupons,
    quota::{Limited, QuotaBook},
    sale::{Plans, SaleBook},
    traffic,
};

/// Version of the stored form that these checks know.
const SCHEMA: u32 = 1;

/// An event with its envelope read.
pub(super) struct Event<'a> {
    pub kind: &'a str,
    pub id: Uuid,
    pub revision: u64,
    pub data: &'a [u8],
    pub correlation: Uuid,
    pub causation: Uuid,
    /// Whose event it is, where several could write.
    writer: Option<Uuid>,
    /// When its rules were judged, where that is not its own time.
    judged_at_ms: Option<i64>,
}

impl Event<'_> {
    /// Whether its id is the one that its cause makes: as it is, or under its writer's name.
    pub(super) fn has_id(&self, made: Uuid) -> bool {
        let expected = self.writer.map_or(made, |writer| chain::id_by(writer, made));
        self.id == expected
    }

    /// By which moment an event of that time was judged.
    pub(super) fn judged_ms(&self, at_ms: i64) -> i64 {
        self.judged_at_ms.unwrap_or(at_ms)
    }

    /// Checks its time in a stream whose latest time before it was `last_ms`. Gives the later of both.
    ///
    /// Times never go back. A clock does: an event then has the latest time again and says beside it
    /// when it was judged. `ends_hold` is one that ends what a deadline ends, and a deadline may have
    /// been moved with a clock that was set: then the moment of the judgement is by the clock of
    /// before, and may be any.
    pub(super) fn check_time(
        &self,
        at_ms: i64,
        last_ms: i64,
        ends_hold: bool,
        say: &mut dyn FnMut(String),
    ) -> i64 {
        if at_ms < last_ms {
            say(format!("time runs backwards: {at_ms} comes after {last_ms}"));
        }
        if let Some(judged_ms) = self.judged_at_ms {
            if judged_ms < 0 {
                say(format!("judged_at_ms is {judged_ms}, before 1970"));
            } else if judged_ms == at_ms {
                say("judged_at_ms is the event's own time, and should be absent".to_owned());
            } else if !ends_hold && judged_ms > at_ms {
                say(format!("the event was judged at {judged_ms}, after its own time {at_ms}"));
            } else if !ends_hold && at_ms > last_ms {
                say(format!(
                    "the event was judged at {judged_ms}, but no earlier event has its time {at_ms}"
                ));
            }
        }
        at_ms.max(last_ms)
    }

    /// Complains of a moment of judgement on an event that has no time of its own to differ from.
    pub(super) fn check_not_judged(&self, say: &mut dyn FnMut(String)) {
        if self.judged_at_ms.is_some() {
            say(format!("judged_at_ms has no place in the metadata of {}", self.kind));
        }
    }

    /// The moment by which the rules went, of an event with that time of its own.
    pub(super) fn judged_at(&self, at_ms: i64) -> i64 {
        self.judged_at_ms.unwrap_or(at_ms)
    }

    /// Whether the rules went by another moment than its own time.
    pub(super) fn is_judged_apart(&self) -> bool {
        self.judged_at_ms.is_some()
    }

    /// Checks which story the event says it belongs to, and what it says caused it.
    pub(super) fn check_story(
        &self,
        correlation: Uuid,
        causation: Uuid,
        say: &mut dyn FnMut(String),
    ) {
        if self.correlation != correlation {
            say(format!("$correlationId is {}, not {correlation}", self.correlation));
        }
        if self.causation != causation {
            say(format!("$causationId is {}, not {causation}", self.causation));
        }
    }
}

/// An event as it is shown to the walk, not judged yet.
pub(super) struct EventRow<'a> {
    pub position: i64,
    pub revision: i64,
    pub id: &'a [u8],
    pub kind: &'a [u8],
    pub data: &'a [u8],
    /// The data is stored as bytes, not as text: only clients of others do that.
    pub binary: bool,
    pub metadata: &'a [u8],
    pub recorded_at_ms: i64,
    /// Its link of the chain, where the store keeps one.
    pub hash: Option<&'a [u8]>,
}

/// Where a stream ends, as the store says beside its events.
pub(super) struct Head {
    pub revision: i64,
    pub hash: Vec<u8>,
}

/// What a stream is about.
enum Book {
    Item(Box<ItemBook>),
    Sale(SaleBook),
    Coupon(Box<CouponBook>),
    Quota(QuotaBook),
    Demand,
    Fulfilment(FulfilmentBook),
    /// Of a sale or a recording with that id.
    Traffic(Uuid),
    /// Alerts, an incident, a wording or the level of the service.
    Operations(OperationsBook),
    /// The stream is none of ours; only its place and its chain can be checked.
    Foreign,
}

/// One stream while it is walked along.
struct Stream {
    name: String,
    book: Book,
    head: Option<Head>,
    next_revision: u64,
    hash: Hash,
}

/// How the positions of a log follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Positions {
    /// From 1 on, one after the other.
    Counted,
    /// Each above the one before.
    Growing,
}

/// A walk that has come somewhere.
pub(super) struct Walk {
    streams: Vec<Stream>,
    plans: Plans,
    payments: Payments,
    limited: Limited,
    coupons: OrderCoupons,
    positions: Positions,
    /// Whether the log says that others may write to it.
    shared: bool,
    keep: Keep,
    last_position: Option<i64>,
    last_recorded_at_ms: i64,
    proof: Proof,
}

impl Walk {
    /// A walk along a log; `shared` if the log says that it holds streams of others, too.
    pub(super) fn new(positions: Positions, shared: bool, keep: Keep) -> Self {
        Self {
            streams: Vec::new(),
            plans: Plans::default(),
            payments: Payments::default(),
            limited: Limited::default(),
            coupons: OrderCoupons::default(),
            positions,
            shared,
            keep,
            last_position: None,
            last_recorded_at_ms: 0,
            proof: Proof::default(),
        }
    }

    /// Events seen so far.
    pub(super) fn events(&self) -> u64 {
        self.proof.events
    }

    /// A stream that has events or is said to have some. Gives the number it is called by.
    pub(super) fn stream(&mut self, name: &str, head: Option<Head>) -> usize {
        let book = book(name, self.keep);
        if matches!(book, Book::Foreign) && !self.shared {
            self.note(None, name, None, "no stream of ours has such a name");
        }
        let hash = chain::start(name);
        self.streams.push(Stream { name: name.to_owned(), book, head, next_revision: 0, hash });
        self.streams.len() - 1
    }

    pub(super) fn note(
        &mut self,
        position: Option<i64>,
        stream: &str,
        revision: Option<u64>,
        problem: &str,
    ) {
        note(&mut self.proof, position, stream, revision, problem.to_owned());
    }

    fn place(&mut self, position: i64) {
        self.proof.events += 1;
        let last = self.last_position.replace(position);
        let problem = match self.positions {
            Positions::Counted => {
                let expected = last.unwrap_or(0).saturating_add(1);
                (position != expected)
                    .then(|| format!("position {expected} should stand here: events are missing"))
            }
            Positions::Growing => last
                .filter(|last| position <= *last)
                .map(|last| format!("it stands after position {last}: events are out of order")),
        };
        if let Some(problem) = problem {
            note(&mut self.proof, Some(position), "", None, problem);
        }
    }

    /// An event of which a column cannot be read.
    pub(super) fn unreadable(&mut self, position: i64, column: &'static str) {
        self.place(position);
        let problem = format!("{column} is not of the type it is stored as");
        note(&mut self.proof, Some(position), "", None, problem);
    }

    /// An event that belongs to no stream.
    pub(super) fn astray(&mut self, row: &EventRow<'_>, problem: &str) {
        self.place(row.position);
        let revision = u64::try_from(row.revision).ok();
        self.note(Some(row.position), "", revision, problem);
    }

    /// The next event of the log. `stream` is a number that [`Walk::stream`] gave.
    pub(super) fn event(&mut self, stream: usize, row: &EventRow<'_>) {
        self.place(row.position);
        self.last_recorded_at_ms = row.recorded_at_ms;
        let Self { streams, plans, payments, limited, coupons, proof, .. } = self;
        let Stream { name, book, next_revision, hash, .. } = &mut streams[stream];
        let revision = u64::try_from(row.revision).unwrap_or(u64::MAX);
        let mut say = |problem: String| {
            note(proof, Some(row.position), name, Some(revision), problem);
        };

        if revision != *next_revision {
            say(format!("revision {next_revision} of its stream should stand here"));
        }
        *next_revision = revision.saturating_add(1);
        if let Some(link) = row.hash {
            let sum = row.sum(hash, revision);
            if sum != *link {
                say("the hash chain breaks here: this event or one before it was changed"
                    .to_owned());
            }
            // What stands in the log goes on being the chain, so that one change is one finding.
            *hash = link.try_into().unwrap_or(sum);
        }

        if matches!(book, Book::Foreign) {
            proof.foreign_events += 1;
            return;
        }
        match envelope(row, revision) {
            Ok(event) => judge(book, &event, (plans, payments, limited, coupons), &mut say),
            Err(problem) => say(problem),
        }
    }

    /// The verdict, after the last event, and what it was come to with.
    pub(super) fn end(mut self) -> Judged {
        let mut items = Vec::new();
        let mut plain = self.plans.items.values().all(|planned| planned.goods.is_none());
        for Stream { name, book, head, next_revision, hash } in self.streams {
            if let Some(head) = &head {
                self.proof.chains += 1;
                if let Some(problem) = wrong_head(head, next_revision, &hash) {
                    let last = next_revision.checked_sub(1);
                    note(&mut self.proof, None, &name, last, problem);
                }
            }
            self.proof.streams += 1;
            match book {
                Book::Item(mut item) => {
                    self.proof.items += 1;
                    self.proof.orders += item.orders();
                    let last = next_revision.checked_sub(1);
                    item.end(&mut |problem| note(&mut self.proof, None, &name, last, problem));
                    plain &= item.is_plain();
                    let revision = last.unwrap_or_default();
                    items.push(JudgedItem { book: item, revision, head: head.map(|_| hash) });
                }
                Book::Coupon(batch) => {
                    plain = false;
                    let last = next_revision.checked_sub(1);
                    batch.end(&mut |problem| note(&mut self.proof, None, &name, last, problem));
                }
                Book::Quota(_) => plain = false,
                Book::Foreign => self.proof.foreign_streams += 1,
                Book::Sale(_)
                | Book::Demand
                | Book::Fulfilment(_)
                | Book::Traffic(_)
                | Book::Operations(_) => {}
            }
        }
        self.proof.chained = self.positions == Positions::Counted;
        let position = self.last_position.and_then(|last| u64::try_from(last).ok());
        Judged::new(
            self.proof,
            (self.keep.certificate, plain),
            position.unwrap_or(0),
            self.last_recorded_at_ms,
            items,
        )
    }
}

impl EventRow<'_> {
    /// What its link of the chain must be.
    fn sum(&self, previous: &Hash, revision: u64) -> Hash {
        let Self { id, recorded_at_ms, kind, data, binary, metadata, .. } = *self;
        chain::link(previous, &Link { revision, id, recorded_at_ms, kind, data, binary, metadata })
    }
}

/// What is wrong with where a stream is said to end, if anything.
fn wrong_head(head: &Head, next_revision: u64, hash: &Hash) -> Option<String> {
    let Some(last) = next_revision.checked_sub(1) else {
        return Some("the stream has a head but no events".to_owned());
    };
    if u64::try_from(head.revision) != Ok(last) {
        let head = head.revision;
        return Some(format!(
            "the recorded head is revision {head}, but the last event is revision {last}"
        ));
    }
    (head.hash != *hash).then(|| "the recorded head is not the hash of the last event".to_owned())
}

fn note(
    proof: &mut Proof,
    position: Option<i64>,
    stream: &str,
    revision: Option<u64>,
    problem: String,
) {
    proof.add(|| Finding {
        position: position.and_then(|position| u64::try_from(position).ok()),
        stream: stream.to_owned(),
        revision,
        problem,
    });
}

/// What a stream of that name is about: a category, a dash, a UUID.
fn book(name: &str, keep: Keep) -> Book {
    let Some((category, id)) = name.split_once('-') else { return Book::Foreign };
    match (category, parse_id(id)) {
        ("item", Some(id)) => Book::Item(Box::new(ItemBook::new(id, keep))),
        ("sale", Some(id)) => Book::Sale(SaleBook::new(id)),
        ("coupon", Some(id)) => Book::Coupon(Box::new(CouponBook::new(id))),
        ("quota", Some(id)) => Book::Quota(QuotaBook::new(id)),
        ("demand", Some(_)) => Book::Demand,
        ("fulfilment", Some(id)) => Book::Fulfilment(FulfilmentBook::new(id)),
        ("traffic", Some(id)) => Book::Traffic(id),
        (category, Some(id)) => {
            operations::book(category, id).map_or(Book::Foreign, Book::Operations)
        }
        (_, None) => Book::Foreign,
    }
}

fn envelope<'a>(row: &EventRow<'a>, revision: u64) -> Result<Event<'a>, String> {
    let kind = str::from_utf8(row.kind).map_err(|_| "the kind is not text".to_owned())?;
    let id = Uuid::from_slice(row.id).map_err(|_| "the event id does not have 16 bytes")?;
    if row.binary {
        return Err("the data is stored as bytes, which no version of ours does".to_owned());
    }
    if row.recorded_at_ms < 0 {
        return Err("the event was recorded before 1970".to_owned());
    }
    let metadata: Metadata = serde_json::from_slice(row.metadata)
        .map_err(|error| format!("the metadata cannot be read: {error}"))?;
    if metadata.schema != SCHEMA {
        return Err(format!("stored form {} is unknown to this version", metadata.schema));
    }
    let (correlation, causation) = (metadata.correlation.0, metadata.causation.0);
    let writer = metadata.writer.map(|writer| writer.0);
    let (judged_at_ms, data) = (metadata.judged_at_ms, row.data);
    Ok(Event { kind, id, revision, data, correlation, causation, writer, judged_at_ms })
}

fn judge(
    book: &mut Book,
    event: &Event<'_>,
    (plans, payments, limited, coupons): (
        &mut Plans,
        &mut Payments,
        &mut Limited,
        &mut OrderCoupons,
    ),
    say: &mut dyn FnMut(String),
) {
    let read = match book {
        Book::Item(item) => {
            payments.count(item.sale(), event.kind);
            let read = item.apply(event, plans, say);
            if let Some(news) = item.news.take() {
                coupons.item_says((item.sale(), item.id()), news, say);
            }
            read.and_then(|()| limited.of_item(item, event, say))
        }
        Book::Fulfilment(exports) => exports.apply(event, payments, say),
        Book::Sale(sale) => sale.apply(event, plans, say),
        Book::Coupon(batch) => {
            let read = batch.apply(event, say);
            if let Some(news) = batch.news.take() {
                coupons.batch_says(batch.of(), news, say);
            }
            read
        }
        Book::Quota(quota) => quota.apply(event, limited, say),
        Book::Demand if event.kind == "DemandTick" => {
            event.check_not_judged(say);
            serde_json::from_slice::<DemandTick<'_>>(event.data).map(|tick| {
                if let Err(wrong) = demand::check(&tick) {
                    say(wrong);
                }
            })
        }
        Book::Demand => {
            say(format!("no event of demand is called {:?}", event.kind));
            Ok(())
        }
        Book::Traffic(stream) if event.kind == "TrafficRecorded" => {
            serde_json::from_slice::<TrafficRecorded<'_>>(event.data).map(|traffic| {
                event.check_not_judged(say);
                event.check_story(*stream, *stream, say);
                if !event.has_id(Uuid::new_v5(stream, &event.revision.to_be_bytes())) {
                    say("the event's id is not the one of its place".to_owned());
                }
                if let Err(wrong) = traffic::check(*stream, &traffic) {
                    say(wrong);
                }
            })
        }
        Book::Traffic(_) => {
            say(format!("no event of traffic is called {:?}", event.kind));
            Ok(())
        }
        Book::Operations(book) => book.apply(event, say),
        Book::Foreign => Ok(()),
    };
    if let Err(error) = read {
        say(format!("the body of this {} cannot be read: {error}", event.kind));
    }
}
