//! `doorbuster bench`: how fast one hot item is, beside a bare echo on the same machine.
//!
//! Absolute figures depend mostly on the machine, so each round measures the echo and the real
//! server one after the other and reports their ratio. The load and the servers are separate
//! processes. The read models catch up between rounds, so that one round does not load the next;
//! the time for that is reported as well.

mod beacons;
mod child;
mod echo;
mod figures;
mod load;
mod sale;
mod stores;
mod streams;

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use tokio::time::Instant;

use self::{
    child::ServerChild,
    figures::{BenchFigures, CaseFigures, OpenLoopFigures, Rounds, table},
    load::{Measured, Target, open_loop, unary},
    stores::{Pair, StoreChoice},
    streams::streams,
};
use super::{
    Common, demo::directory, failure::Failure, output::answer, signals::Interruption,
    source::read_secret, write::TokenFile,
};
use crate::{
    clock::{Clock, WallClock, new_request_id},
    crowd::{
        caller::connect,
        figures::Figures,
        operator::Operator,
        sale::{Offer, Plan, Terms, put_up},
    },
};

/// Connections of the cases with many calls in flight.
const CONNECTIONS: usize = 8;
/// The operator that creates a sale without a token.
const OPERATOR: &str = "bench";
/// More units than any run can order.
const UNITS: u64 = 1_000_000_000;
const TIME_TO_PAY_MS: i64 = 30 * 24 * 3_600_000;
const CATCH_UP_SECONDS_MAX: u64 = 120;
const CATCH_UP_POLL: Duration = Duration::from_millis(20);

/// What to measure.
#[derive(Clone, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    before_help = "\
Examples:
  doorbuster bench
  doorbuster bench --cases unary_64,stream_4 --rounds 9 --seconds 2
  doorbuster bench --server http://127.0.0.1:7420 --rate 20000
  doorbuster bench --store devstore --cases unary_64
  doorbuster bench --json > figures.json
  doorbuster bench sale --data million"
)]
pub struct Args {
    #[command(subcommand)]
    verb: Option<BenchVerb>,
    /// Measure this server instead of starting one; a sale is put up there and stays. Where it asks
    /// for a token, --token-file has it; servers that are started ask for none
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    token: TokenFile,
    /// Where the server that is started keeps its log, new or empty, and kept [default: a temporary
    /// directory, removed afterwards]
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    data: Option<PathBuf>,
    /// Measure the server on this store beside the one on the embedded log, instead of beside the
    /// echo: a connection string, or devstore to start one. A sale is put up there and stays;
    /// DOORBUSTER_STORE_CREDENTIALS_FILE is obeyed
    // Kept as it was written: a complaint about its value must not repeat it, it may be secret.
    #[arg(long, value_name = "STORE", conflicts_with_all = ["server", "rate"])]
    store: Option<OsString>,
    /// Cases to measure [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CASE,...")]
    cases: Vec<Case>,
    /// Rounds of each case, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Seconds of one measurement, 1 to 3600
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    seconds: u32,
    /// Maximum of unanswered commands per stream, 1 to 65536
    #[arg(long, value_name = "N", default_value_t = 2_048,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    outstanding: u32,
    /// Also send unary calls at this fixed rate a second, 1 to 1000000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    rate: Option<u32>,
}

impl Args {
    /// The cases to measure that order.
    fn orders(&self) -> Vec<Case> {
        let chosen = if self.cases.is_empty() { &Case::ORDERS[..] } else { &self.cases };
        chosen.iter().copied().filter(|case| *case != Case::Traffic).collect()
    }

    /// The operator that creates the sale: a server started for this requires no token.
    fn operator(&self) -> Result<Operator, Failure> {
        match self.server {
            Some(_) => self.token.operator(OPERATOR),
            None => Ok(Operator::named(OPERATOR)),
        }
    }
}

/// A connection string may be secret.
impl std::fmt::Debug for Args {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Args").field("cases", &self.cases).finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, clap::Subcommand)]
enum BenchVerb {
    /// The bare echo that others are measured against; ends with its stdin
    #[command(hide = true)]
    Echo,
    /// Write a large sale into a log as a data set: orders, refusals, payments, traffic
    Sale(sale::Args),
}

/// A shape of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Case {
    #[value(name = "unary_1", help = "one call in flight")]
    Unary1,
    #[value(name = "unary_64", help = "64 calls in flight")]
    Unary64,
    #[value(name = "unary_512", help = "512 calls in flight")]
    Unary512,
    #[value(name = "stream_1", help = "one pipelined stream")]
    Stream1,
    #[value(name = "stream_4", help = "4 pipelined streams")]
    Stream4,
    #[value(name = "traffic", help = "beacons in batches, and an import")]
    Traffic,
}

