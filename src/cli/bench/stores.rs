//! `bench --store`: the same server on another store, beside the one on the embedded log.
//!
//! Both run on this machine at the same time and are measured alternately. `--store devstore` also
//! starts the development server, so that one command measures the cost of a store over the
//! network.

use std::{path::Path, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    arguments::Args,
    child::ServerChild,
    figures::{CaseFigures, Rounds, case_table},
    server::{HotItem, OwnServer},
};
use crate::{
    cli::{Common, demo::directory::Scratch},
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

/// Everything that a comparison measured.
#[derive(Debug, Clone, PartialEq)]
pub struct StoreFigures {
    /// Without its secrets.
    store: String,
    /// In the place of the echo stands the server on the embedded log.
    cases: Vec<CaseFigures>,
}

/// The figures for programs. The names are an interface: scripts read them.
pub fn json(figures: &StoreFigures) -> Value {
    let case = |case: &CaseFigures| {
        json!({
            "case": case.case,
            "embedded_per_second": case.echo_per_second,
            "orders_per_second": case.orders_per_second,
            "ratio": case.ratio,
            "ratio_min": case.ratio_min,
            "ratio_max": case.ratio_max,
            "p50_ms": case.p50_ms,
            "p99_ms": case.p99_ms,
            "embedded_p50_ms": case.echo_p50_ms,
            "embedded_p99_ms": case.echo_p99_ms,
        })
    };
    json!({ "store": figures.store, "cases": figures.cases.iter().map(case).collect::<Value>() })
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

impl Devstore {
    fn start() -> anyhow::Result<Self> {
        let data = Scratch::new("doorbuster-devstore")?;
        let shown = data.path().display().to_string();
        let arguments = ["devstore", "--data", &shown, "--listen", "127.0.0.1:0", "--json"];
        let server = ServerChild::start(&arguments)?;
        Ok(Self { server, _data: data })
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
    let mut embedded = HotItem::put_up(pair.embedded.server.url(), arguments.operator()?).await?;
    let mut other = HotItem::put_up(pair.other.server.url(), arguments.operator()?).await?;
    let duration = Duration::from_secs(arguments.seconds.into());
    let outstanding = usize::try_from(arguments.outstanding)?;
    let mut figures = StoreFigures { store: pair.store.clone(), cases: Vec::new() };
    for case in &arguments.orders() {
        let mut rounds = [Rounds::default(), Rounds::default()];
        for round in 0..arguments.rounds {
            let name = case.name();
            common.note(format_args!("{name} round {} of {}", round + 1, arguments.rounds));
            // The order alternates, so that neither always runs on a warm machine.
            for second in [round % 2 == 1, round % 2 == 0] {
                let (hot, who) = match second {
                    false => (&mut embedded, "the server on the embedded log"),
                    true => (&mut other, "the server on the store"),
                };
                let target = Arc::clone(&hot.target);
                let measured = case.measure(&target, outstanding, duration).await?;
                rounds[usize::from(second)].keep(measured, name, who)?;
                hot.catch_up().await?;
            }
        }
        figures.cases.push(CaseFigures::of(case.name(), &rounds[0], &rounds[1]));
    }
    common.note(other.lag);
    Ok(figures)
}

/// The figures for people.
pub fn table(figures: &StoreFigures) -> String {
    format!("orders on {}\n{}", figures.store, case_table("embedded", "store", &figures.cases))
}
