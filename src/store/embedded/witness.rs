//! The witness: what the log is known to hold, kept outside of SQLite's files.
//!
//! SQLite takes a damaged write-ahead log for a shorter one, so the log alone cannot tell that it
//! lost its end. The witness names the last event that was answered for. This file is its form and
//! how it is read; `witness_writer` writes it. The form is public: `docs/log-integrity.md`.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::Path,
    time::Duration,
};

use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{OpenError, chain::Hash, lock, wal::WalMark};
use crate::private;

/// Name of the witness in a data directory.
pub const WITNESS_FILE: &str = "log.witness";

/// A new one, before it is complete.
const DRAFT_FILE: &str = "log.witness.new";

/// Bytes of a slot, of each of its two copies, and of what its checksum covers.
pub(super) const SLOT_BYTES: usize = 512;
const COPY_BYTES: usize = 256;
const COVERED_BYTES: usize = 224;

const SLOTS: u64 = 2;

const MAGIC: &[u8; 16] = b"doorbuster wit 1";

/// How long to wait for those who look at the witness while they hold its lock: after an unclean end
/// they verify what it may have damaged.
const LOOKING: Duration = Duration::from_secs(25);

/// The last event of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Last {
    /// 0 in an empty log; then id and hash are zeros.
    pub(super) position: u64,
    pub(super) id: Uuid,
    pub(super) hash: Hash,
}

/// What one slot says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record {
    /// Counts the writes of this file; its parity is the slot.
    pub(super) sequence: u64,
    pub(super) last: Last,
    /// Every event up to here was in the log file itself, synced, when this was written.
    pub(super) checkpointed: u64,
    /// Number in the header of the log file, raised before each time the write-ahead log is
    /// started over. A log file with a lower one is an older copy.
    pub(super) generation: u32,
    /// Which write-ahead log the last event may be in.
    pub(super) wal: WalMark,
}

/// What was found of a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Missing,
    /// Why it cannot be believed.
    Invalid(String),
    /// Both slots, the newer one first.
    Slots([Record; 2]),
}

impl Last {
    pub(super) const NONE: Self = Self { position: 0, id: Uuid::nil(), hash: [0; 32] };
}

impl Record {
    /// A log that is wholly in its file.
    pub(super) fn settled(sequence: u64, last: Last, generation: u32) -> Self {
        let checkpointed = last.position;
        Self { sequence, last, checkpointed, generation, wal: WalMark::NONE }
    }

    /// The slot that a record is written to.
    pub(super) fn offset(&self) -> u64 {
        self.sequence % SLOTS * SLOT_BYTES as u64
    }

    /// The bytes of a slot: two equal copies, so that one flipped bit costs nothing and a slot
    /// that is half written still has the record before or after.
    pub(super) fn encode(&self) -> [u8; SLOT_BYTES] {
        let mut copy = [0; COPY_BYTES];
        let mut put = |offset: usize, bytes: &[u8]| {
            copy[offset..offset + bytes.len()].copy_from_slice(bytes);
        };
        put(0, MAGIC);
        put(16, &self.sequence.to_be_bytes());
        put(24, &self.last.position.to_be_bytes());
        put(32, self.last.id.as_bytes());
        put(48, &self.last.hash);
        put(80, &self.checkpointed.to_be_bytes());
        put(88, &self.generation.to_be_bytes());
        put(92, &self.wal.sequence.to_be_bytes());
        put(96, &self.wal.salts);
        let checksum: Hash = Sha256::digest(&copy[..COVERED_BYTES]).into();
        copy[COVERED_BYTES..].copy_from_slice(&checksum);
        let mut slot = [0; SLOT_BYTES];
        slot[..COPY_BYTES].copy_from_slice(&copy);
        slot[COPY_BYTES..].copy_from_slice(&copy);
        slot
    }

