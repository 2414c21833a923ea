//! Goal: the verifier accepts a sound log and finds every kind of damage and every broken promise.
//!
//! Method: a small log is written here by hand, with its own ids, JSON and hash chain, so that the
//! verifier is also held against a third opinion. Each case then spoils one thing: either in the
//! file as it lies on disk, or before it is written, so that the chain is right and only the
//! meaning is wrong. The table names the words that must be in what the verifier says. Last, bytes
//! of the file are flipped one by one: whatever happens, nothing panics and no flip is accepted
//! with other figures.

use std::{collections::HashMap, fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use doorbuster::audit::{self, AuditError, FINDINGS_MAX, Proof};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

const SCHEMA: &str = "
    CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT);
    CREATE TABLE streams(stream INTEGER PRIMARY KEY, name TEXT UNIQUE, revision INTEGER, hash BLOB);
    CREATE TABLE events(position INTEGER PRIMARY KEY, stream INTEGER, revision INTEGER, id BLOB,
        kind TEXT, data TEXT, metadata TEXT, recorded_at_ms INTEGER, hash BLOB);
    CREATE UNIQUE INDEX events_by_stream ON events(stream, revision);
    INSERT INTO meta VALUES ('format', 'doorbuster log'), ('version', '1');";

const OPENS: i64 = 1_000_000;
const CLOSES: i64 = 2_000_000;
const TIME_TO_PAY: i64 = 10_000;
const PRICE: i64 = 500;

/// An event before it is written: its place and its hash follow from the list it stands in.
#[derive(Clone)]
struct Draft {
    stream: String,
    kind: String,
    id: Uuid,
    data: Value,
    metadata: Value,
}

/// The story that is written: one sale with two items.
#[derive(Clone, Default)]
struct Story {
    events: Vec<Draft>,
}

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + number)
}

fn event_id(item: Uuid, request: Uuid, index: u8) -> Uuid {
    let name: Vec<u8> = request.as_bytes().iter().copied().chain([index]).collect();
    Uuid::new_v5(&item, &name)
}

fn sale() -> Uuid {
    Uuid::new_v5(&uuid(1), b"sale")
}

fn item(sku: &str) -> Uuid {
    Uuid::new_v5(&sale(), sku.as_bytes())
}

/// The order that a request makes on the item with the SKU `A`.
fn order(request: u128) -> Uuid {
    event_id(item("A"), uuid(request), 0)
}

fn act(request: u128) -> Value {
    json!({ "request_id": uuid(request), "fingerprint": "00000000000000aa", "operator": "eve", "reason": "test" })
}

fn at(parts: &[(&str, i64)]) -> Value {
    parts.iter().map(|(warehouse, units)| json!({"warehouse": warehouse, "units": units})).collect()
}

impl Story {
    fn add(
        &mut self,
        stream: String,
        kind: &str,
        id: Uuid,
        correlation: Uuid,
        causation: Uuid,
        data: Value,
    ) {
        let metadata =
            json!({"$correlationId": correlation, "$causationId": causation, "schema": 1});
        self.events.push(Draft { stream, kind: kind.to_owned(), id, data, metadata });
    }

    /// An event on the sale.
    fn on_sale(&mut self, kind: &str, request: u128, data: Value) {
        let id = Uuid::new_v5(&sale(), uuid(request).as_bytes());
        self.add(format!("sale-{}", sale()), kind, id, sale(), uuid(request), data);
    }

    /// An event that an operator's request caused on an item.
    fn steer(&mut self, sku: &str, kind: &str, request: u128, index: u8, data: Value) {
        let id = event_id(item(sku), uuid(request), index);
        self.add(format!("item-{}", item(sku)), kind, id, sale(), uuid(request), data);
    }

    /// Puts an item up.
    fn put_up(&mut self, sku: &str, limit: Option<i64>, units: &[(&str, i64)]) {
        let request = 2;
        let added = json!({"sale_id": sale(), "sku": sku, "title": "Thing", "currency": "CNY",
            "unit_price_minor": PRICE, "time_to_pay_ms": TIME_TO_PAY, "added_at_ms": 900_000});
        self.steer(sku, "ItemAdded", request, 0, added);
        let window = json!({"opens_at_ms": OPENS, "closes_at_ms": CLOSES});
        self.steer(sku, "ItemScheduled", request, 1, window);
        let limits = match limit {
            Some(limit) => json!({"per_buyer": limit, "per_order": limit}),
            None => json!({}),
        };
        self.steer(sku, "PurchaseLimitSet", request, 2, limits);
        for ((warehouse, units), index) in units.iter().zip(3..) {
            self.allocate(sku, request, index, warehouse, *units, 900_000);
        }
    }

    fn allocate(
        &mut self,
        sku: &str,
        request: u128,
        index: u8,
        warehouse: &str,
        units: i64,
        at_ms: i64,
    ) {
        let data = json!({"warehouse": warehouse, "units": units, "act": act(request), "allocated_at_ms": at_ms});
        self.steer(sku, "StockAllocated", request, index, data);
    }

