//! The import of a recording: the file is read once to check and count it, then again to write it.
//! A recording of sales is also checked against their items, when the log is open.
//!
//! Its stream is derived from its content and the sale it is imported for, and each event from the
//! rows before it. An interrupted import therefore resumes, and a repeated one writes nothing.
//! Memory does not grow with the file.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet, HashSet},
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
    time::Duration,
};

use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    cli::failure::{Code, Failure},
    crowd::{
        sightings::{Seen, Sighting, Sightings},
        traffic::TrafficError,
    },
    domain::{beacon::Beacon, traffic::TrafficBatch},
    events::{
        Event, NewEvent, SaleEvent, StreamName, TrafficAction, TrafficItem, TrafficRecorded,
        decode, encode,
    },
    store::{AppendError, Expected, ReadError, SharedStore},
    values::{Invalid, SaleId},
};

/// Sales that one file may name: each has a batch of its own in memory.
const SALES_MAX: usize = 64;

/// Events in one append at most. More would not be faster, and the log's readers wait less.
const EVENTS_PER_APPEND: usize = 16;

/// How often an append is tried again, and the pause after each try.
const TRIES_MAX: u32 = 20;
const PAUSE: Duration = Duration::from_millis(250);

/// Longest name of a recording in the log, in characters.
const NAME_CHARS_MAX: usize = 128;

/// Where streams of recordings come from: a namespace of ids, drawn once.
const RECORDINGS: Uuid = Uuid::from_u128(0x9b1f_5a3c_0d7e_4c52_8f6a_2e94_b7c1_d035);

/// The SKUs of sales.
type Plans = BTreeMap<SaleId, HashSet<String>>;

/// A file that was read to its end and found good.
pub(super) struct Import {
    file: PathBuf,
    name: String,
    skip_bad_rows: bool,
    pub(super) sale: Option<SaleId>,
    /// All sales that its rows are about.
    sales: BTreeSet<SaleId>,
    /// What those sell; empty before the log was asked.
    plans: Rc<Plans>,
    sum: [u8; 32],
    /// By action.
    pub(super) counts: [u64; 5],
    pub(super) skipped: u64,
    pub(super) first_skipped: Option<String>,
}

/// What was done.
pub(super) struct Imported {
    pub(super) survey: Import,
    pub(super) stream: StreamName,
    /// The id of the recording: its stream's.
    pub(super) recording: String,
    pub(super) batches: u64,
    pub(super) already_there: u64,
}

impl Import {
    /// Reads a file to its end. Nothing is written for a file that cannot be used.
    pub(super) fn survey(
        file: &Path,
        sale: Option<SaleId>,
        skip_bad_rows: bool,
    ) -> Result<Self, TrafficError> {
        Self::survey_for(file, sale, skip_bad_rows, Rc::default())
    }

    fn survey_for(
        file: &Path,
        sale: Option<SaleId>,
        skip_bad_rows: bool,
        plans: Rc<Plans>,
    ) -> Result<Self, TrafficError> {
        let mut import = Self {
            file: file.to_owned(),
            name: name_of(file),
            skip_bad_rows,
            sale,
            sales: sale.into_iter().collect(),
            plans,
            sum: [0; 32],
            counts: [0; 5],
            skipped: 0,
            first_skipped: None,
        };
        let (sum, rows) = import.summed()?;
        for row in rows {
            match row {
                Ok(row) => {
                    let action = action_of(row.action);
                    import.counts[usize::from(action as u8)] += 1;
                    import.sales.extend(row.sale);
                    if import.sales.len() > SALES_MAX {
                        let problem = format!("the file names more than {SALES_MAX} sales");
                        return Err(TrafficError::Nothing(problem));
                    }
                }
                Err(error @ TrafficError::Row { .. }) if skip_bad_rows => {
                    import.skipped += 1;
                    import.first_skipped.get_or_insert_with(|| error.to_string());
                }
                Err(error) => return Err(error),
            }
        }
        if import.rows() == 0 {
            return Err(TrafficError::no_rows(import.skipped, import.first_skipped.as_deref()));
        }
        import.sum = sum.borrow().clone().finalize().into();
        Ok(import)
    }

