//! The file of a snapshot.
//!
//! ```text
//! file   = "doorbuster snapshot\n" || frame of the head || frame of each part || end
//! frame  = length, 4 bytes || checksum, 4 bytes || as many bytes
//! end    = 0, 4 bytes      || checksum, 4 bytes
//! ```
//!
//! Numbers are little-endian. A checksum is the CRC-32 of all frames' bytes from the head to here, so
//! parts that are missing, doubled or out of sequence are found like changed ones. The head is JSON.
//!
//! A file is written under another name, synced and renamed: its name stands for a whole file or none.
//! No length in a file is trusted: a frame has at most [`FRAME_BYTES_MAX`].

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use crc32fast::Hasher;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::mark::Mark;
use crate::{
    domain::{
        Decider,
        snapshot::{BadState, Reader, STATE_SOURCES, Writer},
    },
    events::{Position, StreamName},
    private,
    values::short,
};

/// Inside of the data directory.
const DIRECTORY: &str = "snapshots";

const MAGIC: &[u8] = b"doorbuster snapshot\n";

/// Raised when the frames or the head change; what states look like is told by [`STATE_SOURCES`].
const FORMAT: u32 = 1;

/// Bytes of one frame. Parts are a quarter of a mebibyte, unless one value is larger.
const FRAME_BYTES_MAX: u32 = 16 << 20;

/// Room made for a frame before it is read: a usual one has a little more than a quarter of a mebibyte.
const ROOM_BYTES: usize = 288 << 10;

/// Bytes that are synced at once: a commit of the log on the same disk waits for no more than these.
const SYNC_BYTES: u64 = 8 << 20;

/// The snapshots of a data directory.
#[derive(Debug, Clone)]
pub struct SnapshotFiles {
    directory: PathBuf,
}

/// Why a snapshot is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it does not begin like a snapshot")]
    NoSnapshot,
    #[error("it is of format {0}, and this program reads {FORMAT}")]
    OtherFormat(u32),
    #[error("another version of doorbuster wrote it")]
    OtherVersion,
    #[error("it is of {0}")]
    OtherStream(String),
    #[error("it is damaged: {0}")]
    Damaged(&'static str),
    #[error("what it holds is impossible: it {0}")]
    Impossible(BadState),
    #[error("the log ends before its last event, revision {revision}")]
    LogIsShorter { revision: u64 },
    #[error("its last event, {id} at revision {revision}, is not in the log: another one is there")]
    OtherLog { revision: u64, id: Uuid },
    #[error("the clock was set after events that it holds")]
    ClockWasSet,
}

/// Why none was written. What was there before is there still.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It holds more than what has landed, or cannot be written in this form.
    #[error("the state is not one that can be written down")]
    State,
    #[error("it was told to stop")]
    Stopped,
}

/// What is said of a state before the state itself.
#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    sources: String,
    stream: String,
    revision: u64,
    position: Position,
    event_id: Uuid,
    event_hash: String,
}

/// A snapshot whose head is read and believed.
#[derive(Debug)]
pub struct Opened {
    stream: StreamName,
    mark: Claimed,
    frames: Frames,
}

/// The last event as the file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Claimed {
    revision: u64,
    position: Position,
    id: Uuid,
    hash: String,
}

/// The frames of a file, one after the other.
#[derive(Debug)]
struct Frames {
    file: File,
    sum: Hasher,
    /// What is wrong with the file, once that is known.
    wrong: Option<Refused>,
    ended: bool,
}

impl SnapshotFiles {
    /// Those in a data directory. Nothing is made before the first one is written.
    pub fn of(data: &Path) -> Self {
        Self { directory: data.join(DIRECTORY) }
    }

    /// Where the snapshot of a stream is, if there is one.
    pub fn path(&self, stream: StreamName) -> PathBuf {
        self.directory.join(stream.to_string())
    }

    /// The streams that have one, in the sequence of their names.
    ///
    /// # Errors
    /// When the directory cannot be read; one that is missing holds none.
    pub fn streams(&self) -> io::Result<Vec<StreamName>> {
        let listed = match fs::read_dir(&self.directory) {
            Ok(listed) => listed,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut streams = Vec::new();
        for entry in listed {
            // A draft has another ending and is no stream's.
            streams.extend(entry?.file_name().to_str().and_then(StreamName::parse));
        }
        streams.sort_unstable_by_key(|stream| (stream.category, stream.id));
        Ok(streams)
    }

    /// The snapshot of a stream; `None` where there is none.
    ///
    /// # Errors
    /// Why it is not used.
    pub fn open(&self, stream: StreamName) -> Result<Option<Opened>, Refused> {
        let file = match File::open(self.path(stream)) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(unreadable(&error)),
        };
        Opened::read(file, stream).map(Some)
    }