    fn place(&mut self, request: u128, buyer: &str, parts: &[(&str, i64)], at_ms: i64) {
        let order = order(request);
        let units: i64 = parts.iter().map(|(_, units)| units).sum();
        let data = json!({"order_id": order, "request_id": uuid(request), "fingerprint": "00000000000000bb",
            "buyer": buyer, "units": units, "unit_price_minor": PRICE, "warehouses": at(parts),
            "channel": "app", "placed_at_ms": at_ms, "pay_by_ms": at_ms + TIME_TO_PAY});
        self.add(item_a(), "OrderPlaced", order, order, uuid(request), data);
    }

    /// What every event says that ends the order of `placed` or follows its end.
    fn about(&self, placed: u128) -> Value {
        let data = &self.placed(placed).data;
        json!({"order_id": data["order_id"], "placed_revision": self.revision_of(order(placed)),
            "units": data["units"], "warehouses": data["warehouses"]})
    }

    fn pay(&mut self, placed: u128, request: u128, at_ms: i64) {
        let mut data = self.about(placed);
        data["request_id"] = json!(uuid(request));
        data["fingerprint"] = json!("00000000000000cc");
        data["payment_reference"] = json!("p-1");
        data["amount_minor"] = json!(data["units"].as_i64().unwrap() * PRICE);
        data["paid_at_ms"] = json!(at_ms);
        let id = event_id(item("A"), uuid(request), 0);
        self.add(item_a(), "OrderPaid", id, order(placed), uuid(request), data);
    }

    fn cancel(&mut self, placed: u128, request: u128, at_ms: i64) {
        let mut data = self.about(placed);
        data["request_id"] = json!(uuid(request));
        data["fingerprint"] = json!("00000000000000dd");
        data["cancelled_at_ms"] = json!(at_ms);
        let id = event_id(item("A"), uuid(request), 0);
        self.add(item_a(), "OrderCancelled", id, order(placed), uuid(request), data);
    }

    fn expire(&mut self, placed: u128, at_ms: i64) {
        let mut data = self.about(placed);
        data["expired_at_ms"] = json!(at_ms);
        let id = Uuid::new_v5(&order(placed), b"expired");
        self.add(item_a(), "OrderExpired", id, order(placed), order(placed), data);
    }

    fn refund(&mut self, placed: u128, request: u128, cause: &str, at_ms: i64) {
        let about = self.about(placed);
        let amount = about["units"].as_i64().unwrap() * PRICE;
        let data = json!({"order_id": about["order_id"], "placed_revision": about["placed_revision"],
            "request_id": uuid(request), "fingerprint": "00000000000000ee", "payment_reference": "p-2",
            "amount_minor": amount, "cause": cause, "due_at_ms": at_ms});
        let id = event_id(item("A"), uuid(request), 0);
        self.add(item_a(), "RefundDue", id, order(placed), uuid(request), data);
    }

    fn placed(&self, request: u128) -> &Draft {
        self.events.iter().find(|event| event.id == order(request)).expect("it was placed")
    }

    fn revision_of(&self, id: Uuid) -> usize {
        let on_item = self.events.iter().filter(|event| event.stream == item_a());
        on_item.into_iter().position(|event| event.id == id).expect("it is there")
    }

    /// The first event of that kind, to be spoilt.
    fn first(&mut self, kind: &str) -> &mut Draft {
        self.events.iter_mut().find(|event| event.kind == kind).expect("there is one")
    }

    fn index(&self, kind: &str) -> usize {
        self.events.iter().position(|event| event.kind == kind).expect("there is one")
    }

    /// Writes the log into a directory, with right places and a right chain.
    fn write(&self, dir: &Path) {
        let mut log = Connection::open(dir.join("log.db")).unwrap();
        log.execute_batch(SCHEMA).unwrap();
        let write = log.transaction().unwrap();
        let mut heads: HashMap<&str, (i64, i64, [u8; 32])> = HashMap::new();
        for (event, position) in self.events.iter().zip(1_i64..) {
            let number = heads.len() as i64 + 1;
            let start = [b"doorbuster chain 1\n", event.stream.as_bytes()].concat();
            let head = heads
                .entry(&event.stream)
                .or_insert_with(|| (number, -1, Sha256::digest(start).into()));
            head.1 += 1;
            let (data, metadata) = (event.data.to_string(), event.metadata.to_string());
            let mut link = head.2.to_vec();
            link.extend(head.1.to_be_bytes());
            link.extend(event.id.as_bytes());
            link.extend(5_000_000_i64.to_be_bytes());
            for part in [event.kind.as_bytes(), data.as_bytes(), metadata.as_bytes()] {
                link.extend((part.len() as u32).to_be_bytes());
                link.extend(part);
            }
            head.2 = Sha256::digest(link).into();
            write
                .execute(
                    "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 5000000, ?8)",
                    params![
                        position,
                        head.0,
                        head.1,
                        event.id.as_bytes(),
                        event.kind,
                        data,
                        metadata,
                        head.2
                    ],
                )
                .unwrap();
        }
        for (name, (number, revision, hash)) in heads {
            let row = params![number, name, revision, hash];
            write.execute("INSERT INTO streams VALUES (?1, ?2, ?3, ?4)", row).unwrap();
        }
        write.commit().unwrap();
    }
}

