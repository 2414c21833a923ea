//! Read models from zero: to replace those in use, or only to compare with them.
//!
//! They are built in a fresh directory beside the one in use and put in its place by renaming, so a
//! crash at any point leaves either the old ones or the new ones. Comparing is the proof that what
//! is in use is what the log says; it never changes anything in use.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

use super::{
    Checkpoint, Difference, Projection, ProjectionError, ReadModel, all,
    directories::{BUILDING, COMPARING, FRESH, OLD, VIEWS, clear_leftovers, view_path},
};
use crate::{
    events::{DecodeError, Event, Position, Recorded, decode},
    private,
};

/// Pages that are read ahead of the slowest read model.
const PAGES_AHEAD: usize = 2;

/// Events, and bytes of their data, from which on a page is handed on: what a read model writes again with
/// each page, it writes seldom.
const PAGE_EVENTS: usize = 8_192;
const PAGE_BYTES: usize = 8 << 20;

/// Events in the order of the log, read by all read models.
type SharedPage = Arc<Vec<(Recorded, Event)>>;

/// How far a rebuild has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Events read so far.
    pub events: u64,
    /// Position of the last of them.
    pub position: Position,
}

/// Why a rebuild or a comparison ended early. The read models in use are as they were.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError<E: std::error::Error + 'static> {
    /// The log could not be read.
    #[error("{0}")]
    Log(#[source] E),
    /// The log holds an event that this version cannot read.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// An event could not be applied.
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    /// A directory could not be made, renamed or removed.
    #[error("read models: {0}")]
    Files(#[from] io::Error),
}

/// Builds all read models of a data directory from zero and puts them in the place of those in use,
/// of which none may be open. `read_page` gives the events after a position, in order, and nothing
/// at the end of the log; `progress` is told after each page. Returns how far it came.
pub fn rebuild<E: std::error::Error + 'static>(
    data: &Path,
    read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    progress: impl FnMut(Progress),
) -> Result<Progress, RebuildError<E>> {
    clear_leftovers(data)?;
    let building = data.join(BUILDING);
    let models = all().into_iter().map(|projection| {
        let model = ReadModel::build_in(&building, projection)?;
        Ok((model, Position(u64::MAX)))
    });
    let mut models = models.collect::<Result<Vec<_>, ProjectionError>>()?;
    let reached = build(&mut models, Position::START, read_page, progress)?;
    models.into_iter().try_for_each(|(model, _)| model.finish())?;
    sync_directory(&building)?;
    fs::rename(&building, data.join(FRESH))?;
    let views = data.join(VIEWS);
    if views.exists() {
        fs::rename(&views, data.join(OLD))?;
    }
    fs::rename(data.join(FRESH), &views)?;
    sync_directory(data)?;
    clear_leftovers(data)?;
    Ok(reached)
}

/// Brings all read models of a data directory to the end of a log, each from where it was left;
/// one that is of another log is built anew. None of them may be open. `holds` says whether the
/// log is the one that a checkpoint is in. Returns how far they have come.
pub fn catch_up<E: std::error::Error + 'static>(
    data: &Path,
    mut holds: impl FnMut(Checkpoint) -> Result<bool, E>,
    read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    progress: impl FnMut(Progress),
) -> Result<Progress, RebuildError<E>> {
    let mut models = Vec::new();
    for projection in all() {
        let mut model = ReadModel::open(data, projection)?;
        if !holds(model.checkpoint()).map_err(RebuildError::Log)? {
            model.start_over()?;
        }
        models.push((model, Position(u64::MAX)));
    }
    let from = models.iter().map(|(model, _)| model.checkpoint().position).min();
    build(&mut models, from.unwrap_or(Position::START), read_page, progress)
}

/// What a comparison found of one read model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub read_model: String,
    pub equal: bool,
    /// The first difference. It may be absent although the two were not equal: where the one in use
    /// cannot be read, or has gone on meanwhile and is equal now.
    pub difference: Option<Difference>,
}

/// Builds each read model from zero, up to where the one in use has come, and says for each whether
/// the two are equal. Read models that were never made are left out. May run beside a server.
pub fn compare<E: std::error::Error + 'static>(
    data: &Path,
    read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    progress: impl FnMut(Progress),
) -> Result<Vec<(&'static str, bool)>, RebuildError<E>> {
    let verdicts = compare_rows(data, read_page, progress)?;
    let names = all().into_iter().map(|projection| projection.name());
    let found = names.filter_map(|name| {
        let verdict = verdicts.iter().find(|verdict| verdict.read_model == name)?;
        Some((name, verdict.equal))
    });
    Ok(found.collect())
}

/// The same as [`compare`], and where the two are not equal, which row differs first.
pub fn compare_rows<E: std::error::Error + 'static>(
    data: &Path,
    mut read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    progress: impl FnMut(Progress),
) -> Result<Vec<Verdict>, RebuildError<E>> {
    let directory = Comparing::in_directory(data)?;
    let mut models = Vec::new();
    let mut in_use = Vec::new();
    for projection in all() {
        let found = digest_in_use(data, &*projection)?;
        let Some((checkpoint, digest)) = found else { continue };
        models.push((ReadModel::build_in(&directory.0, projection)?, checkpoint));
        in_use.push(digest);
    }
    build(&mut models, Position::START, &mut read_page, progress)?;
    let mut verdicts = Vec::new();
    for ((mut model, _), digest) in models.into_iter().zip(in_use) {
        let read_model = model.name().to_owned();
        let equal = model.digest()? == digest;
        // Of a file that cannot be read the digest is empty, and it has no rows to compare.
        let difference = if equal || digest.is_empty() {
            None
        } else {
            let path = view_path(data, &read_model);
            model.difference_from(&path, |model, to| follow(model, to, &mut read_page))?
        };
        verdicts.push(Verdict { read_model, equal, difference });
    }
    Ok(verdicts)
}