    /// Writes the state that a stream had after its event of that mark; gives the size of the file.
    /// `go_on` is asked now and then.
    ///
    /// # Errors
    /// When it is not written: what was there before is there still.
    pub fn write<D: Decider>(
        &self,
        stream: StreamName,
        mark: &Mark,
        state: &D,
        go_on: &dyn Fn() -> bool,
    ) -> Result<u64, NotWritten> {
        private::make_inner_directory(&self.directory)?;
        let path = self.path(stream);
        let draft = path.with_extension("new");
        let written = write_draft(&draft, stream, mark, state, go_on);
        let renamed = written.and_then(|bytes| {
            fs::rename(&draft, &path)?;
            File::open(&self.directory)?.sync_all()?;
            Ok(bytes)
        });
        if renamed.is_err() {
            // What cannot be removed is written over by the next one.
            _ = fs::remove_file(&draft);
        }
        renamed
    }
}

fn write_draft<D: Decider>(
    draft: &Path,
    stream: StreamName,
    mark: &Mark,
    state: &D,
    go_on: &dyn Fn() -> bool,
) -> Result<u64, NotWritten> {
    let mut out = Out {
        file: private::file().truncate(true).open(draft)?,
        sum: Hasher::new(),
        bytes: 0,
        unsynced: 0,
    };
    let head = Head {
        format: FORMAT,
        sources: STATE_SOURCES.to_owned(),
        stream: stream.to_string(),
        revision: mark.revision,
        position: mark.position,
        event_id: mark.id,
        event_hash: mark.hash_text(),
    };
    out.put(MAGIC)?;
    out.frame(&serde_json::to_vec(&head).map_err(io::Error::from)?)?;
    let mut outcome = Ok(());
    let mut sink = |part: &[u8]| {
        outcome = match go_on() {
            true => out.frame(part).map_err(NotWritten::from),
            false => Err(NotWritten::Stopped),
        };
        outcome.is_ok()
    };
    let mut to = Writer::new(&mut sink);
    let whole = state.write(&mut to);
    let taken = to.finish();
    outcome?;
    if !whole || !taken {
        return Err(NotWritten::State);
    }
    let sum = out.sum.clone().finalize();
    out.put(&[0; 4])?;
    out.put(&sum.to_le_bytes())?;
    out.file.sync_all()?;
    Ok(out.bytes)
}

/// A file that is written.
struct Out {
    file: File,
    sum: Hasher,
    bytes: u64,
    unsynced: u64,
}

