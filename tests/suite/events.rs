//! Goal: what was stored once can be read for ever, and the same fact is always the same bytes.
//!
//! Method: one golden sample for each stored kind in `tests/golden/events/`. A sample is written by
//! hand here, encoded, and compared with its file; the file is decoded and compared with the sample.
//! `UPDATE_GOLDEN=1` writes missing samples only: one that differs means that old logs change.

mod coupons;
mod items;
mod operations;
mod plain;
mod quota;
mod shoppers;

use std::{env, fs, path::PathBuf};

use doorbuster::{
    domain::{Decider, item::Item},
    events::{
        Act, AttemptOutcome, DecodeError, Draw, Event, ItemEvent, ItemPaused, ItemPlan, OfferEvent,
        OrdersExported, PackedAttempt, PackedBeacon, Position, PurchaseLimitSet, Recorded,
        SaleClosed, SaleCreated, SaleEvent, SalePaused, SaleRescheduled, SaleResumed, Stored,
        StreamName, TrafficRecorded, WarehouseUnits, decode, encode, pack, pack_beacons, unpack,
    },
    values::{Currency, Fingerprint, ItemId, OrderId, RequestId, SaleId, UnixMs},
};
use uuid::{Uuid, uuid};

const AT: UnixMs = UnixMs(1_794_326_400_123);
const REQUEST: RequestId = RequestId(uuid!("11111111-2222-4333-8444-555555555555"));
const ORDER: OrderId = OrderId(uuid!("aaaaaaaa-bbbb-5ccc-8ddd-eeeeeeeeeeee"));
const ITEM: ItemId = ItemId(uuid!("0f0f0f0f-1e1e-5d2d-8c3c-4b4b4b4b4b4b"));
const SALE: SaleId = SaleId(uuid!("5a5a5a5a-6b6b-5c7c-9d8d-9e9e9e9e9e9e"));
/// Starts with a zero: leading zeros are part of the stored form.
const FINGERPRINT: Fingerprint = Fingerprint(0x00c0_ffee_1234_5678);

fn act() -> Act {
    let (operator, reason) = ("olga".to_owned(), "\"补货\" – more came in".to_owned());
    Act { request_id: REQUEST, fingerprint: FINGERPRINT, operator, reason }
}

fn parts() -> Vec<WarehouseUnits> {
    let part = |warehouse: &str, units| WarehouseUnits { warehouse: warehouse.to_owned(), units };
    vec![part("杭州", 2), part("shenzhen-2", 1)]
}

fn sale_samples() -> Vec<SaleEvent> {
    let plan = ItemPlan {
        item_id: ITEM,
        sku: "PHONE-256".to_owned(),
        title: "Phone, 256 GB".to_owned(),
        unit_price_minor: 199_900,
        opens_at_ms: AT,
        closes_at_ms: AT.plus(3_600_000),
        limit_per_buyer: Some(2),
        limit_per_order: None,
        time_to_pay_ms: 900_000,
        units: parts(),
        reserve: Vec::new(),
        prices: None,
        offers: Vec::new(),
        audience: None,
        regions: Vec::new(),
        draw: Draw::Listed,
        reinstate_within_ms: None,
        reserve_plan: Vec::new(),
        suppliers: Vec::new(),
    };
    vec![
        SaleEvent::Created(SaleCreated {
            name: "双十一".to_owned(),
            currency: Currency::parse("currency", "CNY").unwrap(),
            opens_at_ms: AT,
            closes_at_ms: AT.plus(3_600_000),
            items: vec![plan],
            goals: None,
            curve: Vec::new(),
            alerts: Vec::new(),
            coupons: Vec::new(),
            limit_per_buyer: None,
            rewards: Vec::new(),
            act: act(),
            created_at_ms: AT,
        }),
        SaleEvent::Paused(SalePaused { act: act(), paused_at_ms: AT }),
        SaleEvent::Resumed(SaleResumed { act: act(), resumed_at_ms: AT }),
        SaleEvent::Closed(SaleClosed { act: act(), closed_at_ms: AT }),
        SaleEvent::Rescheduled(SaleRescheduled {
            opens_at_ms_before: AT,
            closes_at_ms_before: AT.plus(3_600_000),
            opens_at_ms: AT.plus(60_000),
            closes_at_ms: AT.plus(3_700_000),
            act: act(),
            rescheduled_at_ms: AT.plus(-1),
        }),
    ]
}

