//! The visitors of a simulated sale before it opens: views, favourites, carts and shares.
//!
//! Pure and seeded like the plan it belongs to. Every shopper has viewed items before, under the
//! same id; the same number of visitors only view and leave, and some items are viewed by both.

use std::iter;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use uuid::Uuid;

use super::plan::{CrowdPlan, Shopper, scatter, uuid_of};
use crate::grpc::proto::{Beacon, TrafficAction};

/// Shoppers who are seen browsing at most; of a larger crowd only the first are. A node remembers
/// the beacons of ten minutes, and a demonstration must not fill its memory.
pub const BROWSING_MAX: usize = 100_000;

/// How long before the opening the first of them came, in milliseconds.
const BEFORE_MS: u32 = 300_000;
/// Pause between two steps of a visitor, in milliseconds.
const STEP_MS: u32 = 4_000;

const CHANNELS: [&str; 4] = ["app", "web", "live", "search"];
const AGE_BANDS: [&str; 7] = ["under-18", "18-24", "25-34", "35-44", "45-54", "55-64", "65-plus"];
const GENDERS: [&str; 3] = ["female", "male", "other"];
const REGIONS: [&str; 5] = ["east", "south", "north", "west", "central"];
const TIERS: [&str; 4] = ["low", "middle", "high", "top"];

/// One step of a visitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// How long before the opening, in milliseconds.
    pub before_ms: u32,
    pub beacon: Beacon,
}

/// Every visitor's steps, in the order of the visitors; a visitor's own in the order of time.
/// `item_ids` are those of the plan's items; `run` tells the beacons of one sale from another's.
pub fn browsing<'a>(
    plan: &'a CrowdPlan,
    item_ids: &'a [String],
    run: u64,
) -> impl Iterator<Item = Step> + 'a {
    let shoppers = plan.shoppers.iter().take(BROWSING_MAX);
    let visitors =
        shoppers.flat_map(|shopper| [Visitor::who_buys(shopper), Visitor::who_looks(shopper)]);
    let seed = plan.seed;
    let steps = visitors.flat_map(move |visitor| {
        let mut random = StdRng::seed_from_u64(scatter(seed) ^ visitor.number);
        visitor.steps(&mut random, item_ids)
    });
    iter::zip(0_u64.., steps).map(move |(nth, step)| Step {
        beacon: Beacon { beacon_id: beacon_id(run, nth), ..step.beacon },
        ..step
    })
}

/// Ids of one run, different from those of every other.
fn beacon_id(run: u64, nth: u64) -> String {
    const BEACON: u64 = 3 << 56;
    let id: Uuid = uuid_of(scatter(run), BEACON | nth);
    id.to_string()
}

struct Visitor {
    number: u64,
    name: String,
    /// The item to order; absent for visitors.
    item: Option<usize>,
    channel: Option<&'static str>,
}

impl Visitor {
    fn who_buys(shopper: &Shopper) -> Self {
        Self {
            number: u64::from(shopper.number) << 1,
            name: shopper.buyer(),
            item: Some(shopper.item),
            channel: Some(shopper.channel),
        }
    }

    fn who_looks(shopper: &Shopper) -> Self {
        Self {
            number: (u64::from(shopper.number) << 1) | 1,
            name: format!("visitor-{:06}", shopper.number),
            item: None,
            channel: None,
        }
    }

    fn steps(self, random: &mut StdRng, item_ids: &[String]) -> Vec<Step> {
        let buys = self.item.is_some();
        let channel = self.channel.unwrap_or(CHANNELS[random.random_range(0..CHANNELS.len())]);
        // Attributes of visitors without orders are known less often.
        let known = random.random_bool(if buys { 0.9 } else { 0.5 });
        let drawn = |random: &mut StdRng, names: &[&str]| {
            let name = names[random.random_range(0..names.len())];
            if known { name.to_owned() } else { String::new() }
        };
        let about = Beacon {
            visitor: self.name,
            channel: channel.to_owned(),
            age_band: drawn(random, &AGE_BANDS),
            gender: drawn(random, &GENDERS),
            region: drawn(random, &REGIONS),
            spending_tier: drawn(random, &TIERS),
            ..Beacon::default()
        };
        let mut actions = vec![TrafficAction::View; random.random_range(1..=2)];
        let chances = if buys { [0.15, 0.40, 0.05] } else { [0.08, 0.04, 0.03] };
        let further = [TrafficAction::Favourite, TrafficAction::Cart, TrafficAction::Share];
        let taken = further.into_iter().zip(chances);
        actions
            .extend(taken.filter(|(_, chance)| random.random_bool(*chance)).map(|(what, _)| what));
        let mut before_ms = random.random_range(STEP_MS * 6..=BEFORE_MS);
        let mut steps = Vec::with_capacity(actions.len());
        for action in actions {
            // Of two draws the lower one: the first items are looked at most, as they are wanted.
            let looked = random.random_range(0..item_ids.len().max(1));
            let looked = looked.min(random.random_range(0..item_ids.len().max(1)));
            let item = self.item.unwrap_or(looked);
            let Some(item_id) = item_ids.get(item) else { break };
            let mut beacon = Beacon {
                item_id: item_id.clone(),
                page: format!("/item/{}", item + 1),
                ..about.clone()
            };
            beacon.set_action(action);
            steps.push(Step { before_ms, beacon });
            before_ms -= random.random_range(1_000..=STEP_MS);
        }
        steps
    }
}
