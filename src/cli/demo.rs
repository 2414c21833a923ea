//! `doorbuster demo`: a real server, a real sale, a crowd over real gRPC, and proof afterwards.
//!
//! It demonstrates the promises on one machine, and fails with the exit code for integrity if one
//! is violated. It must never use its own plan as a result: every figure comes from the shoppers'
//! answers, the read models or the log.

mod account;
mod addresses;
mod after_sale;
mod chaos;
mod counted;
pub(crate) mod directory;
mod flags;
pub(super) mod lines;
mod noticed;
mod pace;
mod played;
mod proof;
pub(super) mod screen;
pub(super) mod script;
mod shop;
pub(super) mod so_far;
mod stall;
mod tokens;

use std::{
    io::{self, IsTerminal},
    net::SocketAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use tokio::{
    sync::watch,
    time::{Instant, interval},
};

pub use self::flags::Args;
use self::{
    account::{account, broken_promises, settle_accounts},
    after_sale::AfterSale,
    chaos::Shift,
    played::Played,
    proof::Proved,
    screen::{Moment, Screen},
    script::Script,
    shop::Shop,
    so_far::SoFar,
    tokens::Tokens,
};
use super::{
    Common,
    failure::{Code, Failure},
    output::answer,
    signals::{Interruption, is_interruption},
};
use crate::{
    clock::{Clock, WallClock, new_request_id},
    config::{Config, PublicRoutes},
    crowd::{
        caller::{Caller, connect},
        driver::Crowd,
        earned::earned,
        figures::Figures,
        plan::{scatter, uuid_of},
        sale::{PutUp, close, put_up},
    },
    grpc::proto::StockLevel,
    store::StoreAddress,
};

const CONNECTIONS: usize = 4;
/// Longest wait for the reports of what was earned.
const LAG_MAX: Duration = Duration::from_secs(60);
const REDRAW: Duration = Duration::from_millis(100);
/// The stock is asked for at every third redraw: the crowd has the server to itself otherwise.
const REDRAWS_PER_STOCK: u32 = 3;

/// Runs a demonstration. With `--json` stdout gets exactly one object.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    let script = args.script(common)?;
    let store = args.store.address()?;
    // It serves board and gRPC at the default addresses of a server.
    let mut config = Config::default();
    args.addresses.choose(&mut config, common)?;
    let data = directory::fresh(args.data.as_deref(), "doorbuster-demo")?;
    common.note(format_args!("data in {}", data.display()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interruption = Interruption::catch()?;

    let tokens = Tokens::make(&data)?;
    let config = Config {
        data: data.clone(),
        store: store.clone(),
        store_credentials_file: args.store.credentials.file.clone(),
        http: None,
        web: None,
        tokens_file: Some(tokens.file.clone()),
        // Everybody who has the machine may watch; steering takes the token that is printed.
        public_routes: PublicRoutes { board: true, ..PublicRoutes::default() },
        ..config
    };
    let stall = watch::Sender::new(false);
    let shop = match script.troubles() {
        Some(_) => Shop::open_held(config.clone(), stall.subscribe())?,
        None => Shop::open(config.clone())?,
    };
    let (listen, board) = (shop.app.address(), shop.app.board_address());
    let so_far = SoFar::default();
    let address = format!("http://{listen}");
    let stage = Stage { store: &store, address, board, tokens: &tokens, stall, so_far: &so_far };
    let played = runtime.block_on(interruption.unless(play(&script, &stage, common)));
    // The stall of the store ends in any case, so that the server stops in an orderly way.
    drop(stage);
    // The server is stopped in an orderly way also when the crowd failed or was interrupted. The
    // crowd's connections end first: the server's GOAWAY would not be answered on them.
    drop(runtime);
    let stopped = shop.close();
    if played.as_ref().is_err_and(is_interruption) {
        so_far.show(Some(&data), common)?;
    }
    let played = played?;
    stopped?;

    common.note("proving it from the log");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (of, directory, sold) = (store.clone(), data.clone(), played.sales.clone());
    let proving =
        async { tokio::task::spawn_blocking(move || proof::prove(&of, &directory, &sold)).await? };
    let proved = runtime.block_on(interruption.unless(proving));
    // An interrupted proof only reads; there is nothing to wait for.
    runtime.shutdown_background();
    if proved.as_ref().is_err_and(is_interruption) {
        so_far.show(Some(&data), common)?;
    }
    let seen_at = played.board.clone();
    finish(&script, (&store, &data), played, proved?, common)?;
    if args.stays(common, io::stderr().is_terminal()) {
        return stay(Config { listen, board, ..config }, &seen_at, &interruption, common);
    }
    Ok(())
}

/// Serves the data once more, at the same addresses, until it is interrupted.
fn stay(
    config: Config,
    board: &str,
    interruption: &Interruption,
    common: &Common,
) -> anyhow::Result<()> {
    let shop = Shop::open(config)?;
    common.note(format_args!("the board stays until Ctrl-C:\n  {board}"));
    interruption.wait();
    common.note("stopping; a second Ctrl-C stops at once");
    shop.close()
}

/// Where a script is played.
struct Stage<'a> {
    store: &'a StoreAddress,
    /// Of the server.
    address: String,
    board: Option<SocketAddr>,
    tokens: &'a Tokens,
    /// The store stalls while it is true.
    stall: watch::Sender<bool>,
    /// For an interruption.
    so_far: &'a SoFar,
}

impl Stage<'_> {
    /// Where the sale is to be seen.
    fn board_of(&self, sales: &PutUp) -> Option<String> {
        let (board, sale_id) = (self.board?, sales.sale_ids.first()?);
        Some(format!("http://{board}/sales/{sale_id}"))
    }
}

