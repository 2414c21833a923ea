//! One sale that can be checked by eye, a second one after it, and every report on them.
//!
//! ann (25-34, north) sees the lamp through mail, puts it into the cart through search, orders and
//! pays. bob (no age) sees it and is refused. cat comes without a beacon, orders through app, lets
//! the order expire. dan sees the sofa through mail, carts it an hour later, orders, cancels. eve
//! shares the lamp, nothing else. In the second sale ann visits, bob buys.

use doorbuster::{
    events::{AttemptOutcome, StreamName, TrafficAction},
    reports::{
        AttributionQuery, Credit, FunnelGrouping, FunnelQuery, FunnelTotals, Paging, PathsQuery,
        PortraitAttribute, PortraitQuery, ReportError, Reports, RetentionQuery, TrafficFigures,
        TrafficGrouping, TrafficQuery,
    },
    values::{AgeBand, Gender, ItemId, SaleId, ShopperAttributes},
};
use tempfile::{TempDir, tempdir};
use uuid::Uuid;

use super::{asked, attempts, batch, beacon};
use crate::fold::log::{Log, cells};

const START: i64 = 1_000_000_000;
const HOUR: i64 = 3_600_000;

fn sales() -> (SaleId, SaleId) {
    (SaleId(Uuid::from_u128(0x51)), SaleId(Uuid::from_u128(0x52)))
}

fn items() -> (ItemId, ItemId) {
    (sales().0.item_id("lamp"), sales().0.item_id("sofa"))
}

fn ann() -> ShopperAttributes {
    ShopperAttributes {
        age_band: Some(AgeBand::From25),
        gender: Some(Gender::Female),
        region: "north".to_owned(),
        spending_tier: None,
    }
}

pub fn story() -> Log {
    use AttemptOutcome::{Placed, SoldOut};
    use TrafficAction::{Cart, Favourite, Share, View};
    let mut log = Log::default();
    let ((first, second), (lamp, sofa)) = (sales(), items());
    log.create_sale(first, "First", &[lamp, sofa]);
    for (item, sku) in [(lamp, "lamp"), (sofa, "sofa")] {
        log.add_item(first, item, sku);
        log.allocate(item, "north", 9);
    }
    let at = |seconds: i64| START + seconds * 1_000;
    let beacons = [
        beacon(at(0), View, "ann").on(lamp, "light").by("mail").of(ann()),
        beacon(at(1), View, "bob")
            .on(lamp, "light")
            .of(ShopperAttributes { gender: Some(Gender::Male), ..ShopperAttributes::default() }),
        beacon(at(2), View, "ann").on(lamp, "light"),
        beacon(at(3), Favourite, "ann").on(lamp, "light"),
        beacon(at(60), Cart, "ann").on(lamp, "light").by("search"),
        beacon(at(5), View, "dan").on(sofa, "seat").by("mail"),
        beacon(at(3_605), Cart, "dan").on(sofa, "seat"),
        beacon(at(70), Share, "eve").on(lamp, "light"),
    ];
    log.push(StreamName::traffic(first), batch(None, &beacons));
    let order = log.place(lamp, "ann", "", &[("north", 2)], at(100));
    log.pay(&order, "pay-ann", at(160));
    let order = log.place(lamp, "cat", "app", &[("north", 1)], at(101));
    log.expire(&order, at(161));
    let second_of = START / 1_000 + 100;
    let tries = [(0, "ann", 2, Placed), (500, "bob", 1, SoldOut)];
    log.push(StreamName::demand(lamp), attempts(second_of, &tries));
    log.push(StreamName::demand(lamp), attempts(second_of + 1, &[(0, "cat", 1, Placed)]));
    let order = log.place(sofa, "dan", "", &[("north", 1)], at(3_700));
    log.push(StreamName::demand(sofa), attempts(START / 1_000 + 3_700, &[(0, "dan", 1, Placed)]));
    log.cancel(&order, at(3_710));

    let vase = second.item_id("vase");
    log.create_sale(second, "Second", &[vase]);
    log.add_item(second, vase, "vase");
    log.allocate(vase, "north", 9);
    let beacons = [
        beacon(at(90_000), View, "ann").on(vase, "light"),
        beacon(at(90_001), View, "bob").on(vase, "light"),
    ];
    log.push(StreamName::traffic(second), batch(None, &beacons));
    let order = log.place(vase, "bob", "mail", &[("north", 1)], at(90_010));
    log.pay(&order, "pay-bob", at(90_020));
    let order = log.place(vase, "bob", "", &[("north", 1)], at(90_030));
    log.pay(&order, "pay-bob-2", at(90_040));
    let order = log.place(vase, "ann", "", &[("north", 1)], at(90_050));
    log.pay(&order, "pay-ann-2", at(90_060));
    log
}

