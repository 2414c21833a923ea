//! The summary of a demonstration as text, and the list of violations.

use std::path::Path;

use super::{
    counted::Counted, lines::Lines, noticed::Noticed, played::Played, proof::Proved, script::Script,
};
use crate::crowd::{
    chaos::Troubles,
    figures::oversold_units,
    journal::Journal,
    summary::{BeaconTotals, LatencyMs, Summary, Verified, rounded},
};

/// What is known beyond the figures that programs read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asides {
    pub items: u64,
    pub units_sold: u64,
    /// Orders as the shoppers counted them.
    pub orders_known: u64,
    /// What the log says, also what no program reads.
    pub counted: Counted,
    /// Revenue in minor units by the log and by each report, as one line.
    pub revenue: String,
    /// Answers that repeated an order.
    pub repeats: u64,
    pub payments_refused: u64,
    /// Calls that got no answer in spite of all tries.
    pub unanswered: u64,
    /// Acts of operators on the sale: with any, it is not required that everything is sold.
    pub steered: usize,
    /// What was noticed of what was broken on purpose, as lines.
    pub noticed: String,
    /// What of it was not.
    pub unnoticed: Vec<String>,
    pub rows_skipped: u64,
    pub first_skipped: Option<String>,
    /// Streams in the whole log.
    pub log_streams: u64,
    /// What the verifier found wrong.
    pub findings: Vec<String>,
    /// Read models that differ from their rebuild.
    pub differing: Vec<String>,
}

/// The promises that did not hold, one sentence each; empty if all is well.
pub fn broken_promises(summary: &Summary, asides: &Asides) -> Vec<String> {
    let mut broken = Vec::new();
    let mut check = |holds: bool, sentence: String| {
        if !holds {
            broken.push(sentence);
        }
    };
    check(
        summary.oversold_units == 0,
        format!("{} units were sold more often than they exist", summary.oversold_units),
    );
    check(
        summary.duplicate_orders == 0,
        format!("{} orders came of requests that already had one", summary.duplicate_orders),
    );
    check(
        asides.steered > 0 || asides.units_sold == summary.units,
        format!("{} of {} units were sold", asides.units_sold, summary.units),
    );
    check(
        asides.unanswered == 0,
        format!("{} calls got no answer, after all tries", asides.unanswered),
    );
    check(
        asides.unanswered > 0 || summary.orders_placed == asides.orders_known,
        format!(
            "the read model shows {} orders, buyers know of {}",
            summary.orders_placed, asides.orders_known
        ),
    );
    check(
        asides.unanswered > 0 || summary.revenue_reconciles,
        format!(
            "buyers paid {} minor units; the log and the reports say: {}",
            summary.revenue_minor, asides.revenue
        ),
    );
    check(summary.verify.ok, format!("the log does not verify: {}", asides.findings.join("; ")));
    check(
        summary.rebuild_equal,
        format!("read models differ from their rebuild: {}", asides.differing.join(", ")),
    );
    broken.extend(asides.unnoticed.iter().cloned());
    broken
}

