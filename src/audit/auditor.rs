//! One walk over the log, from the first event to the last.
//!
//! Checks what holds for every event (places, chains, form) and hands the event to the book of its
//! item or sale for what it means.

use std::{collections::HashMap, hash::RandomState};

use uuid::Uuid;

use super::{
    AuditError, Finding, Proof,
    bodies::{DemandTick, Metadata, parse_id},
    chain::{self, Hash, Link},
    demand,
    item::ItemBook,
    log_file::{EventRow, HeadRow, LogFile, PlaceSum},
    sale::{Plans, SaleBook},
};

/// How often progress is told, in events.
const PROGRESS_EVENTS: u64 = 8192;

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
}

impl Event<'_> {
    /// Whether its id is the one that its cause makes: as it is, or under its writer's name.
    pub(super) fn has_id(&self, made: Uuid) -> bool {
        let expected = self.writer.map_or(made, |writer| chain::id_by(writer, made));
        self.id == expected
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

/// What a stream is about.
enum Book {
    Item(Box<ItemBook>),
    Sale(SaleBook),
    Demand,
    /// The stream's name is none of ours; only its chain can be checked.
    Unknown,
}

/// One stream while it is walked along.
struct Stream {
    head: HeadRow,
    book: Book,
    next_revision: u64,
    hash: Hash,
}

/// Audits a log that is open.
pub(super) fn audit(
    log: &LogFile,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Proof, AuditError> {
    let hasher = RandomState::new();
    let mut places = PlaceSum::new(hasher.clone());
    let mut walk = Walk::new(log.heads()?);
    let last = log.last_position()?;
    progress(0, last);
    log.each_event(|row| {
        match row {
            Ok(row) => {
                places.add(row.position, row.stream, row.revision);
                walk.event(&row);
            }
            Err((position, column)) => walk.unreadable(position, column),
        }
        if walk.proof.events.is_multiple_of(PROGRESS_EVENTS) {
            progress(walk.proof.events, last);
        }
    })?;
    let mut indexed = PlaceSum::new(hasher);
    let in_order = log.index_places(&mut indexed)?;
    if !in_order || !indexed.agrees_with(&places) {
        walk.note(None, "", None, "the index over streams does not agree with the events");
    }
    let proof = walk.end();
    progress(proof.events, last.max(proof.events));
    Ok(proof)
}

struct Walk {
    streams: Vec<Stream>,
    by_number: HashMap<i64, usize>,
    plans: Plans,
    next_position: i64,
    proof: Proof,
}

impl Walk {
    fn new(heads: Vec<HeadRow>) -> Self {
        let mut walk = Self {
            streams: Vec::with_capacity(heads.len()),
            by_number: HashMap::with_capacity(heads.len()),
            plans: Plans::new(),
            next_position: 1,
            proof: Proof::default(),
        };
        for head in heads {
            let book = book(&head.name);
            if matches!(book, Book::Unknown) {
                walk.note(None, &head.name, None, "no stream of ours has such a name");
            }
            walk.by_number.insert(head.stream, walk.streams.len());
            let hash = chain::start(&head.name);
            walk.streams.push(Stream { head, book, next_revision: 0, hash });
        }
        walk
    }

    fn note(&mut self, position: Option<i64>, stream: &str, revision: Option<u64>, problem: &str) {
        note(&mut self.proof, position, stream, revision, problem.to_owned());
    }

    fn place(&mut self, position: i64) {
        self.proof.events += 1;
        if position != self.next_position {
            let expected = self.next_position;
            let problem = format!("position {expected} should stand here: events are missing");
            note(&mut self.proof, Some(position), "", None, problem);
        }
        self.next_position = position.saturating_add(1);
    }

    fn unreadable(&mut self, position: i64, column: &'static str) {
        self.place(position);
        let problem = format!("{column} is not of the type it is stored as");
        note(&mut self.proof, Some(position), "", None, problem);
    }

    fn event(&mut self, row: &EventRow<'_>) {
        self.place(row.position);
        let Self { streams, by_number, plans, proof, .. } = self;
        let Some(stream) = by_number.get(&row.stream).map(|&index| &mut streams[index]) else {
            let problem = format!("there is no stream with the number {}", row.stream);
            note(proof, Some(row.position), "", u64::try_from(row.revision).ok(), problem);
            return;
        };
        let Stream { head, book, next_revision, hash } = stream;
        let revision = u64::try_from(row.revision).unwrap_or(u64::MAX);
        let mut say = |problem: String| {
            note(proof, Some(row.position), &head.name, Some(revision), problem);
        };

        if revision != *next_revision {
            say(format!("revision {next_revision} of its stream should stand here"));
        }
        *next_revision = revision.saturating_add(1);
        let sum = chain::link(
            hash,
            &Link {
                revision,
                id: row.id,
                recorded_at_ms: row.recorded_at_ms,
                kind: row.kind,
                data: row.data,
                metadata: row.metadata,
            },
        );
        if sum != *row.hash {
            say("the hash chain breaks here: this event or one before it was changed".to_owned());
        }
        // What stands in the log goes on being the chain, so that one change is one finding.
        *hash = row.hash.try_into().unwrap_or(sum);

        match envelope(row, revision) {
            Ok(event) => judge(book, &event, plans, &mut say),
            Err(problem) => say(problem),
        }
    }

    fn end(mut self) -> Proof {
        for Stream { head, book, next_revision, hash } in &self.streams {
            let last = next_revision.checked_sub(1);
            let problem = match last {
                None => "the stream has a head but no events".to_owned(),
                Some(last) if u64::try_from(head.revision) != Ok(last) => format!(
                    "the recorded head is revision {}, but the last event is revision {last}",
                    head.revision
                ),
                Some(_) if head.hash != *hash => {
                    "the recorded head is not the hash of the last event".to_owned()
                }
                Some(_) => String::new(),
            };
            if !problem.is_empty() {
                note(&mut self.proof, None, &head.name, last, problem);
            }
            self.proof.chains += 1;
            if let Book::Item(item) = book {
                self.proof.items += 1;
                self.proof.orders += item.orders();
            }
        }
        self.proof
    }
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
fn book(name: &str) -> Book {
    let Some((category, id)) = name.split_once('-') else { return Book::Unknown };
    match (category, parse_id(id)) {
        ("item", Some(id)) => Book::Item(Box::new(ItemBook::new(id))),
        ("sale", Some(id)) => Book::Sale(SaleBook::new(id)),
        ("demand", Some(_)) => Book::Demand,
        _ => Book::Unknown,
    }
}

fn envelope<'a>(row: &EventRow<'a>, revision: u64) -> Result<Event<'a>, String> {
    let kind = str::from_utf8(row.kind).map_err(|_| "the kind is not text".to_owned())?;
    let id = Uuid::from_slice(row.id).map_err(|_| "the event id does not have 16 bytes")?;
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
    Ok(Event { kind, id, revision, data: row.data, correlation, causation, writer })
}

fn judge(book: &mut Book, event: &Event<'_>, plans: &mut Plans, say: &mut dyn FnMut(String)) {
    let read = match book {
        Book::Item(item) => item.apply(event, plans, say),
        Book::Sale(sale) => sale.apply(event, plans, say),
        Book::Demand if event.kind == "DemandTick" => {
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
        Book::Unknown => Ok(()),
    };
    if let Err(error) = read {
        say(format!("the body of this {} cannot be read: {error}", event.kind));
    }
}
