//! Files that are written for people: whole or absent, whatever happens meanwhile.
//!
//! A file is written under another name in the directory of its own, synced, and renamed. So its name
//! never stands for a part of it: a full disk, a kill or a power failure leaves what was there before,
//! or nothing. Rights and owner of a file that is replaced stay; through a symbolic link its target is
//! replaced. What is no regular file, such as `/dev/stdout` or a named pipe, is written directly.
//!
//! An unfinished file is removed when its writer fails, and by [`abandon_all`] on a signal. What a kill
//! leaves behind is removed by the next writer of the same file, because its lock is free.

mod directory;

pub use directory::DirectoryDraft;

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata, OpenOptions, Permissions},
    io::{self, BufWriter, Write},
    os::{
        fd::AsFd,
        unix::{
            ffi::{OsStrExt, OsStringExt},
            fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
        },
    },
    path::{Path, PathBuf},
    process,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

const BUFFER_BYTES: usize = 1 << 18;

/// Links that are followed, as the kernel does.
const LINKS_MAX: usize = 40;

/// Bytes of a file's name in the name of its part: with the rest it has at most 255.
const NAME_BYTES_MAX: usize = 200;

/// Names that are tried for a part before giving up.
const NAMES_MAX: usize = 100;

const ENDING: &[u8] = b".part";

/// Parts that this program has not finished.
static UNFINISHED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file while it is written.
#[derive(Debug)]
pub struct Draft {
    to: BufWriter<File>,
    /// None where it is written directly.
    place: Option<Place>,
}

/// A file that is complete and synced, but does not have its name yet. Dropped, it is gone.
#[derive(Debug)]
pub struct Finished {
    /// Holds the lock of the part until it has its name.
    _open: File,
    place: Option<Place>,
}

#[derive(Debug)]
struct Place {
    part: Part,
    target: PathBuf,
}

/// A part, a file or a directory; dropped, it is removed.
#[derive(Debug)]
struct Part(PathBuf);

/// Where a path leads to.
enum Target {
    /// A regular file, there or not.
    File(PathBuf, Option<Metadata>),
    /// Something that takes bytes as they come.
    Stream(File),
}

/// Writes one file.
///
/// # Errors
/// When it cannot be written, or `fill` fails: then what was there before is there still.
pub fn write<T>(path: &Path, fill: impl FnOnce(&mut Draft) -> io::Result<T>) -> io::Result<T> {
    let mut draft = Draft::of(path)?;
    let filled = fill(&mut draft)?;
    publish([draft.finish()?])?;
    Ok(filled)
}

/// The same of a file that only its owner may read, where it is not there before.
///
/// # Errors
/// As [`write`].
pub fn write_private<T>(
    path: &Path,
    fill: impl FnOnce(&mut Draft) -> io::Result<T>,
) -> io::Result<T> {
    let mut draft = Draft::with_mode(path, 0o600)?;
    let filled = fill(&mut draft)?;
    publish([draft.finish()?])?;
    Ok(filled)
}

/// Gives files their names, one after the other, and syncs their directories.
///
/// # Errors
/// When a name cannot be given: that file and those behind it are dropped.
pub fn publish(files: impl IntoIterator<Item = Finished>) -> io::Result<()> {
    let mut directories = BTreeSet::new();
    for file in files {
        let Some(Place { part, target }) = &file.place else { continue };
        fs::rename(&part.0, target)?;
        directories.extend(target.parent().map(Path::to_owned));
    }
    directories.iter().try_for_each(|directory| sync_directory(directory))
}

/// Removes all parts that are not finished, when the program is about to end.
pub fn abandon_all() {
    let parts = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
    for part in parts.iter() {
        // It may have got its name just now.
        remove(part);
    }
}

impl Draft {
    /// Begins a file.
    ///
    /// # Errors
    /// When nothing can be written there: the file may be read only, or its directory.
    pub fn of(path: &Path) -> io::Result<Self> {
        Self::with_mode(path, 0o666)
    }

    /// With the rights that a file gets which is not there before.
    fn with_mode(path: &Path, mode: u32) -> io::Result<Self> {
        let (file, place) = match find(path)? {
            Target::Stream(file) => (file, None),
            Target::File(target, before) => {
                let (file, part) = begin(&target, before.as_ref(), mode)?;
                (file, Some(Place { part, target }))
            }
        };
        Ok(Self { to: BufWriter::with_capacity(BUFFER_BYTES, file), place })
    }

    /// Writes out what is left and syncs it.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn finish(self) -> io::Result<Finished> {
        let file = self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        if self.place.is_some() {
            file.sync_all()?;
        }
        Ok(Finished { _open: file, place: self.place })
    }
}

