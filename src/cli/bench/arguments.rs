//! What `doorbuster bench` can be asked to measure.

use std::{ffi::OsString, path::PathBuf, sync::Arc, time::Duration};

use anyhow::bail;

use super::{
    load::{CONNECTIONS, Measured, Target, unary},
    sale,
    streams::streams,
};
use crate::{
    cli::{failure::Failure, token_file::TokenFile},
    crowd::operator::Operator,
};

/// The operator that creates a sale without a token.
const OPERATOR: &str = "bench";

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
  doorbuster bench --store devstore --nodes 2
  doorbuster bench --priced --cases unary_64,stream_1 --rounds 9
  doorbuster bench --history 1000000 --cases unary_64
  doorbuster bench --overload
  doorbuster bench --json > figures.json
  doorbuster bench sale --data million"
)]
pub struct Args {
    #[command(subcommand)]
    pub(super) verb: Option<BenchVerb>,
    /// Measure this server instead of starting one; a sale is put up there and stays. Where it asks
    /// for a token, --token-file has it; servers that are started ask for none
    #[arg(long, value_name = "URL")]
    pub(super) server: Option<String>,
    #[command(flatten)]
    pub(super) token: TokenFile,
    /// Where the server that is started keeps its log, new or empty, and kept [default: a temporary
    /// directory, removed afterwards]
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub(super) data: Option<PathBuf>,
    /// Measure the server on this store beside the one on the embedded log, instead of beside the
    /// echo: a connection string, or devstore to start one. A sale is put up there and stays;
    /// DOORBUSTER_STORE_CREDENTIALS_FILE is obeyed
    // Kept as it was written: a complaint about its value must not repeat it, it may be secret.
    #[arg(long, value_name = "STORE", conflicts_with_all = ["server", "rate"])]
    pub(super) store: Option<OsString>,
    /// Measure so many nodes on one store, each call to the next of them, beside one node alone, 2 to 8;
    /// with --store devstore. The development servers take 3 ms for a commit
    #[arg(long, value_name = "N", requires = "store", conflicts_with_all = ["cases", "outstanding"],
          value_parser = clap::value_parser!(u32).range(2..=8))]
    pub(super) nodes: Option<u32>,
    /// Measure an item with steps and an offer beside a plain one on the same server, instead of
    /// beside the echo
    #[arg(long, conflicts_with_all = ["store", "rate"])]
    pub(super) priced: bool,
    /// Measure an item that has this many orders already beside an empty one on the same server, 1 to
    /// 20000000, and how long its first order takes after the start
    #[arg(long, value_name = "N", conflicts_with_all = ["server", "store", "rate", "priced"],
          value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    pub(super) history: Option<u32>,
    /// Send orders at 1, 2 and 5 times of what the server can take, first limited by the processor, then
    /// by a disk that takes 200 ms longer for each commit
    #[arg(long, conflicts_with_all = ["server", "store", "rate", "priced", "history", "cases",
          "outstanding"])]
    pub(super) overload: bool,
    /// Let each commit of the server that is started take so many microseconds longer, as on a slower
    /// disk, 0 to 1000000
    #[arg(long, value_name = "N", default_value_t = 0,
          conflicts_with_all = ["server", "store", "overload"],
          value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(super) sync_delay_us: u32,
    /// Hot items that are ordered in turns, 1 to 200; a stream orders one of them
    #[arg(long, value_name = "N", default_value_t = 1,
          conflicts_with_all = ["store", "priced", "history", "overload"],
          value_parser = clap::value_parser!(u32).range(1..=200))]
    pub(super) items: u32,
    /// Cases to measure [default: all]
    #[arg(long, value_enum, value_delimiter = ',', value_name = "CASE,...")]
    pub(super) cases: Vec<Case>,
    /// Rounds of each case, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 5,
          value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(super) rounds: u32,
    /// Seconds of one measurement, 1 to 3600
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=3_600))]
    pub(super) seconds: u32,
    /// Maximum of unanswered commands per stream, 1 to 65536
    #[arg(long, value_name = "N", default_value_t = 2_048,
          value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub(super) outstanding: u32,
    /// Also send unary calls at this fixed rate a second, 1 to 1000000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(super) rate: Option<u32>,
}

impl Args {
    /// The cases to measure that order.
    pub(super) fn orders(&self) -> Vec<Case> {
        let chosen = if self.cases.is_empty() { &Case::ORDERS[..] } else { &self.cases };
        chosen.iter().copied().filter(|case| *case != Case::Traffic).collect()
    }

    /// The operator that creates the sale: a server started for this requires no token.
    pub(super) fn operator(&self) -> Result<Operator, Failure> {
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
pub(super) enum BenchVerb {
    /// The bare echo that others are measured against; ends with its stdin
    #[command(hide = true)]
    Echo,
    /// Write a large sale into a log as a data set: orders, refusals, payments, traffic
    Sale(sale::Args),
}

/// A shape of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Case {
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
    pub(super) const ORDERS: [Self; 5] =
        [Self::Unary1, Self::Unary64, Self::Unary512, Self::Stream1, Self::Stream4];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unary1 => "unary_1",
            Self::Unary64 => "unary_64",
            Self::Unary512 => "unary_512",
            Self::Stream1 => "stream_1",
            Self::Stream4 => "stream_4",
            Self::Traffic => "traffic",
        }
    }

    pub(super) async fn measure(
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