fn item_a() -> String {
    format!("item-{}", item("A"))
}

fn plan(sku: &str) -> Value {
    json!({"item_id": item(sku), "sku": sku, "title": "Thing", "unit_price_minor": PRICE,
        "opens_at_ms": OPENS, "closes_at_ms": CLOSES, "time_to_pay_ms": TIME_TO_PAY,
        "units": at(&[("east", 3)])})
}

fn packed(attempts: &[(u16, u8)]) -> String {
    let bytes: Vec<u8> = attempts
        .iter()
        .flat_map(|(arrival_ms, outcome)| {
            let [low, high] = arrival_ms.to_le_bytes();
            [low, high, 1, 0, 7, 7, 7, 7, 7, 7, 7, *outcome]
        })
        .collect();
    STANDARD.encode(bytes)
}

/// A sound log in which everything happens that can happen.
fn sound() -> Story {
    let mut story = Story::default();
    let created = json!({"name": "Sale", "currency": "CNY", "opens_at_ms": OPENS, "closes_at_ms": CLOSES,
        "items": [plan("A"), plan("B")], "act": act(1), "created_at_ms": 900_000});
    story.on_sale("SaleCreated", 1, created);
    story.put_up("A", Some(2), &[("east", 3), ("west", 2)]);
    story.put_up("B", None, &[("east", 3)]);
    story.place(10, "ann", &[("east", 2)], OPENS);
    story.place(11, "bob", &[("west", 2)], OPENS + 1);
    story.pay(10, 12, OPENS + 2);
    story.cancel(11, 13, OPENS + 3);
    story.place(14, "cyd", &[("east", 1), ("west", 1)], OPENS + 4);
    story.expire(14, OPENS + 4 + TIME_TO_PAY);
    story.refund(14, 15, "order_expired", OPENS + 5 + TIME_TO_PAY);
    story.refund(10, 16, "already_paid", OPENS + 6 + TIME_TO_PAY);
    story.refund(11, 17, "order_cancelled", OPENS + 7 + TIME_TO_PAY);
    let later = OPENS + 20_000;
    story.steer("A", "ItemPaused", 18, 0, json!({"act": act(18), "paused_at_ms": later}));
    story.allocate("A", 19, 0, "north", 4, later);
    story.steer("A", "ItemResumed", 20, 0, json!({"act": act(20), "resumed_at_ms": later}));
    story.place(21, "bob", &[("north", 2)], later + 1);
    let tick = json!({"second": 1020, "attempts": 3, "outcomes": {"PLACED": 1, "SOLD_OUT": 2},
        "channels": {"app": {"attempts": 2, "placed": 1}}, "packed": packed(&[(1, 0), (2, 2), (999, 2)])});
    let demand = format!("demand-{}", item("A"));
    story.add(demand, "DemandTick", uuid(99), item("A"), item("A"), tick);
    story.on_sale("SaleClosed", 22, json!({"act": act(22), "closed_at_ms": later + 2}));
    story.steer("A", "ItemClosed", 22, 0, json!({"act": act(22), "closed_at_ms": later + 3}));
    story.pay(21, 23, later + 4);
    story
}

fn verify(dir: &Path) -> Result<Proof, AuditError> {
    audit::verify(dir, &mut |_, _| {})
}

