//! SQLite's write-ahead log as bytes: which one it is, and where it stops being valid.
//!
//! SQLite itself ends a write-ahead log at the first frame whose checksum is wrong and says
//! nothing. Frames behind it are told to the operator, but prove nothing: they remain after a full
//! disk or an unsynced power loss, too. The format is SQLite's: <https://sqlite.org/walformat.html>.

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::{self, BufReader, Read},
    os::unix::fs::FileExt as _,
    path::Path,
};

use super::look;
use crate::values::narrow;

const HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;
const MAGIC: u32 = 0x377f_0682;
const PAGE_BYTES_MAX: usize = 65_536;

/// Where the index of a write-ahead log tells how many of its frames are copied.
const COPIED_AT: u64 = 96;

/// Read and written at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Which write-ahead log it is: its number since it was made, and its two salts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WalMark {
    pub(super) sequence: u32,
    pub(super) salts: [u8; 8],
}

/// What a write-ahead log holds, frame by frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WalFrames {
    /// The last frame of the last whole transaction; 0 if there is none.
    pub last_valid: u64,
    /// The first frame that is damaged or of an earlier use of the file.
    pub first_bad: Option<u64>,
    /// Frames of the same use of the file behind that one.
    pub behind: u64,
}

impl WalMark {
    /// None, or an empty one.
    pub(super) const NONE: Self = Self { sequence: 0, salts: [0; 8] };

    /// Reads it from the header of an open file.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let mut header = [0; HEADER_BYTES];
        match file.read_exact_at(&mut header, 0) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Self::NONE),
            read => read.map(|()| Self::in_header(&header)),
        }
    }

    /// Reads it from a file that need not be there.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::NONE),
            file => Self::of(&file?),
        }
    }

    fn in_header(header: &[u8; HEADER_BYTES]) -> Self {
        let mut salts = [0; 8];
        salts.copy_from_slice(&header[16..24]);
        Self { sequence: word(header, 12, true), salts }
    }
}

/// Goes through a write-ahead log; nothing if there is none, or its header is not one.
pub(super) fn scan(path: &Path) -> Option<WalFrames> {
    scan_file(&File::open(path).ok()?).map(|(frames, _)| frames)
}

/// Goes through an open one, and tells the bytes of its frames.
fn scan_file(file: &File) -> Option<(WalFrames, u64)> {
    let mut file = BufReader::with_capacity(1 << 16, file);
    let mut header = [0; HEADER_BYTES];
    file.read_exact(&mut header).ok()?;
    let magic = word(&header, 0, true);
    let page_bytes = usize::try_from(word(&header, 8, true)).ok()?;
    if magic & !1 != MAGIC || !page_bytes.is_power_of_two() || page_bytes > PAGE_BYTES_MAX {
        return None;
    }
    let mut sum = Sum { big_endian: magic & 1 == 1, first: 0, second: 0 };
    sum.add(&header[..24]);
    let mut frames = WalFrames::default();
    if !sum.is_at(&header, 24) {
        frames.first_bad = Some(1);
    }
    let mut frame = vec![0; FRAME_HEADER_BYTES + page_bytes];
    let mut number = 0;
    while file.read_exact(&mut frame).is_ok() {
        number += 1;
        let same_use = frame[8..16] == header[16..24];
        if frames.first_bad.is_some() {
            frames.behind += u64::from(same_use);
            continue;
        }
        sum.add(&frame[..8]);
        sum.add(&frame[FRAME_HEADER_BYTES..]);
        if !same_use || !sum.is_at(&frame, 16) {
            frames.first_bad = Some(number);
        } else if word(&frame, 4, true) != 0 {
            frames.last_valid = number;
        }
    }
    Some((frames, frame.len() as u64))
}

