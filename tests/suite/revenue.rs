//! Goal: every report that shows money adds up to what buyers paid, to the minor unit, whatever orders
//! cost by unit.
//!
//! Method: a log written by hand with steps, a time price, an offer, gifts, a late payment and a plain
//! item. What its buyers paid is counted by hand, and each report and replay is asked for the same sum.

use std::{fs, path::Path, sync::Arc};

use doorbuster::{
    clock::ManualClock,
    domain::item::OrderState,
    events::{
        Gift, GiftTaken, ItemEvent, Offer, OfferApplied, OfferCondition, OfferEffect, OfferEvent,
        OffersSet, OrderPart, OrderPrice, PercentOff, PriceStep, Prices, PricesSet, ReturnedUnits,
        Stored, StreamName, TimePrice, WhenGone,
    },
    pages::{
        Lang, PostMortem,
        board::{self, ItemsAsked},
    },
    replay::{
        explain::explain,
        playback::Playback,
        state::{Moment, Past},
        what_if,
    },
    reports::{
        AttributionQuery, CsvManner, ExportFormat, FunnelGrouping, FunnelQuery, GoodsQuery,
        ImpactUntil, IncidentLine, ListOrdersQuery, Paging, Period, PortraitAttribute,
        PortraitQuery, Reports, SalesSummaryQuery, TimelineQuery, Whose,
    },
    store::{EventStore, Expected, embedded::EmbeddedStore},
    values::{IncidentId, ItemId, SaleId, UnixMs},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use crate::{
    fold::{
        fold_all,
        log::{Log, act},
    },
    replay::look,
};

/// What the buyers of the lamp paid: ann 2 x 9.90, bob 9.90 + 12.90, cat 2 x 11.00 less 2.20, dan 12.90
/// + 2 x 15.90 less 4.47.
const LAMP_MINOR: i64 = 1_980 + 2_280 + 1_980 + 4_023;

/// With two plain sofas at 5.00.
const PAID_MINOR: i64 = LAMP_MINOR + 1_000;

/// Units that were paid for.
const PAID_UNITS: i64 = 11;

fn part(step: Option<u8>, time_price: Option<u8>, units: i64, unit_price_minor: i64) -> OrderPart {
    OrderPart { step, time_price, units, unit_price_minor }
}

fn price(parts: &[OrderPart], discount_minor: i64) -> OrderPrice {
    let subtotal: i64 = parts.iter().map(OrderPart::total_minor).sum();
    let offer = OfferApplied { name: "ten".into(), discount_minor };
    OrderPrice {
        coupon: None,
        unit_price_minor: parts[0].unit_price_minor,
        parts: parts.to_vec(),
        offer: Some(offer).filter(|offer| offer.discount_minor > 0),
        gift: None,
        gift_gone: None,
        total_minor: subtotal - discount_minor,
    }
}

fn sale_id() -> SaleId {
    SaleId(Uuid::from_u128(0x5a1e))
}

fn prices_set() -> PricesSet {
    let prices = Prices {
        unit_price_minor: 1_590,
        floor_minor: None,
        steps: vec![
            PriceStep { units: 3, unit_price_minor: 990 },
            PriceStep { units: 4, unit_price_minor: 1_290 },
        ],
        time_prices: vec![TimePrice {
            from_ms: UnixMs(1_002_000),
            until_ms: UnixMs(1_003_000),
            unit_price_minor: 1_100,
        }],
        returned_units: ReturnedUnits::SamePrice,
    };
    PricesSet { ladder: 1, prices, act: act(), set_at_ms: UnixMs(990_000) }
}

/// Ten percent off, and one strap in all.
fn offers_set() -> OffersSet {
    let offer = |name: &str, effect| Offer {
        name: name.to_owned(),
        condition: OfferCondition::FromUnits(1),
        effect,
        from_ms: None,
        until_ms: None,
    };
    let percent = OfferEffect::Percent(PercentOff { ppm: 100_000, at_most_minor: None });
    let gift = OfferEffect::Gift(Gift {
        sku: "STRAP".to_owned(),
        units: 1,
        each_units: 1,
        when_gone: WhenGone::Without,
    });
    let offers = vec![offer("ten", percent), offer("strap", gift)];
    OffersSet { offers, act: act(), set_at_ms: UnixMs(990_000) }
}

/// Ann, bob, cat and dan pay; eve pays too late, fay not at all, gus pays for plain units.
fn priced_sale() -> (Log, ItemId) {
    let mut log = Log::default();
    let (lamp, sofa) = (sale_id().item_id("lamp"), sale_id().item_id("sofa"));
    log.create_sale_with(sale_id(), "Autumn", &[lamp, sofa], Some(PAID_MINOR * 2));
    for (item, sku) in [(lamp, "lamp"), (sofa, "sofa")] {
        log.add_item(sale_id(), item, sku);
        log.allocate(item, "north", 40);
    }
    log.push(StreamName::item(lamp), ItemEvent::Offer(OfferEvent::PricesSet(prices_set())));
    log.push(StreamName::item(lamp), ItemEvent::Offer(OfferEvent::OffersSet(offers_set())));
    let gift = GiftTaken { offer: "strap".to_owned(), sku: "STRAP".to_owned(), units: 1 };
    let ann = price(&[part(Some(0), None, 2, 990)], 0);
    let bob = price(&[part(Some(0), None, 1, 990), part(Some(1), None, 1, 1_290)], 0);
    let cat = price(&[part(Some(1), Some(0), 2, 1_100)], 220);
    let dan = price(&[part(Some(1), None, 1, 1_290), part(None, None, 2, 1_590)], 447);
    let dan = OrderPrice { gift: Some(gift), ..dan };
    let eve = price(&[part(None, None, 1, 1_590)], 0);
    let eve = OrderPrice { gift_gone: Some("strap".to_owned()), ..eve };
    let fay = price(&[part(None, None, 2, 1_590)], 0);
    let mut place =
        |buyer, units, at, price| log.place_at(lamp, buyer, "app", &[("north", units)], at, price);
    let orders = [
        place("ann", 2, 1_000_100, ann),
        place("bob", 2, 1_000_200, bob),
        place("cat", 2, 1_002_500, cat),
        place("dan", 3, 1_004_000, dan),
    ];
    let eve = place("eve", 1, 1_005_000, eve);
    place("fay", 2, 1_006_000, fay);
    let gus = log.place(sofa, "gus", "web", &[("north", 2)], 1_007_000);
    for (number, order) in orders.iter().chain([&gus]).enumerate() {
        log.pay(order, &format!("pay-{number}"), 1_010_000 + number as i64 * 1_000);
    }
    log.expire(&eve, 1_065_000);
    log.refund(&eve, 1_066_000);
    (log, lamp)
}

/// The reports of the sale.
fn reported() -> (TempDir, Reports, ItemId) {
    let (log, lamp) = priced_sale();
    let data = tempdir().unwrap();
    fold_all(data.path(), &log.events);
    let reports = Reports::open(data.path());
    (data, reports, lamp)
}

fn paging() -> Paging {
    Paging::default()
}

#[test]
fn every_report_with_revenue_adds_up_to_what_buyers_paid() {
    let (_data, reports, lamp) = reported();
    let sale = Some(sale_id());
    let summary = SalesSummaryQuery { sale_id: sale_id(), paging: paging() };
    let summary = reports.sales_summary(&summary).unwrap();
    assert_eq!(summary.total.revenue_minor, PAID_MINOR);
    assert_eq!(summary.total.refunds_due_minor, 1_590);
    let of_lamp = summary.items.iter().find(|item| item.item_id == Some(lamp)).unwrap();
    assert_eq!(of_lamp.revenue_minor, LAMP_MINOR);

    let timeline =
        TimelineQuery { sale_id: sale, item_id: None, from: None, until: None, paging: paging() };
    let seconds = reports.timeline(&timeline).unwrap().rows;
    assert_eq!(seconds.iter().map(|second| second.revenue_minor).sum::<i64>(), PAID_MINOR);

    let period = Period { sale_id: sale_id(), from: None, until: None };
    let compared = reports.compare(period, period).unwrap().figures;
    let revenue = compared.iter().find(|figure| figure.figure == "revenue_minor").unwrap();
    assert_eq!((revenue.value, revenue.baseline), (PAID_MINOR, PAID_MINOR));

    let goals = reports.goal_attainment(sale_id()).unwrap().goals;
    assert_eq!((goals[0].result, goals[0].attainment_ppm), (Some(PAID_MINOR), 500_000));

    let pulse = reports.pulse(sale_id(), UnixMs(1_070_000)).unwrap();
    assert_eq!(pulse.totals.revenue_minor, PAID_MINOR);
    assert_eq!(pulse.items.iter().map(|item| item.revenue_minor).sum::<i64>(), PAID_MINOR);

    let post_mortem = PostMortem::of(&reports, sale_id(), None, UnixMs::LATEST).unwrap();
    assert_eq!(post_mortem.total.revenue_minor, PAID_MINOR);
    assert_eq!(post_mortem.attribution.total.revenue_minor, PAID_MINOR);
}

#[test]
fn what_shoppers_did_is_worth_what_they_paid() {
    let (_data, reports, _) = reported();
    let sale_id = Some(sale_id());
    let by = FunnelGrouping::None;
    let funnel = FunnelQuery { sale_id, window_ms: None, by, paging: paging() };
    assert_eq!(reports.funnel(&funnel).unwrap().total.totals.revenue_minor, PAID_MINOR);
    let attribution = AttributionQuery { sale_id, window_ms: None, paging: paging() };
    let attribution = reports.attribution(&attribution).unwrap();
    assert_eq!(attribution.total.revenue_minor, PAID_MINOR);
    let last: i64 = attribution.rows.iter().map(|row| row.last_touch.revenue_minor).sum();
    assert_eq!(last, PAID_MINOR);
    let attribute = Some(PortraitAttribute::Gender);
    let portrait = PortraitQuery { sale_id, attribute, paging: paging() };
    let rows = reports.portrait(&portrait).unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.revenue_minor).sum::<i64>(), PAID_MINOR);
}