fn told() -> (TempDir, Reports) {
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &story());
    (data, reports)
}

fn funnel(by: FunnelGrouping, window_ms: Option<i64>) -> FunnelQuery {
    FunnelQuery { sale_id: Some(sales().0), window_ms, by, paging: Paging::default() }
}

#[test]
fn a_funnel_counts_touches_and_shoppers() {
    let (_data, reports) = told();
    let found = reports.funnel(&funnel(FunnelGrouping::None, None)).unwrap();
    let totals = FunnelTotals {
        pv: 4,
        fav: 1,
        cart: 2,
        share: 1,
        buy: 1,
        uv: 4,
        buyers: 1,
        visitors_who_bought: 1,
        attempts: 4,
        attempters: 4,
        orders: 3,
        paid_orders: 1,
        units_paid: 2,
        revenue_minor: 1_000,
    };
    assert_eq!(found.total.totals, totals);
    // bob's refused attempt has no cart before it, cat's order no view.
    assert_eq!(found.total.steps, [3, 2, 2, 2, 1]);
    assert_eq!(found.total.of_previous_ppm(1), 666_666);
    assert_eq!(found.total.of_first_ppm(4), 333_333);
    assert_eq!((found.currency.as_str(), found.touches_left_out), ("EUR", 0));
    assert!(found.groups.is_empty());
}

#[test]
fn a_window_ends_a_chain_to_the_millisecond() {
    let (_data, reports) = told();
    let steps = |window| reports.funnel(&funnel(FunnelGrouping::None, Some(window))).unwrap();
    // dan's cart comes exactly an hour after the view, the order 95 seconds after that.
    assert_eq!(steps(HOUR).total.steps, [3, 2, 1, 1, 1]);
    assert_eq!(steps(HOUR - 1).total.steps, [3, 1, 1, 1, 1]);
    assert_eq!(steps(HOUR + 95_000).total.steps, [3, 2, 2, 2, 1]);
    // ann's chain begins with the view at 2 s, not with the one at 0 s.
    assert_eq!(steps(158_000).total.steps[4], 1);
    assert_eq!(steps(157_999).total.steps[4], 0);
}

#[test]
fn a_funnel_is_split_by_item_channel_category_and_segment() {
    let (_data, reports) = told();
    let groups = |by| {
        let found = reports.funnel(&funnel(by, None)).unwrap();
        let row = |group: &doorbuster::reports::FunnelGroup| {
            let totals = group.figures.totals;
            (group.name.clone(), totals.pv, totals.uv, totals.orders, group.figures.steps)
        };
        found.groups.iter().map(row).collect::<Vec<_>>()
    };
    let name = |name: &str| name.to_owned();
    assert_eq!(
        groups(FunnelGrouping::Item),
        [(name("lamp"), 3, 3, 2, [2, 1, 1, 1, 1]), (name("sofa"), 1, 1, 1, [1, 1, 1, 1, 0])]
    );
    assert_eq!(
        groups(FunnelGrouping::Category),
        [(name("light"), 3, 3, 2, [2, 1, 1, 1, 1]), (name("seat"), 1, 1, 1, [1, 1, 1, 1, 0])]
    );
    assert_eq!(
        groups(FunnelGrouping::Channel),
        [
            (name("(direct)"), 1, 2, 0, [1, 0, 0, 0, 0]),
            (name("mail"), 3, 2, 2, [2, 2, 2, 2, 1]),
            (name("app"), 0, 0, 1, [0, 0, 0, 0, 0]),
        ]
    );
    assert_eq!(
        groups(FunnelGrouping::Gender),
        [
            (name("female"), 2, 1, 1, [1, 1, 1, 1, 1]),
            (name("male"), 1, 1, 0, [1, 0, 0, 0, 0]),
            (name("(unknown)"), 1, 2, 2, [1, 1, 1, 1, 0]),
        ]
    );
}