/// Feeds a read model what was written since.
fn follow<E: std::error::Error + 'static>(
    model: &mut ReadModel,
    to: Position,
    read_page: &mut impl FnMut(Position) -> Result<Vec<Recorded>, E>,
) -> Result<(), RebuildError<E>> {
    while model.checkpoint().position < to {
        let mut page = read_page(model.checkpoint().position).map_err(RebuildError::Log)?;
        page.retain(|recorded| recorded.position <= to);
        if page.is_empty() {
            break;
        }
        let page: Vec<(Recorded, Event)> = page
            .into_iter()
            .map(|recorded| decode(&recorded).map(|event| (recorded, event)))
            .collect::<Result<_, DecodeError>>()?;
        model.apply_page(&page)?;
    }
    Ok(())
}

/// Builds each read model from zero in an empty directory and gives its name and the digest of its
/// rows. A log and a copy of it give the same ones, whatever store each is in.
pub fn digests<E: std::error::Error + 'static>(
    directory: &Path,
    read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    progress: impl FnMut(Progress),
) -> Result<Vec<(&'static str, String)>, RebuildError<E>> {
    let mut models = Vec::new();
    for projection in all() {
        models.push((ReadModel::build_in(directory, projection)?, Position(u64::MAX)));
    }
    build(&mut models, Position::START, read_page, progress)?;
    let each = models.iter().map(|(model, _)| Ok((model.name(), model.digest_of_rows()?)));
    each.collect()
}

/// Feeds the log after a position to read models, to each no further than its limit. Each has a thread of
/// its own: a page is read and decoded while those before it are applied.
pub(super) fn build<E: std::error::Error + 'static>(
    models: &mut [(ReadModel, Position)],
    from: Position,
    read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    progress: impl FnMut(Progress),
) -> Result<Progress, RebuildError<E>> {
    let last = models.iter().map(|(_, limit)| *limit).max().unwrap_or_default();
    thread::scope(|scope| {
        let mut feeds = Vec::new();
        let mut workers = Vec::new();
        for (model, limit) in models {
            let (feed, pages) = mpsc::sync_channel::<SharedPage>(PAGES_AHEAD);
            feeds.push(feed);
            let thread = thread::Builder::new().name(format!("view-{}", model.name()));
            workers.push(thread.spawn_scoped(scope, move || apply_pages(model, *limit, pages))?);
        }
        let reached = feed_pages(&feeds, (from, last), read_page, progress);
        drop(feeds);
        // Why one of them takes no more pages is the reason why the log was not read further.
        for worker in workers {
            match worker.join() {
                Ok(applied) => applied?,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        reached
    })
}

/// Reads and decodes the log and hands it on, until its end or until one of those that it is handed to
/// takes no more.
fn feed_pages<E: std::error::Error + 'static>(
    feeds: &[SyncSender<SharedPage>],
    (from, last): (Position, Position),
    mut read_page: impl FnMut(Position) -> Result<Vec<Recorded>, E>,
    mut progress: impl FnMut(Progress),
) -> Result<Progress, RebuildError<E>> {
    let mut reached = Progress { events: 0, position: from };
    while reached.position < last {
        let mut page = Vec::with_capacity(PAGE_EVENTS);
        let mut bytes = 0;
        while page.len() < PAGE_EVENTS && bytes < PAGE_BYTES && reached.position < last {
            let read = read_page(reached.position).map_err(RebuildError::Log)?;
            let Some(end) = read.last() else { break };
            reached.position = end.position;
            reached.events += read.len() as u64;
            bytes += read.iter().map(|recorded| recorded.data.len()).sum::<usize>();
            for recorded in read {
                let event = decode(&recorded)?;
                page.push((recorded, event));
            }
        }
        if page.is_empty() {
            break;
        }
        let page: SharedPage = Arc::new(page);
        if feeds.iter().any(|feed| feed.send(Arc::clone(&page)).is_err()) {
            break;
        }
        progress(reached);
    }
    Ok(reached)
}

fn apply_pages(
    model: &mut ReadModel,
    limit: Position,
    pages: Receiver<SharedPage>,
) -> Result<(), ProjectionError> {
    for page in pages {
        let count = page.partition_point(|(recorded, _)| recorded.position <= limit);
        model.apply_page(&page[..count])?;
    }
    Ok(())
}

fn digest_in_use(
    data: &Path,
    projection: &dyn Projection,
) -> Result<Option<(Position, String)>, ProjectionError> {
    let path = view_path(data, projection.name());
    if !path.exists() {
        return Ok(None);
    }
    super::read_model::digest_file(&path, projection)
}

/// Without this a power cut could undo the renaming after it was reported.
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A directory of one comparison, removed with it.
struct Comparing(PathBuf);

impl Comparing {
    fn in_directory(data: &Path) -> io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = data.join(format!("{COMPARING}{}-{count}", std::process::id()));
        private::make_inner_directory(&directory)?;
        Ok(Self(directory))
    }
}

impl Drop for Comparing {
    fn drop(&mut self) {
        // What cannot be removed now is removed when the read models are opened next.
        let _ = fs::remove_dir_all(&self.0);
    }
}
