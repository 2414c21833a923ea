//! Who reads each kind of event: a kind that nobody reads is stored in vain, and a method of a family
//! that is never called reads nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use doorbuster::{
    domain::{
        Decider, alert::Book, coupon::CouponBatch, fulfilment::Fulfilment, incident::Incident,
        item::Item, node_roll::NodeRoll, quota::Quota, sale::Sale, script::Script,
        service_level::ServiceLevelSetting,
    },
    events::{
        AlertEvent, CancelCause, CouponAsked, CouponEvent, CouponNamed, DemandTick, Event,
        IfDenied, IncidentEvent, ItemEvent, LevelSet, LossAccepted, NodeEvent, OfferEvent,
        OrderEvent, OrdersExported, QuotaEvent, SaleEvent, ScriptEvent, StockEvent, StockMoved,
        StockWithdrawn, Stored, StreamName, TrafficRecorded,
    },
    pages::{Lang, event_name},
    projections::{ApplyError, Here, Projection, ReadModel, all, view_path},
    values::{IncidentId, ItemId, SaleId},
};
use rusqlite::Connection;
use tempfile::tempdir;
use uuid::Uuid;

use super::log::{self, scripted_ids, scripted_sale};
use crate::events::samples;

/// Each kind with the deciders and the read models that read it. The holds, the alerts' figures and
/// the webhook follow the log, too, and are tested where they are.
const READERS: &[(&str, &str)] = &[
    ("AlertCleared", "alerts operations"),
    ("AlertRaised", "alerts operations"),
    ("AudienceSet", "acts item marks"),
    ("BudgetRaised", "coupon coupons"),
    ("CouponApplied", "coupons item marks orders"),
    ("CouponBatchClosed", "coupon coupons"),
    ("CouponBatchCreated", "coupon coupons"),
    ("CouponClaimed", "coupon coupons"),
    ("CouponDenied", "coupons item marks orders"),
    ("CouponRedeemed", "coupon coupons"),
    ("CouponReturned", "coupon coupons"),
    ("CouponRevoked", "coupon coupons"),
    ("DemandTick", "journeys timeline"),
    ("GiftUnitsSet", "acts item marks orders"),
    ("HoldExtended", "acts item marks orders"),
    ("IncidentActionTaken", "incident operations"),
    ("IncidentAssessed", "incident operations"),
    ("IncidentDetected", "incident operations"),
    ("IncidentResolved", "incident operations"),
    ("IncidentReviewed", "incident operations"),
    (
        "ItemAdded",
        "acts catalog fulfilment item journeys marks orders refunds sales stock timeline",
    ),
    ("ItemClosed", "acts catalog item marks"),
    ("ItemPaused", "acts catalog item marks"),
    ("ItemResumed", "acts catalog item marks"),
    ("ItemScheduled", "acts catalog item marks"),
    ("LevelSet", "level operations"),
    ("LimitGranted", "item marks orders"),
    // The store reads it when it opens a log that ends too early.
    ("LossAccepted", "src/store/embedded/judge.rs"),
    ("NodeAnnounced", "node_roll"),
    ("NodeLeft", "node_roll"),
    ("OffersSet", "acts item marks orders"),
    ("OrderCancelled", "coupons item journeys marks orders sales stock timeline"),
    ("OrderExpired", "item journeys marks orders sales stock timeline"),
    ("OrderPaid", "fulfilment item journeys marks orders sales stock timeline"),
    ("OrderPlaced", "coupons item journeys marks orders sales stock timeline"),
    ("OrderRefunded", "acts fulfilment item journeys marks orders refunds sales stock timeline"),
    ("OrderReinstated", "item marks orders sales stock timeline"),
    ("OrdersExported", "acts exports fulfilment"),
    ("PaymentFailed", "item marks orders"),
    ("PricesSet", "acts item marks orders"),
    ("PurchaseLimitSet", "acts catalog item marks"),
    ("QuotaReturned", "coupons quota"),
    ("QuotaTaken", "coupons quota"),
    ("RefundDue", "item marks refunds sales timeline"),
    ("RefundSettled", "acts item marks refunds sales"),
    ("ReservePlanSet", "acts item marks stock"),
    ("ReserveProposed", "acts item marks stock"),
    ("ReserveReleased", "acts item marks sales stock timeline"),
    ("ReserveSet", "acts item marks stock"),
    ("SaleClosed", "acts catalog sale"),
    ("SaleCreated", "acts catalog coupons fulfilment journeys sale sales"),
    ("SalePaused", "acts catalog sale"),
    ("SaleRescheduled", "acts catalog sale"),
    ("SaleResumed", "acts catalog sale"),
    ("ScriptPublished", "operations script"),
    ("ScriptWithdrawn", "operations script"),
    ("StockAllocated", "acts item marks sales stock timeline"),
    ("StockMoved", "acts item marks stock"),
    ("StockWithdrawn", "acts item marks sales stock timeline"),
    ("TrafficRecorded", "journeys"),
];

