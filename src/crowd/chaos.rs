//! The plan of the faults that a demonstration injects; it is carried out elsewhere.
//!
//! Pure, like the crowd's own plan: the same seed gives the same faults, on every machine. Each
//! fault occurs in real sales, and each ends by itself or by an act of the operator; no unit may be
//! sold twice under any of them.

pub use super::spell::{SlowPayments, Spell};
use super::{plan::CrowdSize, sale::duration};
use crate::{
    grpc::proto::{AlertRule, AlertSeverity},
    values::Invalid,
};

/// Seconds over which the crowd of a broken sale comes: the troubles need that long.
pub const SECONDS_MIN: u32 = 45;

/// Items among which the one that is paused is still missed by many.
const ITEMS_MAX: u32 = 4;

/// Shoppers a second that make a stall of the store show in the commands that wait.
const SHOPPERS_PER_SECOND_MIN: u32 = 40;

/// From the opening of the sale, in milliseconds, like all moments here.
const PAUSED_FROM_MS: u32 = 5_000;
const PAUSED_UNTIL_MS: u32 = 15_000;
const SLOW_FROM_MS: u32 = 19_000;
const SLOW_UNTIL_MS: u32 = 29_000;
/// Against a time to pay of five seconds: about half of the payments meanwhile are too late.
const SLOW_BY_MS: (u32, u32) = (3_000, 7_000);
const STALLS: [Spell; 2] =
    [Spell { from_ms: 33_000, until_ms: 35_500 }, Spell { from_ms: 38_000, until_ms: 40_500 }];

/// A rule of such a sale, with shorter durations than the built-in ones, because the demonstration
/// lasts a minute.
struct Watch {
    name: &'static str,
    when: &'static str,
    for_ms: i64,
    clear_when: &'static str,
    clear_for_ms: i64,
    severity: AlertSeverity,
    opens_incident: bool,
}

const WATCHES: [Watch; 4] = [
    Watch {
        name: "refusals_paused",
        when: "refused_paused_10s >= 20 and refused_paused_10s > 0.2 * attempts_10s",
        for_ms: 2_000,
        clear_when: "refused_paused_10s < 5",
        clear_for_ms: 1_000,
        severity: AlertSeverity::Critical,
        opens_incident: true,
    },
    Watch {
        name: "payments_late",
        when: "held_orders >= 20 and orders_paid_10s * time_to_pay_seconds < 10 * held_orders",
        for_ms: 3_000,
        clear_when: "held_orders < 20 or orders_paid_10s * time_to_pay_seconds >= 12 * held_orders",
        clear_for_ms: 2_000,
        severity: AlertSeverity::Critical,
        opens_incident: true,
    },
    // No command is answered while the store does not write, so commands wait.
    Watch {
        name: "store_stalled",
        when: "seconds_since_open > 3 and commands_waiting >= 30",
        for_ms: 0,
        clear_when: "commands_waiting < 10",
        clear_for_ms: 3_000,
        severity: AlertSeverity::Critical,
        opens_incident: true,
    },
    Watch {
        name: "off_plan",
        when: "available_units > 0 and units_in_orders < 0.9 * planned_units",
        for_ms: 2_000,
        clear_when: "available_units == 0 or units_in_orders >= 0.95 * planned_units",
        clear_for_ms: 2_000,
        severity: AlertSeverity::Warning,
        opens_incident: false,
    },
];

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Troubles {
    /// Place of the item that an operator pauses, among those of the sale.
    pub paused_item: usize,
    pub paused: Spell,
    pub slow_payments: SlowPayments,
    /// When the store does not write.
    pub stalls: Vec<Spell>,
}

impl Troubles {
    /// The rules by which they are to be noticed, all of them.
    pub fn rules(&self) -> Vec<AlertRule> {
        WATCHES.iter().map(Watch::rule).collect()
    }

    /// The names of those that must have raised an alert in the end. That a sale is off its plan
    /// depends on the machine, so it is not among them.
    pub fn noticed_by() -> Vec<String> {
        let sure = WATCHES.iter().filter(|watch| watch.opens_incident);
        sure.map(|watch| watch.name.to_owned()).collect()
    }

    /// The troubles of a sale to which that crowd comes.
    ///
    /// # Errors
    /// When the sale is too short for them, or so quiet that its rules would not notice them.
    pub fn of(size: &CrowdSize) -> Result<Self, Invalid> {
        let seconds = size.arrive_seconds.unwrap_or(0);
        if seconds < SECONDS_MIN {
            let problem = format!("must be at least {SECONDS_MIN} with --chaos, not {seconds}");
            return Err(Invalid::new("--seconds", problem));
        }
        if size.items > ITEMS_MAX {
            let problem = format!("must be at most {ITEMS_MAX} with --chaos, not {}", size.items);
            return Err(Invalid::new("--items", problem));
        }
        let wanted = seconds.saturating_mul(SHOPPERS_PER_SECOND_MIN);
        if size.shoppers < wanted {
            let problem = format!(
                "must be at least {wanted} with --chaos over {seconds} seconds, not {}",
                size.shoppers
            );
            return Err(Invalid::new("--shoppers", problem));
        }
        Ok(Self {
            // The one that is wanted most: its buyers notice.
            paused_item: 0,
            paused: Spell { from_ms: PAUSED_FROM_MS, until_ms: PAUSED_UNTIL_MS },
            slow_payments: SlowPayments {
                spell: Spell { from_ms: SLOW_FROM_MS, until_ms: SLOW_UNTIL_MS },
                by_ms: SLOW_BY_MS,
            },
            stalls: STALLS.to_vec(),
        })
    }
}

impl Watch {
    fn rule(&self) -> AlertRule {
        AlertRule {
            name: self.name.to_owned(),
            when: self.when.to_owned(),
            r#for: Some(duration(self.for_ms)),
            clear_when: Some(self.clear_when.to_owned()),
            clear_for: Some(duration(self.clear_for_ms)),
            severity: self.severity.into(),
            each_item: false,
            opens_incident: self.opens_incident,
            sets_level: String::new(),
            off: false,
        }
    }
}
