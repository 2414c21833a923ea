//! `doorbuster demo`: a real server, a real sale, a crowd over real gRPC, and proof afterwards.
//!
//! It shows on one machine in half a minute what the software promises, and fails with the exit
//! code for integrity when a promise does not hold. It must never judge by what it planned: every
//! figure comes from the shoppers' answers, the read models or the log.

mod account;
pub(crate) mod directory;
mod proof;
pub(super) mod screen;
pub(super) mod script;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use tokio::time::{Instant, interval};

use self::{
    account::{Asides, account, broken_promises},
    proof::Proved,
    screen::{Moment, Screen},
    script::Script,
};
use super::{
    Common,
    failure::{Code, Failure},
    output::answer,
    source::Store,
};
use crate::{
    app::App,
    clock::{Clock, WallClock, new_request_id},
    config::Config,
    crowd::{
        caller::{Caller, connect},
        driver::Crowd,
        figures::{Figures, Totals, oversold_units},
        plan::{CrowdPlan, CrowdSize, scatter, uuid_of},
        recording::{ItemBy, Recording, StockShare},
        sale::{PutUp, put_up},
        summary::{BeaconTotals, LatencyMs, Summary, Verified, rounded},
    },
    grpc::proto::StockLevel,
    store::StoreAddress,
    values::UnixMs,
};

const CONNECTIONS: usize = 4;
const REDRAW: Duration = Duration::from_millis(100);
/// The stock is asked for at every third redraw: the crowd has the server to itself otherwise.
const REDRAWS_PER_STOCK: u32 = 3;

/// What to demonstrate.
#[derive(Debug, Clone, clap::Args)]
#[command(before_help = "\
Examples:
  doorbuster demo
  doorbuster demo --units 5000 --items 5 --shoppers 100000
  doorbuster demo --traffic recorded.csv.gz --item-by category --stock-share 0.6 --speed 600
  doorbuster demo --store esdb://127.0.0.1:2113?tls=false
  doorbuster demo --json | jq .refused")]
pub struct Args {
    /// Directory for the log and the read models, new or empty [default: a new one for each run]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    store: Store,
    /// Units on offer, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 1_000, conflicts_with = "traffic")]
    units: u32,
    /// Items they are spread over, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "traffic")]
    items: u32,
    /// Shoppers who come, at least one for each unit, at most 1000000
    #[arg(long, value_name = "N", default_value_t = 20_000, conflicts_with = "traffic")]
    shoppers: u32,
    /// Makes the same crowd again
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "traffic")]
    seed: u64,
    /// Seconds that an unpaid order holds its units, 1 to 60
    #[arg(long, value_name = "SECONDS", default_value_t = 3, conflicts_with = "traffic")]
    time_to_pay_seconds: u32,
    /// Play recorded traffic instead: CSV or .csv.gz of user,item,category,action,unix seconds
    #[arg(long, value_name = "FILE")]
    traffic: Option<PathBuf>,
    /// What is one item of the sale
    #[arg(long, value_enum, default_value = "category", requires = "traffic")]
    item_by: ItemBy,
    /// Share of each item's recorded purchases to put on offer, above 0 and at most 1
    #[arg(long, value_name = "SHARE", default_value = "0.6", requires = "traffic")]
    stock_share: StockShare,
    /// How many times faster than recorded, 1 to 100000
    #[arg(long, value_name = "N", default_value_t = 60, requires = "traffic",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    speed: u32,
    /// Count and leave out bad rows instead of stopping at the first
    #[arg(long, requires = "traffic")]
    skip_bad_rows: bool,
}