#[test]
fn groups_come_in_pages_that_join_to_the_whole() {
    let (_data, reports) = told();
    let mut query = funnel(FunnelGrouping::Channel, None);
    let whole = reports.funnel(&query).unwrap();
    query.paging.page_size = 2;
    let first = reports.funnel(&query).unwrap();
    query.paging.page_token = first.next_page_token.clone();
    let second = reports.funnel(&query).unwrap();
    assert_eq!((first.groups.len(), second.groups.len()), (2, 1));
    assert_eq!([first.groups, second.groups].concat(), whole.groups);
    assert_eq!(second.next_page_token, "");
    query.by = FunnelGrouping::Item;
    assert!(
        matches!(reports.funnel(&query), Err(ReportError::Invalid(e)) if e.field == "page_token")
    );
}

#[test]
fn traffic_is_told_by_item_channel_and_minute_with_exact_visitors() {
    let (_data, reports) = told();
    let rows = |sale_id, by| {
        let paging = Paging::default();
        let query = TrafficQuery { sale_id, by, from: None, until: None, paging };
        reports.traffic(&query).unwrap()
    };
    let first = Some(sales().0);
    let total =
        TrafficFigures { views: 4, favourites: 1, carts: 2, shares: 1, buys: 0, visitors: 4 };
    assert_eq!(rows(first, TrafficGrouping::None).total, total);
    let short = |found: doorbuster::reports::Traffic| -> Vec<(String, i64, i64)> {
        let of = |row: doorbuster::reports::TrafficRow| {
            let name =
                row.minute.map_or(row.name, |minute| ((minute.0 - START) / 1_000).to_string());
            (name, row.figures.views, row.figures.visitors)
        };
        found.rows.into_iter().map(of).collect()
    };
    let name = |name: &str| name.to_owned();
    assert_eq!(
        short(rows(first, TrafficGrouping::Item)),
        [(name("lamp"), 3, 3), (name("sofa"), 1, 1)]
    );
    // 1,000,000,000 ms is 40 s into a minute.
    assert_eq!(
        short(rows(first, TrafficGrouping::Minute)),
        [(name("-40"), 4, 3), (name("20"), 0, 2), (name("3560"), 0, 1)]
    );
    assert_eq!(
        short(rows(first, TrafficGrouping::Channel)),
        [(name("(direct)"), 2, 4), (name("mail"), 2, 2), (name("search"), 0, 1)]
    );
    // Of both sales together, ann and bob are still one each.
    let both = rows(None, TrafficGrouping::Channel);
    assert_eq!((both.total.views, both.total.visitors), (6, 4));
    assert_eq!(short(both)[0], (name("(direct)"), 4, 4));
}

#[test]
fn a_channel_is_credited_by_first_and_by_last_touch() {
    let (_data, reports) = told();
    let asked = |sale_id, window_ms| {
        let query = AttributionQuery { sale_id, window_ms, ..AttributionQuery::default() };
        reports.attribution(&query).unwrap()
    };
    let credit = |orders, units| Credit { orders, units, revenue_minor: units * 500 };
    let rows = |found: &doorbuster::reports::Attribution| -> Vec<(String, Credit, Credit)> {
        let rows = found.rows.iter();
        rows.map(|row| (row.channel.clone(), row.first_touch, row.last_touch)).collect()
    };
    let none = Credit::default();
    let name = |name: &str| name.to_owned();
    let found = asked(Some(sales().0), None);
    assert_eq!(found.total, credit(1, 2));
    assert_eq!(
        rows(&found),
        [(name("mail"), credit(1, 2), none), (name("search"), none, credit(1, 2))]
    );
    // The mail was 100 s before the order, the search 40 s.
    let found = asked(Some(sales().0), Some(40_000));
    assert_eq!(rows(&found), [(name("search"), credit(1, 2), credit(1, 2))]);
    let found = asked(Some(sales().0), Some(39_999));
    assert_eq!(rows(&found), [(name("(direct)"), credit(1, 2), credit(1, 2))]);
    // bob's second order has no channel of its own, so the first one's is the last touch.
    let found = asked(Some(sales().1), None);
    assert_eq!(
        rows(&found),
        [
            (name("(direct)"), credit(1, 1), credit(1, 1)),
            (name("mail"), credit(2, 2), credit(2, 2))
        ]
    );
}