    /// Rows that are good.
    pub(super) fn rows(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Writes what is not in the log yet.
    pub(super) async fn write(self, store: &SharedStore) -> anyhow::Result<Imported> {
        store.found_end().await;
        if self.sales.is_empty() {
            return self.write_rows(store).await;
        }
        let mut plans = Plans::new();
        for sale in &self.sales {
            plans.insert(*sale, skus(*sale, store).await?);
        }
        let Self { file, sale, skip_bad_rows, sum, .. } = self;
        let surveyed = Self::survey_for(&file, sale, skip_bad_rows, Rc::new(plans))
            .map_err(|error| failed(&file, &error))?;
        if surveyed.sum != sum {
            return Err(surveyed.changed().into());
        }
        surveyed.write_rows(store).await
    }

    async fn write_rows(self, store: &SharedStore) -> anyhow::Result<Imported> {
        let stream = StreamName::traffic(self.recording());
        let mut writer = Writer::to(stream, store).await?;
        let mut batches: BTreeMap<Option<SaleId>, TrafficBatch> = BTreeMap::new();
        let (sum, rows) = self.summed().map_err(|error| failed(&self.file, &error))?;
        for row in rows {
            let row = match row {
                Ok(row) => row,
                Err(TrafficError::Row { .. }) if self.skip_bad_rows => continue,
                Err(error) => return Err(failed(&self.file, &error).into()),
            };
            let sale = row.sale.or(self.sale);
            let batch = batches
                .entry(sale)
                .or_insert_with(|| TrafficBatch::recorded(self.name.clone(), sale));
            let beacon = beacon_of(row, sale.unwrap_or(SaleId(stream.id)));
            if let Some(beacon) = batch.add(beacon) {
                writer.write(batch.take()).await?;
                // An empty batch has a place for every beacon.
                let _ = batch.add(beacon);
            }
        }
        for batch in batches.values_mut() {
            writer.write(batch.take()).await?;
        }
        writer.flush().await?;
        let sum: [u8; 32] = sum.borrow().clone().finalize().into();
        if sum != self.sum {
            return Err(self.changed().into());
        }
        let already_there = writer.already_there;
        let Some(batches) = writer.next.checked_sub(already_there) else {
            let message = format!("{stream} holds more than this file comes to");
            return Err(Failure::new(Code::Integrity, message).into());
        };
        Ok(Imported {
            stream,
            recording: stream.id.to_string(),
            batches,
            already_there,
            survey: self,
        })
    }

    fn changed(&self) -> Failure {
        let message = format!("{} changed while it was imported", self.file.display());
        Failure::new(Code::Failed, message)
    }

    /// The rows of the file, and the sum of the lines that were read so far.
    fn summed(&self) -> Result<(Rc<RefCell<Sha256>>, Sightings), TrafficError> {
        let sum = Rc::new(RefCell::new(Sha256::new()));
        let seen = Rc::clone(&sum);
        let rows = Sightings::open_seeing(&self.file, move |line| {
            let mut sum = seen.borrow_mut();
            sum.update(line);
            sum.update(b"\n");
        })?;
        let (sale, plans) = (self.sale, Rc::clone(&self.plans));
        Ok((sum, rows.judged(move |row| sold(row, sale, &plans))))
    }

    /// The recording's id, in the place of a sale's.
    fn recording(&self) -> SaleId {
        let mut name = self.sum.to_vec();
        name.extend(self.sale.iter().flat_map(|sale| *sale.0.as_bytes()));
        SaleId(Uuid::new_v5(&RECORDINGS, &name))
    }
}

/// The SKUs of a sale, as it was put up: it gets no others.
async fn skus(sale: SaleId, store: &SharedStore) -> anyhow::Result<HashSet<String>> {
    let found = store.read_stream(StreamName::sale(sale), 0, 1).await;
    let found = found.map_err(|error| unreadable(&error))?;
    let Some(first) = found.first() else {
        let problem = format!("{sale} is no sale in this log");
        return Err(Failure::from(Invalid::new("sale", problem)).into());
    };
    let first = decode(first).map_err(|error| Failure::new(Code::Integrity, error.to_string()))?;
    let Event::Sale(SaleEvent::Created(created)) = first else {
        let message =
            format!("the first event of {} does not create the sale", StreamName::sale(sale));
        return Err(Failure::new(Code::Integrity, message).into());
    };
    Ok(created.items.into_iter().map(|item| item.sku).collect())
}

/// Whether a row is about an item that its sale has, where that is known.
fn sold(row: &Sighting, of: Option<SaleId>, plans: &Plans) -> Result<(), Invalid> {
    let Some(skus) = row.sale.or(of).and_then(|sale| plans.get(&sale)) else { return Ok(()) };
    if row.item.is_empty() || skus.contains(&row.item) {
        return Ok(());
    }
    Err(Invalid::new("item", format!("{:?} is no item of its sale", row.item)))
}

/// What people call the recording: the name of its file, as far as it can be shown.
fn name_of(file: &Path) -> String {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    let shown = name.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX);
    shown.collect()
}

