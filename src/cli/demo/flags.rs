//! The options of a demonstration, and the script made from them.

use std::{path::PathBuf, sync::Arc};

use super::{addresses::Addresses, pace, script::Script};
use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
        source::Store,
    },
    crowd::{
        chaos::Troubles,
        plan::{CrowdPlan, CrowdSize, SHOPPERS_MAX},
        recording::{ItemBy, Recording, StockShare},
    },
    values::{narrow, short},
};

/// For unattended runs: all shoppers arrive at once, so that it is over soon.
const RUSH: Usual = Usual { units: 1_000, shoppers: 20_000, seconds: 0, time_to_pay_seconds: 3 };
/// For attended runs: long enough to watch and to steer, with stock that lasts.
const WATCHED: Usual = Usual { units: 5_000, shoppers: 7_000, seconds: 60, time_to_pay_seconds: 3 };
/// Where things break: stock that lasts until the last of them.
const CHAOS: Usual = Usual { units: 3_000, shoppers: 4_200, seconds: 50, time_to_pay_seconds: 5 };

/// What holds where nothing else is asked for.
struct Usual {
    units: u32,
    shoppers: u32,
    seconds: u32,
    time_to_pay_seconds: u32,
}

/// What to demonstrate.
#[derive(Debug, Clone, clap::Args)]
#[command(before_help = "\
Examples:
  doorbuster demo
  doorbuster demo --chaos
  doorbuster demo --seconds 0 --units 1000 --shoppers 20000 --exit
  doorbuster demo --units 5000 --items 5 --shoppers 100000 --json
  doorbuster demo --traffic recorded.csv.gz --item-by category --stock-share 0.6 --speed 600
  doorbuster demo --store esdb://127.0.0.1:2113?tls=false
  doorbuster demo --json | jq .refused")]
pub struct Args {
    /// Directory for the log and the read models, new or empty [default: a new one for each run]
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub store: Store,
    #[command(flatten)]
    pub addresses: Addresses,
    /// Units on offer, 1 to 100000 [default: 5000; with --chaos 3000, with --json 1000]
    #[arg(long, value_name = "N", conflicts_with = "traffic")]
    units: Option<u32>,
    /// Items they are spread over, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 2, conflicts_with = "traffic")]
    items: u32,
    /// Number of shoppers, at least one for each unit, at most 1000000
    /// [default: 7 for 5 units; in a rush 20 for each]
    #[arg(long, value_name = "N", conflicts_with = "traffic")]
    shoppers: Option<u32>,
    /// Seconds over which they arrive, at most 3600; 0 for one rush
    /// [default: 60; with --chaos 50, with --json 0]
    #[arg(long, value_name = "N", conflicts_with = "traffic",
          value_parser = clap::value_parser!(u32).range(0..=3_600))]
    seconds: Option<u32>,
    /// Makes the same crowd again
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "traffic")]
    seed: u64,
    /// Seconds that an unpaid order holds its units, 1 to 60 [default: 3; with --chaos 5]
    #[arg(long, value_name = "SECONDS", conflicts_with = "traffic")]
    time_to_pay_seconds: Option<u32>,
    /// Break on purpose: a paused item, a slow payment provider, a store that stalls. Fails unless
    /// the alerts for it are raised, an incident is opened, and every promise holds all the same
    #[arg(long, conflicts_with = "traffic")]
    pub chaos: bool,
    /// Serve the board after the sale until Ctrl-C [default: on a terminal, without --json]
    #[arg(long, conflicts_with = "exit")]
    stay: bool,
    /// End after the sale, also on a terminal
    #[arg(long)]
    exit: bool,
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
    /// Maximum length of a gap without a purchase, in recorded time, for example 10m
    #[arg(long, value_name = "SPAN", requires = "traffic", allow_hyphen_values = true)]
    gap_max: Option<String>,
    /// Count and skip bad rows instead of stopping at the first
    #[arg(long, requires = "traffic")]
    skip_bad_rows: bool,
}

impl Args {
    /// What is to be played.
    ///
    /// # Errors
    /// When something is out of bounds, by the name of its flag.
    pub fn script(&self, common: &Common) -> anyhow::Result<Script> {
        let Some(traffic) = &self.traffic else {
            let size = self.size(common);
            let plan = CrowdPlan::new(size)?;
            if !self.chaos {
                return Ok(Script::Simulated { plan: Arc::new(plan), troubles: None });
            }
            let troubles = Troubles::of(&size)?;
            let plan = Arc::new(plan.with_slow_payments(troubles.slow_payments));
            return Ok(Script::Simulated { plan, troubles: Some(troubles) });
        };
        let recording = Recording::read(traffic, self.item_by, self.skip_bad_rows)
            .map_err(|error| Failure::new(Code::Usage, format!("--traffic: {error}")))?;
        let recording = match &self.gap_max {
            Some(text) => recording.with_silences_of(pace::seconds("--gap-max", text)?),
            None => recording,
        };
        pace::check(&recording, self.speed, common)?;
        Ok(Script::Recorded {
            recording: Arc::new(recording),
            item_by: self.item_by,
            share: self.stock_share,
            speed: self.speed,
        })
    }

    /// Whether the board is served after the sale, until it is interrupted.
    pub fn stays(&self, common: &Common, terminal: bool) -> bool {
        self.stay || (terminal && !self.exit && !common.json && !common.quiet)
    }

    fn size(&self, common: &Common) -> CrowdSize {
        let usual = match (self.chaos, common.json) {
            (true, _) => CHAOS,
            (false, true) => RUSH,
            (false, false) => WATCHED,
        };
        let seconds = self.seconds.unwrap_or(usual.seconds);
        let units = self.units.unwrap_or(usual.units);
        let each = if seconds == 0 { &RUSH } else { &usual };
        let shoppers = u64::from(units) * u64::from(each.shoppers) / u64::from(each.units).max(1);
        let shoppers = short(narrow(shoppers.min(SHOPPERS_MAX.into())));
        CrowdSize {
            units,
            items: self.items,
            shoppers: self.shoppers.unwrap_or(shoppers),
            seed: self.seed,
            time_to_pay_seconds: self.time_to_pay_seconds.unwrap_or(usual.time_to_pay_seconds),
            arrive_seconds: (seconds > 0).then_some(seconds),
        }
    }
}
