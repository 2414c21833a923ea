//! `doorbuster item price`, `offer` and `gift`: what an item costs while it is on sale.

use std::{fs, io, path::PathBuf, str::FromStr};

use super::{
    item_steering::Steer,
    sale_file,
    written::{offer_draft, price_step, time_price},
};
use crate::{
    cli::{
        Common,
        failure::{Code, Failure},
    },
    clock::{Clock, WallClock},
    events::{PriceStep, TimePrice},
    grpc::proto::{ReturnedUnits, SetGiftUnitsRequest, SetOffersRequest, SetPricesRequest},
    values::UnixMs,
};

/// Arguments of `item price`.
#[derive(Debug, clap::Args)]
pub(super) struct Price {
    /// The base price: that of every unit after the last step, in minor units
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    unit_price_minor: i64,
    /// Units at lower prices, as UNITS:MINOR, in this order before the base price [default: none]
    #[arg(long, value_name = "STEPS")]
    steps: Option<Steps>,
    /// No price may be below it, in minor units
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    floor_minor: Option<i64>,
    /// A price between two times in RFC 3339, as FROM/UNTIL/MINOR; may be given more than once
    #[arg(long = "time-price", value_name = "SPAN")]
    time_prices: Vec<TimeSpan>,
    /// Sell units that come back at the next price instead of that of their step
    #[arg(long)]
    next_price: bool,
    #[command(flatten)]
    steer: Steer,
}

/// Arguments of `item offer`.
#[derive(Debug, clap::Args)]
pub(super) struct Offer {
    /// A file with [[offers]] as in the sale file; - reads it from stdin
    #[arg(short, long, value_name = "FILE", required_unless_present = "none")]
    file: Option<PathBuf>,
    /// End all offers
    #[arg(long, conflicts_with = "file")]
    none: bool,
    #[command(flatten)]
    steer: Steer,
}

/// Arguments of `item gift`.
#[derive(Debug, clap::Args)]
pub(super) struct Gift {
    /// Name of the offer that has the gift
    #[arg(long, value_name = "NAME")]
    offer: String,
    /// All units of the gift from now on, including those held and given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    units: i64,
    #[command(flatten)]
    steer: Steer,
}

/// Steps as they are written: `100:990/400:1290`.
#[derive(Debug, Clone)]
struct Steps(Vec<PriceStep>);

impl FromStr for Steps {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let step = |step: &str| {
            let (units, price) = step.split_once(':')?;
            Some(PriceStep { units: units.parse().ok()?, unit_price_minor: price.parse().ok()? })
        };
        let steps: Option<Vec<_>> = text.split('/').map(step).collect();
        steps.map(Self).ok_or_else(|| "must be steps such as 100:990/400:1290".to_owned())
    }
}

/// A time price as it is written.
#[derive(Debug, Clone)]
struct TimeSpan(TimePrice);

impl FromStr for TimeSpan {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut fields = text.split('/');
        let all = [fields.next(), fields.next(), fields.next(), fields.next()];
        let [Some(from), Some(until), Some(price), None] = all else {
            return Err("must be FROM/UNTIL/MINOR".to_owned());
        };
        let time = |field, text| UnixMs::parse(field, text).map_err(|invalid| invalid.to_string());
        Ok(Self(TimePrice {
            from_ms: time("FROM", from)?,
            until_ms: time("UNTIL", until)?,
            unit_price_minor: price.parse().map_err(|_| "MINOR must be a whole number")?,
        }))
    }
}

impl Price {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { unit_price_minor, floor_minor, steer, .. } = self;
        let steps: Vec<_> =
            self.steps.map_or_else(Vec::new, |steps| steps.0.iter().map(price_step).collect());
        let time_prices: Vec<_> = self.time_prices.iter().map(|at| time_price(&at.0)).collect();
        let returned_units = match self.next_price {
            true => ReturnedUnits::NextPrice,
            false => ReturnedUnits::SamePrice,
        };
        let request = SetPricesRequest {
            unit_price_minor,
            floor_minor,
            steps,
            time_prices,
            returned_units: returned_units.into(),
            ..Default::default()
        };
        steer.run(common, request, async |mut items, request| items.set_prices(request).await)
    }
}

impl Offer {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let offers = match &self.file {
            None => Vec::new(),
            Some(file) => {
                let name = file.display().to_string();
                let text = match name.as_str() {
                    "-" => io::read_to_string(io::stdin()),
                    _ => fs::read_to_string(file),
                };
                let text = text.map_err(|error| {
                    Failure::new(Code::Usage, format!("{name} cannot be read: {error}"))
                })?;
                let drafts = sale_file::parse_offers(&name, &text, WallClock.now())?;
                drafts.into_iter().map(offer_draft).collect()
            }
        };
        let request = SetOffersRequest { offers, ..Default::default() };
        self.steer.run(common, request, async |mut items, request| items.set_offers(request).await)
    }
}

impl Gift {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { offer, units, steer } = self;
        let request = SetGiftUnitsRequest { offer, units, ..Default::default() };
        steer.run(common, request, async |mut items, request| items.set_gift_units(request).await)
    }
}
