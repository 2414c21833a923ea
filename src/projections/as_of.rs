//! Read models as they were at an earlier position of the log, kept beside those in use.
//!
//! They are the same projections over a prefix of the same events, so queries on them are exact by
//! construction. A new one starts from the nearest earlier one that is kept; a few are kept, and
//! the oldest is dropped first. It must never touch the read models in use.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    Checkpoint, Progress, ProjectionError, ReadModel, RebuildError, VIEWS, all, read_checkpoint,
    rebuild::build, view_path,
};
use crate::{
    events::{Position, Recorded},
    private,
};

/// Directory of read models of the past inside the data directory.
pub const AS_OF: &str = "as-of";

/// Start of the names of directories that are being filled.
const BUILDING: &str = "building-";

/// Moments that are kept.
const KEPT_MAX: usize = 4;

/// Past read models of a data directory: one directory per position, each laid out like a data
/// directory.
#[derive(Debug, Clone)]
pub struct AsOfViews {
    directory: PathBuf,
}

impl AsOfViews {
    /// Those of that data directory.
    pub fn of(data: &Path) -> Self {
        Self { directory: data.join(AS_OF) }
    }

    /// Removes the remains of an earlier crash. Only for an exclusive user of the directory.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn clear_unfinished(&self) -> io::Result<()> {
        for name in self.names()? {
            if name.starts_with(BUILDING) {
                fs::remove_dir_all(self.directory.join(name))?;
            }
        }
        Ok(())
    }

    /// The directory of a position, if it is kept and of the log that `holds` knows.
    ///
    /// # Errors
    /// When `holds` cannot say.
    pub fn find<E>(
        &self,
        position: Position,
        mut holds: impl FnMut(Checkpoint) -> Result<bool, E>,
    ) -> Result<Option<PathBuf>, E> {
        let kept = self.directory.join(position.0.to_string());
        match checkpoint_of(&kept) {
            Some(checkpoint) if holds(checkpoint)? => Ok(Some(kept)),
            Some(_) | None => Ok(None),
        }
    }

    /// Makes the read models as they were at a position, and gives their directory. `holds` and
    /// `read_page` are those of [`catch_up`](super::catch_up).
    ///
    /// # Errors
    /// When the log cannot be read or a file not be written; what was written so far is removed then.
    pub fn build<E: std::error::Error + 'static>(
        &self,
        position: Position,
        holds: impl FnMut(Checkpoint) -> Result<bool, E>,
        read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
        progress: impl FnMut(Progress),
    ) -> Result<PathBuf, RebuildError<E>> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let building = self.directory.join(format!("{BUILDING}{}-{count}", std::process::id()));
        let built = self
            .fill(&building, position, holds, read_page, progress)
            .and_then(|()| self.put_in_place(&building, position));
        if built.is_err() {
            // On a full disk each try would leave less room for the next. What cannot be removed now
            // is removed at the next start.
            let _ = fs::remove_dir_all(&building);
        }
        built
    }

    /// Removes the read models of a position: they cannot be read.
    ///
    /// # Errors
    /// When something cannot be removed.
    pub fn remove(&self, position: Position) -> io::Result<()> {
        fs::remove_dir_all(self.directory.join(position.0.to_string()))
    }

    /// Makes the read models of a position in an empty directory.
    fn fill<E: std::error::Error + 'static>(
        &self,
        building: &Path,
        position: Position,
        mut holds: impl FnMut(Checkpoint) -> Result<bool, E>,
        read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
        progress: impl FnMut(Progress),
    ) -> Result<(), RebuildError<E>> {
        let views = building.join(VIEWS);
        private::make_inner_directory(&views)?;
        if let Some(nearest) = self.nearest(position, &mut holds).map_err(RebuildError::Log)? {
            for projection in all() {
                let name = projection.name();
                fs::copy(view_path(&nearest, name), view_path(building, name))?;
            }
        }
        let models = all().into_iter().map(|projection| {
            let model = ReadModel::open_in(&views, projection)?;
            Ok((model, position))
        });
        let mut models = models.collect::<Result<Vec<_>, ProjectionError>>()?;
        let from = models.iter().map(|(model, _)| model.checkpoint().position).min();
        build(&mut models, from.unwrap_or(Position::START), read_page, progress)?;
        drop(models);
        for projection in all() {
            let model = projection.name();
            // Without a write-ahead log each is one file, which can be copied while it is read.
            seal(&view_path(building, model))
                .map_err(|source| ProjectionError::Rows { model, source })?;
        }
        File::open(&views)?.sync_all()?;
        Ok(())
    }

    /// Another program may have made the same one meanwhile: then either will do.
    fn put_in_place<E: std::error::Error + 'static>(
        &self,
        building: &Path,
        position: Position,
    ) -> Result<PathBuf, RebuildError<E>> {
        let kept = self.directory.join(position.0.to_string());
        if kept.exists() {
            // Whatever stands there was not found to be good before this one was made.
            fs::remove_dir_all(&kept)?;
        }
        fs::rename(building, &kept)?;
        let mut others = Vec::new();
        for name in self.names()? {
            let path = self.directory.join(&name);
            if path != kept && name.parse::<u64>().is_ok() {
                others.push((fs::metadata(&path)?.modified()?, path));
            }
        }
        others.sort();
        let surplus = (others.len() + 1).saturating_sub(KEPT_MAX);
        for (_, path) in others.into_iter().take(surplus) {
            fs::remove_dir_all(path)?;
        }
        Ok(kept)
    }

    /// The kept one to start from: of the highest position below the wanted one.
    fn nearest<E>(
        &self,
        wanted: Position,
        holds: &mut impl FnMut(Checkpoint) -> Result<bool, E>,
    ) -> Result<Option<PathBuf>, E> {
        let names = self.names().unwrap_or_default();
        let mut earlier: Vec<u64> = names.iter().filter_map(|name| name.parse().ok()).collect();
        earlier.retain(|position| *position < wanted.0);
        earlier.sort_unstable();
        for position in earlier.into_iter().rev() {
            if let Some(kept) = self.find(Position(position), &mut *holds)? {
                return Ok(Some(kept));
            }
        }
        Ok(None)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
        names.collect()
    }
}

/// The checkpoint that all read models of a kept directory have, if all are there, whole and of
/// this version.
fn checkpoint_of(kept: &Path) -> Option<Checkpoint> {
    let mut common = None;
    for projection in all() {
        let path = view_path(kept, projection.name());
        let file = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
        let found = read_checkpoint(&file, projection.name(), projection.version()).ok()??;
        if common.is_some_and(|earlier: Checkpoint| earlier != found) {
            return None;
        }
        common = Some(found);
    }
    common
}

fn seal(path: &Path) -> rusqlite::Result<()> {
    let file = Connection::open(path)?;
    file.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}
