//! `doorbuster log`: read the log of a data directory or a cluster, also beside a running server.
//!
//! It only reads, and prints what stands there, as it stands there; `accept` alone writes.

mod accept;

use std::{
    collections::HashMap,
    fmt,
    io::{self, Write},
};

use serde_json::{Value, json};

use super::{
    Common,
    failure::{Code, Failure},
    output::table_of,
    rows::Column::{self, Number, Text},
    source::{Data, OpenLog},
};
use crate::{
    events::{Position, Recorded, StreamName},
    store::{LogSource, ReadError},
    values::{UNLIMITED, UnixMs, narrow},
};

/// Events read at once.
const BATCH: usize = 512;

/// Arguments of `log`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// List the streams and their last revisions
    #[command(before_help = "Examples:
  doorbuster log streams
  doorbuster log streams --data /var/lib/doorbuster --json")]
    Streams(Streams),
    /// Print events: of the whole log by position, or of one stream by revision
    #[command(before_help = "Examples:
  doorbuster log read --limit 20
  doorbuster log read --from 1000 --json
  doorbuster log read item-0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster log read --follow")]
    Read(Read),
    /// Accept a log that is known to have been longer; recorded in the log
    #[command(before_help = "Examples:
  doorbuster log accept --end 980 --known 1000 --reason \"the disk failed, 20 orders refunded\"")]
    Accept(accept::Accept),
}

#[derive(Debug, clap::Args)]
struct Streams {
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, clap::Args)]
struct Read {
    /// One stream, for example item-<uuid> [default: the whole log]
    stream: Option<String>,
    /// First position, or of a stream the first revision
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Maximum of events [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Continue with new events as they arrive, until interrupted
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    data: Data,
}

/// Runs `log`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Streams(streams) => streams.run(common),
        Verb::Read(read) => read.run(common),
        Verb::Accept(accept) => accept.run(common),
    }
}

const STREAMS: &[Column<(StreamName, u64)>] = &[
    Text("STREAM", |(name, _)| name.to_string().into()),
    Number("LAST REVISION", |(_, revision)| revision.to_string().into()),
];

impl Streams {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let log = self.data.open()?;
        let streams = streams(&log).map_err(|error| log.unreadable(&error))?;
        common.show(
            || {
                let each = streams.iter().map(
                    |(name, revision)| json!({ "stream": name.to_string(), "revision": revision }),
                );
                each.collect()
            },
            || table_of(STREAMS, &streams),
        )?;
        Ok(())
    }
}

/// All streams with their last revisions, in the order of their first events.
fn streams(log: &OpenLog) -> Result<Vec<(StreamName, u64)>, ReadError> {
    if let LogSource::File(reader) = log.source() {
        let heads = reader.streams()?;
        return Ok(heads.into_iter().map(|head| (head.name, head.last_revision)).collect());
    }
    // A cluster keeps no list of them, so every event is looked at.
    let mut streams: Vec<(StreamName, u64)> = Vec::new();
    let mut places = HashMap::new();
    let mut after = Position::START;
    loop {
        let page = log.page(after)?;
        let Some(last) = page.last() else { return Ok(streams) };
        after = last.position;
        for event in &page {
            let place = *places.entry(event.stream).or_insert(streams.len());
            match streams.get_mut(place) {
                Some((_, revision)) => *revision = event.revision,
                None => streams.push((event.stream, event.revision)),
            }
        }
    }
}

impl Read {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let stream = match &self.stream {
            None => None,
            Some(text) => Some(StreamName::parse(text).ok_or_else(|| {
                let problem = "must be a name such as item-<uuid>, sale-<uuid> or demand-<uuid>";
                Failure::new(Code::Usage, format!("the stream {problem}, not {text:?}"))
            })?),
        };
        let log = self.data.open()?;
        let mut reading = Reading::start(&log, stream, self.from);
        let mut left = self.limit.unwrap_or(UNLIMITED);
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        while left > 0 {
            let wanted = narrow(left);
            // On the way to the first one that is wanted, pages are as large as they may be.
            let max = if reading.is_on_the_way() { BATCH } else { wanted.min(BATCH) };
            let events = reading.next(max).map_err(|error| log.unreadable(&error))?;
            for event in events.iter().filter(|event| reading.wants(event)).take(wanted) {
                if common.json {
                    writeln!(stdout, "{}", event_json(event))?;
                } else {
                    writeln!(stdout, "{}", Line(event))?;
                }
                left -= 1;
            }
            // A page may be short; only an empty one is the end.
            if events.is_empty() {
                stdout.flush()?;
                if !self.follow {
                    return Ok(());
                }
                reading.wait().map_err(|error| log.unreadable(&error))?;
            }
        }
        stdout.flush()?;
        Ok(())
    }
}

/// How far `log read` has come.
struct Reading<'a> {
    log: &'a OpenLog,
    stream: Option<StreamName>,
    /// First position or revision that is wanted.
    from: u64,
    next_revision: u64,
    after: Position,
}

impl<'a> Reading<'a> {
    fn start(log: &'a OpenLog, stream: Option<StreamName>, from: u64) -> Self {
        // In a cluster only the positions of events are places to read from, so there the walk
        // begins at the first one.
        let after = match log.source() {
            LogSource::File(_) => Position(from.saturating_sub(1)),
            LogSource::Store(_) => Position::START,
        };
        Self { log, stream, from, next_revision: from, after }
    }

    fn next(&mut self, max: usize) -> Result<Vec<Recorded>, ReadError> {
        let events = match self.stream {
            Some(stream) => self.log.read_stream(stream, self.next_revision, max)?,
            None => self.log.read_all(self.after, max)?,
        };
        if let Some(last) = events.last() {
            self.next_revision = last.revision + 1;
            self.after = last.position;
        }
        Ok(events)
    }

    fn is_on_the_way(&self) -> bool {
        self.stream.is_none() && self.after.0.saturating_add(1) < self.from
    }

    fn wants(&self, event: &Recorded) -> bool {
        self.stream.is_some() || event.position.0 >= self.from
    }

    /// Waits until there may be more. New events of one stream come as part of the whole log.
    fn wait(&mut self) -> Result<(), ReadError> {
        let after = self.after;
        self.log.block_on(self.log.source().wait_after(after))?;
        if self.stream.is_some() {
            self.after = self.log.head()?.max(after);
        }
        Ok(())
    }
}

fn event_json(event: &Recorded) -> Value {
    json!({
        "position": event.position,
        "stream": event.stream.to_string(),
        "revision": event.revision,
        "id": event.id,
        "kind": event.kind,
        "recorded_at": UnixMs(event.recorded_at_ms).to_string(),
        "data": body(&event.data),
        "metadata": body(&event.metadata),
    })
}

/// A body as JSON; a damaged one that is not JSON as a text.
fn body(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}

struct Line<'a>(&'a Recorded);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recorded { position, stream, revision, kind, data, recorded_at_ms, .. } = self.0;
        // Escaped, because a damaged log may hold what a terminal would obey.
        let kind = kind.escape_debug();
        let at = UnixMs(*recorded_at_ms);
        write!(f, "{position}  {at}  {stream}@{revision}  {kind}  {}", body(data))
    }
}