#[test]
fn a_lost_unit_counts_at_the_average_price_that_was_paid() {
    let (_data, reports, _) = reported();
    let incident = IncidentLine {
        incident_id: IncidentId(Uuid::from_u128(1)),
        sale_id: sale_id(),
        items: Vec::new(),
        title: String::new(),
        alert: None,
        severity: None,
        impact: String::new(),
        owner: String::new(),
        cause: String::new(),
        lessons: String::new(),
        began_at: UnixMs(1_020_000),
        detected_at: UnixMs(1_020_000),
        ended_at: Some(UnixMs(1_060_000)),
        resolved_at: None,
        reviewed_at: None,
        revision: 0,
    };
    let (impact, _) = reports.impact(&incident, ImpactUntil::LastEvent).unwrap();
    assert_eq!(impact.unit_price_minor, PAID_MINOR / PAID_UNITS);
}

#[test]
fn orders_are_listed_and_exported_with_what_they_cost_and_why() {
    let (data, reports, lamp) = reported();
    let query = ListOrdersQuery { state: Some(OrderState::Paid), ..ListOrdersQuery::default() };
    let orders = reports.list_orders(&query).unwrap().rows;
    assert_eq!(orders.iter().map(|order| order.price.total_minor).sum::<i64>(), PAID_MINOR);
    let of = |buyer: &str| {
        let query = ListOrdersQuery {
            item_id: Some(lamp),
            buyer: Some(buyer.to_owned()),
            ..ListOrdersQuery::default()
        };
        reports.list_orders(&query).unwrap().rows.remove(0).price
    };
    assert_eq!(of("bob"), price(&[part(Some(0), None, 1, 990), part(Some(1), None, 1, 1_290)], 0));
    let dan = of("dan");
    assert_eq!((dan.total_minor, dan.discount_minor()), (4_023, 447));
    assert_eq!(dan.gift.unwrap().sku, "STRAP");
    assert_eq!(of("eve").gift_gone.as_deref(), Some("strap"));

    let out = data.path().join("tables");
    fs::create_dir(&out).unwrap();
    reports.export(&out, ExportFormat::Csv(CsvManner::default())).unwrap();
    let paid = ("state", "2");
    assert_eq!(sum_of(&out.join("orders.orders.csv"), "total_minor", paid), PAID_MINOR);
    assert_eq!(sum_of(&out.join("orders.orders.csv"), "discount_minor", paid), 220 + 447);
    let placed = reports.list_orders(&ListOrdersQuery::default()).unwrap().rows;
    let placed: i64 = placed.iter().map(|order| order.price.total_minor).sum();
    // Every order is told of once when it is placed and, if it is paid, once more.
    let touched = sum_of(&out.join("journeys.touches.csv"), "amount_minor", ("", ""));
    assert_eq!(touched, placed + PAID_MINOR);
}

