//! `doorbuster replay`: replays a sale as recorded, compares read models, or runs it under other
//! rules.

mod play;
mod sale;
mod what_if;

use super::{
    Common, models::Scratch, rebuild, server::Server, source::Data, token_file::TokenFile,
    whose::AnySale,
};
use crate::{
    grpc::proto::{CompareReplayRequest, replay_service_client::ReplayServiceClient},
    projections::{Difference, Verdict},
    replay::pace::{Pace, pace},
    values::{Invalid, ItemId, UnixMs},
};

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    sale: AnySale,
    /// Speed factor, 1 to 1000000
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with = "unpaced")]
    speed: Option<i64>,
    /// Replay without pacing
    #[arg(long)]
    unpaced: bool,
    /// Show it from this time on (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with_all = ["compare", "what_if"])]
    from: Option<String>,
    /// Stop after this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with_all = ["compare", "what_if"])]
    to: Option<String>,
    /// Rebuild the read models beside those in use and report the first difference
    #[arg(long, conflicts_with_all = ["what_if", "speed", "unpaced", "AnySale"])]
    compare: bool,
    /// Play it under another rule, and say what that would have changed: limit=2, limit=none,
    /// units=+200, units=500, time-to-pay=5m, draw, seed=7, steps=100:990/400:1290, steps=none,
    /// time-prices=none, returned-units=next_price, offers=none, reserve-plan=off. May be given
    /// several times
    #[arg(long, value_name = "RULE", conflicts_with_all = ["speed", "unpaced"])]
    what_if: Vec<String>,
    /// With --what-if: this item only
    #[arg(long, value_name = "ITEM", requires = "what_if", conflicts_with = "AnySale")]
    item: Option<String>,
    /// Ask this server instead of reading a log: for --compare and --what-if
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    token: TokenFile,
    #[command(flatten)]
    data: Data,
    #[command(flatten)]
    scratch: Scratch,
}

/// Runs `replay`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let sale = args.sale.id()?;
    let item = args.item.as_deref().map(|text| ItemId::parse("--item", text)).transpose()?;
    let server = args.server.map(|url| Server { url, token: args.token });
    if args.compare {
        return match server {
            Some(server) => compare_there(&server, common),
            None => {
                let log = args.data.open()?;
                let verdicts = rebuild::compare(&log, &args.data.dir, &args.scratch, common)?;
                rebuild::show_verdicts(common, &verdicts)
            }
        };
    }
    if !args.what_if.is_empty() {
        let question = what_if::Question { sale, item, rules: args.what_if };
        return match server {
            Some(server) => question.ask(&server, common),
            None => question.answer(&args.data, common),
        };
    }
    if server.is_some() {
        let problem = "goes with --compare and --what-if: a sale is played from --data or --store";
        return Err(Invalid::new("--server", problem).into());
    }
    let pace = match (args.speed, args.unpaced) {
        (None, false) => Pace::Times(1),
        (Some(0), _) => return Err(Invalid::new("--speed", "must be at least 1, not 0").into()),
        (speed, unpaced) => pace("--speed", speed.unwrap_or(0), unpaced)?,
    };
    let moment = |flag: &str, text: &Option<String>| {
        text.as_deref().map(|text| UnixMs::parse(flag, text)).transpose()
    };
    let (from, to) = (moment("--from", &args.from)?, moment("--to", &args.to)?);
    if let (Some(from), Some(to)) = (from, to)
        && to < from
    {
        return Err(Invalid::new("--to", "must not be before --from").into());
    }
    play::run(&args.data, sale, &play::Range { pace, from, to }, common)
}

fn compare_there(server: &Server, common: &Common) -> anyhow::Result<()> {
    let compared = server.call(async |channel| {
        let request = CompareReplayRequest { min_position: 0 };
        ReplayServiceClient::new(channel).compare_replay(request).await
    })?;
    let row = |row: String| Some(row).filter(|row| !row.is_empty());
    let verdicts = compared.read_models.into_iter().map(|found| Verdict {
        read_model: found.read_model,
        equal: found.equal,
        difference: found.difference.map(|found| Difference {
            table: found.table,
            key: found.key,
            in_use: row(found.in_use),
            rebuilt: row(found.rebuilt),
        }),
    });
    rebuild::show_verdicts(common, &verdicts.collect::<Vec<_>>())?;
    common.note_freshness(compared.freshness.as_ref());
    Ok(())
}
