//! `doorbuster copy`: take a log from one store to another, and prove that both hold the same.
//!
//! A side is a data directory or the connection string of a cluster. What was copied before is
//! skipped, so it may be interrupted and started again, also while the source is still written.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    sync::Arc,
};

use serde_json::json;

use super::{
    Common,
    demo::directory::Scratch,
    failure::{self, Code, Failure},
    output::{LogBar, facts},
    source::{Credentials, OpenLog},
};
use crate::{
    clock::WallClock,
    events::Position,
    projections,
    store::{
        self, LogSource, ReadError, SharedStore, StoreAddress, StoreOpenError,
        copy::{Copied, CopyError, CopyProgress, Stage, copy},
    },
    values::narrow,
};

/// Events read at once.
const PAGE_EVENTS: usize = 1_000;

/// Arguments of `copy`.
#[derive(clap::Args)]
pub struct Args {
    /// Where the log is: a data directory, or a connection string such as
    /// esdb://127.0.0.1:2113?tls=false
    #[arg(long, value_name = "SIDE")]
    from: OsString,
    /// Where to copy it: as for --from. A missing directory is created
    #[arg(long, value_name = "SIDE")]
    to: OsString,
    #[command(flatten)]
    credentials: Credentials,
    /// Also build read models from both sides in a temporary directory and compare them
    #[arg(long)]
    read_models: bool,
}

/// A connection string may be secret.
impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("read_models", &self.read_models).finish_non_exhaustive()
    }
}

/// Runs `copy`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let side = |flag, text| Side::read(flag, text, &args.credentials);
    let (from, to) = (side("--from", &args.from)?, side("--to", &args.to)?);
    let source = OpenLog::open(&from.address, &from.directory)?;
    source.whole()?;
    // Before anything is made for a source that is not there.
    source.read_all(Position::START, 1).map_err(|error| source.unreadable(&error))?;
    let target = Target::open(&source, &to)?;
    let bar = LogBar::new(common, source.head().map_err(|error| source.unreadable(&error))?);
    let copied = source.block_on(copy(source.source(), &target.0, &mut |progress| {
        show(&bar, progress);
    }));
    bar.finish();
    let copied = copied.map_err(|error| failed(&error, &source, &to))?;
    let equal_read_models = match args.read_models {
        true => Some(compare_read_models(&source, &target, copied.events)?),
        false => None,
    };
    common.show(|| summary(&copied, equal_read_models), || account(&copied, equal_read_models))?;
    if !copied.equal {
        return Err(Failure::new(Code::Integrity, unequal(&copied)).into());
    }
    match equal_read_models {
        Some(false) => {
            let message = "read models built from the two sides differ";
            Err(Failure::new(Code::Integrity, message).into())
        }
        Some(true) | None => Ok(()),
    }
}

/// One side, as it was named.
struct Side {
    address: StoreAddress,
    /// Where the log is if the address is `embedded`; else unused.
    directory: PathBuf,
}

impl Side {
    fn read(flag: &str, text: &OsStr, credentials: &Credentials) -> Result<Self, Failure> {
        let usage = |problem: &str| Failure::new(Code::Usage, format!("{flag} {problem}"));
        if text.is_empty() {
            return Err(usage("must name a data directory or a store, not be empty"));
        }
        let cluster = text.to_str().filter(|text| text.contains("://"));
        let Some(cluster) = cluster else {
            if text.to_str().is_some_and(looks_like_an_address) {
                return Err(usage(
                    "is neither a connection string nor a plain name of a directory; write ./NAME \
                     if it is a directory all the same",
                ));
            }
            return Ok(Self { address: StoreAddress::Embedded, directory: PathBuf::from(text) });
        };
        // What looks like an address is one: a mistyped scheme must not become a directory.
        let address: StoreAddress = cluster.parse().map_err(|_| {
            usage(
                "must be a data directory or a connection string such as \
                 esdb://127.0.0.1:2113?tls=false",
            )
        })?;
        let address = address.with_credentials_file(credentials.file.clone());
        Ok(Self { address, directory: PathBuf::new() })
    }
}

/// Whether a text that is no address may have been meant as one. It may then be secret, and must not
/// become the name of a directory.
fn looks_like_an_address(text: &str) -> bool {
    let word = text.split([':', '/', '+']).next().unwrap_or_default();
    text == "embedded"
        || text.contains('@')
        || (word.len() < text.len() && ["esdb", "kurrentdb", "kurrent", "kdb"].contains(&word))
}