impl Case {
    /// The cases that order, which are measured beside another server.
    const ORDERS: [Self; 5] =
        [Self::Unary1, Self::Unary64, Self::Unary512, Self::Stream1, Self::Stream4];

    fn name(self) -> &'static str {
        match self {
            Self::Unary1 => "unary_1",
            Self::Unary64 => "unary_64",
            Self::Unary512 => "unary_512",
            Self::Stream1 => "stream_1",
            Self::Stream4 => "stream_4",
            Self::Traffic => "traffic",
        }
    }

    async fn measure(
        self,
        target: &Arc<Target>,
        outstanding: usize,
        duration: Duration,
    ) -> anyhow::Result<Measured> {
        match self {
            Self::Unary1 => unary(target, 1, 1, duration).await,
            Self::Unary64 => unary(target, 64, CONNECTIONS, duration).await,
            Self::Unary512 => unary(target, 512, CONNECTIONS, duration).await,
            Self::Stream1 => streams(target, 1, outstanding, duration).await,
            Self::Stream4 => streams(target, 4, outstanding, duration).await,
            Self::Traffic => bail!("beacons are no orders"),
        }
    }
}

/// Runs the measurement. With `--json` stdout gets exactly one object.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match &args.verb {
        Some(BenchVerb::Echo) => return echo::serve(),
        Some(BenchVerb::Sale(sale)) => return sale::run(sale, common),
        None => {}
    }
    if let Some(store) = &args.store {
        let choice: StoreChoice = read_secret("--store", store)?;
        return run_stores(&choice, &args, common);
    }
    let echo = ServerChild::start(&["bench", "echo"]).context("the echo")?;
    let own = match &args.server {
        Some(_) => None,
        None => Some(OwnServer::start(args.data.as_deref(), None, common)?),
    };
    let url = args.server.as_deref().or(own.as_ref().map(|own| own.server.url()));
    let url = url.ok_or_else(|| anyhow!("no server"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interruption = Interruption::catch()?;
    let measured = runtime.block_on(interruption.unless(measure(&args, echo.url(), url, common)));
    runtime.shutdown_background();
    drop(own);
    let figures = measured?;
    if common.json {
        answer(serde_json::to_string(&figures)?)?;
    } else {
        answer(table(&figures))?;
    }
    Ok(())
}

fn run_stores(choice: &StoreChoice, args: &Args, common: &Common) -> anyhow::Result<()> {
    let pair = Pair::start(choice, args.data.as_deref(), common)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let interruption = Interruption::catch()?;
    let measuring = stores::measure(args, &pair, common);
    let figures = runtime.block_on(interruption.unless(measuring));
    runtime.shutdown_background();
    drop(pair);
    let figures = figures?;
    if common.json {
        answer(stores::json(&figures))?;
    } else {
        answer(stores::table(&figures))?;
    }
    Ok(())
}

/// The server that is measured when none is named, with its data.
struct OwnServer {
    server: ServerChild,
    data: PathBuf,
    keep: bool,
}

impl OwnServer {
    /// Starts one on the embedded log, or on the store with that connection string.
    fn start(data: Option<&Path>, store: Option<&str>, common: &Common) -> anyhow::Result<Self> {
        let keep = data.is_some();
        let data = directory::fresh(data, "doorbuster-bench")?;
        let fate = if keep { "" } else { ", removed afterwards" };
        common.note(format_args!("data in {}{fate}", data.display()));
        let Some(path) = data.to_str() else { bail!("--data must be UTF-8") };
        let arguments = [
            "serve",
            "--data",
            path,
            "--listen",
            "127.0.0.1:0",
            "--http",
            "off",
            "--web",
            "off",
            "--board",
            "off",
            "--json",
            "--quiet",
        ];
        // In the environment, where no list of processes shows it.
        let variables = [("DOORBUSTER_STORE", store.unwrap_or("embedded"))];
        let server = ServerChild::start_with(&arguments, &variables).context("the server")?;
        Ok(Self { server, data, keep })
    }
}

impl Drop for OwnServer {
    fn drop(&mut self) {
        self.server.stop();
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.data)
        {
            eprintln!("{} cannot be removed: {error}", self.data.display());
        }
    }
}

