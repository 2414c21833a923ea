//! Whether a log is the one that was answered from: judged before anything may write to it.
//!
//! First the witness and the read models are read, then the log: a writer at work only adds to the
//! log meanwhile. The log must hold every event they know, unless an operator has accepted exactly
//! that loss. After an unclean end the rows behind the last checkpoint are verified, and the whole
//! log where the files do not belong together. It must never change a byte.

use std::{
    collections::HashSet,
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use rusqlite::{Connection, OptionalExtension as _};
use uuid::Uuid;

use super::{
    LOCK_FILE, OpenError,
    claims::{self, Claim},
    look,
    loss::{Loss, Missing},
    raw::Direction,
    rows::{COLUMNS, Query, ReadSession, limit},
    schema::{self, LOG_FILE},
    wal::{self, WalMark},
    witness::{self, Found, Last, Record, WITNESS_FILE},
};
use crate::{
    events::{LossAccepted, Position, StreamName},
    store::ReadError,
    values::bound_of,
};

/// Rows verified at once.
const PAGE_EVENTS: usize = 1_024;

/// A log that was looked at.
pub(super) struct Looked {
    /// Reads the log as it was judged.
    pub(super) connection: Connection,
    /// The last event on disk.
    pub(super) last: Last,
    /// The last event that the witness names; nothing where that was given up.
    pub(super) answered: Last,
    /// The highest sequence number in the witness.
    pub(super) sequence: u64,
    /// The highest number known of the header of the log file.
    pub(super) generation: u32,
    /// The witness is to be made anew: it is missing, or an older version made the log.
    pub(super) adopt: bool,
    /// What was found missing, if anything.
    pub(super) loss: Option<Loss>,
}

/// What is known beside the log, read before it.
pub(super) struct Known {
    witness: Found,
    claims: Vec<Claim>,
    in_use: bool,
}

impl Known {
    /// Reads what is known. `in_use` as of [`is_in_use`].
    pub(super) fn read(directory: &Path, in_use: bool) -> Result<Self, OpenError> {
        let path = directory.join(WITNESS_FILE);
        let witness = witness::read(directory).map_err(|error| OpenError::io(&path, &error))?;
        let mut claims = claims::of_read_models(directory, in_use);
        if let Found::Slots(records) = &witness {
            claims.extend(records.iter().map(|record| Claim::of_witness(&record.last)));
            claims.dedup();
        }
        Ok(Self { witness, claims, in_use })
    }

    /// What is lost where the log file itself is missing; nothing if there never was one.
    pub(super) fn without_log(&self) -> Option<Loss> {
        let found = "there is no log.db".to_owned();
        let mut missing: Vec<Missing> = self
            .claims
            .iter()
            .filter(|claim| claim.position > 0)
            .map(|claim| Missing {
                source: claim.source.clone(),
                position: position(claim.position),
                event_id: Some(claim.id),
                found: found.clone(),
            })
            .collect();
        if let Found::Invalid(_) = &self.witness {
            missing.extend(self.unbelievable(true, 0));
        }
        let known = missing.iter().map(|missing| missing.position).max()?;
        Some(Loss { end: Position::START, known, missing, problem: None, wal: None })
    }

    /// Looks at the log of a directory and judges it.
    pub(super) fn look_at(self, directory: &Path) -> Result<Looked, OpenError> {
        let path = directory.join(LOG_FILE);
        let connection = schema::inspect(&path, self.in_use)?;
        // Closing a file that SQLite has open in this process would release its locks; with another
        // writer the number is meaningless anyway.
        let stamped = if self.in_use { Ok(0) } else { stamped(&path) };
        let stamped = stamped.map_err(|error| OpenError::io(&path, &error))?;
        let failed = |error: rusqlite::Error| OpenError::sqlite(&path, &error);
        let last = last_event(&connection).map_err(failed)?;
        let promised = schema::has_witness(&connection).map_err(failed)?;
        let mut missing = Vec::new();
        for claim in &self.claims {
            missing.extend(claim.missing_in(&connection).map_err(failed)?);
        }
        let known = missing.iter().map(|missing| missing.position.0).max();
        let known = known.unwrap_or_default().max(last.position);
        missing.extend(self.unbelievable(promised, known));
        let settled = Settled::read(&connection, &last).map_err(failed)?;
        missing.retain(|missing| !settled.includes(missing));
        let records = match self.witness {
            Found::Slots(records) => Some(records),
            Found::Missing | Found::Invalid(_) => None,
        };
        let named = records.map_or(Last::NONE, |[newer, _]| newer.last);
        let mut looked = Looked {
            connection,
            last,
            answered: if settled.is_of(&named) { Last::NONE } else { named },
            sequence: records.map_or(0, |records| records[0].sequence),
            generation: records.map_or(0, |[newer, _]| newer.generation).max(stamped),
            adopt: records.is_none() || !promised,
            loss: None,
        };
        let (mut end, mut problem) = (last.position, None);
        if missing.is_empty() && !self.in_use {
            // What an operator has accepted was verified then.
            let record = records.map(|[newer, _]| newer);
            let record = record.filter(|record| !settled.is_of(&record.last));
            if let Some((sound, what)) = looked.verify_behind(record, stamped, &path)? {
                (end, problem) = (sound, Some(what));
            }
        }
        if !missing.is_empty() || problem.is_some() {
            // Below the end where the log went another way after what is known.
            let known = missing.iter().map(|missing| missing.position).max();
            let known = known.unwrap_or(Position(last.position));
            let wal = wal::scan(&look::wal_of(&path));
            looked.loss = Some(Loss { end: Position(end), known, missing, problem, wal });
        }
        Ok(looked)
    }

    /// What is wrong with the witness itself, where the log says that there is one.
    fn unbelievable(&self, promised: bool, known: u64) -> Option<Missing> {
        let found = match &self.witness {
            Found::Slots(_) => return None,
            Found::Missing => "is missing".to_owned(),
            Found::Invalid(why) => format!("cannot be believed: {why}"),
        };
        let missing = Missing {
            source: WITNESS_FILE.to_owned(),
            position: Position(known),
            event_id: None,
            found,
        };
        promised.then_some(missing)
    }
}

impl Looked {
    /// Verifies what an unclean end may have damaged: the rows behind the last checkpoint, or all
    /// of them where the files do not belong together. Gives the last sound position and what is
    /// wrong behind it.
    fn verify_behind(
        &mut self,
        record: Option<Record>,
        stamped: u32,
        path: &Path,
    ) -> Result<Option<(u64, String)>, OpenError> {
        let Some(record) = record else { return Ok(None) };
        let wal_path = look::wal_of(path);
        let mark = WalMark::at(&wal_path).map_err(|error| OpenError::io(&wal_path, &error))?;
        let whole = mark != record.wal || stamped < record.generation;
        if whole {
            return self.verify_all(path);
        }
        if record.checkpointed >= self.last.position {
            return Ok(None);
        }
        self.verify_rows(record.checkpointed, path)
    }

    /// Verifies every row and every index.
    pub(super) fn verify_all(&mut self, path: &Path) -> Result<Option<(u64, String)>, OpenError> {
        let check = "PRAGMA integrity_check(1)";
        let said = self.connection.query_row(check, [], |row| row.get::<_, String>(0));
        let said = said.map_err(|error| OpenError::sqlite(path, &error))?;
        if said != "ok" {
            return Ok(Some((0, said)));
        }
        self.verify_rows(0, path)
    }

    fn verify_rows(&mut self, after: u64, path: &Path) -> Result<Option<(u64, String)>, OpenError> {
        let failed = |error: rusqlite::Error| OpenError::sqlite(path, &error);
        let taken = Connection::open_in_memory().map_err(failed)?;
        let mut session = ReadSession::over(std::mem::replace(&mut self.connection, taken));
        let found = verify_rows(&mut session, after, self.last.position);
        self.connection = session.connection;
        match found {
            Ok(found) => Ok(found),
            Err(ReadError::Unavailable(problem)) => {
                Err(OpenError::Io { path: path.to_owned(), problem })
            }
            Err(ReadError::Damaged(problem)) => Err(OpenError::damaged(path, problem)),
        }
    }
}

/// Follows the rows behind a position, their hashes and their places, and compares the heads of
/// the streams they are in.
fn verify_rows(
    session: &mut ReadSession,
    after: u64,
    end: u64,
) -> Result<Option<(u64, String)>, ReadError> {
    let mut sound = after;
    let mut streams = HashSet::new();
    while sound < end {
        let sql = format!("SELECT {COLUMNS} WHERE position > ?1 ORDER BY position LIMIT ?2");
        let query = Query { sql: &sql, direction: Direction::Forwards, max: PAGE_EVENTS };
        let (mut expected, mut gap) = (sound, None);
        let read = session.read_page(&query, [bound_of(sound), limit(PAGE_EVENTS)], |event| {
            expected += 1;
            if event.position != expected && gap.is_none() {
                gap = Some(expected);
            }
            Some(event.name.text.clone())
        });
        let page = match read {
            Ok(page) => page,
            Err(ReadError::Damaged(problem)) => return Ok(Some((sound, problem))),
            Err(error) => return Err(error),
        };
        if let Some(gap) = gap {
            return Ok(Some((gap - 1, format!("there is no event at position {gap}"))));
        }
        if page.rows == 0 {
            return Ok(Some((sound, format!("they end at position {sound}, not {end}"))));
        }
        sound = page.last_position;
        streams.extend(page.kept);
    }
    let head = "SELECT e.hash IS s.hash FROM streams AS s
                LEFT JOIN events AS e INDEXED BY events_by_stream
                ON e.stream = s.stream AND e.revision = s.revision WHERE s.name = ?1";
    for stream in streams {
        let mut query = session.connection.prepare_cached(head).map_err(super::rows::read_error)?;
        let agrees = query.query_row([&*stream], |row| row.get::<_, bool>(0)).optional();
        if agrees.map_err(super::rows::read_error)? != Some(true) {
            return Ok(Some((after, format!("{stream} does not end with its last event"))));
        }
    }
    Ok(None)
}

/// Losses that an operator has accepted, as the log says.
struct Settled {
    accepted: Vec<LossAccepted>,
    /// The log ends with such an event.
    at_the_end: bool,
}

impl Settled {
    fn read(log: &Connection, last: &Last) -> rusqlite::Result<Self> {
        let sql = "SELECT data, position FROM events AS e JOIN streams AS s USING (stream)
                   WHERE s.name = ?1 ORDER BY e.revision";
        let mut query = log.prepare(sql)?;
        let mut rows = query.query([StreamName::log().to_string()])?;
        let mut settled = Self { accepted: Vec::new(), at_the_end: false };
        while let Some(row) = rows.next()? {
            // An unreadable row decides nothing here; readers of the log will report it.
            let data = row.get_ref(0)?.as_bytes()?;
            settled.accepted.extend(serde_json::from_slice::<LossAccepted>(data));
            settled.at_the_end = row.get::<_, i64>(1)?.unsigned_abs() == last.position;
        }
        Ok(settled)
    }

    fn includes(&self, missing: &Missing) -> bool {
        let is_it = |accepted: &LossAccepted| {
            accepted.settles.iter().any(|settled| match missing.event_id {
                Some(id) => (settled.position, settled.event_id) == (missing.position, Some(id)),
                None => settled.source == missing.source && settled.event_id.is_none(),
            })
        };
        match missing.event_id {
            Some(_) => self.accepted.iter().any(is_it),
            // A file that is missing again after that is another loss.
            None => self.at_the_end && self.accepted.last().is_some_and(is_it),
        }
    }

    /// Whether exactly that end of the log was given up.
    fn is_of(&self, last: &Last) -> bool {
        self.includes(&Missing {
            source: WITNESS_FILE.to_owned(),
            position: Position(last.position),
            event_id: Some(last.id),
            found: String::new(),
        })
    }
}

/// Whether a process may be writing to the log of a directory; if none is, a guard that keeps
/// writers out until it is dropped.
pub(super) fn is_in_use(directory: &Path) -> (bool, Option<File>) {
    if directory.join(WITNESS_FILE).exists() {
        let held = witness::hold_to_look(directory);
        return (held.is_none(), held);
    }
    // An older version created the log. Its lock file is released at once, so that the start of a
    // server is not refused because of this check.
    let in_use = File::open(directory.join(LOCK_FILE)).is_ok_and(|file| !can_share(&file));
    (in_use, None)
}

fn can_share(file: &File) -> bool {
    file.try_lock_shared().is_ok()
}

/// The last event of a log.
pub(super) fn last_event(log: &Connection) -> rusqlite::Result<Last> {
    let sql = "SELECT position, id, hash FROM events ORDER BY position DESC LIMIT 1";
    let last = log.query_row(sql, [], |row| {
        Ok(Last {
            position: row.get::<_, i64>(0)?.unsigned_abs(),
            id: Uuid::from_bytes(row.get(1)?),
            hash: row.get(2)?,
        })
    });
    Ok(last.optional()?.unwrap_or(Last::NONE))
}

/// The number in the header of the log file itself, whatever its write-ahead log says.
fn stamped(path: &Path) -> io::Result<u32> {
    let mut header = [0; 64];
    match File::open(path)?.read_exact(&mut header) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(0),
        read => read.map(|()| u32::from_be_bytes([header[60], header[61], header[62], header[63]])),
    }
}

fn position(position: i64) -> Position {
    Position(position.unsigned_abs())
}