/// The readable summary, without the line on what to try next.
pub fn account(summary: &Summary, asides: &Asides) -> String {
    let mut lines = Lines::default();
    let mut line = |name: &str, value: String| lines.entry(name, value);
    line("on offer", format!("{} units over {} items", summary.units, asides.items));
    line("crowd", format!("{} shoppers sent {} orders", summary.shoppers, summary.attempts));
    if summary.beacons.sent > 0 {
        let BeaconTotals { visitors, sent, .. } = summary.beacons;
        line("looked", format!("{visitors} visitors sent {sent} beacons"));
    }
    line(
        "sold",
        format!(
            "{} units: {} orders placed, {} paid",
            asides.units_sold, summary.orders_placed, summary.orders_paid
        ),
    );
    let sold_out = summary.sold_out_seconds.map_or_else(
        || "not every item was sold out".to_owned(),
        |seconds| format!("last unit first taken after {seconds:.3} s"),
    );
    line("sold out", sold_out);
    line(
        "came back",
        format!(
            "{} orders expired unpaid, {} of their units were sold again",
            summary.orders_expired, summary.orders_resold
        ),
    );
    let equal = if summary.revenue_reconciles { "equal" } else { "DIFFERENT" };
    line(
        "earned",
        format!("{} CNY, {equal} in payments, log and reports", major(summary.revenue_minor)),
    );
    if summary.tiers_reached > 0 {
        line("prices", format!("{} steps of price ladders filled", summary.tiers_reached));
        line(
            "offers",
            format!(
                "{} orders with {} CNY off, {} gifts given",
                summary.offers_applied,
                major(summary.discount_minor),
                summary.gifts_given
            ),
        );
        line("reserve", format!("{} units released by plan", summary.reserve_released_units));
    }
    let counted = asides.counted;
    if counted.refunds > 0 {
        let Counted { refunds, refunds_in_part, units_refunded, refunded_minor, .. } = counted;
        line(
            "taken back",
            format!(
                "{units_refunded} units by {refunds} refunds, {refunds_in_part} of a part, for {} CNY",
                major(refunded_minor)
            ),
        );
    }
    if summary.refunds_due > 0 {
        let open = summary.refunds_due.saturating_sub(summary.refunds_settled);
        line(
            "due back",
            format!(
                "{} times, {} settled, {open} open",
                summary.refunds_due, summary.refunds_settled
            ),
        );
    }
    if summary.coupons_redeemed > 0 {
        line(
            "coupons",
            format!(
                "{} redeemed, {} CNY off",
                summary.coupons_redeemed,
                major(counted.coupons_minor)
            ),
        );
    }
    if counted.exports > 0 {
        line(
            "exported",
            format!("{} orders in {} exports", summary.exported_orders, counted.exports),
        );
    }
    if summary.refused.is_empty() {
        line("refused", "none".to_owned());
    }
    for (nth, (reason, count)) in summary.refused.iter().enumerate() {
        line(if nth == 0 { "refused" } else { "" }, format!("{count} {reason}"));
    }
    if asides.steered > 0 {
        line("steered", format!("{} acts of people", asides.steered));
    }
    line("repeated", format!("{} requests got their first answer again", asides.repeats));
    if asides.payments_refused > 0 {
        line("paid too late", format!("{} payments bought nothing", asides.payments_refused));
    }
    let latency = summary.latency_ms;
    line(
        "latency",
        format!("p50 {:.1} ms, p99 {:.1} ms, max {:.1} ms", latency.p50, latency.p99, latency.max),
    );
    line(
        "took",
        format!(
            "{:.1} s, {:.0} orders placed a second",
            summary.elapsed_seconds, summary.orders_per_second
        ),
    );
    let traffic = summary.traffic;
    if traffic.uv > 0 {
        line(
            "recording",
            format!(
                "{} views, {} favourites, {} carts, {} purchases by {} of {} users",
                traffic.pv, traffic.fav, traffic.cart, traffic.buy, traffic.buyers, traffic.uv
            ),
        );
    }
    if asides.rows_skipped > 0 {
        let first = asides.first_skipped.as_deref().unwrap_or_default();
        line("skipped", format!("{} bad rows, the first: {first}", asides.rows_skipped));
    }
    line("oversold", format!("{} units", summary.oversold_units));
    line("duplicates", format!("{} orders", summary.duplicate_orders));
    let verdict = if summary.verify.ok { "proved" } else { "FAILED" };
    line(
        "verify",
        match summary.verify {
            // A store that keeps no chains has streams all the same.
            Verified { events, chains: 0, .. } => {
                format!("{verdict}: {events} events in {} streams", asides.log_streams)
            }
            Verified { events, chains, .. } => {
                format!("{verdict}: {events} events in {chains} hash chains")
            }
        },
    );
    let equal = if summary.rebuild_equal { "equal to" } else { "DIFFERENT from" };
    line("read models", format!("{equal} a rebuild from zero"));
    line("data", summary.data_dir.display().to_string());
    let mut text = lines.into_text();
    text.push_str(&asides.noticed);
    text
}

/// An amount with two decimals.
fn major(minor: u64) -> String {
    format!("{}.{:02}", minor / 100, minor % 100)
}

