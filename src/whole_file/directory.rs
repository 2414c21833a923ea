//! A directory of files that belong together: all of them are there, or none.
//!
//! The files are written into a directory of another name beside the target, which gets its name with
//! one rename once they are complete. The target may be there already if it is empty. What a kill
//! leaves behind is removed by the next writer of the same directory.

use std::{
    fs::{self, File},
    io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{NAME_BYTES_MAX, NAMES_MAX, Part, is_part_name, part_name, sync_directory};

/// A directory while its files are written. Dropped, it is gone.
#[derive(Debug)]
pub struct DirectoryDraft {
    part: Part,
    target: PathBuf,
    /// Holds the lock of the part until it has its name.
    _lock: File,
    /// Directories above it that were made for it, the outermost first.
    above: Above,
}

/// Directories that were made; dropped, they are removed.
#[derive(Debug, Default)]
struct Above(Vec<PathBuf>);

impl DirectoryDraft {
    /// Begins a directory, and makes those above it that are not there.
    ///
    /// # Errors
    /// When the target is there and not an empty directory, or nothing can be written beside it.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut above = Above::default();
        let target = find(path, &mut above)?;
        let (Some(directory), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(io::Error::other("cannot be replaced"));
        };
        let name = &name.as_bytes()[..name.len().min(NAME_BYTES_MAX)];
        sweep(directory, name);
        let (lock, part) = begin(directory, name)?;
        if let Ok(before) = fs::metadata(&target) {
            fs::set_permissions(&part.0, before.permissions())?;
        }
        Ok(Self { part, target, _lock: lock, above })
    }

    /// Where its files are written.
    pub fn path(&self) -> &Path {
        &self.part.0
    }

    /// Gives it its name. Its files must have theirs.
    ///
    /// # Errors
    /// When the name cannot be given, for example because something came there meanwhile.
    pub fn publish(mut self) -> io::Result<()> {
        sync_directory(&self.part.0)?;
        fs::rename(&self.part.0, &self.target)?;
        let made = std::mem::take(&mut self.above.0);
        let parents = made.iter().map(PathBuf::as_path).chain([self.target.as_path()]);
        parents.filter_map(Path::parent).try_for_each(sync_directory)
    }
}

impl Drop for Above {
    fn drop(&mut self) {
        // One that is used by others meanwhile is not empty, and stays.
        for made in self.0.iter().rev() {
            let _ = fs::remove_dir(made);
        }
    }
}

/// The directory that a path stands for, without links.
fn find(path: &Path, above: &mut Above) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Ok(found) => {
            if !fs::metadata(&found)?.is_dir() {
                return Err(io::Error::new(io::ErrorKind::NotADirectory, "is not a directory"));
            }
            if fs::read_dir(&found)?.next().is_some() {
                let why = "is not empty, and nothing in it is replaced: name a new directory";
                return Err(io::Error::new(io::ErrorKind::DirectoryNotEmpty, why));
            }
            Ok(found)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if fs::symlink_metadata(path).is_ok() {
                let why = "is a symbolic link to what does not exist";
                return Err(io::Error::new(io::ErrorKind::NotFound, why));
            }
            let Some(name) = path.file_name() else { return Err(error) };
            let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
            let parent = parent.unwrap_or(Path::new("."));
            make(parent, above)?;
            Ok(fs::canonicalize(parent)?.join(name))
        }
        Err(error) => Err(error),
    }
}

fn make(directory: &Path, above: &mut Above) -> io::Result<()> {
    let missing = directory.ancestors().take_while(|at| !at.as_os_str().is_empty() && !at.exists());
    let mut missing: Vec<&Path> = missing.collect();
    missing.reverse();
    for directory in missing {
        match fs::create_dir(directory) {
            Ok(()) => above.0.push(directory.to_owned()),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                let why = format!("{} cannot be made: {error}", directory.display());
                return Err(io::Error::new(error.kind(), why));
            }
        }
    }
    Ok(())
}

fn begin(directory: &Path, name: &[u8]) -> io::Result<(File, Part)> {
    for _ in 0..NAMES_MAX {
        let path = directory.join(part_name(name));
        match fs::create_dir(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => {
                let why = format!("nothing can be written beside it: {error}");
                return Err(io::Error::new(error.kind(), why));
            }
        }
        let part = Part::new(path);
        // A sweep of another writer may take it away before it is locked.
        let Ok(lock) = File::open(&part.0) else { continue };
        if !matches!(lock.try_lock(), Err(fs::TryLockError::WouldBlock)) && part.0.exists() {
            return Ok((lock, part));
        }
    }
    Err(io::Error::other("no free name for a directory beside it"))
}

/// Removes parts of a directory that were left behind by programs that were killed.
fn sweep(directory: &Path, name: &[u8]) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten().filter(|entry| is_part_name(&entry.file_name(), name)) {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        let Ok(part) = File::open(entry.path()) else { continue };
        // Held until it is gone: a writer that has just made it and cannot lock it takes another name.
        if part.try_lock().is_ok() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