/// The sum of a column over the rows of a CSV file in which another one has a value.
fn sum_of(file: &Path, column: &str, (other, value): (&str, &str)) -> i64 {
    let mut rows = csv::Reader::from_path(file).unwrap();
    let names = rows.headers().unwrap().clone();
    let at = |name: &str| names.iter().position(|known| known == name);
    let (column, other) = (at(column).unwrap(), at(other));
    let counts = |row: &csv::StringRecord| other.is_none_or(|other| &row[other] == value);
    let rows = rows.records().map(Result::unwrap).filter(counts);
    rows.filter_map(|row| row[column].parse::<i64>().ok()).sum()
}

#[test]
fn units_and_revenue_by_step_and_time_price_are_those_counted_by_hand() {
    let (_data, reports, _) = reported();
    let query = GoodsQuery { whose: Whose::Sale(sale_id()), paging: paging() };
    let page = reports.price_figures(&query).unwrap();
    let lines = page.lines.iter().map(|line| {
        assert_eq!((line.sku.as_str(), line.sold.ladder), ("lamp", 1));
        let sold = line.sold;
        (
            (sold.step, sold.time_price, sold.unit_price_minor),
            (sold.orders_placed, sold.units_placed, sold.units_paid, sold.amount_minor),
            (line.step_units, line.step_left_units, line.step_filled_at),
        )
    });
    let first = (Some(3), Some(0), Some(UnixMs(1_000_200)));
    let second = (Some(4), Some(0), Some(UnixMs(1_004_000)));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        [
            ((Some(0), None, 990), (2, 3, 3, 2_970), first),
            ((Some(1), None, 1_290), (2, 2, 2, 2_580), second),
            ((Some(1), Some(0), 1_100), (1, 2, 2, 2_200), second),
            ((None, None, 1_590), (3, 5, 2, 3_180), (None, None, None)),
        ]
    );
    let total = page.total;
    assert_eq!((total.units_placed, total.units_paid, total.amount_minor), (12, 9, 10_930));
    assert_eq!((total.discount_minor, total.revenue_minor), (220 + 447, LAMP_MINOR));
}

