//! Each snapshot of a data directory against a fold of the log from the beginning.

use std::io;

use super::{
    file::{Refused, SnapshotFiles},
    fold::{FoldError, Folded, fold},
    load::in_log,
};
use crate::{
    domain::{Decider, item::Item},
    events::{Category, StreamName},
    store::LogSource,
};

/// What was found about one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    pub stream: StreamName,
    pub finding: Finding,
}

/// What a snapshot is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// It holds what a fold of so many events comes to.
    Right { events: u64 },
    /// No server uses it.
    Ignored(Refused),
    /// A server would use it, and it is not what its events come to.
    Wrong { events: u64 },
}

/// Why they could not be checked.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error("the snapshots cannot be listed: {0}")]
    Files(#[from] io::Error),
    #[error(transparent)]
    Fold(#[from] FoldError),
}

/// Checks all of them.
///
/// # Errors
/// When the directory or the log cannot be read.
pub async fn check(files: &SnapshotFiles, log: &LogSource) -> Result<Vec<Checked>, CheckError> {
    let mut all = Vec::new();
    for stream in files.streams()? {
        let finding = match stream.category {
            Category::Item => check_one::<Item>(files, log, stream).await?,
            _ => continue,
        };
        all.push(Checked { stream, finding });
    }
    Ok(all)
}

async fn check_one<D: Decider>(
    files: &SnapshotFiles,
    log: &LogSource,
    stream: StreamName,
) -> Result<Finding, CheckError> {
    let opened = match files.open(stream) {
        Ok(Some(opened)) => opened,
        // It was removed meanwhile.
        Ok(None) => return Ok(Finding::Ignored(Refused::NoSnapshot)),
        Err(why) => return Ok(Finding::Ignored(why)),
    };
    let mark = match in_log(&opened, log, stream).await.map_err(FoldError::from)? {
        Ok(mark) => mark,
        Err(why) => return Ok(Finding::Ignored(why)),
    };
    // What cannot be read is not used, whatever it was written from.
    let again = files.open(stream);
    if let Err(why) = opened.state::<D>() {
        return Ok(Finding::Ignored(why));
    }
    let until = Some(mark.revision);
    let folded = fold(log, stream, Folded::<D>::nothing(stream), Vec::new(), until).await?;
    let events = mark.revision + 1;
    let same = again.and_then(|opened| match opened {
        Some(opened) => opened.is_of(&folded.state),
        None => Err(Refused::NoSnapshot),
    });
    Ok(match same {
        Ok(true) => Finding::Right { events },
        Ok(false) => Finding::Wrong { events },
        Err(why) => Finding::Ignored(why),
    })
}
