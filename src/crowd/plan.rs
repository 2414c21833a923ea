//! The plan of a simulated crowd: who comes when, for which item, and how they behave.
//!
//! Pure and seeded: the same size and seed give the same crowd, on every machine. By construction,
//! for every unit on offer there is a shopper for that item who pays and retries until a unit is
//! available. Every unit is therefore sold in the end, although others hold units and never pay.

use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::{Builder, Uuid};

use super::spell::SlowPayments;
pub use super::spell::scatter;
use crate::values::Invalid;

/// Most units that a simulated sale offers.
pub const UNITS_MAX: u32 = 100_000;
/// Most items that a simulated sale has.
pub const ITEMS_MAX: u32 = 1_000;
/// Most shoppers in a simulated crowd.
pub const SHOPPERS_MAX: u32 = 1_000_000;
/// Longest time to pay in seconds, because the demonstration waits for it.
pub const TIME_TO_PAY_SECONDS_MAX: u32 = 60;
/// Longest time over which a crowd arrives, in seconds, for the same reason.
pub const ARRIVE_SECONDS_MAX: u32 = 3_600;

const BURST_MEAN_MS: f64 = 300.0;
const TAIL_MEAN_MS: f64 = 1_500.0;
const ARRIVAL_MS_MAX: f64 = 6_000.0;
const CHANNELS: [&str; 3] = ["app", "web", "live"];

/// How large a crowd comes for how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrowdSize {
    pub units: u32,
    pub items: u32,
    pub shoppers: u32,
    pub seed: u64,
    pub time_to_pay_seconds: u32,
    /// Over how many seconds it arrives after the first rush; absent where the rush is all there
    /// is.
    pub arrive_seconds: Option<u32>,
}

/// Whether and how a shopper sends the first request a second time, under the same request id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    Never,
    /// Twice at the same moment, like a double click.
    AtOnce,
    /// Again after the answer, as if the answer had been lost.
    AfterAnswer,
}

/// One shopper. Each orders one unit of one item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shopper {
    /// Place in [`CrowdPlan::shoppers`]; part of the name and of every request id.
    pub number: u32,
    pub arrives_ms: u32,
    /// Place in [`CrowdPlan::units_by_item`].
    pub item: usize,
    pub channel: &'static str,
    pub repeat: Repeat,
    /// Orders once more under a new request id, which is over the limit of one per buyer.
    pub greedy: bool,
    /// How long after the order the payment is sent; absent for shoppers that never pay.
    pub pays_after_ms: Option<u32>,
    /// How long until the next attempt after a refusal; absent for shoppers that give up.
    pub returns_after_ms: Option<u32>,
}

impl Shopper {
    /// The buyer's id in the shop.
    pub fn buyer(&self) -> String {
        format!("shopper-{:06}", self.number)
    }
}

/// A crowd, planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrowdPlan {
    pub seed: u64,
    pub time_to_pay_ms: u32,
    /// Over how many seconds they arrive, where that is more than one rush.
    pub arrive_seconds: Option<u32>,
    /// When payments arrive late, for a plan in which things break.
    pub slow_payments: Option<SlowPayments>,
    /// Units on offer of each item; at least one each.
    pub units_by_item: Vec<u32>,
    /// In the order of their arrival.
    pub shoppers: Vec<Shopper>,
}

impl CrowdPlan {
    /// Plans a crowd. Refuses sizes that are out of bounds, by the name of the flag.
    pub fn new(size: CrowdSize) -> Result<Self, Invalid> {
        check(size)?;
        let mut random = StdRng::seed_from_u64(size.seed);
        let time_to_pay_ms = size.time_to_pay_seconds * 1_000;
        let units_by_item: Vec<u32> = (0..size.items)
            .map(|item| size.units / size.items + u32::from(item < size.units % size.items))
            .collect();
        // First the shoppers who make sure that every unit finds a buyer, then all the others.
        let sure = units_by_item.iter().enumerate().flat_map(|(item, units)| {
            std::iter::repeat_n(item, usize::try_from(*units).unwrap_or(0))
        });
        let mut shoppers: Vec<Shopper> =
            sure.map(|item| shopper(&mut random, size, Some(item))).collect();
        for _ in size.units..size.shoppers {
            shoppers.push(shopper(&mut random, size, None));
        }
        shoppers.sort_by_key(|shopper| shopper.arrives_ms);
        for (number, shopper) in (0..).zip(&mut shoppers) {
            shopper.number = number;
        }
        let CrowdSize { seed, arrive_seconds, .. } = size;
        let slow_payments = None;
        Ok(Self { seed, time_to_pay_ms, arrive_seconds, slow_payments, units_by_item, shoppers })
    }