/// The decider that reads an event.
fn decider(event: &Event) -> Option<&'static str> {
    let read = [
        ("item", Item::pick(event.clone()).is_some()),
        ("sale", Sale::pick(event.clone()).is_some()),
        ("coupon", CouponBatch::pick(event.clone()).is_some()),
        ("quota", Quota::pick(event.clone()).is_some()),
        ("alerts", Book::pick(event.clone()).is_some()),
        ("incident", Incident::pick(event.clone()).is_some()),
        ("script", Script::pick(event.clone()).is_some()),
        ("exports", Fulfilment::pick(event.clone()).is_some()),
        ("node_roll", NodeRoll::pick(event.clone()).is_some()),
        ("level", ServiceLevelSetting::pick(event.clone()).is_some()),
    ];
    read.into_iter().find_map(|(name, reads)| reads.then_some(name))
}

/// A log with every kind of event: a sale with a limit over its items, and what is told around it.
fn every_kind() -> log::Log {
    let mut log = scripted_sale();
    for (_, event) in &mut log.events {
        if let Event::Sale(SaleEvent::Created(created)) = event {
            created.limit_per_buyer = Some(3);
        }
    }
    let (sale, _) = scripted_ids();
    let sofa = StreamName::item(sale.item_id("sofa"));
    for event in samples() {
        match &event {
            Event::Item(ItemEvent::Stock(StockEvent::Moved(sample))) => {
                let (from, to) = ("north".to_owned(), "south".to_owned());
                let moved = StockMoved { from, to, units: 1, ..sample.clone() };
                log.push(sofa, ItemEvent::from(StockEvent::Moved(moved)));
            }
            Event::Item(ItemEvent::Stock(StockEvent::Withdrawn(sample))) => {
                let warehouse = "north".to_owned();
                let withdrawn = StockWithdrawn { warehouse, units: 1, ..sample.clone() };
                log.push(sofa, ItemEvent::from(StockEvent::Withdrawn(withdrawn)));
            }
            Event::Item(ItemEvent::Offer(
                OfferEvent::PricesSet(_)
                | OfferEvent::OffersSet(_)
                | OfferEvent::GiftUnitsSet(_)
                | OfferEvent::AudienceSet(_)
                | OfferEvent::ReservePlanSet(_)
                | OfferEvent::ReserveProposed(_),
            )) => _ = log.push(sofa, event.clone()),
            _ => {}
        }
        let stream = match &event {
            Event::Coupon(_) => StreamName::coupon(sale.batch_id("save20")),
            Event::Quota(_) => StreamName::quota(sale),
            Event::Traffic(_) => StreamName::traffic(sale),
            Event::Fulfilment(_) => StreamName::fulfilment(sale),
            Event::Alert(_) => StreamName::alerts(Some(sale)),
            Event::Incident(_) => StreamName::incident(IncidentId(Uuid::from_u128(7))),
            Event::Script(_) => StreamName::script("sold_out", "en"),
            Event::Level(_) => StreamName::level(),
            Event::Log(_) => StreamName::log(),
            Event::Node(_) => StreamName::nodes(),
            Event::Item(_) | Event::Sale(_) | Event::Demand(_) => continue,
        };
        log.push(stream, event);
    }
    life_of_an_order(&mut log, sale.item_id("sofa"));
    log
}

/// An order over the limit; and a late order that is reinstated and paid, of which a unit comes back and
/// its money is settled.
fn life_of_an_order(log: &mut log::Log, sofa: ItemId) {
    let (sale, _) = scripted_ids();
    let over = log.place(sofa, "eve", "", &[("north", 1)], 1_009_000);
    log.cancel(&over, 1_009_000);
    if let Some((_, Event::Item(ItemEvent::Order(OrderEvent::Cancelled(cancelled))))) =
        log.events.last_mut()
    {
        (cancelled.cause, cancelled.limited_by) = (CancelCause::OverSaleLimit, Some(sale));
    }
    let order = log.place(sofa, "eve", "", &[("north", 1)], 1_010_000);
    if let Some((_, Event::Item(ItemEvent::Order(OrderEvent::Placed(placed))))) =
        log.events.last_mut()
    {
        placed.coupon = Some(Box::new(CouponAsked {
            batch_id: sale.batch_id("save20"),
            named: CouponNamed::Code("SAVE20".to_owned()),
            if_denied: IfDenied::Keep,
            skip_offers: false,
            max_total_minor: None,
        }));
    }
    let about = |event: OrderEvent| order.event(event);
    let samples: Vec<OrderEvent> = samples()
        .into_iter()
        .filter_map(|event| match event {
            Event::Item(ItemEvent::Order(event)) => Some(event),
            _ => None,
        })
        .collect();
    let sample = |kind: &str| {
        let found = samples.iter().find(|event| event.kind() == kind);
        about(found.unwrap_or_else(|| panic!("no sample of {kind}")).clone())
    };
    for kind in ["LimitGranted", "CouponApplied", "CouponDenied", "PaymentFailed", "HoldExtended"] {
        log.push(StreamName::item(sofa), ItemEvent::from(sample(kind)));
    }
    log.expire(&order, 1_070_000);
    log.push(StreamName::item(sofa), ItemEvent::from(sample("OrderReinstated")));
    log.pay(&order, "late", 1_071_000);
    for kind in ["OrderRefunded", "RefundSettled"] {
        log.push(StreamName::item(sofa), ItemEvent::from(sample(kind)));
    }
}

