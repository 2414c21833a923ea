//! `bench --store`: the same server on another store, beside the one on the embedded log.
//!
//! Both run on this machine at the same time and are measured alternately. `--store devstore` also
//! starts the development server, so that one command measures the cost of a store over the
//! network.

use std::path::Path;

use serde_json::{Value, json};

use super::{
    arguments::Args,
    child::ServerChild,
    figures::{CaseFigures, case_table},
    pair,
    server::{OwnServer, STORE},
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
    json!({ "store": figures.store, "cases": pair::json_cases("embedded", &figures.cases) })
}

/// The servers of a comparison.
pub struct Stores {
    embedded: OwnServer,
    other: OwnServer,
    store: String,
    _devstore: Option<Devstore>,
}

/// A development server of our own.
pub(super) struct Devstore {
    // First, so that it is stopped before its data is removed.
    server: ServerChild,
    _data: Scratch,
}

impl Devstore {
    pub(super) fn start(more: &[&str]) -> anyhow::Result<Self> {
        let data = Scratch::new("doorbuster-devstore")?;
        let shown = data.path().display().to_string();
        let arguments = ["devstore", "--data", &shown, "--listen", "127.0.0.1:0", "--json"];
        let server = ServerChild::start(&[&arguments, more].concat())?;
        Ok(Self { server, _data: data })
    }

    pub(super) fn connection(&self) -> String {
        self.server.url().replacen("http://", "esdb://", 1) + "?tls=false"
    }
}

impl Stores {
    /// Starts both servers, and the store if it is to be ours.
    pub fn start(
        choice: &StoreChoice,
        data: Option<&Path>,
        common: &Common,
    ) -> anyhow::Result<Self> {
        let (devstore, secret, store) = match choice {
            StoreChoice::Devstore => {
                let devstore = Devstore::start(&[])?;
                let connection = devstore.connection();
                (Some(devstore), connection.clone(), connection)
            }
            StoreChoice::Named(named) => (None, named.secret().to_owned(), named.to_string()),
        };
        let embedded = OwnServer::start(data, &[], common)?;
        let other = OwnServer::start(None, &[(STORE, &secret)], common)?;
        Ok(Self { embedded, other, store, _devstore: devstore })
    }
}

/// Measures both in turns.
pub async fn measure(
    arguments: &Args,
    stores: &Stores,
    common: &Common,
) -> anyhow::Result<StoreFigures> {
    let mut embedded = stores.embedded.put_up(arguments).await?;
    let mut other = stores.other.put_up(arguments).await?;
    let sides = [
        (&mut embedded, "the server on the embedded log"),
        (&mut other, "the server on the store"),
    ];
    let cases = pair::measure(arguments, sides, common).await?;
    Ok(StoreFigures { store: stores.store.clone(), cases })
}

/// The figures for people.
pub fn table(figures: &StoreFigures) -> String {
    format!("orders on {}\n{}", figures.store, case_table("embedded", "store", &figures.cases))
}
