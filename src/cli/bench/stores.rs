//! `bench --store`: the same server on another store, beside the one on the embedded log.
//!
//! Both run on this machine at the same time and are measured in turns. `--store devstore` starts
//! the development server too, so that one command shows what a store behind a round trip costs.

use std::{path::Path, sync::Arc, time::Duration};

use comfy_table::{CellAlignment, Table, presets};
use serde::Serialize;

use super::{
    Args, Case, HotItem, OwnServer,
    child::ServerChild,
    figures::{CaseFigures, Rounds},
    keep,
};
use crate::{
    cli::{Common, demo::directory},
    store::StoreAddress,
};

/// The word for a development server of our own.
const DEVSTORE: &str = "devstore";

/// Which store to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreChoice {
    /// One that is started for the measurement.
    Devstore,
    Named(StoreAddress),
}

impl std::str::FromStr for StoreChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == DEVSTORE {
            return Ok(Self::Devstore);
        }
        match text.parse()? {
            StoreAddress::Embedded => Err("must be another store: the embedded one is what it is \
                                           compared with"
                .to_owned()),
            named @ StoreAddress::Cluster(_) => Ok(Self::Named(named)),
        }
    }
}

/// Everything that a comparison measured. The names are an interface: scripts read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreFigures {
    /// Without its secrets.
    pub store: String,
    pub cases: Vec<StoreCase>,
}

/// One case: medians over its rounds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreCase {
    pub case: &'static str,
    pub embedded_per_second: f64,
    pub orders_per_second: f64,
    /// Orders on the store by orders on the embedded log: the median of the rounds' own ratios.
    pub ratio: f64,
    pub ratio_min: f64,
    pub ratio_max: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub embedded_p50_ms: f64,
    pub embedded_p99_ms: f64,
}

impl From<CaseFigures> for StoreCase {
    fn from(figures: CaseFigures) -> Self {
        Self {
            case: figures.case,
            embedded_per_second: figures.echo_per_second,
            orders_per_second: figures.orders_per_second,
            ratio: figures.ratio,
            ratio_min: figures.ratio_min,
            ratio_max: figures.ratio_max,
            p50_ms: figures.p50_ms,
            p99_ms: figures.p99_ms,
            embedded_p50_ms: figures.echo_p50_ms,
            embedded_p99_ms: figures.echo_p99_ms,
        }
    }
}

/// The servers of a comparison.
pub struct Pair {
    embedded: OwnServer,
    other: OwnServer,
    store: String,
    _devstore: Option<Devstore>,
}

struct Devstore {
    // First, so that it is stopped before its data is removed.
    server: ServerChild,
    _data: Scratch,
}

struct Scratch(std::path::PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} cannot be removed: {error}", self.0.display());
        }
    }
}

impl Devstore {
    fn start() -> anyhow::Result<Self> {
        let data = directory::fresh(None, "doorbuster-devstore")?;
        let shown = data.display().to_string();
        let arguments = ["devstore", "--data", &shown, "--listen", "127.0.0.1:0", "--json"];
        let server = ServerChild::start(&arguments)?;
        Ok(Self { server, _data: Scratch(data) })
    }

    fn connection(&self) -> String {
        self.server.url().replacen("http://", "esdb://", 1) + "?tls=false"
    }
}

impl Pair {
    /// Starts both servers, and the store if it is to be ours.
    pub fn start(
        choice: &StoreChoice,
        data: Option<&Path>,
        common: &Common,
    ) -> anyhow::Result<Self> {
        let (devstore, secret, store) = match choice {
            StoreChoice::Devstore => {
                let devstore = Devstore::start()?;
                let connection = devstore.connection();
                (Some(devstore), connection.clone(), connection)
            }
            StoreChoice::Named(named) => (None, named.secret().to_owned(), named.to_string()),
        };
        let embedded = OwnServer::start(data, None, common)?;
        let other = OwnServer::start(None, Some(&secret), common)?;
        Ok(Self { embedded, other, store, _devstore: devstore })
    }
}

/// Measures both in turns.
pub async fn measure(
    arguments: &Args,
    pair: &Pair,
    common: &Common,
) -> anyhow::Result<StoreFigures> {
    let mut embedded = HotItem::put_up(pair.embedded.server.url()).await?;
    let mut other = HotItem::put_up(pair.other.server.url()).await?;
    let duration = Duration::from_secs(arguments.seconds.into());
    let outstanding = usize::try_from(arguments.outstanding)?;
    let cases = if arguments.cases.is_empty() { &Case::ALL[..] } else { &arguments.cases };
    let mut figures = StoreFigures { store: pair.store.clone(), cases: Vec::new() };
    for case in cases {
        let mut rounds = [Rounds::default(), Rounds::default()];
        for round in 0..arguments.rounds {
            let name = case.name();
            common.note(format_args!("{name} round {} of {}", round + 1, arguments.rounds));
            // Who goes first changes, so that neither always finds the machine warm.
            for second in [round % 2 == 1, round % 2 == 0] {
                let (hot, who) = match second {
                    false => (&mut embedded, "the server on the embedded log"),
                    true => (&mut other, "the server on the store"),
                };
                let target = Arc::clone(&hot.target);
                let measured = case.measure(&target, outstanding, duration).await?;
                keep(&mut rounds[usize::from(second)], measured, name, who)?;
                hot.catch_up().await?;
            }
        }
        figures.cases.push(CaseFigures::of(case.name(), &rounds[0], &rounds[1]).into());
    }
    common.note(other.lag);
    Ok(figures)
}

/// The figures for people.
pub fn table(figures: &StoreFigures) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header([
        "case",
        "embedded/s",
        "store/s",
        "ratio",
        "min",
        "max",
        "p50 ms",
        "p99 ms",
        "embedded p50",
        "embedded p99",
    ]);
    for case in &figures.cases {
        table.add_row([
            case.case.to_owned(),
            format!("{:.0}", case.embedded_per_second),
            format!("{:.0}", case.orders_per_second),
            format!("{:.2}", case.ratio),
            format!("{:.2}", case.ratio_min),
            format!("{:.2}", case.ratio_max),
            format!("{:.2}", case.p50_ms),
            format!("{:.2}", case.p99_ms),
            format!("{:.2}", case.embedded_p50_ms),
            format!("{:.2}", case.embedded_p99_ms),
        ]);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    format!("orders on {}\n{}", figures.store, table.trim_fmt())
}