fn verdict(dir: &Path) -> String {
    match verify(dir) {
        Ok(proof) => proof.to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_sound_log_is_proved_and_nothing_is_changed() {
    let dir = tempfile::tempdir().unwrap();
    let story = sound();
    story.write(dir.path());
    let before = fs::read(dir.path().join("log.db")).unwrap();
    let mut told = Vec::new();
    let proof = audit::verify(dir.path(), &mut |done, all| told.push((done, all))).unwrap();
    let events = story.events.len() as u64;
    assert!(proof.ok(), "{proof}");
    let figures = (proof.events, proof.chains, proof.items, proof.orders, proof.more_findings);
    assert_eq!(figures, (events, 4, 2, 4, 0));
    assert_eq!(told.last(), Some(&(events, events)));
    let said = proof.to_string();
    for words in ["is sound", "no unit was sold twice", "Not proved", "with write access"] {
        assert!(said.contains(words), "{said}");
    }
    assert_eq!(fs::read(dir.path().join("log.db")).unwrap(), before);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no file was left behind");
}

#[test]
fn a_log_that_is_being_written_is_verified_up_to_the_last_commit() {
    let dir = tempfile::tempdir().unwrap();
    let story = sound();
    story.write(dir.path());
    let writer = Connection::open(dir.path().join("log.db")).unwrap();
    writer.execute_batch("PRAGMA journal_mode = WAL; BEGIN; DELETE FROM events").unwrap();
    let proof = verify(dir.path()).unwrap();
    assert!(proof.ok() && proof.events == story.events.len() as u64, "{proof}");
    writer.execute_batch("COMMIT").unwrap();
    assert!(!verify(dir.path()).unwrap().ok());
}

#[test]
fn every_change_of_the_file_is_found() {
    // What is done to the file, and the words that must be in the verdict.
    let cases = [
        ("UPDATE events SET data = replace(data, 'ann', 'amn')", "hash chain breaks"),
        (
            "UPDATE events SET metadata = replace(metadata, ':1}', ':1 }') WHERE position = 9",
            "hash chain breaks",
        ),
        ("UPDATE events SET hash = zeroblob(32) WHERE position = 9", "hash chain breaks"),
        ("UPDATE events SET hash = x'00' WHERE position = 9", "hash chain breaks"),
        ("UPDATE events SET hash = 7 WHERE position = 9", "hash is not of the type"),
        ("UPDATE events SET id = zeroblob(16) WHERE position = 9", "hash chain breaks"),
        ("UPDATE events SET id = x'0102' WHERE position = 9", "does not have 16 bytes"),
        ("UPDATE events SET kind = 'ItemPauset' WHERE kind = 'ItemPaused'", "hash chain breaks"),
        ("UPDATE events SET kind = CAST(x'ff' AS TEXT) WHERE position = 9", "kind is not text"),
        (
            "UPDATE events SET data = CAST(data AS BLOB) WHERE position = 9",
            "data is not of the type",
        ),
        (
            "UPDATE events SET recorded_at_ms = recorded_at_ms + 1 WHERE position = 9",
            "hash chain breaks",
        ),
        ("UPDATE events SET recorded_at_ms = -1 WHERE position = 9", "recorded before 1970"),
        ("UPDATE events SET revision = 77 WHERE kind = 'ItemPaused'", "should stand here"),
        ("UPDATE events SET revision = -1 WHERE kind = 'SaleCreated'", "should stand here"),
        ("UPDATE events SET stream = 77 WHERE position = 9", "no stream with the number 77"),
        ("DELETE FROM events WHERE position = 12", "position 12 should stand here"),
        ("DELETE FROM events WHERE position = 1", "position 1 should stand here"),
        (
            "DELETE FROM events WHERE position = (SELECT max(position) FROM events)",
            "recorded head is revision",
        ),
        (
            "UPDATE events SET position = 0 WHERE position = 12; UPDATE events SET position = 12 WHERE position = 11; UPDATE events SET position = 11 WHERE position = 0",
            "hash chain breaks",
        ),
        (
            "INSERT INTO events SELECT (SELECT max(position) + 1 FROM events), stream, revision + 1, id, kind, data, metadata, recorded_at_ms, hash FROM events WHERE kind = 'DemandTick'",
            "hash chain breaks",
        ),
        ("DELETE FROM events", "has a head but no events"),
        (
            "UPDATE streams SET revision = revision + 1 WHERE stream = 2",
            "recorded head is revision",
        ),
        ("UPDATE streams SET revision = -1 WHERE stream = 2", "recorded head is revision"),
        (
            "UPDATE streams SET hash = zeroblob(32) WHERE stream = 2",
            "recorded head is not the hash",
        ),
        (
            "UPDATE streams SET name = 'item-' || upper(substr(name, 6)) WHERE stream = 2",
            "no stream of ours",
        ),
        (
            "UPDATE streams SET name = 'note-' || substr(name, 6) WHERE stream = 2",
            "no stream of ours",
        ),
        ("UPDATE streams SET name = 'item' WHERE stream = 2", "no stream of ours"),
        ("DELETE FROM streams WHERE stream = 2", "no stream with the number 2"),
        (
            "INSERT INTO streams VALUES (77, 'item-00000000-0000-4000-8000-000000000000', 0, zeroblob(32))",
            "has a head but no events",
        ),
        ("UPDATE streams SET name = NULL WHERE stream = 2", "is damaged"),
        ("UPDATE meta SET value = '2' WHERE key = 'version'", "version is \"2\""),
        ("UPDATE meta SET value = 'other log' WHERE key = 'format'", "format is \"other log\""),
        ("DELETE FROM meta", "does not say its format"),
        ("DROP TABLE streams", "no such table"),
        ("DROP INDEX events_by_stream", "no such index"),
        ("ALTER TABLE events DROP COLUMN hash", "no such column"),
    ];
    for (sql, words) in cases {
        let dir = tempfile::tempdir().unwrap();
        sound().write(dir.path());
        let log = Connection::open(dir.path().join("log.db")).unwrap();
        log.execute_batch(sql).unwrap();
        drop(log);
        let said = verdict(dir.path());
        assert!(said.contains(words) && !said.contains("is sound"), "after {sql}:\n{said}");
    }
}

#[test]
fn an_index_that_disagrees_with_the_events_is_found() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = Connection::open(dir.path().join("log.db")).unwrap();
    // The index is built over other events, then hung into this schema as if it were theirs.
    log.execute_batch(
        "PRAGMA writable_schema = ON;
         CREATE TABLE other AS SELECT * FROM events;
         UPDATE other SET revision = 9 WHERE kind = 'DemandTick';
         CREATE UNIQUE INDEX others ON other(stream, revision);
         UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = 'others')
             WHERE name = 'events_by_stream';",
    )
    .unwrap();
    drop(log);
    let said = verdict(dir.path());
    assert!(said.contains("index over streams does not agree"), "{said}");
}

