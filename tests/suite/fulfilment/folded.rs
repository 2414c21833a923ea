//! Lines and bytes of exports of a hand-made log.

use doorbuster::{
    events::{
        Act, ItemEvent, OrderEvent, OrderReferences, OrderRefunded, StreamName, WarehouseUnits,
    },
    projections::{ReadModel, all, view_path},
    reports::{EXPORTED_MAX, ExportColumns, ExportLine, ReportError, Reports, export_digest},
    values::{RequestId, SaleId, UnixMs},
};
use tempfile::tempdir;
use uuid::Uuid;

use crate::fold::{
    fold_all,
    log::{Log, Order, act},
};

fn sale(number: u128) -> SaleId {
    SaleId(Uuid::from_u128(0xabc0 + number))
}

/// Units of an order come back from those warehouses.
fn give_back(log: &mut Log, order: &Order, from: &[(&str, i64)], left: i64, at: i64) {
    let warehouses = from.iter().map(|(warehouse, units)| WarehouseUnits {
        warehouse: (*warehouse).to_owned(),
        units: *units,
    });
    let units = from.iter().map(|(_, units)| units).sum();
    let refunded = OrderRefunded {
        order_id: order.order_id,
        placed_revision: order.placed_revision,
        units,
        units_left: left,
        amount_minor: 500 * units,
        restocked: left > 0,
        warehouses: warehouses.collect(),
        parts: Vec::new(),
        // Each refund is a request of its own.
        act: Act { request_id: RequestId(Uuid::from_u128(log.events.len() as u128)), ..act() },
        coupon_batch_id: None,
        limited_by: None,
        refunded_at_ms: UnixMs(at),
    };
    let event = OrderEvent::Refunded(refunded);
    log.push(StreamName::item(order.item), ItemEvent::from(event));
}

/// Two sales side by side: the numbers of each count its own payments and refunds only.
fn story() -> Log {
    let mut log = Log::default();
    for number in [1, 2] {
        let item = sale(number).item_id("lamp");
        log.create_sale(sale(number), "Autumn", &[item]);
        log.add_item(sale(number), item, "lamp, \"big\"");
        log.allocate(item, "north", 50);
        log.allocate(item, "south", 50);
    }
    let [lamp, other] = [1, 2].map(|number| sale(number).item_id("lamp"));
    let ann = log.place(lamp, "ann", "", &[("north", 2), ("south", 1)], 1_000_000);
    let bob = log.place(lamp, "=bob", "", &[("south", 1)], 1_000_100);
    let cat = log.place(lamp, "cat", "", &[("south", 2)], 1_000_200);
    let dan = log.place(other, "dan", "", &[("north", 1)], 1_000_300);
    let eve = log.place(lamp, "eve", "", &[("north", 1)], 1_000_400);
    log.pay(&dan, "pay-dan", 1_001_000);
    // 1, 2, 3: of the order with the number 1 a unit comes back before the first export ends.
    log.pay(&ann, "pay-ann", 1_001_100);
    log.pay(&bob, "pay-bob", 1_001_200);
    give_back(&mut log, &ann, &[("south", 1)], 2, 1_001_300);
    // 4, 5: an order that is wholly given back before it was exported.
    log.pay(&cat, "pay-cat", 1_001_400);
    give_back(&mut log, &cat, &[("south", 2)], 0, 1_001_500);
    // 6, 7: an order of the first export, given back after it.
    give_back(&mut log, &bob, &[("south", 1)], 0, 1_001_600);
    log.pay(&eve, "pay-eve", 1_001_700);
    log
}

fn lines(reports: &Reports, ends: (i64, i64)) -> Vec<String> {
    let told = |line: ExportLine| {
        let back = line.returned.map_or("", |_| "refund ");
        let at = line.warehouses.iter().map(|at| format!("{} {}", at.warehouse, at.units));
        format!(
            "{back}{} {} {}-{}={} [{}] {}-{}",
            line.number,
            line.buyer,
            line.units_paid,
            line.units_refunded,
            line.units_to_ship,
            at.collect::<Vec<_>>().join(", "),
            line.total_minor,
            line.refunded_minor,
        )
    };
    reports.export_lines(sale(1), ends).unwrap().into_iter().map(told).collect()
}

#[test]
fn lines_hold_what_is_to_be_shipped_and_name_what_came_back_later() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &story().events);
    let reports = Reports::open(data.path());
    assert_eq!(reports.export_end(sale(1), 0).unwrap().0, 7);
    assert_eq!(reports.export_end(sale(2), 0).unwrap().0, 1);
    let first = ["1 ann 3-1=2 [north 2] 1500-500", "2 =bob 1-0=1 [south 1] 500-0"];
    assert_eq!(lines(&reports, (0, 3)), first);
    let second = [
        "4 cat 2-2=0 [] 1000-1000",
        "7 eve 1-0=1 [north 1] 500-0",
        "refund 6 =bob 1-1=0 [south 1] 500-500",
    ];
    assert_eq!(lines(&reports, (3, 7)), second);
    // The first one does not change because of what came later; with other ends it is another one.
    assert_eq!(lines(&reports, (0, 2))[0], "1 ann 3-0=3 [north 2, south 1] 1500-0");
}