/// Puts the sale up, sends the crowd, waits until nothing is held any more.
async fn play(script: &Script, stage: &Stage<'_>, common: &Common) -> anyhow::Result<Played> {
    let Stage { address, tokens, .. } = stage;
    let channel = connect(address, &tokens.own.token).await.context("no server is reached")?;
    let mut figures = Figures::new(channel.clone());
    let offers = script.offers();
    let run = sale_number(script, stage.store);
    let terms = script.terms(WallClock.now(), tokens.own.clone());
    let sales = put_up(channel.clone(), &offers, &terms, |nth| {
        // Its own half of the id space: shoppers' ids have a purpose there, sales have none.
        uuid_of(run, u64::from(nth)).to_string()
    })
    .await
    .context("the sale cannot be put up")?;
    let board = announce(script, stage, &sales, common);

    let caller = Caller::connect(address, &tokens.own.token, CONNECTIONS).await?;
    let crowd = Crowd::new(script.seed(), caller, sales.items.clone())?;
    stage.so_far.begin(&crowd, sales.items.iter().map(|item| item.units));
    let ids: Vec<&str> = sales.items.iter().map(|item| item.item_id.as_str()).collect();
    let mut screen = Screen::new(&offers, &ids, common.quiet);
    let beacons = script.browse(&crowd).await;
    let opened_at = WallClock.now();
    let start = Instant::now();
    let shift = Shift { channel: channel.clone(), operator: &tokens.own, sales: &sales, start };
    let shopping = shopping(script, &crowd, &shift, &stage.stall);
    watch(shopping, &mut screen, &crowd, &mut figures.clone(), &sales, start).await?;

    let position = crowd.journal().position;
    let at_most = Duration::from_millis(script.settles_within_ms().into());
    let levels = figures.settled(&sales, position, at_most).await.context("the stock levels")?;
    let elapsed = start.elapsed();
    screen.stock(&levels);
    screen.progress(moment(&crowd, start));
    screen.finish();
    let steered = steered(&mut figures, &sales, position).await?;
    let sales = if steered > 0 { as_steered(&sales, &levels) } else { sales.clone() };
    let units: Vec<u64> = sales.items.iter().map(|item| item.units).collect();
    let sold_out_at_ms = crowd.journal().sold_out_at_ms(&units);
    if script.goes_on() {
        let (channel, operator) = (channel.clone(), &tokens.own);
        let after = AfterSale { channel, operator, sales: &sales, crowd: &crowd };
        after.carry_out().await.context("after the sale")?;
    }
    let position = crowd.journal().position;
    let levels = figures.settled(&sales, position, LAG_MAX).await.context("the stock levels")?;
    let totals = figures.totals(&sales, position).await.context("the sales summary")?;
    let earned =
        earned(channel.clone(), &sales, position, LAG_MAX).await.context("what was earned")?;
    // The crowd has left: the pages show a sale that is over.
    let closed = close(channel, &sales, &tokens.own, || new_request_id().0.to_string()).await;
    let closed = closed.context("closing the sale")?;
    let noticed = match script.troubles() {
        Some(_) => Some(shift.look_back(closed).await?),
        None => None,
    };
    Ok(Played {
        crowd,
        sales,
        beacons,
        totals,
        earned,
        levels,
        opened_at,
        sold_out_at_ms,
        elapsed,
        steered,
        noticed,
        board,
    })
}