/// What is done to the story before it is written, and the words that must be in the verdict.
type Rewrite = (&'static str, fn(&mut Story), &'static str);

#[test]
fn every_broken_promise_is_found_in_a_log_that_was_written_consistently() {
    for (name, spoil, words) in orders_that_cannot_be()
        .iter()
        .chain(&ends_that_cannot_be())
        .chain(&steering_that_cannot_be())
        .chain(&forms_that_cannot_be())
    {
        let dir = tempfile::tempdir().unwrap();
        let mut story = sound();
        spoil(&mut story);
        story.write(dir.path());
        let said = verdict(dir.path());
        assert!(said.contains(words) && !said.contains("is sound"), "{name}:\n{said}");
        assert!(!said.contains("hash chain"), "{name}: the chain is right here:\n{said}");
    }
}

fn orders_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "one warehouse is oversold",
            |s| {
                s.place(30, "dan", &[("west", 2)], OPENS + 30_000);
                s.place(31, "ema", &[("west", 1)], OPENS + 30_000);
            },
            "oversold: warehouse \"west\" has 2 units allocated",
        ),
        (
            "less was allocated than is sold",
            |s| s.first("StockAllocated").data["units"] = json!(1),
            "oversold: warehouse \"east\"",
        ),
        (
            "a warehouse that was never stocked",
            |s| s.place(30, "dan", &[("moon", 1)], OPENS + 30_000),
            "oversold: warehouse \"moon\" has 0",
        ),
        (
            "the units are released before they are sold again, but too late",
            |s| {
                let cancel = s.index("OrderCancelled");
                let cancelled = s.events.remove(cancel);
                s.events.push(cancelled);
            },
            "oversold",
        ),
        (
            "an order twice",
            |s| {
                let again = s.placed(10).clone();
                s.events.push(again);
            },
            "is placed twice",
        ),
        ("a request of an order used for a payment", |s| s.pay(14, 10, OPENS + 5), "is used twice"),
        (
            "a request of a payment used for an order",
            |s| s.place(12, "dan", &[("north", 1)], OPENS + 30_000),
            "is used twice",
        ),
        (
            "a request of a pause used for a close",
            |s| {
                let id = s.first("ItemPaused").id;
                let closed = s.first("ItemClosed");
                closed.id = id;
                closed.data["act"] = act(18);
                closed.metadata["$causationId"] = json!(uuid(18));
            },
            "is used twice",
        ),
        (
            "warehouses that do not add up",
            |s| s.first("OrderPlaced").data["warehouses"] = at(&[("east", 1)]),
            "do not add up",
        ),
        (
            "a part of nothing",
            |s| s.first("OrderPlaced").data["warehouses"] = at(&[("east", 2), ("west", 0)]),
            "do not add up",
        ),
        (
            "no units",
            |s| {
                s.first("OrderPlaced").data["units"] = json!(0);
                s.first("OrderPlaced").data["warehouses"] = json!([]);
            },
            "cannot have 0 units",
        ),
        (
            "too many units",
            |s| s.first("OrderPlaced").data["units"] = json!(i64::MAX),
            "cannot have",
        ),
        (
            "over the limit per order",
            |s| s.place(30, "dan", &[("north", 1), ("west", 2)], OPENS + 30_000),
            "the limit per order is 2",
        ),
        (
            "over the limit per buyer",
            |s| {
                s.place(30, "ann", &[("north", 1)], OPENS + 30_000);
            },
            "buyer \"ann\" has 3 units now, but the limit per buyer is 2",
        ),
        (
            "before the window",
            |s| {
                let placed = s.first("OrderPlaced");
                placed.data["placed_at_ms"] = json!(OPENS - 1);
                placed.data["pay_by_ms"] = json!(OPENS - 1 + TIME_TO_PAY);
            },
            "outside the item's window",
        ),
        (
            "at the end of the window",
            |s| s.place(30, "dan", &[("north", 1)], CLOSES),
            "outside the item's window",
        ),
        (
            "while paused",
            |s| {
                s.place(30, "dan", &[("west", 1)], OPENS + 20_000);
                let placed = s.events.pop().unwrap();
                let paused = s.index("ItemPaused");
                s.events.insert(paused + 1, placed);
            },
            "while the item is paused",
        ),
        (
            "after closing",
            |s| s.place(30, "dan", &[("west", 1)], OPENS + 30_000),
            "after the item was closed",
        ),
        (
            "at another price",
            |s| s.first("OrderPlaced").data["unit_price_minor"] = json!(PRICE - 1),
            "unit price is 499",
        ),
        (
            "with another deadline",
            |s| s.first("OrderPlaced").data["pay_by_ms"] = json!(OPENS + 1 + TIME_TO_PAY),
            "time to pay",
        ),
        ("for nobody", |s| s.first("OrderPlaced").data["buyer"] = json!(""), "has no buyer"),
        (
            "an id of its own making",
            |s| {
                let placed = s.first("OrderPlaced");
                placed.id = uuid(77);
                placed.data["order_id"] = json!(uuid(77));
                placed.metadata["$correlationId"] = json!(uuid(77));
            },
            "does not have the id that request",
        ),
        (
            "an event id that is not the order's",
            |s| s.first("OrderPlaced").id = uuid(77),
            "does not have the id that request",
        ),
        (
            "time runs backwards",
            |s| s.place(30, "dan", &[("west", 1)], OPENS),
            "time runs backwards",
        ),
    ]
}

