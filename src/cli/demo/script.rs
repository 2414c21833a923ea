//! What a demonstration plays: a simulated crowd or a recording, and the sale it needs.

use std::sync::Arc;

use crate::{
    crowd::{
        chaos::Troubles,
        driver::{Crowd, DriveError},
        operator::Operator,
        plan::CrowdPlan,
        recording::{ItemBy, Recording, StockShare},
        sale::{Offer, Plan, Terms},
        summary::BeaconTotals,
        traffic::TrafficTotals,
    },
    values::UnixMs,
};

const DAY_MS: i64 = 24 * 3_600_000;
/// Recorded buyers pay at once, so this only has to outlast a slow machine.
const RECORDED_TIME_TO_PAY_MS: u32 = 600_000;

/// One of the two things to play.
#[derive(Debug)]
pub enum Script {
    /// A crowd, and what breaks meanwhile.
    Simulated {
        plan: Arc<CrowdPlan>,
        troubles: Option<Troubles>,
    },
    Recorded {
        recording: Arc<Recording>,
        item_by: ItemBy,
        share: StockShare,
        speed: u32,
    },
}

impl Script {
    /// What is put on offer.
    pub fn offers(&self) -> Vec<Offer> {
        match self {
            Self::Simulated { plan, .. } => (1..)
                .zip(&plan.units_by_item)
                .map(|(number, units)| Offer {
                    sku: format!("DEMO-{number}"),
                    title: format!("Doorbuster {number}"),
                    units: u64::from(*units),
                })
                .collect(),
            Self::Recorded { recording, item_by, share, .. } => {
                let kind = match item_by {
                    ItemBy::Category => "category",
                    ItemBy::Item => "item",
                };
                recording
                    .items
                    .iter()
                    .zip(recording.units(*share))
                    .map(|(item, units)| Offer {
                        sku: format!("{kind}-{}", item.id),
                        title: format!("Recorded {kind} {}", item.id),
                        units,
                    })
                    .collect()
            }
        }
    }

    /// The conditions of the sale: it opens now and outlasts the demonstration.
    pub fn terms(&self, now: UnixMs, operator: Operator) -> Terms {
        let (name, limit_per_buyer) = match self {
            Self::Simulated { .. } => ("Doorbuster demo", Some(1)),
            Self::Recorded { .. } => ("Recorded traffic", None),
        };
        Terms {
            name: name.to_owned(),
            opens_at: now,
            closes_at: now.plus(DAY_MS),
            limit_per_buyer,
            time_to_pay_ms: i64::from(self.time_to_pay_ms()),
            deals: matches!(self, Self::Simulated { .. }),
            operator,
            plan: self.plan(),
        }
    }

    /// How long an order is held unpaid, in milliseconds.
    pub fn time_to_pay_ms(&self) -> u32 {
        match self {
            Self::Simulated { plan, .. } => plan.time_to_pay_ms,
            Self::Recorded { .. } => RECORDED_TIME_TO_PAY_MS,
        }
    }

    /// How long to wait for held units after the crowd has left, in milliseconds. A recording
    /// leaves no holds behind.
    pub fn settles_within_ms(&self) -> u32 {
        const SLACK_MS: u32 = 15_000;
        match self {
            Self::Simulated { plan, .. } => plan.time_to_pay_ms + SLACK_MS,
            Self::Recorded { .. } => SLACK_MS,
        }
    }

    /// Goes into every request id.
    pub fn seed(&self) -> u64 {
        match self {
            Self::Simulated { plan, .. } => plan.seed,
            Self::Recorded { .. } => 0,
        }
    }

    /// What is wanted of the sale: of one that is watched, to sell everything in time.
    fn plan(&self) -> Plan {
        match self {
            Self::Simulated { plan, troubles } => {
                let Some(seconds) = plan.arrive_seconds else { return Plan::default() };
                // The last item is sold out when two thirds of the crowd have come. The plan does not
                // account for injected faults: with them it is half of the crowd.
                let share = if troubles.is_some() { (1, 2) } else { (2, 3) };
                let within_ms = i64::from(seconds) * 1_000 * share.0 / share.1;
                let wanted = Plan::to_sell(&self.offers(), within_ms);
                let alerts = troubles.as_ref().map(Troubles::rules).unwrap_or_default();
                Plan { alerts, ..wanted }
            }
            Self::Recorded { .. } => Plan::default(),
        }
    }

    /// What breaks on purpose.
    pub fn troubles(&self) -> Option<&Troubles> {
        match self {
            Self::Simulated { troubles, .. } => troubles.as_ref(),
            Self::Recorded { .. } => None,
        }
    }

    /// How many shoppers come to order.
    pub fn shoppers(&self) -> u64 {
        match self {
            Self::Simulated { plan, .. } => plan.shoppers.len() as u64,
            Self::Recorded { recording, .. } => recording.totals.buyers,
        }
    }

    /// What the recording holds.
    pub fn traffic(&self) -> TrafficTotals {
        match self {
            Self::Simulated { .. } => TrafficTotals::default(),
            Self::Recorded { recording, .. } => recording.totals,
        }
    }

    /// Sends the beacons of visitors before the opening.
    pub async fn browse(&self, crowd: &Crowd) -> BeaconTotals {
        match self {
            Self::Simulated { plan, .. } => crowd.browse(plan).await,
            Self::Recorded { .. } => BeaconTotals::default(),
        }
    }

    /// Whether units come back and orders are exported after the crowd has left. A recording has only
    /// what is recorded.
    pub fn goes_on(&self) -> bool {
        matches!(self, Self::Simulated { .. })
    }

    /// Runs all shoppers; returns when the last one has left.
    pub async fn play(&self, crowd: Arc<Crowd>) -> Result<(), DriveError> {
        match self {
            Self::Simulated { plan, .. } => crowd.simulate(Arc::clone(plan)).await,
            Self::Recorded { recording, speed, .. } => {
                crowd.play(Arc::clone(recording), *speed).await
            }
        }
    }
}