fn action_of(seen: Seen) -> TrafficAction {
    match seen {
        Seen::View => TrafficAction::View,
        Seen::Favourite => TrafficAction::Favourite,
        Seen::Cart => TrafficAction::Cart,
        Seen::Share => TrafficAction::Share,
        Seen::Buy => TrafficAction::Buy,
    }
}

fn beacon_of(row: Sighting, of: SaleId) -> Beacon {
    let Sighting { visitor, item, category, action, at, channel, page, shopper, sale: _ } = row;
    let item =
        (!item.is_empty()).then(|| TrafficItem { item_id: of.item_id(&item), sku: item, category });
    Beacon { id: Uuid::nil(), at, action: action_of(action), visitor, item, channel, page, shopper }
}

/// Appends the events of a recording behind those that are there.
struct Writer<'a> {
    stream: StreamName,
    store: &'a SharedStore,
    /// Revision of the next event that is made.
    next: u64,
    already_there: u64,
    /// Revision of the first event that waits.
    first: u64,
    waiting: Vec<NewEvent>,
    bytes: usize,
}

impl<'a> Writer<'a> {
    async fn to(stream: StreamName, store: &'a SharedStore) -> anyhow::Result<Self> {
        let last = store.last_revision(stream).await.map_err(|error| unreadable(&error))?;
        let already_there = last.map_or(0, |last| last + 1);
        Ok(Self {
            stream,
            store,
            next: 0,
            already_there,
            first: already_there,
            waiting: Vec::new(),
            bytes: 0,
        })
    }

    async fn write(&mut self, event: Option<TrafficRecorded>) -> anyhow::Result<()> {
        let Some(event) = event else { return Ok(()) };
        let revision = self.next;
        self.next += 1;
        if revision < self.already_there {
            if revision + 1 == self.already_there {
                self.compare_last(revision, &event).await?;
            }
            return Ok(());
        }
        let stream = self.stream.id;
        let id = Uuid::new_v5(&stream, &revision.to_be_bytes());
        let event = encode(id, &event, stream, stream);
        let limits = self.store.limits();
        let bytes = event.data.len() + event.metadata.len() + 2 * event.kind.len();
        let most = EVENTS_PER_APPEND.min(limits.events_max);
        if self.waiting.len() >= most || self.bytes + bytes > limits.bytes_enough {
            self.flush().await?;
        }
        self.bytes += bytes;
        self.waiting.push(event);
        Ok(())
    }

    /// What stands where an earlier import ended must be what this one would have written there.
    async fn compare_last(&self, revision: u64, event: &TrafficRecorded) -> anyhow::Result<()> {
        let found = self.store.read_stream(self.stream, revision, 1).await;
        let found = found.map_err(|error| unreadable(&error))?;
        let found = found.first().map(decode).transpose();
        let found = found.map_err(|error| Failure::new(Code::Integrity, error.to_string()))?;
        let same = matches!(&found, Some(Event::Traffic(found)) if TrafficRecorded {
            // The file may have another name today.
            recording: event.recording.clone(),
            ..found.clone()
        } == *event);
        if same {
            return Ok(());
        }
        let stream = self.stream;
        let message = format!("event {revision} of {stream} is not what this file comes to there");
        Err(Failure::new(Code::Integrity, message).into())
    }

    /// Appends what waits. The same events at the same place are harmless to send again.
    async fn flush(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let events: Arc<[NewEvent]> = std::mem::take(&mut self.waiting).into();
        self.bytes = 0;
        let expected = Expected::before(self.first);
        self.first += events.len() as u64;
        let mut tries = 1;
        loop {
            let append = self.store.append(self.stream, expected, Arc::clone(&events)).await;
            let why = match append {
                Ok(_) => return Ok(()),
                Err(AppendError::Conflict(_)) => {
                    "another import writes the same recording".to_owned()
                }
                Err(error) if tries >= TRIES_MAX => error.to_string(),
                Err(error) => {
                    tracing::warn!(%error, "beacons were not written; retrying");
                    tries += 1;
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            let message = format!("{why}; start the import again and it goes on where it stopped");
            return Err(Failure::new(Code::Failed, message).into());
        }
    }
}

fn unreadable(error: &ReadError) -> Failure {
    let code = match error {
        ReadError::Unavailable(_) => Code::Unreachable,
        ReadError::Damaged(_) => Code::Integrity,
    };
    Failure::new(code, error.to_string())
}

/// A file that cannot be imported.
pub(super) fn failed(file: &Path, error: &TrafficError) -> Failure {
    let message = match error {
        TrafficError::Open { .. } => error.to_string(),
        TrafficError::Read { .. } | TrafficError::Row { .. } | TrafficError::Nothing(_) => {
            format!("{}: {error}", file.display())
        }
    };
    Failure::new(Code::Usage, message)
}
