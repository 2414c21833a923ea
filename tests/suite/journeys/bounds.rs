//! Names without end, windows that hold nothing, sales that do not exist, and little memory.

use doorbuster::{
    events::{StreamName, TrafficAction},
    reports::{
        AttributionQuery, FunnelGrouping, FunnelQuery, Paging, PathsQuery, PortraitAttribute,
        PortraitQuery, ReportError, Reports, RetentionQuery, TrafficGrouping, TrafficQuery,
    },
    values::{SaleId, ShopperAttributes, UnixMs},
};
use tempfile::tempdir;
use uuid::Uuid;

use super::{asked, batch, beacon, feed, open, story::story};
use crate::fold::log::{Log, busy_sale, busy_sale_id};

fn refused<T>(answer: Result<T, ReportError>) -> String {
    match answer {
        Ok(_) => panic!("it was answered"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn channels_and_regions_beyond_a_thousand_are_counted_together() {
    let sale = SaleId(Uuid::from_u128(1));
    let mut log = Log::default();
    for part in 0..6 {
        let beacons: Vec<_> = (0..500)
            .map(|number| {
                let name = format!("name-{}", part * 500 + number);
                let region = name.clone();
                beacon(1_000, TrafficAction::View, &name)
                    .by(&name)
                    .of(ShopperAttributes { region, ..ShopperAttributes::default() })
            })
            .collect();
        log.push(StreamName::traffic(sale), batch(None, &beacons));
    }
    // A name that was told apart still is.
    log.push(
        StreamName::traffic(sale),
        batch(None, &[beacon(1_000, TrafficAction::View, "late").by("name-7")]),
    );
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &log);
    let paging = Paging { page_size: 10_000, ..Paging::default() };
    let by = TrafficGrouping::Channel;
    let query = TrafficQuery { sale_id: Some(sale), by, from: None, until: None, paging };
    let found = reports.traffic(&query).unwrap();
    assert_eq!(found.rows.len(), 1_001);
    let row = |name: &str| found.rows.iter().find(|row| row.name == name).unwrap().figures;
    assert_eq!((row("(other)").views, row("(other)").visitors), (2_000, 2_000));
    assert_eq!(row("name-7").visitors, 2);
    let query = PortraitQuery {
        sale_id: Some(sale),
        attribute: Some(PortraitAttribute::Region),
        paging: Paging { page_size: 10_000, ..Paging::default() },
    };
    let found = reports.portrait(&query).unwrap();
    // A thousand, the others, and the one who said nothing.
    assert_eq!(found.rows.len(), 1_002);
    assert_eq!(found.rows.iter().find(|row| row.value == "(other)").unwrap().shoppers, 2_000);
}

#[test]
fn names_that_visitors_make_up_do_not_hide_the_channels_of_orders() {
    let sale = SaleId(Uuid::from_u128(1));
    let lamp = sale.item_id("lamp");
    let mut log = Log::default();
    for part in 0..3 {
        let names: Vec<String> = (0..500).map(|nth| format!("{part}-{nth}")).collect();
        let beacons: Vec<_> =
            names.iter().map(|name| beacon(1_000, TrafficAction::View, "eve").by(name)).collect();
        log.push(StreamName::traffic(sale), batch(None, &beacons));
    }
    log.create_sale(sale, "Autumn", &[lamp]);
    log.add_item(sale, lamp, "lamp");
    log.allocate(lamp, "north", 1);
    let order = log.place(lamp, "ann", "app", &[("north", 1)], 1_000_000);
    log.pay(&order, "payment", 1_001_000);
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &log);
    let query = AttributionQuery { sale_id: Some(sale), ..AttributionQuery::default() };
    let found = reports.attribution(&query).unwrap();
    assert_eq!(found.rows.iter().map(|row| row.channel.as_str()).collect::<Vec<_>>(), ["app"]);
}

#[test]
fn questions_that_make_no_sense_are_refused_with_the_field_named() {
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &story());
    let funnel = |window_ms| {
        let by = FunnelGrouping::None;
        reports.funnel(&FunnelQuery { sale_id: None, window_ms, by, paging: Paging::default() })
    };
    assert_eq!(refused(funnel(Some(0))), "window must be longer than nothing");
    assert_eq!(refused(funnel(Some(-1))), "window must be longer than nothing");
    assert_eq!(refused(funnel(Some(i64::MAX))), "window must be at most 3653 days");
    let attribution = AttributionQuery { window_ms: Some(0), ..AttributionQuery::default() };
    assert_eq!(refused(reports.attribution(&attribution)), "window must be longer than nothing");
    for steps_max in [-1, 33, i64::MIN] {
        let paths = PathsQuery { steps_max, ..PathsQuery::default() };
        assert_eq!(refused(reports.paths(&paths)), "steps_max must be 1 to 32");
    }
    let traffic = |by, from: Option<i64>, until: Option<i64>| {
        let (from, until) = (from.map(UnixMs), until.map(UnixMs));
        let paging = Paging::default();
        reports.traffic(&TrafficQuery { sale_id: None, by, from, until, paging })
    };
    let inverted = traffic(TrafficGrouping::Minute, Some(60_001), Some(60_000));
    assert_eq!(refused(inverted), "until_time must not be before from_time");
    let of_items = traffic(TrafficGrouping::Item, Some(1), None);
    assert_eq!(refused(of_items), "from_time is for traffic by minute");
    let unknown = FunnelGrouping::parse("colour").unwrap_err().to_string();
    assert!(unknown.contains("none, item, channel, age-band"), "{unknown}");

    let nowhere = SaleId(Uuid::from_u128(0xdead));
    let paging = Paging::default();
    let missing = [
        refused(reports.funnel(&FunnelQuery {
            sale_id: Some(nowhere),
            window_ms: None,
            by: FunnelGrouping::None,
            paging: paging.clone(),
        })),
        refused(reports.paths(&PathsQuery { sale_id: Some(nowhere), ..PathsQuery::default() })),
        refused(reports.retention(&RetentionQuery { sale_id: nowhere, paging })),
        refused(reports.new_buyers(nowhere)),
    ];
    assert_eq!(missing, ["sale_id does not exist"; 4].map(str::to_owned));
}

