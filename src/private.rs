//! Files and directories that only their owner may use, because a log names buyers. Existing ones
//! keep their mode, and a stricter umask applies.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

const DIRECTORY_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Makes a directory and those above it; those have the usual mode: they are not ours alone.
pub fn make_directory(directory: &Path) -> io::Result<()> {
    if let Some(parent) = directory.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent)?;
    }
    make_inner_directory(directory)
}

/// Makes a directory inside of one of ours, and those between.
pub fn make_inner_directory(directory: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory)
}

/// How a file is opened for writing that is made where it is missing.
pub fn file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(FILE_MODE);
    options
}

/// Makes an empty file where there is none, for SQLite to fill. Files that SQLite puts beside it
/// get its mode.
pub fn make_file(path: &Path) -> io::Result<File> {
    file().open(path)
}