fn export_sample() -> OrdersExported {
    let sha256 = "6b9e13233d2ef7d89c06472685d6187081e53708224d667b9c7f2e9de4718569".to_owned();
    OrdersExported { after: 3, upto: 7, orders: 2, sha256, act: act(), exported_at_ms: AT }
}

pub fn samples() -> Vec<Event> {
    let items = items::samples().into_iter().map(Event::Item);
    let sales = sale_samples().into_iter().map(Event::Sale);
    items
        .chain(sales)
        .chain(coupons::samples().into_iter().map(Event::Coupon))
        .chain(quota::samples().into_iter().map(Event::Quota))
        .chain([
            Event::Demand(shoppers::tick()),
            Event::Fulfilment(export_sample()),
            Event::Traffic(shoppers::traffic()),
            Event::Level(operations::level()),
            Event::Log(operations::loss()),
        ])
        .chain(operations::alert_samples().into_iter().map(Event::Alert))
        .chain(operations::incident_samples().into_iter().map(Event::Incident))
        .chain(operations::script_samples().into_iter().map(Event::Script))
        .chain(operations::node_samples().into_iter().map(Event::Node))
        .collect()
}

fn recorded(kind: &str, data: &[u8]) -> Recorded {
    Recorded {
        position: Position(41),
        stream: StreamName::item(ITEM),
        revision: 7,
        id: ORDER.0,
        kind: kind.to_owned(),
        data: data.to_vec(),
        metadata: Vec::new(),
        recorded_at_ms: AT.0,
    }
}

fn golden(kind: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/events/{kind}.json"))
}

fn data(event: &Event) -> Vec<u8> {
    encode(ORDER.0, event, ORDER.0, REQUEST.0).data
}

#[test]
fn each_stored_kind_reads_and_writes_its_golden_sample() {
    let mut missing = Vec::new();
    for event in samples() {
        let path = golden(event.kind());
        let written = data(&event);
        if !path.exists() {
            if env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, [&written, b"\n".as_slice()].concat()).unwrap();
            } else {
                missing.push(event.kind());
                continue;
            }
        }
        let stored = fs::read(&path).unwrap();
        let stored = stored.strip_suffix(b"\n").unwrap_or(&stored);
        let text = String::from_utf8_lossy;
        assert_eq!(text(&written), text(stored), "{} is stored differently", event.kind());
        assert_eq!(decode(&recorded(event.kind(), stored)), Ok(event));
    }
    assert!(missing.is_empty(), "no sample of {missing:?}: UPDATE_GOLDEN=1 writes it; review it");
}

#[test]
fn each_kind_has_a_sample_and_each_file_a_kind() {
    let mut kinds = Event::kinds();
    let sampled: Vec<&str> = samples().iter().map(Stored::kind).collect();
    assert_eq!(sampled, kinds, "samples in the order of the tables of stored names");
    let mut files: Vec<String> = fs::read_dir(golden("x").parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    kinds.sort_unstable();
    let expected: Vec<String> = kinds.iter().map(|kind| format!("{kind}.json")).collect();
    assert_eq!(files, expected);
}

#[test]
fn what_only_some_events_say_is_left_out_of_the_others() {
    let by_sale = |by_sale| {
        ItemEvent::Offer(OfferEvent::Paused(ItemPaused { act: act(), by_sale, paused_at_ms: AT }))
    };
    let with = String::from_utf8(by_sale(true).json()).unwrap();
    let without = String::from_utf8(by_sale(false).json()).unwrap();
    assert_eq!(with.replace("\"by_sale\":true,", ""), without);
    assert!(!without.contains("by_sale"), "{without}");

    let steered = |act, set_at_ms| {
        let limits = PurchaseLimitSet { per_buyer: None, per_order: Some(1), act, set_at_ms };
        ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits))
    };
    let planned = String::from_utf8(steered(None, None).json()).unwrap();
    assert_eq!(planned, "{\"per_order\":1}");
    for event in [by_sale(true), steered(Some(act()), Some(AT))] {
        assert_eq!(decode(&recorded(event.kind(), &event.json())), Ok(Event::Item(event)));
    }
}