#[test]
fn an_empty_log_has_empty_figures() {
    let data = tempdir().unwrap();
    let _model = open(data.path());
    let reports = Reports::open(data.path());
    let by = FunnelGrouping::Item;
    let query = FunnelQuery { sale_id: None, window_ms: None, by, paging: Paging::default() };
    let found = reports.funnel(&query).unwrap();
    assert_eq!((found.total, found.groups), Default::default());
    assert_eq!(found.total.of_previous_ppm(1), 0);
    assert!(reports.paths(&PathsQuery::default()).unwrap().rows.is_empty());
    assert!(reports.portrait(&PortraitQuery::default()).unwrap().rows.is_empty());
    assert_eq!(reports.attribution(&AttributionQuery::default()).unwrap().total.orders, 0);
}

#[test]
fn little_memory_takes_more_passes_and_gives_the_same_answers() {
    let data = tempdir().unwrap();
    feed(data.path(), &busy_sale(600).events, 100);
    let answers = |reports: &Reports| {
        let sale_id = Some(busy_sale_id(1));
        let (window_ms, by, paging) = (None, FunnelGrouping::Item, Paging::default());
        (
            reports.funnel(&FunnelQuery { sale_id, window_ms, by, paging }).unwrap(),
            reports.portrait(&PortraitQuery::default()).unwrap(),
            reports.paths(&PathsQuery { sale_id, ..PathsQuery::default() }).unwrap(),
            reports.attribution(&AttributionQuery::default()).unwrap(),
        )
    };
    let whole = answers(&Reports::open(data.path()));
    assert!(whole.0.total.totals.orders > 100);
    for held in [400, 150] {
        assert_eq!(answers(&Reports::open(data.path()).holding(held)), whole, "{held}");
    }
}

#[test]
fn a_pass_that_turns_out_too_large_is_cut_in_two() {
    let sale = SaleId(Uuid::from_u128(1));
    let mut log = Log::default();
    let mut beacons = Vec::new();
    for number in 0..100 {
        // The first four shoppers have more touches than all others together.
        let touches = if number < 4 { 30 } else { 1 };
        let visitor = format!("visitor-{number}");
        beacons.extend(vec![beacon(1_000, TrafficAction::View, &visitor); touches]);
    }
    log.push(StreamName::traffic(sale), batch(None, &beacons));
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &log).holding(100);
    let by = FunnelGrouping::None;
    let query = FunnelQuery { sale_id: None, window_ms: None, by, paging: Paging::default() };
    let found = reports.funnel(&query).unwrap();
    assert_eq!((found.total.totals.uv, found.total.totals.pv), (100, 216));
    assert_eq!(found.touches_left_out, 0);
}

#[test]
fn touches_of_one_shopper_beyond_the_memory_are_said_to_be_left_out() {
    let sale = SaleId(Uuid::from_u128(1));
    let mut log = Log::default();
    let mut beacons = vec![beacon(1_000, TrafficAction::View, "somebody"); 90];
    beacons.push(beacon(2_000, TrafficAction::View, "somebody else"));
    log.push(StreamName::traffic(sale), batch(None, &beacons));
    let data = tempdir().unwrap();
    let reports = asked(data.path(), &log).holding(50);
    let by = FunnelGrouping::None;
    let query = FunnelQuery { sale_id: None, window_ms: None, by, paging: Paging::default() };
    let found = reports.funnel(&query).unwrap();
    assert_eq!((found.total.totals.uv, found.total.totals.pv), (2, 51));
    assert_eq!(found.touches_left_out, 40);
}