/// Runs a demonstration. With `--json` stdout gets exactly one object.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let script = script(&args)?;
    let store = args.store.address()?;
    let data = directory::fresh(args.data.as_deref(), "doorbuster-demo")?;
    common.note(format_args!("data in {}", data.display()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;

    let config = Config {
        data: data.clone(),
        store: store.clone(),
        store_credentials_file: args.store.credentials.file.clone(),
        listen: ([127, 0, 0, 1], 0).into(),
        web: None,
        board: None,
        ..Config::default()
    };
    let app = App::start(config, Arc::new(WallClock)).context("the server did not start")?;
    let address = format!("http://{}", app.address());
    let played = runtime.block_on(until_interrupted(play(&script, &store, &address, common)));
    // The server is stopped in an orderly way also when the crowd failed or was interrupted. The
    // crowd's connections end first: nobody would answer the server's farewell on them.
    drop(runtime);
    let stopped = app.stop().context("the server did not stop cleanly");
    let played = played?;
    stopped?;

    common.note("proving it from the log");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (of, directory) = (store.clone(), data.clone());
    let proving =
        async { tokio::task::spawn_blocking(move || proof::prove(&of, &directory)).await? };
    let proved = runtime.block_on(until_interrupted(proving));
    // An interrupted proof only reads; there is nothing to wait for.
    runtime.shutdown_background();
    finish(&script, (&store, &data), played, proved?, common)
}

fn script(arguments: &Args) -> anyhow::Result<Script> {
    let Some(traffic) = &arguments.traffic else {
        let plan = CrowdPlan::new(CrowdSize {
            units: arguments.units,
            items: arguments.items,
            shoppers: arguments.shoppers,
            seed: arguments.seed,
            time_to_pay_seconds: arguments.time_to_pay_seconds,
        })?;
        return Ok(Script::Simulated(Arc::new(plan)));
    };
    let recording = Recording::read(traffic, arguments.item_by, arguments.skip_bad_rows)
        .map_err(|error| Failure::new(Code::Usage, format!("--traffic: {error}")))?;
    Ok(Script::Recorded {
        recording: Arc::new(recording),
        item_by: arguments.item_by,
        share: arguments.stock_share,
        speed: arguments.speed,
    })
}

/// What came of the crowd: their own journal, the server's figures, the times.
struct Played {
    crowd: Arc<Crowd>,
    sales: PutUp,
    beacons: BeaconTotals,
    totals: Totals,
    levels: Vec<StockLevel>,
    opened_at: UnixMs,
    elapsed: Duration,
}

/// Puts the sale up, sends the crowd, waits until nothing is held any more.
async fn play(
    script: &Script,
    store: &StoreAddress,
    address: &str,
    common: &Common,
) -> anyhow::Result<Played> {
    let channel = connect(address).await.context("the server cannot be reached")?;
    let mut figures = Figures::new(channel.clone());
    let offers = script.offers();
    let run = sale_number(script, store);
    let terms = script.terms(WallClock.now());
    let sales = put_up(channel, &offers, &terms, |nth| {
        // Its own half of the id space: shoppers' ids have a purpose there, sales have none.
        uuid_of(run, u64::from(nth)).to_string()
    })
    .await
    .context("the sale cannot be put up")?;
    let units: u64 = offers.iter().map(|offer| offer.units).sum();
    common.note(format_args!(
        "{units} units over {} items; {} shoppers come to {address}",
        offers.len(),
        script.shoppers()
    ));

    let caller = Caller::connect(address, CONNECTIONS).await?;
    let crowd = Crowd::new(script.seed(), caller, sales.items.clone())?;
    let ids: Vec<&str> = sales.items.iter().map(|item| item.item_id.as_str()).collect();
    let mut screen = Screen::new(&offers, &ids, common.quiet);
    let beacons = script.browse(&crowd).await;
    let opened_at = WallClock.now();
    let start = Instant::now();
    let shopping = script.play(Arc::clone(&crowd));
    watch(shopping, &mut screen, &crowd, &mut figures.clone(), &sales, start).await?;

    let position = crowd.journal().position;
    let at_most = Duration::from_millis(script.settles_within_ms().into());
    let levels = figures.settled(&sales, position, at_most).await.context("the stock levels")?;
    let elapsed = start.elapsed();
    let totals = figures.totals(&sales, position).await.context("the sales summary")?;
    screen.stock(&levels);
    screen.progress(moment(&crowd, start));
    screen.finish();
    Ok(Played { crowd, sales, beacons, totals, levels, opened_at, elapsed })
}

/// Goes into the ids of the sales that are put up. A new directory holds no others; in a shared
/// store the sale of an earlier demonstration with the same seed must not be taken for this one.
fn sale_number(script: &Script, store: &StoreAddress) -> u64 {
    match store {
        StoreAddress::Embedded => scatter(script.seed()),
        StoreAddress::Cluster(_) => new_request_id().0.as_u64_pair().0,
    }
}

/// Lets the crowd shop and keeps the screen up to date meanwhile.
pub(super) async fn watch<E>(
    shopping: impl Future<Output = Result<(), E>>,
    screen: &mut Screen,
    crowd: &Crowd,
    figures: &mut Figures,
    sales: &PutUp,
    start: Instant,
) -> anyhow::Result<()>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let redrawing = async {
        let mut redraws = interval(REDRAW);
        for nth in 0_u32.. {
            redraws.tick().await;
            screen.progress(moment(crowd, start));
            if screen.shows_stock() && nth % REDRAWS_PER_STOCK == 0 {
                // A server that is too busy to say is no reason to stop the show.
                if let Ok(levels) = figures.stock(sales, 0).await {
                    screen.stock(&levels);
                }
            }
        }
    };
    tokio::select! {
        ended = shopping => Ok(ended?),
        () = redrawing => Err(anyhow!("the display ended before the crowd")),
    }
}