#[test]
fn fields_that_older_versions_left_out_have_their_defaults() {
    let none = decode(&recorded("PurchaseLimitSet", b"{}"));
    let limits = PurchaseLimitSet { per_buyer: None, per_order: None, act: None, set_at_ms: None };
    assert_eq!(none, Ok(Event::Item(ItemEvent::Offer(OfferEvent::PurchaseLimitSet(limits)))));
    for event in samples() {
        let mut json: serde_json::Value = serde_json::from_slice(&data(&event)).unwrap();
        json["a_field_of_the_future"] = 1.into();
        let read = decode(&recorded(event.kind(), json.to_string().as_bytes()));
        assert_eq!(read, Ok(event), "a newer version may add fields");
    }
}

#[test]
fn an_unknown_kind_is_an_error_that_names_the_place() {
    let error = decode(&recorded("OrderTeleported", b"{}")).unwrap_err();
    assert_eq!((error.position, error.revision), (41, 7));
    assert_eq!((error.kind.as_str(), error.stream.as_str()), ("OrderTeleported", STREAM));
    let text = error.to_string();
    for part in ["41", "OrderTeleported", STREAM, "revision 7", "knows no event of this name"] {
        assert!(text.contains(part), "{part} in: {text}");
    }
}

const STREAM: &str = "item-0f0f0f0f-1e1e-5d2d-8c3c-4b4b4b4b4b4b";

#[test]
fn a_garbled_body_is_an_error_and_never_a_different_event() {
    for event in samples() {
        let body = data(&event);
        let refused = |body: &[u8]| {
            let error: DecodeError = decode(&recorded(event.kind(), body)).unwrap_err();
            assert_eq!((error.position, error.kind.as_str()), (41, event.kind()));
        };
        for length in 0..body.len() {
            refused(&body[..length]);
        }
        refused(&[&body, b"x".as_slice()].concat());
        refused(b"null");
        refused(b"[]");
        refused(b"\xff\xfe");
    }
}

#[test]
fn a_body_with_a_wrong_value_is_an_error() {
    let wrong = [
        ("OrderPlaced", "order_id", serde_json::json!("not-a-uuid")),
        ("OrderPlaced", "units", serde_json::json!(1.5)),
        ("OrderPlaced", "units", serde_json::json!("3")),
        ("OrderPlaced", "units", serde_json::json!(-1)),
        ("OrderPlaced", "units", serde_json::json!(4_294_967_296_u64)),
        ("OrderPlaced", "fingerprint", serde_json::json!("xyz")),
        ("OrderPlaced", "placed_at_ms", serde_json::Value::Null),
        ("ItemAdded", "currency", serde_json::json!("XXZ")),
        ("ItemAdded", "unit_price_minor", serde_json::json!(9_223_372_036_854_775_808_u64)),
        ("OrderPaid", "placed_revision", serde_json::json!(-1)),
        ("RefundDue", "cause", serde_json::json!("bad_luck")),
        ("DemandTick", "outcomes", serde_json::json!({"TELEPORTED": 1})),
    ];
    for (kind, field, value) in wrong {
        let event = samples().into_iter().find(|event| event.kind() == kind).unwrap();
        let mut json: serde_json::Value = serde_json::from_slice(&data(&event)).unwrap();
        json[field] = value;
        let read = decode(&recorded(kind, json.to_string().as_bytes()));
        assert!(read.is_err(), "{kind} with {field} = {}", json[field]);
    }
}