fn ends_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "paid twice",
            |s| s.pay(10, 30, OPENS + 30_000),
            "ends twice: it is paid, but it was paid before",
        ),
        (
            "paid after it was cancelled",
            |s| s.pay(11, 30, OPENS + 30_000),
            "ends twice: it is paid, but it was cancelled before",
        ),
        (
            "cancelled after it was paid",
            |s| s.cancel(10, 30, OPENS + 30_000),
            "ends twice: it is cancelled, but it was paid before",
        ),
        (
            "expired after it was paid",
            |s| s.expire(10, OPENS + 30_000),
            "ends twice: it is expired, but it was paid before",
        ),
        ("cancelled twice", |s| s.cancel(11, 30, OPENS + 30_000), "ends twice"),
        (
            "paid at its deadline",
            |s| s.first("OrderPaid").data["paid_at_ms"] = json!(OPENS + TIME_TO_PAY),
            "paid at or after its deadline",
        ),
        (
            "cancelled at its deadline",
            |s| s.first("OrderCancelled").data["cancelled_at_ms"] = json!(OPENS + 1 + TIME_TO_PAY),
            "cancelled at or after its deadline",
        ),
        (
            "expired a millisecond early",
            |s| s.first("OrderExpired").data["expired_at_ms"] = json!(OPENS + 3 + TIME_TO_PAY),
            "expired before its deadline",
        ),
        (
            "an order that was never placed is paid",
            |s| {
                let paid = s.first("OrderPaid");
                paid.data["order_id"] = json!(uuid(77));
                paid.metadata["$correlationId"] = json!(uuid(77));
            },
            "it was never placed",
        ),
        (
            "a refund for an order that was never placed",
            |s| {
                let due = s.first("RefundDue");
                due.data["order_id"] = json!(uuid(77));
                due.metadata["$correlationId"] = json!(uuid(77));
            },
            "which was never placed",
        ),
        (
            "a refund for a reason that is not so",
            |s| s.first("RefundDue").data["cause"] = json!("already_paid"),
            "cause that is not so",
        ),
        (
            "a refund of another amount",
            |s| s.first("RefundDue").data["amount_minor"] = json!(1),
            "its total is 1000",
        ),
        (
            "a refund that points elsewhere",
            |s| s.first("RefundDue").data["placed_revision"] = json!(2),
            "was not placed at revision 2",
        ),
        (
            "paid another amount",
            |s| s.first("OrderPaid").data["amount_minor"] = json!(999),
            "its total is 1000",
        ),
        (
            "paid with other units",
            |s| s.first("OrderPaid").data["units"] = json!(1),
            "other units or warehouses",
        ),
        (
            "paid from another warehouse",
            |s| s.first("OrderPaid").data["warehouses"] = at(&[("west", 2)]),
            "other units or warehouses",
        ),
        (
            "expired into another warehouse",
            |s| s.first("OrderExpired").data["warehouses"] = at(&[("east", 2)]),
            "other units or warehouses",
        ),
        (
            "paid by an event that points elsewhere",
            |s| s.first("OrderPaid").data["placed_revision"] = json!(0),
            "was not placed at revision 0",
        ),
        (
            "a payment with an id of its own making",
            |s| s.first("OrderPaid").id = uuid(77),
            "event id is not the one",
        ),
        (
            "an expiry with an id of its own making",
            |s| s.first("OrderExpired").id = uuid(77),
            "event id is not the one",
        ),
    ]
}