/// All figures of a demonstration, put together.
pub fn settle_accounts(
    script: &Script,
    data: &Path,
    played: &Played,
    proved: Proved,
) -> (Summary, Asides) {
    let Played { crowd, sales, totals, earned, levels, opened_at, elapsed, noticed, .. } = played;
    let journal = crowd.journal();
    let units = sales.items.iter().map(|item| item.units).sum();
    let unanswered = journal.unanswered();
    // An order that no buyer was told of came of a request that already had one, unless its answer
    // was lost for good.
    let unknown =
        totals.orders_placed.saturating_sub(journal.orders_placed()).saturating_sub(unanswered);
    let elapsed_seconds = elapsed.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let orders_per_second = totals.orders_placed as f64 / elapsed_seconds.max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since the crowd was let in")]
    let seconds_in = |at_ms: i64| (at_ms - opened_at.0).max(0) as f64 / 1_000.0;
    let summary = Summary {
        units,
        shoppers: script.shoppers(),
        attempts: journal.attempts,
        orders_placed: totals.orders_placed,
        orders_paid: totals.orders_paid,
        orders_expired: totals.orders_expired,
        refused: journal.refused.clone(),
        oversold_units: oversold_units(levels, sales, journal.paid_by_item()),
        duplicate_orders: journal.conflicts + unknown,
        tiers_reached: earned.tiers_reached,
        offers_applied: earned.offers_applied,
        discount_minor: earned.discount_minor,
        gifts_given: earned.gifts_given,
        reserve_released_units: proved.counted.reserve_released_units,
        coupons_redeemed: proved.counted.coupons_redeemed,
        orders_resold: proved.counted.orders_resold,
        refunds_due: proved.counted.refunds_due,
        refunds_settled: proved.counted.refunds_settled,
        exported_orders: proved.counted.exported_orders,
        revenue_minor: journal.paid_minor(),
        revenue_reconciles: earned
            .revenue_minor
            .values()
            .chain([&proved.counted.revenue_minor])
            .all(|minor| *minor == journal.paid_minor()),
        sold_out_seconds: played.sold_out_at_ms.map(seconds_in),
        elapsed_seconds: rounded(elapsed_seconds),
        orders_per_second: rounded(orders_per_second),
        latency_ms: LatencyMs::of(&journal.latency_us),
        beacons: played.beacons,
        traffic: script.traffic(),
        log_events: proved.events,
        verify: Verified { ok: proved.ok, events: proved.events, chains: proved.chains },
        rebuild_equal: proved.differing.is_empty(),
        data_dir: data.to_owned(),
        alerts: noticed.as_ref().map(Noticed::alerts_json),
        incidents: noticed.as_ref().map(Noticed::incidents_json),
    };
    let asides = asides(script, played, &journal, proved);
    (summary, asides)
}

/// What is said beside the summary.
fn asides(script: &Script, played: &Played, journal: &Journal, proved: Proved) -> Asides {
    let Played { sales, totals, earned, steered, noticed, .. } = played;
    let (rows_skipped, first_skipped) = match script {
        Script::Simulated { .. } => (0, None),
        Script::Recorded { recording, .. } => {
            (recording.rows_skipped, recording.first_skipped.clone())
        }
    };
    Asides {
        items: sales.items.len() as u64,
        units_sold: totals.units_sold,
        orders_known: journal.orders_placed(),
        counted: proved.counted,
        revenue: [("log", &proved.counted.revenue_minor)]
            .into_iter()
            .chain(earned.revenue_minor.iter().map(|(name, minor)| (*name, minor)))
            .map(|(name, minor)| format!("{name} {minor}"))
            .collect::<Vec<_>>()
            .join(", "),
        repeats: journal.repeats,
        payments_refused: journal.payments_refused.values().sum(),
        unanswered: journal.unanswered(),
        steered: *steered,
        noticed: noticed.as_ref().map(Noticed::lines).unwrap_or_default(),
        unnoticed: match (noticed, script.troubles()) {
            // An operator may repair the injected faults meanwhile.
            (Some(noticed), Some(_)) if *steered == 0 => noticed.missing(&Troubles::noticed_by()),
            (_, _) => Vec::new(),
        },
        rows_skipped,
        first_skipped,
        log_streams: proved.streams,
        findings: proved.findings,
        differing: proved.differing,
    }
}