#[test]
fn metadata_is_json_with_the_story_and_the_cause() {
    for event in samples() {
        let encoded = encode(ORDER.0, &event, SALE.0, REQUEST.0);
        assert_eq!((encoded.id, &*encoded.kind), (ORDER.0, event.kind()));
        let json: serde_json::Value = serde_json::from_slice(&encoded.metadata).unwrap();
        let expected = serde_json::json!({
            "$correlationId": SALE.to_string(), "$causationId": REQUEST.to_string(), "schema": 1
        });
        assert_eq!(json, expected);
    }
}

#[test]
fn an_event_of_one_of_several_writers_says_so_in_its_id_and_its_metadata() {
    let event = &samples()[0];
    let plain = encode(ORDER.0, event, SALE.0, REQUEST.0);
    let (one, two) = (uuid::Uuid::from_u128(1), uuid::Uuid::from_u128(2));
    let written = plain.clone().by(one);
    assert_eq!(written.id, uuid::Uuid::new_v5(&one, ORDER.0.as_bytes()));
    assert_ne!(written.id, plain.clone().by(two).id);
    assert_eq!((&written.kind, &written.data), (&plain.kind, &plain.data));
    let json: serde_json::Value = serde_json::from_slice(&written.metadata).unwrap();
    let expected = serde_json::json!({
        "$correlationId": SALE.to_string(), "$causationId": REQUEST.to_string(), "schema": 1,
        "writer": one.to_string()
    });
    assert_eq!(json, expected);
}

#[test]
fn the_moment_of_a_judgement_stands_in_the_metadata_where_it_is_not_the_stamp() {
    let event = &samples()[0];
    let plain = encode(ORDER.0, event, SALE.0, REQUEST.0);
    let one = uuid::Uuid::from_u128(1);
    for judged in [plain.clone().judged_at(AT), plain.clone().judged_at(AT).by(one)] {
        assert_eq!((&judged.kind, &judged.data), (&plain.kind, &plain.data));
        let json: serde_json::Value = serde_json::from_slice(&judged.metadata).unwrap();
        assert_eq!(json["judged_at_ms"], serde_json::json!(AT.0));
        let metadata = judged.metadata.clone();
        assert_eq!(Recorded { metadata, ..recorded("any", b"{}") }.judged_at(), Some(AT));
    }
    let metadata = plain.metadata;
    assert_eq!(Recorded { metadata, ..recorded("any", b"{}") }.judged_at(), None);
}

#[test]
fn packed_attempts_come_out_as_they_went_in() {
    assert_eq!(unpack(&pack(&shoppers::attempts())), Ok(shoppers::attempts()));
    assert_eq!(unpack(&pack(&[])), Ok(Vec::new()));
    for outcome in AttemptOutcome::ALL {
        let attempt = PackedAttempt { outcome, ..shoppers::attempts()[1] };
        assert_eq!(unpack(&pack(&[attempt])), Ok(vec![attempt]));
        assert_eq!(AttemptOutcome::from_number(outcome as u8), Some(outcome));
    }
    let wide = PackedAttempt { buyer_hash: u64::MAX, ..shoppers::attempts()[0] };
    assert_eq!(unpack(&pack(&[wide])).unwrap()[0].buyer_hash, (1 << 56) - 1, "56 bits are kept");
}

#[test]
fn what_is_not_packed_attempts_is_refused() {
    let unknown =
        PackedAttempt { outcome: AttemptOutcome::OverOrderLimit, ..shoppers::attempts()[0] };
    let good = pack(&[unknown]);
    assert!(unpack(&good[..12]).is_err(), "a part of an attempt");
    assert!(unpack("not base64!").is_err());
    // The outcome is the last of 12 bytes: base64 of eleven zeros and an unused number.
    assert!(unpack("AAAAAAAAAAAAAAAM").unwrap_err().contains("12"));
    assert!(unpack("AAAAAAAAAAAAAAD/").unwrap_err().contains("255"));
}

#[test]
fn a_full_tick_fits_into_64_kib() {
    let full = vec![shoppers::attempts()[1]; doorbuster::events::ATTEMPTS_PER_TICK_MAX];
    assert!(pack(&full).len() < 64 * 1024);
}

