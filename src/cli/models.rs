//! The read models of a data directory: in place, or for a read-only directory in a copy elsewhere.
//!
//! Read models are brought up to the end of the log first, unless a server uses the directory: then
//! they are maintained by that server and queried unchanged. Nothing is ever written into a
//! read-only directory, and no copy is left elsewhere unless requested.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use super::{
    Common,
    demo::directory,
    failure::{Code, Failure},
    output::LogBar,
    source::OpenLog,
};
use crate::{
    private,
    projections::{self, VIEWS, view_path},
    store::embedded::{DirectoryLock, OpenError},
};

/// Where read models are made if the data directory is read-only.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Scratch {
    /// Where read models are made if the data directory may only be read; they stay there and are
    /// used again [default: a new directory below TMPDIR, removed afterwards]
    #[arg(long = "scratch", value_name = "DIR", id = "scratch")]
    dir: Option<PathBuf>,
}

/// Read models that can be asked.
pub struct Models {
    directory: PathBuf,
    /// They were brought up to the end of the log: no server keeps them.
    pub alone: bool,
    /// Removed on drop.
    _made: Option<directory::Scratch>,
}

impl Models {
    /// The read models of a data directory, brought up to the end of its log.
    pub fn of(
        log: &OpenLog,
        data: &Path,
        scratch: &Scratch,
        common: &Common,
    ) -> Result<Self, Failure> {
        // Nothing is written beside a log that is known to have been longer: what the read models
        // know beyond it is evidence.
        if log.loss().is_some() {
            return Ok(Self { alone: false, ..Self::copied(data, scratch, common)? });
        }
        // Held while files are written, and no longer: a server may be started meanwhile.
        match DirectoryLock::of_directory(data) {
            Ok(_lock) => {
                bring_up(log, data, common)?;
                Ok(Self { directory: data.to_owned(), alone: true, _made: None })
            }
            Err(OpenError::InUse { .. }) => Ok(Self::as_they_are(data)),
            Err(OpenError::ReadOnly { .. }) => {
                let models = Self::copied(data, scratch, common)?;
                if models.alone {
                    let lock = DirectoryLock::of_directory(&models.directory);
                    let _lock =
                        lock.map_err(|error| Failure::new(Code::Failed, error.to_string()))?;
                    bring_up(log, &models.directory, common)?;
                }
                Ok(models)
            }
            Err(error) => Err(Failure::new(Code::Failed, error.to_string())),
        }
    }

    /// A copy of the read models of a directory that may only be read, as they are.
    pub fn copied(data: &Path, scratch: &Scratch, common: &Common) -> Result<Self, Failure> {
        if DirectoryLock::is_held(data) {
            return Ok(Self::as_they_are(data));
        }
        let failed = |error: anyhow::Error| {
            let problem =
                format!("{error:#}\nname a directory that you may write to with --scratch");
            Failure::new(Code::Failed, problem)
        };
        let (directory, made) = match &scratch.dir {
            Some(directory) => {
                private::make_directory(directory).map_err(|error| failed(error.into()))?;
                (directory.clone(), None)
            }
            None => {
                let made = directory::Scratch::new("doorbuster-scratch").map_err(failed)?;
                (made.path().to_owned(), Some(made))
            }
        };
        let stays =
            if made.is_some() { "and removed afterwards (--scratch DIR keeps them)" } else { "" };
        common.note(format_args!(
            "nothing is written into {}: its read models are queried in {} {stays}",
            data.display(),
            directory.display()
        ));
        if !directory.join(VIEWS).exists() {
            copy_views(data, &directory).map_err(|error| failed(error.into()))?;
        }
        Ok(Self { directory, alone: true, _made: made })
    }

    /// Where they are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    fn as_they_are(data: &Path) -> Self {
        Self { directory: data.to_owned(), alone: false, _made: None }
    }
}

/// Brings read models up to the end of the log.
fn bring_up(log: &OpenLog, directory: &Path, common: &Common) -> Result<(), Failure> {
    log.mark_read_models(directory)?;
    let head = log.head().map_err(|error| log.unreadable(&error))?;
    let bar = LogBar::new(common, head);
    let reached = projections::catch_up(
        directory,
        |checkpoint| log.holds(checkpoint),
        |after| log.page(after),
        |progress| bar.reached_by("reading the log: ", progress.position, progress.events),
    );
    bar.finish();
    reached.map(drop).map_err(|error| log.not_rebuilt(error))
}

/// Copies the existing read models, which no process has open. Missing ones are built.
fn copy_views(data: &Path, to: &Path) -> std::io::Result<()> {
    private::make_inner_directory(&to.join(VIEWS))?;
    for projection in projections::all() {
        let (from, to) = (view_path(data, projection.name()), view_path(to, projection.name()));
        for suffix in ["", "-wal"] {
            let [from, to] = [&from, &to].map(|path| {
                let mut path = path.as_os_str().to_owned();
                path.push(suffix);
                PathBuf::from(path)
            });
            // One that cannot be read is built from the log, too.
            if fs::copy(&from, &to).is_ok() {
                fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
            }
        }
    }
    Ok(())
}