impl Out {
    fn frame(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() || bytes.len() > FRAME_BYTES_MAX as usize {
            return Err(io::Error::other("a part of a snapshot is too large"));
        }
        self.sum.update(bytes);
        let sum = self.sum.clone().finalize();
        self.put(&short(bytes.len()).to_le_bytes())?;
        self.put(&sum.to_le_bytes())?;
        self.put(bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        let written = bytes.len() as u64;
        self.bytes += written;
        self.unsynced += written;
        if self.unsynced >= SYNC_BYTES {
            self.unsynced = 0;
            self.file.sync_data()?;
        }
        Ok(())
    }
}

impl Opened {
    fn read(mut file: File, stream: StreamName) -> Result<Self, Refused> {
        let mut magic = [0; MAGIC.len()];
        match file.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC => {}
            Ok(()) => return Err(Refused::NoSnapshot),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                return Err(Refused::NoSnapshot);
            }
            Err(error) => return Err(unreadable(&error)),
        }
        let mut frames = Frames { file, sum: Hasher::new(), wrong: None, ended: false };
        let Some(head) = frames.next() else {
            return Err(frames.wrong.unwrap_or(Refused::Damaged("it has no head")));
        };
        // Of another format perhaps only this can be read.
        #[derive(Deserialize)]
        struct Formatted {
            format: u32,
        }
        let damaged = |_| Refused::Damaged("its head is not what is written there");
        let Formatted { format } = serde_json::from_slice(&head).map_err(damaged)?;
        if format != FORMAT {
            return Err(Refused::OtherFormat(format));
        }
        let head: Head = serde_json::from_slice(&head).map_err(damaged)?;
        if head.sources != STATE_SOURCES {
            return Err(Refused::OtherVersion);
        }
        if head.stream != stream.to_string() {
            return Err(Refused::OtherStream(head.stream));
        }
        let Head { revision, position, event_id: id, event_hash: hash, .. } = head;
        Ok(Self { stream, mark: Claimed { revision, position, id, hash }, frames })
    }

    /// Revision of its last event.
    pub fn revision(&self) -> u64 {
        self.mark.revision
    }

    /// Position of its last event, as it says.
    pub fn position(&self) -> Position {
        self.mark.position
    }

    /// Compares its last event with what the log has there.
    ///
    /// # Errors
    /// When the log has none or another one.
    pub fn is_in_log_with(&self, found: Option<&Mark>) -> Result<(), Refused> {
        let Claimed { revision, position, id, hash } = &self.mark;
        let revision = *revision;
        let Some(found) = found else { return Err(Refused::LogIsShorter { revision }) };
        let same = (found.revision, found.position, found.id, &found.hash_text())
            == (revision, *position, *id, hash);
        if same { Ok(()) } else { Err(Refused::OtherLog { revision, id: *id }) }
    }

    /// The state. Blocks.
    ///
    /// # Errors
    /// When the rest of the file is damaged or holds no state.
    pub fn state<D: Decider>(self) -> Result<D, Refused> {
        let Self { stream, mark, mut frames } = self;
        let mut source = || frames.next();
        let mut from = Reader::new(&mut source);
        let read = D::read(stream.id, mark.revision, &mut from);
        let read = read.and_then(|state| from.finish().map(|()| state));
        match frames.wrong {
            Some(wrong) => Err(wrong),
            None => read.map_err(Refused::Impossible),
        }
    }

    /// Whether this state is written as the file has it. Blocks.
    ///
    /// # Errors
    /// When the rest of the file is damaged.
    pub fn is_of<D: Decider>(self, state: &D) -> Result<bool, Refused> {
        let Self { mut frames, .. } = self;
        let mut sink = |part: &[u8]| frames.next().is_some_and(|frame| frame == part);
        let mut to = Writer::new(&mut sink);
        let whole = state.write(&mut to);
        let same = to.finish() && whole && frames.next().is_none();
        match frames.wrong {
            Some(wrong) => Err(wrong),
            None => Ok(same),
        }
    }
}

impl Frames {
    /// The next one; none at the end and where something is wrong.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.ended {
            return None;
        }
        let read = self.read();
        self.ended = !matches!(read, Ok(Some(_)));
        read.unwrap_or_else(|wrong| {
            self.wrong = Some(wrong);
            None
        })
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>, Refused> {
        let length = self.word()?;
        let sum = self.word()?;
        if length > FRAME_BYTES_MAX {
            return Err(Refused::Damaged("a part is too large"));
        }
        // A length alone takes no more memory than a usual part.
        let mut bytes = Vec::with_capacity((length as usize).min(ROOM_BYTES));
        let mut part = Read::by_ref(&mut self.file).take(length.into());
        let read = part.read_to_end(&mut bytes).map_err(|error| unreadable(&error))?;
        if read != length as usize {
            return Err(Refused::Damaged("it ends within a part"));
        }
        self.sum.update(&bytes);
        if self.sum.clone().finalize() != sum {
            return Err(Refused::Damaged("a checksum is wrong"));
        }
        if length > 0 {
            return Ok(Some(bytes));
        }
        match self.file.read(&mut [0]) {
            Ok(0) => Ok(None),
            Ok(_) => Err(Refused::Damaged("it goes on after its end")),
            Err(error) => Err(unreadable(&error)),
        }
    }

    fn word(&mut self) -> Result<u32, Refused> {
        let mut word = [0; 4];
        match self.file.read_exact(&mut word) {
            Ok(()) => Ok(u32::from_le_bytes(word)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(Refused::Damaged("it ends before its end is written"))
            }
            Err(error) => Err(unreadable(&error)),
        }
    }
}

fn unreadable(error: &io::Error) -> Refused {
    Refused::Unreadable(error.to_string())
}
