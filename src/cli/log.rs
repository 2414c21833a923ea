//! `doorbuster log`: read the log of a data directory, also beside a running server.
//!
//! It opens the directory read-only and prints what stands there, as it stands there.

use std::{
    fmt,
    io::{self, Write},
    path::PathBuf,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    Common,
    failure::{Code, Failure},
    output::table,
};
use crate::{
    events::{Position, Recorded, StreamName},
    store::{ReadError, embedded::LogReader},
    values::UnixMs,
};

/// Events read at once.
const BATCH: usize = 512;

/// How often `--follow` looks for new events.
const FOLLOW_MS: u64 = 200;

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
    /// Events at most [default: all]
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
    /// Go on with new events as they come, until interrupted
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    data: Data,
}

/// Whose log.
#[derive(Debug, clap::Args)]
pub struct Data {
    /// Directory of the log
    #[arg(
        long = "data",
        value_name = "DIR",
        env = "DOORBUSTER_DATA",
        default_value = "doorbuster-data"
    )]
    pub dir: PathBuf,
}

/// Runs `log`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Streams(streams) => streams.run(common),
        Verb::Read(read) => read.run(common),
    }
}

impl Data {
    /// Opens its log for reading.
    pub fn open(&self) -> Result<LogReader, Failure> {
        LogReader::open(&self.dir).map_err(|error| {
            let message = format!("the log in {} cannot be opened: {error}", self.dir.display());
            Failure::new(Code::Failed, message)
        })
    }
}

impl Streams {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let streams = self.data.open()?.streams().map_err(|error| unreadable(&error))?;
        common.show(
            || {
                let each = streams.iter().map(|stream| {
                    json!({ "stream": stream.name.to_string(), "revision": stream.last_revision })
                });
                each.collect()
            },
            || {
                let rows = streams
                    .iter()
                    .map(|stream| [stream.name.to_string(), stream.last_revision.to_string()]);
                table(["STREAM", "LAST REVISION"], &["LAST REVISION"], rows.collect())
            },
        )?;
        Ok(())
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
        let reader = self.data.open()?;
        let mut from = self.from;
        let mut left = self.limit.unwrap_or(u64::MAX);
        let mut stdout = io::BufWriter::new(io::stdout().lock());
        while left > 0 {
            let max = usize::try_from(left).unwrap_or(BATCH).min(BATCH);
            let events = match stream {
                Some(stream) => reader.read_stream(stream, from, max),
                None => reader.read_all(Position(from.saturating_sub(1)), max),
            };
            let events = events.map_err(|error| unreadable(&error))?;
            for event in &events {
                if common.json {
                    writeln!(stdout, "{}", event_json(event))?;
                } else {
                    writeln!(stdout, "{}", Line(event))?;
                }
                left -= 1;
                from = 1 + if stream.is_some() { event.revision } else { event.position.0 };
            }
            // A page may be short; only an empty one is the end.
            if events.is_empty() {
                stdout.flush()?;
                if !self.follow {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(FOLLOW_MS));
            }
        }
        stdout.flush()?;
        Ok(())
    }
}

/// A log that could not be read, as a failure.
pub fn unreadable(error: &ReadError) -> Failure {
    let code = match error {
        ReadError::Unavailable(_) => Code::Failed,
        ReadError::Damaged(_) => Code::Integrity,
    };
    Failure::new(code, error.to_string())
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

/// A body as JSON. What is not JSON is shown as a text: it is damage, and worth seeing.
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