impl Write for Draft {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

impl Part {
    fn new(path: PathBuf) -> Self {
        let mut parts = UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner);
        parts.insert(path.clone());
        Self(path)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is nothing under this name.
        remove(&self.0);
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

fn remove(part: &Path) {
    if fs::symlink_metadata(part).is_ok_and(|part| part.is_dir()) {
        // A file may be made in it meanwhile; none after that, because its writer waits for the list.
        let _ = fs::remove_dir_all(part).or_else(|_| fs::remove_dir_all(part));
    } else {
        let _ = fs::remove_file(part);
    }
}

/// Follows links to what is to be written.
fn find(path: &Path) -> io::Result<Target> {
    let mut path = path.to_owned();
    for _ in 0..LINKS_MAX {
        let (directory, name) = split(&path)?;
        let found = directory.join(&name);
        if is_of_descriptors(&directory) {
            return Ok(Target::Stream(open_descriptor(&directory, &name)?));
        }
        let before = match fs::symlink_metadata(&found) {
            Ok(before) => before,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Target::File(found, None));
            }
            Err(error) => return Err(error),
        };
        let kind = before.file_type();
        if kind.is_symlink() {
            path = directory.join(fs::read_link(&found)?);
            continue;
        }
        // The rights of a file count, though only those of its directory are asked to replace it.
        let open = OpenOptions::new().append(true).open(&found)?;
        let stream = kind.is_char_device() || kind.is_block_device() || kind.is_fifo();
        return Ok(if stream { Target::Stream(open) } else { Target::File(found, Some(before)) });
    }
    Err(io::Error::other("too many symbolic links"))
}

/// The directory that a path is in, without links, and the name in it.
fn split(path: &Path) -> io::Result<(PathBuf, OsString)> {
    let Some(name) = path.file_name().filter(|_| !path.as_os_str().as_bytes().ends_with(b"/"))
    else {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = fs::canonicalize(parent.unwrap_or(Path::new(".")))?;
    Ok((directory, name.to_owned()))
}

/// Whether the names there are open files of a program: what they lead to is not ours to replace.
fn is_of_descriptors(directory: &Path) -> bool {
    directory.starts_with("/proc") || directory == Path::new("/dev/fd")
}

/// Our own outputs are shared with whatever else is written to them; others are opened.
fn open_descriptor(directory: &Path, name: &OsStr) -> io::Result<File> {
    let own = Path::new("/proc").join(process::id().to_string()).join("fd");
    let ours = directory == own || directory == Path::new("/dev/fd");
    match name.to_str() {
        Some("1") if ours => Ok(io::stdout().as_fd().try_clone_to_owned()?.into()),
        Some("2") if ours => Ok(io::stderr().as_fd().try_clone_to_owned()?.into()),
        Some(_) | None => OpenOptions::new().append(true).open(directory.join(name)),
    }
}

/// Makes the part of a file, with the rights that the file has or will have.
fn begin(target: &Path, before: Option<&Metadata>, mode: u32) -> io::Result<(File, Part)> {
    let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    };
    let name = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
    sweep(directory, name);
    for _ in 0..NAMES_MAX {
        let path = directory.join(part_name(name));
        let mode = if before.is_some() { 0o600 } else { mode };
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(&path);
        let file = match opened {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => {
                let why = format!("nothing can be written beside it: {error}");
                return Err(io::Error::new(error.kind(), why));
            }
        };
        let part = Part::new(path);
        // On a file system without locks, parts of other writers are not removed.
        if matches!(file.try_lock(), Err(fs::TryLockError::WouldBlock))
            || file.metadata()?.nlink() == 0
        {
            // A sweep took it for a part that was left behind.
            continue;
        }
        if let Some(before) = before {
            keep_rights(&file, before)?;
        }
        return Ok((file, part));
    }
    Err(io::Error::other("no free name for a file beside it"))
}

/// Of this name, program and call.
fn part_name(name: &[u8]) -> OsString {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut of = [b".", name].concat();
    of.extend_from_slice(format!(".{}-{number}", process::id()).as_bytes());
    of.extend_from_slice(ENDING);
    OsString::from_vec(of)
}

/// Whether it is the name of a part of that file.
fn is_part_name(of: &OsStr, name: &[u8]) -> bool {
    let inner = of.as_bytes().strip_prefix(b".").and_then(|of| of.strip_prefix(name));
    let inner = inner.and_then(|of| of.strip_prefix(b".")).and_then(|of| of.strip_suffix(ENDING));
    let Some(inner) = inner.and_then(|inner| str::from_utf8(inner).ok()) else { return false };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    inner.split_once('-').is_some_and(|(program, call)| number(program) && number(call))
}

/// Removes parts of a file that were left behind by programs that were killed.
fn sweep(directory: &Path, name: &[u8]) {
    // What cannot be looked through stays as it is: that does not stand in the way of a new part.
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| is_part_name(&entry.file_name(), name)) {
        let open = OpenOptions::new().append(true).open(entry.path());
        if open.is_ok_and(|part| part.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Gives a part the rights and the owner of the file that it replaces.
fn keep_rights(part: &File, before: &Metadata) -> io::Result<()> {
    let now = part.metadata()?;
    let mut mode = before.mode() & 0o777;
    if (before.uid(), before.gid()) != (now.uid(), now.gid())
        && fchown(part, Some(before.uid()), Some(before.gid())).is_err()
        && before.gid() != now.gid()
        && fchown(part, None, Some(before.gid())).is_err()
    {
        // The rights of that group are not for another one.
        mode &= 0o707;
    }
    part.set_permissions(Permissions::from_mode(mode))
}

/// Makes names in a directory last. Some file systems cannot, and some directories may not be read.
fn sync_directory(directory: &Path) -> io::Result<()> {
    match File::open(directory).and_then(|directory| directory.sync_all()) {
        Err(error)
            if !matches!(
                error.kind(),
                io::ErrorKind::InvalidInput
                    | io::ErrorKind::Unsupported
                    | io::ErrorKind::PermissionDenied
            ) =>
        {
            Err(error)
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