#[test]
fn the_bytes_of_an_export_are_these_for_ever() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &story().events);
    let found = Reports::open(data.path()).export_lines(sale(1), (3, 7)).unwrap();
    let [cat, eve, bob] = [&found[0], &found[1], &found[2]].map(|line| line.order_id);
    let item = sale(1).item_id("lamp");
    let (sku, day) = ("\"lamp, \"\"big\"\"\"", "1970-01-01T00:16:41");
    let expected = format!(
        "line,number,order_id,item_id,sku,buyer,units_paid,units_refunded,units_to_ship,warehouses,\
         total_minor,refunded_minor,currency,paid_time,payment_reference,refunded_time,restocked\n\
         order,4,{cat},{item},{sku},cat,2,2,0,,1000,1000,EUR,{day}.400Z,pay-cat,,\n\
         order,7,{eve},{item},{sku},eve,1,0,1,north 1,500,0,EUR,{day}.700Z,pay-eve,,\n\
         refund,6,{bob},{item},{sku},'=bob,1,1,0,south 1,500,500,EUR,{day}.200Z,pay-bob,\
         {day}.600Z,no\n"
    );
    let columns = ExportColumns::of(&found);
    assert_eq!(columns.csv(&found, true), expected);
    let parts: String =
        found.chunks(2).enumerate().map(|(nth, part)| columns.csv(part, nth == 0)).collect();
    assert_eq!(parts, expected);
    // Digests in logs were made of such bytes.
    let digest = "6b9e13233d2ef7d89c06472685d6187081e53708224d667b9c7f2e9de4718569";
    assert_eq!(export_digest(&found), digest);
    with_references(found, &expected);
}

/// The shop gave references of one order: each line has columns for them.
fn with_references(mut found: Vec<ExportLine>, plain: &str) {
    let labels = [("store", "浦东"), ("campaign", "=1+1")];
    found[1].references = OrderReferences {
        shop_order_id: "S,17".to_owned(),
        labels: labels.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    };
    let of_line = ["shop_order_id,labels", ",", "\"S,17\",campaign==1+1; store=浦东", ","];
    let expected: String =
        plain.lines().zip(of_line).map(|(line, more)| format!("{line},{more}\n")).collect();
    // Each part has the columns, also one without references.
    let columns = ExportColumns::of(&found);
    let parts: String =
        found.chunks(1).enumerate().map(|(nth, part)| columns.csv(part, nth == 0)).collect();
    assert_eq!(parts, expected);
    assert_ne!(export_digest(&found), export_digest(&found[2..]));
}

#[test]
fn numbers_do_not_depend_on_positions_or_pages() {
    let log = story();
    let digest = |page: usize, positions: u64| {
        let data = tempdir().unwrap();
        for projection in all() {
            let mut model = ReadModel::open(data.path(), projection).unwrap();
            let mut events = log.events.clone();
            for (nth, (recorded, _)) in events.iter_mut().enumerate() {
                recorded.position.0 = (nth as u64 + 1) * positions;
            }
            for page in events.chunks(page) {
                model.apply_page(page).unwrap();
            }
        }
        assert!(view_path(data.path(), "fulfilment").exists());
        export_digest(&Reports::open(data.path()).export_lines(sale(1), (0, 7)).unwrap())
    };
    assert_eq!(digest(1, 1), digest(1000, 900));
}

#[test]
fn an_export_ends_after_as_many_payments_as_it_holds() {
    let mut log = Log::default();
    let item = sale(1).item_id("lamp");
    log.create_sale(sale(1), "Autumn", &[item]);
    log.add_item(sale(1), item, "lamp");
    log.allocate(item, "north", 20_000);
    for at in 0..=EXPORTED_MAX {
        let order = log.place(item, "ann", "", &[("north", 1)], 1_000_000 + at);
        log.pay(&order, "p", 1_000_000 + at);
    }
    let data = tempdir().unwrap();
    for name in ["fulfilment", "orders"] {
        let projection = all().into_iter().find(|projection| projection.name() == name).unwrap();
        let mut model = ReadModel::open(data.path(), projection).unwrap();
        log.events.chunks(1_000).for_each(|page| model.apply_page(page).unwrap());
    }
    let reports = Reports::open(data.path());
    let end = |after| reports.export_end(sale(1), after).unwrap().0;
    assert_eq!((end(0), end(1), end(EXPORTED_MAX)), (EXPORTED_MAX, 10_001, 10_001));
    assert_eq!(end(10_001), 10_001, "then there is nothing new");
    assert_eq!(reports.export_lines(sale(1), (0, EXPORTED_MAX)).unwrap().len(), 10_000);
}

#[test]
fn what_is_not_there_is_named() {
    let data = tempdir().unwrap();
    fold_all(data.path(), &story().events);
    let reports = Reports::open(data.path());
    let unknown = |asked: ReportError| asked.to_string();
    assert_eq!(unknown(reports.export_end(sale(9), 0).unwrap_err()), "sale_id does not exist");
    assert_eq!(unknown(reports.export_of(sale(1), 1).unwrap_err()), "number does not exist");
    let zero = unknown(reports.export_of(sale(1), 0).unwrap_err());
    assert_eq!(zero, "number must be at least 1, not 0");
}