#[test]
fn ids_are_the_same_in_every_process_and_version() {
    // Computed outside of this program; a change here makes retries after an upgrade into second orders.
    assert_eq!(ITEM.order_id(REQUEST).to_string(), "ef79ab53-11ea-5b7b-b9d3-7364ecc15d86");
    assert_eq!(ITEM.event_id(REQUEST, 1).to_string(), "ce08daed-dbf4-5eee-94be-89a7b63ea743");
    assert_eq!(SaleId::of_request(REQUEST).to_string(), "1ed3adbc-64cb-5100-a914-1bcd7c99297d");
    assert_eq!(SALE.item_id("PHONE-256").to_string(), "369fa820-6ac4-572b-bd86-d5e2714d52e8");
    let fingerprint = Fingerprint::of([b"ann".as_slice(), &1_i64.to_be_bytes(), b"app"]);
    assert_eq!(fingerprint.to_string(), "f86e5d4c5e41b566");
}

#[test]
fn ids_differ_by_item_by_request_and_by_place_in_the_command() {
    let other_item = ItemId(Uuid::from_u128(1));
    let other_request = RequestId(Uuid::from_u128(2));
    let ids = [
        ITEM.event_id(REQUEST, 0),
        ITEM.event_id(REQUEST, 1),
        ITEM.event_id(other_request, 0),
        other_item.event_id(REQUEST, 0),
    ];
    for (index, id) in ids.iter().enumerate() {
        assert!(!ids[..index].contains(id));
    }
    assert_eq!(ITEM.order_id(REQUEST).0, ids[0], "an order is called as the event that placed it");
}

#[test]
fn stream_names_are_read_as_they_are_written_and_nothing_else_is() {
    for name in [StreamName::item(ITEM), StreamName::sale(SALE), StreamName::demand(ITEM)] {
        assert_eq!(StreamName::parse(&name.to_string()), Some(name));
    }
    for text in [
        "",
        "item",
        "item-",
        "item-7",
        "ghost-0f0f0f0f-1e1e-5d2d-8c3c-4b4b4b4b4b4b",
        "item-0f0f0f0f1e1e5d2d8c3c4b4b4b4b4b4b",
        "$all",
        "item-{0f0f0f0f-1e1e-5d2d-8c3c-4b4b4b4b4b4b}",
    ] {
        assert_eq!(StreamName::parse(text), None, "{text}");
    }
}

#[test]
fn an_item_picks_its_own_family_out_of_all_events() {
    for event in samples() {
        let mine = ItemEvent::kinds().contains(&event.kind());
        assert_eq!(Item::pick(event).is_some(), mine);
    }
}

#[test]
fn packed_beacons_come_back_as_they_were() {
    assert_eq!(shoppers::traffic().unpack_beacons(), Ok(shoppers::beacons().to_vec()));
}

#[test]
fn packed_beacons_that_point_nowhere_are_refused() {
    let wrong = |change: fn(&mut TrafficRecorded)| {
        let mut traffic = shoppers::traffic();
        change(&mut traffic);
        traffic.unpack_beacons().unwrap_err()
    };
    assert!(wrong(|t| t.beacons = 3).contains("2 beacons are packed, not 3"));
    assert!(wrong(|t| t.packed = "AAAA".to_owned()).contains("whole number"));
    assert!(wrong(|t| t.packed = "?".to_owned()).contains("Invalid"));
    assert!(wrong(|t| t.visitors.clear()).contains("no visitor 1"));
    assert!(wrong(|t| t.items.clear()).contains("no item 1"));
    assert!(wrong(|t| t.channels.clear()).contains("no channel 1"));
    assert!(wrong(|t| t.pages.clear()).contains("no page 1"));
    assert!(wrong(|t| t.shoppers.clear()).contains("no shopper 1"));
    let nobody = |t: &mut TrafficRecorded| {
        t.packed = pack_beacons(&shoppers::beacons().map(|b| PackedBeacon { visitor: 0, ..b }));
    };
    assert!(wrong(nobody).contains("no visitor"));
}