fn moment(crowd: &Crowd, start: Instant) -> Moment {
    let journal = crowd.journal();
    Moment {
        attempts: journal.attempts,
        orders: journal.orders_placed(),
        units_paid: journal.paid_by_item().iter().sum(),
        seconds: start.elapsed().as_secs(),
    }
}

async fn until_interrupted<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::new(Code::Failed, "interrupted").into()),
    }
}

/// Puts all figures together, prints them, and fails if a promise was broken.
fn finish(
    script: &Script,
    (store, data): (&StoreAddress, &Path),
    played: Played,
    proved: Proved,
    common: &Common,
) -> anyhow::Result<()> {
    let (summary, asides) = settle_accounts(script, data, &played, proved);
    if common.json {
        answer(serde_json::to_string(&summary)?)?;
    } else {
        answer(account(&summary, &asides))?;
    }
    let broken = broken_promises(&summary, &asides);
    if !broken.is_empty() {
        return Err(Failure::new(Code::Integrity, broken.join("\n")).into());
    }
    let place = match store {
        StoreAddress::Embedded => format!("--data {}", data.display()),
        StoreAddress::Cluster(cluster) => format!("--store \"{cluster}\""),
    };
    let next = format!(
        "try next: doorbuster log read {place}, or doorbuster serve {place} and \
         doorbuster report stock in another terminal"
    );
    if common.json {
        common.note(next);
    } else {
        answer(next)?;
    }
    Ok(())
}

fn settle_accounts(
    script: &Script,
    data: &Path,
    played: &Played,
    proved: Proved,
) -> (Summary, Asides) {
    let Played { crowd, sales, beacons, totals, levels, opened_at, elapsed } = played;
    let journal = crowd.journal();
    let units_by_item: Vec<u64> = sales.items.iter().map(|item| item.units).collect();
    let units = units_by_item.iter().sum();
    let unanswered = journal.unanswered();
    // An order that no buyer was told of came of a request that already had one, unless its answer
    // was lost for good.
    let unknown =
        totals.orders_placed.saturating_sub(journal.orders_placed()).saturating_sub(unanswered);
    let elapsed_seconds = elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let orders_per_second = totals.orders_placed as f64 / elapsed_seconds.max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the crowd was let in")]
    let seconds_in = |at_ms: i64| (at_ms - opened_at.0).max(0) as f64 / 1_000.0;
    let summary = Summary {
        units,
        shoppers: script.shoppers(),
        attempts: journal.attempts,
        orders_placed: totals.orders_placed,
        orders_paid: totals.orders_paid,
        orders_expired: totals.orders_expired,
        refused: journal.refused.clone(),
        oversold_units: oversold_units(levels, sales, journal.paid_by_item()),
        duplicate_orders: journal.conflicts + unknown,
        sold_out_seconds: journal.sold_out_at_ms(&units_by_item).map(seconds_in),
        elapsed_seconds: rounded(elapsed_seconds),
        orders_per_second: rounded(orders_per_second),
        latency_ms: LatencyMs::of(&journal.latency_us),
        beacons: *beacons,
        traffic: script.traffic(),
        log_events: proved.events,
        verify: Verified { ok: proved.ok, events: proved.events, chains: proved.chains },
        rebuild_equal: proved.differing.is_empty(),
        data_dir: data.to_owned(),
    };
    let (rows_skipped, first_skipped) = match script {
        Script::Simulated(_) => (0, None),
        Script::Recorded { recording, .. } => {
            (recording.rows_skipped, recording.first_skipped.clone())
        }
    };
    let asides = Asides {
        items: sales.items.len() as u64,
        units_sold: totals.units_sold,
        orders_known: journal.orders_placed(),
        units_resold: totals.units_placed.saturating_sub(units),
        repeats: journal.repeats,
        payments_refused: journal.payments_refused.values().sum(),
        unanswered,
        rows_skipped,
        first_skipped,
        log_streams: proved.streams,
        findings: proved.findings,
        differing: proved.differing,
    };
    (summary, asides)
}