fn steering_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an item nobody added",
            |s| {
                let added = s.index("ItemAdded");
                s.events.remove(added);
            },
            "never added",
        ),
        (
            "an item added twice",
            |s| {
                let again = s.first("ItemAdded").clone();
                s.events.push(again);
            },
            "added twice",
        ),
        (
            "an item that is not as planned",
            |s| s.first("ItemAdded").data["title"] = json!("Other"),
            "not what its sale planned",
        ),
        (
            "an item of another SKU",
            |s| s.first("ItemAdded").data["sku"] = json!("B"),
            "not the one of SKU",
        ),
        (
            "an item for nothing",
            |s| s.first("ItemAdded").data["unit_price_minor"] = json!(0),
            "no price",
        ),
        (
            "a window that ends before it starts",
            |s| s.first("ItemScheduled").data["closes_at_ms"] = json!(OPENS),
            "closes before it opens",
        ),
        (
            "a limit of nothing",
            |s| s.first("PurchaseLimitSet").data["per_buyer"] = json!(0),
            "limit is below one",
        ),
        (
            "units taken away",
            |s| s.allocate("B", 30, 0, "east", -1, OPENS),
            "-1 units are allocated",
        ),
        (
            "units for a closed item",
            |s| s.allocate("A", 30, 0, "east", 1, OPENS + 30_000),
            "allocated to a closed item",
        ),
        (
            "paused twice",
            |s| {
                let at_ms = OPENS + 1;
                s.steer("B", "ItemPaused", 30, 0, json!({"act": act(30), "paused_at_ms": at_ms}));
                s.steer("B", "ItemPaused", 31, 0, json!({"act": act(31), "paused_at_ms": at_ms}));
            },
            "is paused or closed already",
        ),
        (
            "resumed without a pause",
            |s| s.steer("B", "ItemResumed", 30, 0, json!({"act": act(30), "resumed_at_ms": OPENS})),
            "is not paused",
        ),
        (
            "closed twice",
            |s| {
                s.steer(
                    "A",
                    "ItemClosed",
                    30,
                    0,
                    json!({"act": act(30), "closed_at_ms": OPENS + 30_000}),
                )
            },
            "closed twice",
        ),
        (
            "an act with an id of its own making",
            |s| s.first("ItemPaused").id = uuid(77),
            "event id is not the one",
        ),
        (
            "a first allocation with an id of its own making",
            |s| s.first("StockAllocated").id = uuid(77),
            "event id is not the one",
        ),
        (
            "a sale created twice",
            |s| {
                let again = s.first("SaleCreated").clone();
                s.events.push(again);
            },
            "created twice",
        ),
        (
            "a sale closed twice",
            |s| {
                s.on_sale("SaleClosed", 30, json!({"act": act(30), "closed_at_ms": OPENS + 30_000}))
            },
            "closed twice",
        ),
        (
            "a sale closed but never created",
            |s| {
                let created = s.index("SaleCreated");
                s.events.remove(created);
            },
            "never created",
        ),
        (
            "a sale closed by the request that created it",
            |s| s.on_sale("SaleClosed", 1, json!({"act": act(1), "closed_at_ms": OPENS + 30_000})),
            "is used twice",
        ),
        (
            "a sale with another request's id",
            |s| s.first("SaleCreated").data["act"] = act(3),
            "the sale's id is not the one",
        ),
        (
            "a sale that offers a SKU twice",
            |s| s.first("SaleCreated").data["items"][1]["sku"] = json!("A"),
            "offers SKU \"A\" twice",
        ),
        (
            "a sale that closes before it opens",
            |s| s.first("SaleCreated").data["closes_at_ms"] = json!(0),
            "closes before it opens",
        ),
        (
            "a sale that goes back in time",
            |s| s.first("SaleClosed").data["closed_at_ms"] = json!(1),
            "time runs backwards",
        ),
        (
            "a sale event with an id of its own making",
            |s| s.first("SaleClosed").id = uuid(77),
            "event id is not the one",
        ),
    ]
}