/// Writes again what the write-ahead log of a log has brought or is to bring into the log file, and syncs
/// it. Nobody else may write meanwhile.
///
/// A process before this one may have ended because a sync failed. The system shows the pages of that
/// sync as they were to be written, but takes them for written: no later sync brings them to disk. So
/// the whole transactions of the write-ahead log are written again in place, before they are copied to
/// where they would be mixed with what is older. And what counts as copied is copied again: where a
/// process has the log open, SQLite goes on counting from there.
pub(super) fn write_again(log: &Path) -> io::Result<()> {
    let wal = look::wal_of(log);
    let file = match File::options().read(true).write(true).open(&wal) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        file => file?,
    };
    let Some((frames, frame_bytes)) = scan_file(&file) else { return Ok(()) };
    if frames.last_valid == 0 {
        return Ok(());
    }
    let end = HEADER_BYTES as u64 + frames.last_valid * frame_bytes;
    let (mut at, mut chunk) = (0, vec![0; CHUNK_BYTES]);
    while at < end {
        let bytes = &mut chunk[..narrow((end - at).min(CHUNK_BYTES as u64))];
        file.read_exact_at(bytes, at)?;
        file.write_all_at(bytes, at)?;
        at += bytes.len() as u64;
    }
    file.sync_data()?;
    if let Some(directory) = wal.parent() {
        File::open(directory)?.sync_all()?;
    }
    let copied = frames_copied(log)?.min(frames.last_valid);
    copy_again(log, &file, (copied, frame_bytes))
}

/// Frames that count as copied: the number stands behind the two headers of the index, as
/// [the format](https://www.sqlite.org/walformat.html#the_wal_index_file_format) says.
fn frames_copied(log: &Path) -> io::Result<u64> {
    let mut index = log.as_os_str().to_owned();
    index.push("-shm");
    let mut copied = [0; 4];
    match File::open(index).and_then(|index| index.read_exact_at(&mut copied, COPIED_AT)) {
        Ok(()) => Ok(u32::from_ne_bytes(copied).into()),
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof => Ok(0),
            _ => Err(error),
        },
    }
}

/// Copies the newest of the first frames of each page into the log file, and syncs it.
fn copy_again(log: &Path, wal: &File, (frames, frame_bytes): (u64, u64)) -> io::Result<()> {
    if frames == 0 {
        return Ok(());
    }
    let place = |frame: u64| HEADER_BYTES as u64 + frame * frame_bytes;
    let mut newest = BTreeMap::new();
    for frame in 0..frames {
        let mut page = [0; 4];
        wal.read_exact_at(&mut page, place(frame))?;
        newest.insert(u32::from_be_bytes(page), frame);
    }
    let log = File::options().write(true).open(log)?;
    let mut page = vec![0; narrow(frame_bytes) - FRAME_HEADER_BYTES];
    for (number, frame) in newest {
        wal.read_exact_at(&mut page, place(frame) + FRAME_HEADER_BYTES as u64)?;
        let at = u64::from(number.saturating_sub(1)) * page.len() as u64;
        log.write_all_at(&page, at)?;
    }
    log.sync_data()
}

/// SQLite's running checksum.
struct Sum {
    big_endian: bool,
    first: u32,
    second: u32,
}

impl Sum {
    fn add(&mut self, bytes: &[u8]) {
        for offset in (0..bytes.len()).step_by(8) {
            let (one, two) =
                (word(bytes, offset, self.big_endian), word(bytes, offset + 4, self.big_endian));
            self.first = self.first.wrapping_add(one).wrapping_add(self.second);
            self.second = self.second.wrapping_add(two).wrapping_add(self.first);
        }
    }

    fn is_at(&self, bytes: &[u8], offset: usize) -> bool {
        (word(bytes, offset, true), word(bytes, offset + 4, true)) == (self.first, self.second)
    }
}

fn word(bytes: &[u8], offset: usize, big_endian: bool) -> u32 {
    let mut word = [0; 4];
    if let Some(found) = bytes.get(offset..offset + 4) {
        word.copy_from_slice(found);
    }
    if big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
}

impl fmt::Display for WalFrames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { last_valid, first_bad, behind } = self;
        write!(f, "its last valid frame is {last_valid}")?;
        if let Some(bad) = first_bad {
            write!(f, ", frame {bad} is not valid, and {behind} frames of the same use follow it")?;
        }
        Ok(())
    }
}