    /// The same crowd with a payment provider that is slow for a while. Patient shoppers keep
    /// retrying, so that all units are sold nevertheless.
    #[must_use]
    pub fn with_slow_payments(self, slow_payments: SlowPayments) -> Self {
        Self { slow_payments: Some(slow_payments), ..self }
    }
}

/// What a request id is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Order,
    Payment,
}

/// The id of a shopper's `nth` request of that purpose. The same for the same seed, and different
/// from every other, without asking the system for random bytes.
pub fn request_id(seed: u64, purpose: Purpose, shopper: u32, nth: u16) -> Uuid {
    let purpose = match purpose {
        Purpose::Order => 1_u64,
        Purpose::Payment => 2,
    };
    let low = (purpose << 56) | (u64::from(shopper) << 16) | u64::from(nth);
    uuid_of(scatter(seed), low)
}

/// A well-formed UUID of two halves. Its version and variant take four bits of the high half and
/// the two highest bits of the low one.
pub fn uuid_of(high: u64, low: u64) -> Uuid {
    let bits = (u128::from(high) << 64) | u128::from(low);
    Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
}

fn check(size: CrowdSize) -> Result<(), Invalid> {
    within("--units", size.units, UNITS_MAX)?;
    within("--items", size.items, ITEMS_MAX)?;
    within("--shoppers", size.shoppers, SHOPPERS_MAX)?;
    within("--time-to-pay-seconds", size.time_to_pay_seconds, TIME_TO_PAY_SECONDS_MAX)?;
    if let Some(seconds) = size.arrive_seconds {
        within("--seconds", seconds, ARRIVE_SECONDS_MAX)?;
    }
    if size.items > size.units {
        return Err(Invalid::new("--items", "must not be more than --units"));
    }
    if size.shoppers < size.units {
        return Err(Invalid::new("--shoppers", "must be at least --units: each shopper buys one"));
    }
    Ok(())
}

fn within(flag: &str, value: u32, max: u32) -> Result<(), Invalid> {
    if (1..=max).contains(&value) {
        return Ok(());
    }
    Err(Invalid::new(flag, format!("must be between 1 and {max}, not {value}")))
}

/// One shopper; with `sure_of` one of those that guarantee a buyer for each unit of that item.
fn shopper(random: &mut StdRng, size: CrowdSize, sure_of: Option<usize>) -> Shopper {
    let CrowdSize { items, time_to_pay_seconds, arrive_seconds, .. } = size;
    let time_to_pay_ms = time_to_pay_seconds * 1_000;
    // Of two draws the lower one: the first items are wanted most.
    let wanted = random.random_range(0..items).min(random.random_range(0..items));
    let pays = sure_of.is_some() || random.random_bool(0.88);
    let patient = sure_of.is_some() || (pays && random.random_bool(0.05));
    let pays_after_ms = random.random_range(20..=(time_to_pay_ms / 3).min(900));
    let returns_after_ms = random.random_range(time_to_pay_ms / 4..=time_to_pay_ms / 2);
    let repeat = match random.random_range(0..100) {
        0..3 => Repeat::AtOnce,
        3..6 => Repeat::AfterAnswer,
        _ => Repeat::Never,
    };
    Shopper {
        number: 0,
        arrives_ms: match arrive_seconds {
            None => arrival_ms(random),
            Some(seconds) => arrival_over_ms(random, seconds * 1_000),
        },
        item: sure_of.unwrap_or(usize::try_from(wanted).unwrap_or(0)),
        channel: CHANNELS[random.random_range(0..CHANNELS.len())],
        repeat,
        greedy: random.random_bool(0.04),
        pays_after_ms: pays.then_some(pays_after_ms),
        returns_after_ms: patient.then_some(returns_after_ms),
    }
}

/// Every fifth comes in the first rush; the others one after the other for as long as it lasts, so
/// that there is something to see and to steer.
fn arrival_over_ms(random: &mut StdRng, over_ms: u32) -> u32 {
    if random.random_bool(0.2) {
        arrival_ms(random).min(over_ms)
    } else {
        random.random_range(0..over_ms)
    }
}

/// Most come in the first moments; every fifth strolls in later.
fn arrival_ms(random: &mut StdRng) -> u32 {
    let mean = if random.random_bool(0.8) { BURST_MEAN_MS } else { TAIL_MEAN_MS };
    let share: f64 = random.random();
    let ms = -(1.0 - share).ln() * mean;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "bounded by ARRIVAL_MS_MAX and never negative"
    )]
    let ms = ms.min(ARRIVAL_MS_MAX) as u32;
    ms
}
