//! The results, as figures for programs and as sentences for display.

use std::{collections::BTreeMap, path::PathBuf};

use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::Value;

use super::traffic::TrafficTotals;

/// The outcome of a demonstration. The names are an interface: scripts read them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Units that were put on offer.
    pub units: u64,
    /// Shoppers with orders; for a recording its distinct buyers.
    pub shoppers: u64,
    /// Orders that shoppers sent, also repeated and refused ones.
    pub attempts: u64,
    pub orders_placed: u64,
    pub orders_paid: u64,
    pub orders_expired: u64,
    /// Refused orders by reason.
    pub refused: BTreeMap<String, u64>,
    /// Units sold or held beyond those on offer.
    pub oversold_units: u64,
    /// Orders that came of a request which already had one.
    pub duplicate_orders: u64,
    /// Steps of price ladders of which every unit was taken.
    pub tiers_reached: u64,
    /// Paid orders with money off, and how much that was together.
    pub offers_applied: u64,
    pub discount_minor: u64,
    /// Units of gifts that came with paid orders.
    pub gifts_given: u64,
    /// Units that the reserve plan put on offer.
    pub reserve_released_units: u64,
    /// Coupons that orders got.
    pub coupons_redeemed: u64,
    /// Units of paid orders that had been held before by an order that expired or was cancelled.
    pub orders_resold: u64,
    /// How often money had to go back, for a payment that bought nothing or units that came back; and how
    /// often it is on its way.
    pub refunds_due: u64,
    pub refunds_settled: u64,
    /// Paid orders in exports.
    pub exported_orders: u64,
    /// What the crowd paid for its orders, less what it got back for units that it returned.
    pub revenue_minor: u64,
    /// Whether the crowd's payments, the log and each report that shows revenue agree to the minor
    /// unit.
    pub revenue_reconciles: bool,
    /// Seconds from letting the crowd in until the last unit of the last item was first taken;
    /// null if some item was never sold out.
    pub sold_out_seconds: Option<f64>,
    /// Seconds from letting the crowd in until the last shopper had left and no unit was held.
    pub elapsed_seconds: f64,
    /// Orders placed by elapsed second.
    pub orders_per_second: f64,
    /// From sending an order to its answer.
    pub latency_ms: LatencyMs,
    /// What became of the beacons of those who looked before the opening; zeros where a recording
    /// was played.
    pub beacons: BeaconTotals,
    /// What the recording holds; zeros if none was played.
    pub traffic: TrafficTotals,
    pub log_events: u64,
    pub verify: Verified,
    /// Whether the read models equal those built again from an empty file.
    pub rebuild_equal: bool,
    pub data_dir: PathBuf,
    /// The alerts that were raised; only where things were broken on purpose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Vec<Value>>,
    /// The incidents that were opened, with what each cost; likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incidents: Option<Vec<Value>>,
}

/// Beacons that visitors sent, by what became of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BeaconTotals {
    /// Distinct visitors; some of them come to order.
    pub visitors: u64,
    pub sent: u64,
    pub accepted: u64,
    pub duplicates: u64,
    /// Left out because orders came first.
    pub shed: u64,
    pub refused: u64,
}

/// Latency in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct LatencyMs {
    pub p50: f64,
    pub p99: f64,
    pub max: f64,
}

impl LatencyMs {
    /// Of a histogram of microseconds.
    pub fn of(histogram_us: &Histogram<u64>) -> Self {
        Self {
            p50: ms(histogram_us.value_at_quantile(0.50)),
            p99: ms(histogram_us.value_at_quantile(0.99)),
            max: ms(histogram_us.max()),
        }
    }
}

/// What the verifier said about the whole log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Verified {
    pub ok: bool,
    pub events: u64,
    /// Streams, each a chain of hashes; 0 where the store keeps none.
    pub chains: u64,
}

/// Microseconds as milliseconds with three decimals.
#[expect(clippy::cast_precision_loss, reason = "latencies stay far below 2^52 microseconds")]
pub fn ms(us: u64) -> f64 {
    us as f64 / 1_000.0
}

/// A figure rounded to three decimals: further ones would only look exact.
pub fn rounded(figure: f64) -> f64 {
    (figure * 1_000.0).round() / 1_000.0
}