async fn measure(
    arguments: &Args,
    echo: &str,
    url: &str,
    common: &Common,
) -> anyhow::Result<BenchFigures> {
    let mut hot = HotItem::put_up(url, arguments.operator()?).await?;
    let echo = Arc::new(Target::new(echo, hot.target.item_id.clone(), 0));
    let duration = Duration::from_secs(arguments.seconds.into());
    let outstanding = usize::try_from(arguments.outstanding)?;
    let mut figures = BenchFigures { cases: Vec::new(), open_loop: None, beacons: None };
    for case in &arguments.orders() {
        let (mut echoes, mut orders) = (Rounds::default(), Rounds::default());
        for round in 0..arguments.rounds {
            common.note(format_args!(
                "{} round {} of {}",
                case.name(),
                round + 1,
                arguments.rounds
            ));
            // The order alternates, so that neither always runs on a warm machine.
            for real in [round % 2 == 1, round % 2 == 0] {
                let (target, rounds) =
                    if real { (&hot.target, &mut orders) } else { (&echo, &mut echoes) };
                let measured = case.measure(target, outstanding, duration).await?;
                let who = if real { "the server" } else { "the echo" };
                keep(rounds, measured, case.name(), who)?;
                if real {
                    hot.catch_up().await?;
                }
            }
        }
        figures.cases.push(CaseFigures::of(case.name(), &echoes, &orders));
    }
    if arguments.cases.is_empty() || arguments.cases.contains(&Case::Traffic) {
        common.note("traffic");
        let run = new_request_id().0.as_u64_pair().0;
        let measured = beacons::measure(url, &hot.target.item_id, run, duration).await?;
        hot.catch_up().await?;
        figures.beacons = Some(measured);
    }
    if let Some(rate) = arguments.rate {
        common.note(format_args!("open loop at {rate}/s"));
        let (mut echoes, mut orders) = (Rounds::default(), Rounds::default());
        let measured = open_loop(&echo, rate, CONNECTIONS, duration).await?;
        keep(&mut echoes, measured, "open loop", "the echo")?;
        let measured = open_loop(&hot.target, rate, CONNECTIONS, duration).await?;
        keep(&mut orders, measured, "open loop", "the server")?;
        hot.catch_up().await?;
        figures.open_loop = Some(OpenLoopFigures::of(rate, &echoes, &orders));
    }
    common.note(hot.lag);
    Ok(figures)
}

fn keep(rounds: &mut Rounds, measured: Measured, case: &str, server: &str) -> anyhow::Result<()> {
    if measured.failures > 0 {
        eprintln!(
            "{case}: {} answers of {server} were no orders and are not counted, the last: {}",
            measured.failures,
            measured.failure.as_deref().unwrap_or_default()
        );
    }
    if measured.per_second == 0.0 {
        bail!("{case}: {server} answered no call");
    }
    rounds.add(measured)?;
    Ok(())
}

/// The one hot item, and the lag of its read models.
struct HotItem {
    target: Arc<Target>,
    sale_id: String,
    figures: Figures,
    lag: Lag,
}

/// The worst that was seen over all rounds.
#[derive(Debug, Clone, Copy, Default)]
struct Lag {
    events: u64,
    lag_ms: i64,
    catch_up: Duration,
}

impl std::fmt::Display for Lag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "read models at the end of a load: at most {} positions and {} ms behind, caught up \
             within {:.2} s",
            self.events,
            self.lag_ms,
            self.catch_up.as_secs_f64()
        )
    }
}

impl HotItem {
    async fn put_up(url: &str, operator: Operator) -> anyhow::Result<Self> {
        let channel = connect(url).await.with_context(|| format!("no server answers at {url}"))?;
        let run = new_request_id();
        let now = WallClock.now();
        let offer = Offer { sku: "HOT-1".to_owned(), title: "Hot item".to_owned(), units: UNITS };
        let terms = Terms {
            name: "Doorbuster bench".to_owned(),
            opens_at: now,
            closes_at: now.plus(TIME_TO_PAY_MS),
            limit_per_buyer: None,
            time_to_pay_ms: TIME_TO_PAY_MS,
            operator,
            plan: Plan::default(),
        };
        let mut sales = put_up(channel.clone(), &[offer], &terms, |_| run.to_string())
            .await
            .context("the sale cannot be put up")?;
        let item = sales.items.pop().ok_or_else(|| anyhow!("the sale has no item"))?;
        let sale_id = sales.sale_ids.pop().ok_or_else(|| anyhow!("there is no sale"))?;
        let target = Arc::new(Target::new(url, item.item_id, run.0.as_u64_pair().0));
        Ok(Self { target, sale_id, figures: Figures::new(channel), lag: Lag::default() })
    }

    /// Waits until the read models have come to the end of the log.
    async fn catch_up(&mut self) -> anyhow::Result<()> {
        let start = Instant::now();
        loop {
            let fresh = self.figures.freshness(&self.sale_id).await.context("the lag")?;
            let behind = fresh.head_position.saturating_sub(fresh.position);
            self.lag.events = self.lag.events.max(behind);
            self.lag.lag_ms = self.lag.lag_ms.max(fresh.lag_ms);
            if behind == 0 {
                self.lag.catch_up = self.lag.catch_up.max(start.elapsed());
                return Ok(());
            }
            if start.elapsed().as_secs() >= CATCH_UP_SECONDS_MAX {
                bail!("the read models did not catch up within {CATCH_UP_SECONDS_MAX} s");
            }
            tokio::time::sleep(CATCH_UP_POLL).await;
        }
    }
}