#[test]
fn offers_are_told_with_their_orders_discounts_gifts_and_the_average_order() {
    let (_data, reports, _) = reported();
    let query = GoodsQuery { whose: Whose::Sale(sale_id()), paging: paging() };
    let lines = reports.offer_figures(&query).unwrap().lines;
    let orders = lines.iter().map(|line| {
        let offer = &line.offer;
        let orders = (offer.orders_placed, offer.orders_paid);
        let money = (offer.discount_minor, offer.revenue_minor);
        (offer.name.as_str(), orders, money, line.average_with_minor, line.average_without_minor)
    });
    assert_eq!(
        orders.collect::<Vec<_>>(),
        [
            // 60.03 over 2 orders; 42.60 over the other 2.
            ("ten", (2, 2), (667, 6_003), Some(3_001), Some(2_130)),
            // 40.23 over 1 order; 62.40 over the other 3.
            ("strap", (1, 1), (0, 4_023), Some(4_023), Some(2_080)),
        ]
    );
    let strap = &lines[1].offer;
    assert_eq!((strap.gift_units, strap.gift_held, strap.gift_given), (1, 0, 1));
    assert_eq!((strap.gift_left(), strap.gift_gone), (0, 1));
}

#[test]
fn the_board_shows_the_price_in_force_and_the_units_left_of_its_step() {
    let (log, _) = priced_sale();
    let ann = log.events.iter().position(|(_, event)| event.kind() == "OrderPlaced").unwrap();
    let shown = |events: usize, now: i64| {
        let data = tempdir().unwrap();
        fold_all(data.path(), &log.events[..events]);
        let pulse = Reports::open(data.path()).pulse(sale_id(), UnixMs(now)).unwrap();
        let lamp = pulse.items.iter().find(|item| item.sku == "lamp").unwrap();
        let (price, left) = (lamp.unit_price_minor, lamp.step_left_units);
        let page = [Lang::English, Lang::Chinese].map(|lang| {
            let asked = ItemsAsked { search: "lamp".to_owned(), ..ItemsAsked::default() };
            board::items(&pulse, &asked, lang)
        });
        (price, left, page)
    };
    let (price, left, [english, chinese]) = shown(ann + 1, 1_000_150);
    assert_eq!((price, left), (990, Some(1)));
    assert!(english.contains(">9.90 EUR<") && english.contains(">1 left at this price<"));
    assert!(chinese.contains(">此价剩 1 件<"));
    let (price, left, _) = shown(log.events.len(), 1_070_000);
    assert_eq!((price, left), (1_590, None));
    assert_eq!(shown(log.events.len(), 1_002_500).0, 1_100, "within the time price");
}

