//! The directories of read models inside the data directory: those in use, those that are being
//! built, and what a crash leaves of them.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Directory of the read models inside the data directory.
pub const VIEWS: &str = "views";
/// Where new read models are made; what is found there later is unfinished.
pub(super) const BUILDING: &str = "views.building";
/// Finished ones, about to be put in place.
pub(super) const FRESH: &str = "views.fresh";
/// Those that were replaced, about to be removed.
pub(super) const OLD: &str = "views.old";
/// Start of the names of directories that comparisons build in.
pub(super) const COMPARING: &str = "views.comparing-";

/// The file of a read model of a data directory.
pub fn view_path(data: &Path, name: &str) -> PathBuf {
    data.join(VIEWS).join(format!("{name}.db"))
}

/// Removes the remains of an earlier crash, or finishes the interrupted step. Only when the
/// directory is opened: comparisons of other programs build in it as well.
///
/// # Errors
/// When something cannot be renamed or removed.
pub fn clear_leftovers(data: &Path) -> io::Result<()> {
    let fresh = data.join(FRESH);
    let views = data.join(VIEWS);
    if fresh.exists() && !views.exists() {
        fs::rename(&fresh, &views)?;
    }
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if [BUILDING, FRESH, OLD].contains(&&*name) || name.starts_with(COMPARING) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}