/// The store that is written to; closed on drop.
struct Target(SharedStore);

impl Target {
    fn open(source: &OpenLog, side: &Side) -> Result<Self, Failure> {
        let opening = store::open(&side.address, &side.directory, Arc::new(WallClock));
        let store = source.block_on(opening);
        store.map(Self).map_err(|error| {
            let code = match error {
                StoreOpenError::Cluster { .. } => Code::Usage,
                StoreOpenError::Embedded(ref error) => failure::opening(error),
            };
            Failure::new(code, format!("the target: {error}"))
        })
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn show(bar: &LogBar, CopyProgress { stage, events, position }: CopyProgress) {
    let doing = match stage {
        Stage::Skipping => "there already: ",
        Stage::Writing => "copied: ",
        Stage::Comparing => "compared: ",
    };
    bar.reached_by(doing, position, events);
}

fn failed(error: &CopyError, source: &OpenLog, to: &Side) -> Failure {
    let code = match error {
        CopyError::Source(error) => source.unreadable(error).code,
        CopyError::Target(ReadError::Unavailable(_)) => match to.address {
            StoreAddress::Embedded => Code::Failed,
            StoreAddress::Cluster(_) => Code::Unreachable,
        },
        CopyError::Target(ReadError::Damaged(_)) => {
            return Failure::new(Code::Integrity, error.to_string());
        }
        CopyError::Disagrees { .. } | CopyError::Ahead { .. } | CopyError::OtherOrder { .. } => {
            let message = format!("{error}\nnothing was written to the target");
            return Failure::new(Code::Integrity, message);
        }
        CopyError::Interfered { .. } => Code::Integrity,
        CopyError::NotWritten { .. } => Code::Failed,
    };
    let again = "what was copied stays: the same command goes on behind it";
    Failure::new(code, format!("{error}\n{again}"))
}

/// Builds read models from the first `events` events of both sides, in directories of their own,
/// and compares all their rows.
fn compare_read_models(source: &OpenLog, target: &Target, events: u64) -> anyhow::Result<bool> {
    let scratch = Scratch::new("doorbuster-copy")?;
    let copy = LogSource::Store(Arc::clone(&target.0));
    let build = |name: &str, log: &LogSource| {
        let mut left = narrow(events);
        let read = |after| {
            let mut page = source.block_on(log.read_all(after, PAGE_EVENTS))?;
            page.truncate(left);
            left -= page.len();
            Ok(page)
        };
        projections::digests(&scratch.path().join(name), read, |_| {})
            .map_err(|error| source.not_rebuilt(error))
    };
    Ok(build("source", source.source())? == build("target", &copy)?)
}

fn summary(copied: &Copied, equal_read_models: Option<bool>) -> serde_json::Value {
    let Copied { streams, events, copied: now, already_there, digest, differing, equal } = copied;
    let differing: Vec<String> = differing.iter().map(ToString::to_string).collect();
    json!({
        "streams": streams,
        "events": events,
        "copied": now,
        "already_there": already_there,
        "equal": equal,
        "digest": digest,
        "differing": differing,
        "read_models_equal": equal_read_models,
    })
}

fn account(copied: &Copied, equal_read_models: Option<bool>) -> String {
    let both = if copied.equal {
        "the same events in the same order; positions and recorded times are the target's own"
    } else {
        "DIFFERENT events"
    };
    let mut rows = vec![
        ("source", format!("{} events in {} streams", copied.events, copied.streams)),
        ("there already", format!("{} events", copied.already_there)),
        ("copied now", format!("{} events", copied.copied)),
        ("both sides", both.to_owned()),
        ("digest", copied.digest.clone()),
    ];
    if let Some(equal) = equal_read_models {
        rows.push(("read models", if equal { "equal" } else { "DIFFERENT" }.to_owned()));
    }
    facts(&rows)
}

fn unequal(copied: &Copied) -> String {
    match copied.differing.first() {
        Some(first) => format!(
            "the two sides differ in {} streams, the first is {first}: another client wrote to the \
             target meanwhile, or a side does not keep what it is given",
            copied.differing.len()
        ),
        None => "the two sides hold the same streams in another order".to_owned(),
    }
}