    fn decode(copy: &[u8]) -> Option<Self> {
        let checksum: Hash = Sha256::digest(copy.get(..COVERED_BYTES)?).into();
        if !copy.starts_with(MAGIC) || copy.get(COVERED_BYTES..COPY_BYTES)? != checksum {
            return None;
        }
        let last = Last {
            position: u64::from_be_bytes(part(copy, 24)?),
            id: Uuid::from_bytes(part(copy, 32)?),
            hash: part(copy, 48)?,
        };
        Some(Self {
            sequence: u64::from_be_bytes(part(copy, 16)?),
            last,
            checkpointed: u64::from_be_bytes(part(copy, 80)?),
            generation: u32::from_be_bytes(part(copy, 88)?),
            wal: WalMark { sequence: u32::from_be_bytes(part(copy, 92)?), salts: part(copy, 96)? },
        })
    }

    /// The newer of a slot's copies that are whole.
    fn decode_slot(slot: &[u8]) -> Option<Self> {
        let copies = slot.chunks_exact(COPY_BYTES).filter_map(Self::decode);
        copies.max_by_key(|record| record.sequence)
    }
}

fn part<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..offset + N)?.try_into().ok()
}

/// Reads the witness of a directory.
pub(super) fn read(directory: &Path) -> io::Result<Found> {
    // A writer may be in the middle of a slot: then the next look finds it whole.
    let mut found = read_once(directory)?;
    for _ in 0..3 {
        match found {
            Found::Invalid(_) => found = read_once(directory)?,
            Found::Missing | Found::Slots(_) => break,
        }
    }
    Ok(found)
}

fn read_once(directory: &Path) -> io::Result<Found> {
    let file = match File::open(directory.join(WITNESS_FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Missing),
        file => file?,
    };
    let mut bytes = Vec::with_capacity(2 * SLOT_BYTES + 1);
    file.take(2 * SLOT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(read_bytes(&bytes))
}

fn read_bytes(bytes: &[u8]) -> Found {
    if bytes.len() != 2 * SLOT_BYTES {
        let (is, be) = (bytes.len(), 2 * SLOT_BYTES);
        return Found::Invalid(format!("it has {is} bytes where it should have {be}"));
    }
    let (first, second) = bytes.split_at(SLOT_BYTES);
    match (Record::decode_slot(first), Record::decode_slot(second)) {
        (Some(first), Some(second)) if first.sequence > second.sequence => {
            Found::Slots([first, second])
        }
        (Some(first), Some(second)) => Found::Slots([second, first]),
        (None, Some(_)) => Found::Invalid("its first slot is damaged".to_owned()),
        (Some(_), None) => Found::Invalid("its second slot is damaged".to_owned()),
        (None, None) => Found::Invalid("both of its slots are damaged".to_owned()),
    }
}

/// Makes a witness, or replaces one, with both slots saying the same: whole or not at all. Returns
/// it locked.
pub(super) fn create(directory: &Path, record: &Record) -> io::Result<File> {
    let draft = directory.join(DRAFT_FILE);
    let mut file = private::file().read(true).truncate(true).open(&draft)?;
    let other = Record { sequence: record.sequence + 1, ..*record };
    let mut bytes = Vec::with_capacity(2 * SLOT_BYTES);
    let mut slots = [record, &other];
    slots.sort_by_key(|record| record.offset());
    for slot in slots {
        bytes.extend_from_slice(&slot.encode());
    }
    file.write_all(&bytes)?;
    file.sync_all()?;
    file.try_lock()?;
    std::fs::rename(&draft, directory.join(WITNESS_FILE))?;
    File::open(directory)?.sync_all()?;
    Ok(file)
}

/// Opens the witness for writing and locks it; nothing if there is none. Unlike the lock file it is
/// missed when it is deleted, so a second server is kept out although the first one's lock file is
/// gone.
pub(super) fn open_locked(directory: &Path) -> Result<Option<File>, OpenError> {
    let path = directory.join(WITNESS_FILE);
    let failed = |error: &io::Error| OpenError::io(&path, error);
    let file = match OpenOptions::new().read(true).write(true).open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(|error| failed(&error))?,
    };
    match lock::within(&file, LOOKING) {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { directory: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// Keeps writers out during an inspection. `None` if a writer is active, or if that is
/// unknown.
pub(super) fn hold_to_look(directory: &Path) -> Option<File> {
    let file = File::open(directory.join(WITNESS_FILE)).ok()?;
    file.try_lock_shared().ok()?;
    Some(file)
}