/// The log in a store of its own.
async fn stored(log: &Log, data: &Path) {
    let store = EmbeddedStore::open(data, Arc::new(ManualClock::at(UnixMs(1_100_000)))).unwrap();
    for (recorded, _) in &log.events {
        let new = doorbuster::events::NewEvent {
            id: recorded.id,
            kind: recorded.kind.clone().into(),
            data: recorded.data.clone(),
            metadata: recorded.metadata.clone(),
        };
        let expected = Expected::before(recorded.revision);
        store.append(recorded.stream, expected, Arc::new([new])).await.unwrap();
    }
    store.close();
}

#[tokio::test(flavor = "multi_thread")]
async fn replays_count_what_buyers_paid() {
    let (log, lamp) = priced_sale();
    let data = tempdir().unwrap();
    stored(&log, data.path()).await;
    look(data.path(), move |log| {
        let past = Past { log, marks: None, now: UnixMs(1_100_000) };
        let state = past.sale(sale_id(), Moment::End, &paging()).unwrap();
        assert_eq!((state.revenue_minor, state.refunds_due_minor), (PAID_MINOR, 1_590));
        let mut playback = Playback::of_sale(log, sale_id()).unwrap();
        while playback.next_at().is_some() {
            playback.step().unwrap();
        }
        assert_eq!(playback.totals().revenue_minor, PAID_MINOR);
        let sofa = sale_id().item_id("sofa");
        let rules = what_if::Rules::default();
        let what_if = what_if::run(log, &[lamp, sofa], rules, "rules").unwrap();
        assert_eq!(what_if.total.recorded.revenue_minor, PAID_MINOR);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_an_order_says_why_it_costs_that() {
    let (log, lamp) = priced_sale();
    let data = tempdir().unwrap();
    stored(&log, data.path()).await;
    let sentences = look(data.path(), move |log| {
        ["dan", "cat", "eve"].map(|buyer| explain(log, lamp, buyer).unwrap().sentences().join(" "))
    })
    .await;
    let why = [
        "It costs 40.23 EUR: 1 at 12.90 EUR (step 2), 2 at 15.90 EUR (base price); offer ten takes \
         4.47 EUR off; offer strap adds 1 STRAP.",
        "It costs 19.80 EUR: 2 at 11.00 EUR (time price); offer ten takes 2.20 EUR off.",
        "It costs 15.90 EUR: 1 at 15.90 EUR (base price); the gift of offer strap is used up.",
    ];
    for (sentences, why) in sentences.iter().zip(why) {
        assert!(sentences.contains(why), "{sentences}");
    }
}