#[test]
fn every_kind_of_event_has_the_readers_that_are_listed() {
    let data = tempdir().unwrap();
    let mut models: Vec<(ReadModel, Vec<String>)> = all()
        .into_iter()
        .map(|projection| (ReadModel::open(data.path(), projection).unwrap(), Vec::new()))
        .collect();
    let mut read: BTreeMap<&str, BTreeSet<&str>> =
        Event::kinds().into_iter().map(|kind| (kind, BTreeSet::new())).collect();
    for event in &every_kind().events {
        let readers = read.entry(event.1.kind()).or_default();
        readers.extend(decider(&event.1));
        for (model, before) in &mut models {
            model.apply_page(std::slice::from_ref(event)).unwrap();
            let after = log::all_rows(&view_path(data.path(), model.name()));
            if after != *before {
                readers.insert(model.name());
            }
            *before = after;
        }
    }
    for (kind, listed) in READERS.iter().filter(|(_, listed)| listed.contains(".rs")) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(listed);
        assert!(fs::read_to_string(path).unwrap().contains(kind), "{listed} reads {kind}");
        read.entry(kind).or_default().insert(listed);
    }
    let read = read.into_iter().map(|(kind, readers)| {
        let readers: Vec<&str> = readers.into_iter().collect();
        assert!(!readers.is_empty(), "nobody reads {kind}");
        (kind, readers.join(" "))
    });
    let listed = READERS.iter().map(|(kind, readers)| (*kind, (*readers).to_owned()));
    assert_eq!(read.collect::<Vec<_>>(), listed.collect::<Vec<_>>());
}

#[test]
fn every_kind_of_event_that_a_page_lists_has_a_name_in_both_languages() {
    for lang in Lang::ALL {
        let unnamed = Event::kinds().into_iter().filter(|kind| event_name(kind, lang).is_none());
        assert_eq!(unnamed.collect::<Vec<_>>(), [DemandTick::KIND, TrafficRecorded::KIND]);
    }
}

/// Notes which of its methods is called.
#[derive(Default)]
struct Probe(BTreeSet<&'static str>);

macro_rules! noting {
    ($($method:ident: $event:ty),+ $(,)?) => {
        $(fn $method(
            &mut self,
            _: &Here<'_>,
            _: &$event,
        ) -> Result<(), ApplyError> {
            self.0.insert(stringify!($method));
            Ok(())
        })+
    };
}

impl Projection for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn version(&self) -> i64 {
        1
    }

    fn schema(&self) -> &'static str {
        ""
    }

    noting! {
        on_offer: OfferEvent,
        on_stock: StockEvent,
        on_order: OrderEvent,
        on_sale: SaleEvent,
        on_coupon: CouponEvent,
        on_quota: QuotaEvent,
        on_demand: DemandTick,
        on_fulfilment: OrdersExported,
        on_traffic: TrafficRecorded,
        on_alert: AlertEvent,
        on_incident: IncidentEvent,
        on_script: ScriptEvent,
        on_level: LevelSet,
        on_log: LossAccepted,
        on_node: NodeEvent,
    }
}

#[test]
fn every_method_of_a_family_is_called_for_its_events() {
    let mut file = Connection::open_in_memory().unwrap();
    let rows = file.transaction().unwrap();
    let mut probe = Probe::default();
    let mut log = log::Log::default();
    for event in samples() {
        log.push(StreamName::traffic(SaleId(Uuid::nil())), event);
    }
    for (recorded, event) in &log.events {
        probe.apply(&rows, recorded, event).unwrap();
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/projections/projection.rs");
    let source = fs::read_to_string(source).unwrap();
    let declared = source.split("fn on_").skip(1).filter_map(|rest| rest.split('(').next());
    let declared: BTreeSet<String> =
        declared.filter(|name| *name != "item").map(|name| format!("on_{name}")).collect();
    let called: BTreeSet<String> = probe.0.into_iter().map(str::to_owned).collect();
    assert_eq!(called, declared);
}