fn forms_that_cannot_be() -> Vec<Rewrite> {
    vec![
        (
            "an unknown event of an item",
            |s| s.first("RefundDue").kind = "OrderForgotten".to_owned(),
            "no event of an item is called \"OrderForgotten\"",
        ),
        (
            "an item's event on a sale",
            |s| s.first("SaleClosed").kind = "ItemClosed".to_owned(),
            "no event of a sale is called",
        ),
        (
            "an item's event in the demand",
            |s| s.first("DemandTick").kind = "OrderPaid".to_owned(),
            "no event of demand is called",
        ),
        (
            "a field is missing",
            |s| {
                s.first("OrderPlaced").data.as_object_mut().unwrap().remove("buyer");
            },
            "missing field `buyer`",
        ),
        (
            "a field of another type",
            |s| s.first("OrderPaid").data["units"] = json!("2"),
            "cannot be read",
        ),
        ("a body that is no object", |s| s.first("RefundDue").data = json!([]), "cannot be read"),
        (
            "an id in another spelling",
            |s| s.first("OrderPlaced").data["request_id"] = json!(uuid(10).simple().to_string()),
            "lower-case UUID",
        ),
        (
            "a fingerprint that is none",
            |s| s.first("OrderPlaced").data["fingerprint"] = json!("xyz"),
            "hexadecimal",
        ),
        (
            "an unknown cause",
            |s| s.first("RefundDue").data["cause"] = json!("whim"),
            "unknown variant",
        ),
        (
            "metadata without a cause",
            |s| s.first("RefundDue").metadata = json!({}),
            "metadata cannot be read",
        ),
        (
            "a later stored form",
            |s| s.first("RefundDue").metadata["schema"] = json!(2),
            "stored form 2",
        ),
        (
            "another story",
            |s| s.first("OrderPaid").metadata["$correlationId"] = json!(uuid(77)),
            "$correlationId is",
        ),
        (
            "another cause",
            |s| s.first("OrderPlaced").metadata["$causationId"] = json!(uuid(77)),
            "$causationId is",
        ),
        (
            "a tick that counts another number",
            |s| s.first("DemandTick").data["attempts"] = json!(4),
            "counts 4 attempts but packs 3",
        ),
        (
            "a tick with other outcomes",
            |s| s.first("DemandTick").data["outcomes"] = json!({"PLACED": 2, "SOLD_OUT": 1}),
            "outcome PLACED but packs 1",
        ),
        (
            "a tick with an unknown outcome",
            |s| s.first("DemandTick").data["outcomes"]["WON"] = json!(0),
            "unknown outcome \"WON\"",
        ),
        (
            "a tick with an unknown number",
            |s| s.first("DemandTick").data["packed"] = json!(packed(&[(1, 0), (2, 2), (3, 9)])),
            "unknown outcome 9",
        ),
        (
            "a tick with a cut attempt",
            |s| s.first("DemandTick").data["packed"] = json!("AAAA"),
            "whole number of attempts",
        ),
        (
            "a tick that is not base64",
            |s| s.first("DemandTick").data["packed"] = json!("%"),
            "not base64",
        ),
        (
            "a tick longer than its second",
            |s| s.first("DemandTick").data["packed"] = json!(packed(&[(1000, 0), (2, 2), (3, 2)])),
            "1000 ms into its second",
        ),
        (
            "a tick before time began",
            |s| s.first("DemandTick").data["second"] = json!(-1),
            "before 1970",
        ),
        (
            "a tick with channels that add up to more",
            |s| s.first("DemandTick").data["channels"]["web"] = json!({"attempts": 2, "placed": 0}),
            "channels of the tick sum up",
        ),
        (
            "a channel that places more than it tries",
            |s| s.first("DemandTick").data["channels"]["app"]["placed"] = json!(3),
            "placed more orders",
        ),
    ]
}

#[test]
fn many_problems_are_counted_and_the_first_ones_listed() {
    let dir = tempfile::tempdir().unwrap();
    let mut story = sound();
    for request in 0..2 * FINDINGS_MAX {
        story.place(1000 + request as u128, "dan", &[("moon", 1)], CLOSES);
    }
    story.write(dir.path());
    let proof = verify(dir.path()).unwrap();
    assert_eq!(proof.findings.len(), FINDINGS_MAX);
    assert!(proof.more_findings > FINDINGS_MAX as u64);
    assert!(proof.to_string().contains(&format!("and {} more", proof.more_findings)));
    let first = &proof.findings[0];
    assert_eq!(first.stream, item_a());
    assert!(first.position.is_some() && first.revision.is_some());
}

#[test]
fn a_directory_without_a_log_of_ours_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(verify(dir.path()), Err(AuditError::Missing(_))));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");

    let log = dir.path().join("log.db");
    for foreign in [&b""[..], b"not a database", &[0; 4096]] {
        fs::write(&log, foreign).unwrap();
        let error = verify(dir.path()).unwrap_err();
        assert!(matches!(error, AuditError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(&log).unwrap(), foreign, "it was left as it was");
    }
    fs::remove_file(&log).unwrap();
    Connection::open(&log).unwrap().execute_batch("CREATE TABLE notes(text)").unwrap();
    assert!(matches!(verify(dir.path()), Err(AuditError::Foreign { .. })));
}

#[test]
fn no_flipped_byte_panics_or_is_accepted_with_other_figures() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = dir.path().join("log.db");
    let expected = verify(dir.path()).unwrap();
    let bytes = fs::read(&log).unwrap();
    let mut found = 0;
    // A prime stride visits every part of every page with every bit in turn.
    for (offset, turn) in (0..bytes.len()).step_by(47).zip(0_u32..) {
        let mut flipped = bytes.clone();
        flipped[offset] ^= 1 << (turn % 8);
        fs::write(&log, &flipped).unwrap();
        match verify(dir.path()) {
            Ok(proof) if proof.ok() => assert_eq!(proof, expected, "byte {offset}"),
            Ok(_) | Err(_) => found += 1,
        }
    }
    assert!(found > 200, "most of this small file is events, yet only {found} flips were found");
}

#[test]
fn no_cut_off_file_is_accepted() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = dir.path().join("log.db");
    let bytes = fs::read(&log).unwrap();
    for length in (0..bytes.len()).step_by(509) {
        fs::write(&log, &bytes[..length]).unwrap();
        let verdict = verify(dir.path());
        assert!(!verdict.is_ok_and(|proof| proof.ok()), "cut to {length} bytes");
    }
}
