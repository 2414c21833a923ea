//! Files with secrets: only such that other users can neither read nor write.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

/// Largest file that is read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// Reads a file that other users can neither read nor write, of at most 1 MiB.
///
/// # Errors
/// What is wrong with the file, as the rest of a sentence that begins with its name. What stands in
/// it is not repeated.
pub fn read_secret_file(file: &Path) -> Result<Vec<u8>, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {error}");
    let found = fs::metadata(file).map_err(unreadable)?;
    if !found.is_file() {
        return Err("is no regular file".to_owned());
    }
    if found.len() > FILE_BYTES_MAX {
        return Err(format!("has more than {FILE_BYTES_MAX} bytes"));
    }
    if found.permissions().mode() & 0o006 != 0 {
        return Err("can be read or written by other users: chmod 600 it".to_owned());
    }
    fs::read(file).map_err(unreadable)
}

/// The same, of text.
///
/// # Errors
/// As [`read_secret_file`], or when it is not UTF-8.
pub fn read_secret_text(file: &Path) -> Result<String, String> {
    String::from_utf8(read_secret_file(file)?).map_err(|_| "is not UTF-8".to_owned())
}
