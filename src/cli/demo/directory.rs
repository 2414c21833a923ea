//! A new directory for the data of a demonstration.

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use chrono::DateTime;

use crate::{
    clock::{Clock, WallClock},
    values::Invalid,
};

/// Makes the directory for a run: `given`, which must be empty or not exist yet, or a new one
/// under the system's temporary directory whose name starts with `prefix`. Never touches a
/// directory that holds anything.
pub fn fresh(given: Option<&Path>, prefix: &str) -> anyhow::Result<PathBuf> {
    match given {
        Some(directory) => {
            make_empty(directory)?;
            Ok(directory.to_owned())
        }
        None => make_new(&std::env::temp_dir(), prefix),
    }
}

/// A new directory under the system's temporary directory, removed on drop.
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one whose name starts with `prefix`.
    pub fn new(prefix: &str) -> anyhow::Result<Self> {
        fresh(None, prefix).map(Self)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("{} cannot be removed: {error}", self.0.display());
        }
    }
}

fn make_empty(directory: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(directory)
        .with_context(|| format!("--data {} cannot be made", directory.display()))?;
    let mut entries = fs::read_dir(directory)
        .with_context(|| format!("--data {} cannot be read", directory.display()))?;
    if entries.next().is_some() {
        let problem = format!("{} is not empty: name a new directory", directory.display());
        return Err(Invalid::new("--data", problem).into());
    }
    Ok(())
}

fn make_new(parent: &Path, prefix: &str) -> anyhow::Result<PathBuf> {
    let now = DateTime::from_timestamp_millis(WallClock.now().0).unwrap_or_default();
    let stamp = now.format("%Y%m%d-%H%M%S");
    for nth in 1_u32.. {
        let suffix = if nth == 1 { String::new() } else { format!("-{nth}") };
        let directory = parent.join(format!("{prefix}-{stamp}{suffix}"));
        // Where others can look in, a log is for its owner only.
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            // Another run that started in the same second.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("{} cannot be made", directory.display()));
            }
        }
    }
    bail!("no free name for a directory under {}", parent.display())
}
