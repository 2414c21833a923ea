//! Flags and loops of verbs that list: how fresh an answer must be, pages, CSV, moments, windows.

use std::mem;

use prost_types::Timestamp;
use tonic::{Response, Status};

use super::{
    Common,
    asked::Asked,
    failure::{Code, Failure},
    json as shapes,
    server::Server,
    since::Since,
};
use crate::{
    crowd::channel::Channel,
    grpc::proto::{AsOf, as_of::Moment},
    reports::CsvManner,
    values::{Invalid, UnixMs},
};

/// Most lines asked for in one call.
pub const PAGE: i32 = 1000;

/// Which state of the read models, and whose.
#[derive(Debug, clap::Args)]
pub struct Fresh {
    #[command(flatten)]
    since: Since,
    /// Answer as of this position of the log, or as of this time (RFC 3339)
    #[arg(long, value_name = "POSITION|TIME", allow_hyphen_values = true)]
    as_of: Option<String>,
    #[command(flatten)]
    pub server: Asked,
}

impl Fresh {
    /// What the answer waits for.
    pub fn min_position(&self) -> u64 {
        self.since.min_position()
    }

    /// The moment that is asked for, if one is.
    pub fn as_of(&self) -> Result<Option<AsOf>, Failure> {
        let moment = self.as_of.as_deref().map(|text| {
            // What looks like a number is a position, so that -1 is not called a bad time.
            if text.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
                let position = text.parse().ok().filter(|position| *position > 0);
                return position.map(Moment::Position).ok_or_else(|| {
                    Invalid::new("--as-of", format!("must be at least position 1, not {text}"))
                });
            }
            UnixMs::parse("--as-of", text).map(|time| Moment::Time(shapes::timestamp(time)))
        });
        Ok(moment.transpose()?.map(|moment| AsOf { moment: Some(moment) }))
    }
}

/// A request for a list that is answered page by page.
pub trait Paged: Clone {
    type Answer;
    type Row;

    /// Makes the call.
    fn ask(self, channel: Channel) -> impl Future<Output = Result<Response<Self::Answer>, Status>>;

    /// How many rows a page has at most, and which page is asked for.
    fn page(&mut self) -> (&mut i32, &mut String);

    /// The rows of a page, and the token of the next one.
    fn rows(answer: &mut Self::Answer) -> (&mut Vec<Self::Row>, &mut String);
}

/// Says by which call a request is answered, and which field of the answer holds rows.
macro_rules! paged {
    ($request:ident => $client:ident.$call:ident, $answer:ident.$rows:ident: $row:ty) => {
        impl $crate::cli::question::Paged for $request {
            type Answer = $answer;
            type Row = $row;

            async fn ask(
                self,
                channel: $crate::crowd::channel::Channel,
            ) -> Result<tonic::Response<$answer>, tonic::Status> {
                $client::new(channel).$call(self).await
            }

            fn page(&mut self) -> (&mut i32, &mut String) {
                (&mut self.page_size, &mut self.page_token)
            }

            fn rows(answer: &mut $answer) -> (&mut Vec<$row>, &mut String) {
                (&mut answer.$rows, &mut answer.next_page_token)
            }
        }
    };
}
pub(super) use paged;

/// Asks for page after page until there is no more. The answer is that to the last page, with the
/// rows of all.
fn all_pages<Q: Paged>(
    mut request: Q,
    mut ask: impl FnMut(&Q) -> Result<Q::Answer, Failure>,
) -> Result<Q::Answer, Failure> {
    let size = request.page().0;
    if *size == 0 {
        *size = PAGE;
    }
    let mut all = Vec::new();
    loop {
        let mut answer = ask(&request)?;
        let (rows, next) = Q::rows(&mut answer);
        let stuck = rows.is_empty() && !next.is_empty();
        all.append(rows);
        if next.is_empty() {
            *rows = all;
            return Ok(answer);
        }
        if stuck {
            return Err(Failure::new(
                Code::Failed,
                "the server sent an empty page, but not the last",
            ));
        }
        *request.page().1 = mem::take(next);
    }
}

impl Fresh {
    /// All pages of a list.
    pub fn pages<Q: Paged>(&self, request: Q) -> Result<Q::Answer, Failure> {
        all_pages(request, |request| {
            self.server.call(async |channel| request.clone().ask(channel).await)
        })
    }
}

impl Server {
    /// All pages of a list.
    pub fn pages<Q: Paged>(&self, request: Q) -> Result<Q::Answer, Failure> {
        all_pages(request, |request| self.call(async |channel| request.clone().ask(channel).await))
    }
}

/// A time that was given with that flag.
pub fn moment(flag: &str, text: Option<&str>) -> Result<Option<Timestamp>, Invalid> {
    let moment = text.map(|text| UnixMs::parse(flag, text)).transpose()?;
    Ok(moment.map(shapes::timestamp))
}

/// A span that was given with that flag: a whole number and ms, s, m, h or d.
pub fn window(flag: &str, text: &str) -> Result<prost_types::Duration, Invalid> {
    let wrong =
        || Invalid::new(flag, format!("must be a span such as 30m, 24h or 7d, not {text:?}"));
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (count, unit) = text.split_at(digits);
    let unit_ms: i64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let count: i64 = count.parse().map_err(|_| wrong())?;
    let ms = count.saturating_mul(unit_ms);
    if ms == 0 {
        return Err(Invalid::new(flag, "must be longer than nothing"));
    }
    let nanos = i32::try_from(ms % 1_000).unwrap_or(0) * 1_000_000;
    Ok(prost_types::Duration { seconds: ms / 1_000, nanos })
}

/// Whether and how to answer with CSV.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct CsvArgs {
    /// Answer with CSV (RFC 4180) on stdout; `export` writes CSV files
    #[arg(long, global = true)]
    pub csv: bool,
    /// CSV whose texts are as they are: without the apostrophe before =, +, - and @, by which a
    /// spreadsheet does not take a text for a formula
    #[arg(long, global = true)]
    csv_raw: bool,
    /// Begin CSV with a byte order mark, for spreadsheets that else garble what is not ASCII
    #[arg(long, global = true)]
    bom: bool,
}

impl CsvArgs {
    pub fn manner(self) -> CsvManner {
        CsvManner { raw: self.csv_raw, bom: self.bom }
    }

    /// The common options with the form of CSV.
    ///
    /// # Errors
    /// When the flags contradict each other.
    pub fn with(self, common: &Common) -> Result<Common, Failure> {
        let csv = (self.csv || self.csv_raw).then(|| self.manner());
        let wrong = |problem| Err(Failure::new(Code::Usage, problem));
        match csv {
            Some(_) if common.json => wrong("--csv and --json cannot both be given"),
            None if self.bom => wrong("--bom is for --csv"),
            Some(_) | None => Ok(Common { csv, ..common.clone() }),
        }
    }
}