#[test]
fn a_portrait_says_who_came_and_who_bought() {
    let (_data, reports) = told();
    let query = PortraitQuery { sale_id: Some(sales().0), ..PortraitQuery::default() };
    let found = reports.portrait(&query).unwrap();
    assert_eq!((found.shoppers, found.buyers), (5, 1));
    let rows: Vec<_> = found
        .rows
        .iter()
        .map(|row| (row.attribute, row.value.as_str(), row.shoppers, row.buyers, row.revenue_minor))
        .collect();
    use PortraitAttribute::{AgeBand, Gender, Region, SpendingTier};
    assert_eq!(
        rows,
        [
            (AgeBand, "25-34", 1, 1, 1_000),
            (AgeBand, "(unknown)", 4, 0, 0),
            (Gender, "female", 1, 1, 1_000),
            (Gender, "male", 1, 0, 0),
            (Gender, "(unknown)", 3, 0, 0),
            (Region, "north", 1, 1, 1_000),
            (Region, "(unknown)", 4, 0, 0),
            (SpendingTier, "(unknown)", 5, 1, 1_000),
        ]
    );
}

#[test]
fn paths_are_told_most_common_first_and_cut_where_asked() {
    let (_data, reports) = told();
    let paths = |steps_max| {
        let query = PathsQuery { sale_id: Some(sales().0), steps_max, ..PathsQuery::default() };
        let found = reports.paths(&query).unwrap();
        let names = |row: &doorbuster::reports::PathRow| {
            let steps: Vec<_> = row.steps.iter().map(|step| step.name()).collect();
            (steps.join(" "), row.shoppers, row.buyers)
        };
        assert_eq!((found.shoppers, found.shoppers_left_out), (5, 0));
        found.rows.iter().map(names).collect::<Vec<_>>()
    };
    let path = |steps: &str, shoppers, buyers| (steps.to_owned(), shoppers, buyers);
    assert_eq!(
        paths(0),
        [
            path("view favourite cart order paid", 1, 1),
            path("view cart order cancelled", 1, 0),
            path("view refused", 1, 0),
            path("share", 1, 0),
            path("order expired", 1, 0),
        ]
    );
    assert_eq!(paths(1), [path("view", 3, 1), path("share", 1, 0), path("order", 1, 0)]);
}

#[test]
fn buyers_are_new_or_return_and_are_found_in_other_sales() {
    let (_data, reports) = told();
    let retention = |sale_id| {
        let query = RetentionQuery { sale_id, paging: Paging::default() };
        let found = reports.retention(&query).unwrap();
        let rows: Vec<_> =
            found.rows.iter().map(|row| (row.sale_id, row.visited, row.bought)).collect();
        (found.buyers, found.new_buyers, found.returning_buyers, found.repeat_buyers, rows)
    };
    let (first, second) = sales();
    assert_eq!(retention(first), (1, 1, 0, 0, vec![(second, 1, 1)]));
    // ann bought before; bob is new and bought twice; both visited the first sale.
    assert_eq!(retention(second), (2, 1, 1, 1, vec![(first, 2, 1)]));
    let new = reports.new_buyers(second).unwrap();
    assert_eq!((new.buyers, new.new_buyers), (2, 1));
}

#[test]
fn an_attempt_is_of_the_shopper_who_is_heard_of_later() {
    let mut log = Log::default();
    let (sale, lamp) = (sales().0, items().0);
    log.add_item(sale, lamp, "lamp");
    let refused = [(0, "zoe", 1, AttemptOutcome::SoldOut), (1, "yan", 1, AttemptOutcome::SoldOut)];
    log.push(StreamName::demand(lamp), attempts(1_000, &refused));
    log.push(
        StreamName::traffic(sale),
        batch(None, &[beacon(1_001_000, TrafficAction::View, "zoe").of(ann())]),
    );
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &log);
    let path = doorbuster::projections::view_path(data.path(), "journeys");
    let shoppers = "SELECT number, rest IS NULL, gender FROM shoppers ORDER BY number";
    assert_eq!(cells(&path, shoppers), ["1|0|female", "2|1|"]);
    let query = PathsQuery { sale_id: Some(sale), ..PathsQuery::default() };
    let found = reports.paths(&query).unwrap();
    assert_eq!((found.shoppers, found.rows[0].steps.len()), (2, 1));
    assert_eq!(found.rows[1].steps.len(), 2, "zoe was refused, then looked");
}

#[test]
fn names_of_shoppers_are_not_kept() {
    let (data, _reports) = told();
    for table in ["shoppers", "touches", "orders"] {
        let path = doorbuster::projections::view_path(data.path(), "journeys");
        let rows = cells(&path, &format!("SELECT * FROM {table}")).join("\n");
        assert!(!rows.is_empty());
        for name in ["ann", "bob", "cat", "dan", "eve"] {
            assert!(!rows.contains(name), "{table} names {name}");
        }
    }
}