/// The crowd, and what breaks meanwhile.
async fn shopping(
    script: &Script,
    crowd: &Arc<Crowd>,
    shift: &Shift<'_>,
    stall: &watch::Sender<bool>,
) -> anyhow::Result<()> {
    let operating = async {
        match script.troubles() {
            Some(troubles) => shift.carry_out(troubles, stall).await,
            None => Ok(()),
        }
    };
    let shopping = async { Ok(script.play(Arc::clone(crowd)).await?) };
    tokio::try_join!(shopping, operating).map(|_| ())
}

/// How many acts of people there were on the sale.
async fn steered(figures: &mut Figures, sales: &PutUp, position: u64) -> anyhow::Result<usize> {
    let acts = figures.acts(sales, position).await.context("what operators did")?;
    let by_people = acts.iter().filter(|act| !tokens::AUTOMATIC.contains(&act.operator.as_str()));
    Ok(by_people.count())
}

/// Prints the size of the crowd, the address, and the board.
fn announce(script: &Script, stage: &Stage<'_>, sales: &PutUp, common: &Common) -> String {
    let units: u64 = sales.items.iter().map(|item| item.units).sum();
    common.note(format_args!(
        "{units} units over {} items; {} shoppers come to {}",
        sales.items.len(),
        script.shoppers(),
        stage.address
    ));
    let board = stage.board_of(sales).unwrap_or_default();
    common.note(format_args!("board: {board}"));
    // Beside the address, not in it: together they are wider than a terminal.
    common.note(format_args!("token: {} to sign in", stage.tokens.guest));
    if let Script::Recorded { recording, speed, .. } = script {
        pace::tell(recording, *speed, common);
    }
    board
}

/// The sales with the units that people have put on offer meanwhile, or taken off.
fn as_steered(sales: &PutUp, levels: &[StockLevel]) -> PutUp {
    let mut sales = sales.clone();
    for item in &mut sales.items {
        if let Some(level) = levels.iter().find(|level| level.item_id == item.item_id) {
            item.units = u64::try_from(level.allocated_units).unwrap_or(0);
        }
    }
    sales
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
pub(super) async fn watch(
    shopping: impl Future<Output = anyhow::Result<()>>,
    screen: &mut Screen,
    crowd: &Crowd,
    figures: &mut Figures,
    sales: &PutUp,
    start: Instant,
) -> anyhow::Result<()> {
    let redrawing = async {
        let mut redraws = interval(REDRAW);
        for nth in 0_u32.. {
            redraws.tick().await;
            screen.progress(moment(crowd, start));
            if screen.shows_stock() && nth % REDRAWS_PER_STOCK == 0 {
                // A query that fails under load does not end the demonstration.
                if let Ok(levels) = figures.stock(sales, 0).await {
                    screen.stock(&levels);
                }
            }
        }
    };
    tokio::select! {
        ended = shopping => ended,
        () = redrawing => Err(anyhow!("the display ended before the crowd")),
    }
}

fn moment(crowd: &Crowd, start: Instant) -> Moment {
    let journal = crowd.journal();
    Moment {
        attempts: journal.attempts,
        units_paid: journal.paid_by_item().iter().sum(),
        seconds: start.elapsed().as_secs(),
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
        "try next:\n  doorbuster log read {place}\n  doorbuster serve {place}\n  \
         doorbuster report stock   (in another terminal)"
    );
    if common.json {
        common.note(next);
    } else {
        answer(next)?;
    }
    Ok(())
}
