//! A small log, written by hand: its own ids, JSON, hash chain and tables.

use std::{collections::HashMap, path::Path};

use audit::{Proof, ShownEvent, Verifier};
use base64::{Engine, engine::general_purpose::STANDARD};
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

pub const SERVICE: Uuid = Uuid::from_u128(0x2247887c_52f15f68_a2fbcd4d_b1f239f8);
pub const OPENS: i64 = 1_000_000;
pub const CLOSES: i64 = 2_000_000;
pub const TIME_TO_PAY: i64 = 10_000;
pub const PRICE: i64 = 500;

/// An event before it is written: its place and its hash follow from the list it stands in.
#[derive(Clone)]
pub struct Draft {
    pub stream: String,
    pub kind: String,
    pub id: Uuid,
    pub data: Value,
    pub metadata: Value,
}

/// Where an event is said to stand, to be spoilt.
pub struct Shown {
    pub position: u64,
    pub revision: u64,
    pub left_out: bool,
}

/// The story that is written: one sale with two items.
#[derive(Clone, Default)]
pub struct Story {
    pub events: Vec<Draft>,
}

pub fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x1000_0000_0000_4000_8000_0000_0000_0000 + number)
}

pub fn event_id(item: Uuid, request: Uuid, index: u8) -> Uuid {
    let name: Vec<u8> = request.as_bytes().iter().copied().chain([index]).collect();
    Uuid::new_v5(&item, &name)
}

pub fn sale() -> Uuid {
    Uuid::new_v5(&uuid(1), b"sale")
}

pub fn item(sku: &str) -> Uuid {
    Uuid::new_v5(&sale(), sku.as_bytes())
}

/// The order that a request makes on the item with the SKU `A`.
pub fn order(request: u128) -> Uuid {
    event_id(item("A"), uuid(request), 0)
}

pub fn act(request: u128) -> Value {
    json!({ "request_id": uuid(request), "fingerprint": "00000000000000aa", "operator": "eve", "reason": "test" })
}

pub fn at(parts: &[(&str, i64)]) -> Value {
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
    pub fn on_sale(&mut self, kind: &str, request: u128, data: Value) {
        let id = Uuid::new_v5(&sale(), uuid(request).as_bytes());
        self.add(format!("sale-{}", sale()), kind, id, sale(), uuid(request), data);
    }

    /// An event that a request caused on a stream around the sale.
    pub fn around(&mut self, category: &str, id: Uuid, kind: &str, request: u128, data: Value) {
        let event = Uuid::new_v5(&id, uuid(request).as_bytes());
        self.add(format!("{category}-{id}"), kind, event, id, uuid(request), data);
    }

    /// An event on the roll of nodes.
    pub fn on_roll(&mut self, kind: &str, node: u128, data: Value) {
        let stream = format!("node-{SERVICE}");
        let revision = self.events.iter().filter(|event| event.stream == stream).count();
        let id = Uuid::new_v5(&uuid(node), format!("roll/{revision}").as_bytes());
        self.add(stream, kind, id, uuid(node), uuid(node), data);
    }

    /// An event that an operator's request caused on an item.
    pub fn steer(&mut self, sku: &str, kind: &str, request: u128, index: u8, data: Value) {
        let id = event_id(item(sku), uuid(request), index);
        self.add(format!("item-{}", item(sku)), kind, id, sale(), uuid(request), data);
    }

    /// Puts an item up.
    pub fn put_up(&mut self, sku: &str, limit: Option<i64>, units: &[(&str, i64)]) {
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

    pub fn allocate(
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

    pub fn place(&mut self, request: u128, buyer: &str, parts: &[(&str, i64)], at_ms: i64) {
        let order = order(request);
        let units: i64 = parts.iter().map(|(_, units)| units).sum();
        let data = json!({"order_id": order, "request_id": uuid(request), "fingerprint": "00000000000000bb",
            "buyer": buyer, "units": units, "unit_price_minor": PRICE, "warehouses": at(parts),
            "channel": "app", "placed_at_ms": at_ms, "pay_by_ms": at_ms + TIME_TO_PAY});
        self.add(item_a(), "OrderPlaced", order, order, uuid(request), data);
    }

    /// Makes the order that was placed last one of another item.
    pub fn move_last_to(&mut self, sku: &str, request: u128) {
        let order = event_id(item(sku), uuid(request), 0);
        let placed = self.events.last_mut().expect("it was placed");
        placed.stream = format!("item-{}", item(sku));
        placed.id = order;
        placed.data["order_id"] = json!(order);
        placed.metadata["$correlationId"] = json!(order);
    }

    /// An event about the order of `placed` that a request caused.
    pub fn on_order(
        &mut self,
        kind: &str,
        placed: u128,
        (request, index): (u128, u8),
        data: Value,
    ) {
        let id = event_id(item("A"), uuid(request), index);
        self.add(item_a(), kind, id, order(placed), uuid(request), data);
    }

    /// What every event says that ends the order of `placed` or follows its end.
    pub fn about(&self, placed: u128) -> Value {
        let data = &self.placed(placed).data;
        json!({"order_id": data["order_id"], "placed_revision": self.revision_of(order(placed)),
            "units": data["units"], "warehouses": data["warehouses"]})
    }

    pub fn pay(&mut self, placed: u128, request: u128, at_ms: i64) {
        let mut data = self.about(placed);
        data["request_id"] = json!(uuid(request));
        data["fingerprint"] = json!("00000000000000cc");
        data["payment_reference"] = json!("p-1");
        data["amount_minor"] = json!(data["units"].as_i64().unwrap() * PRICE);
        data["paid_at_ms"] = json!(at_ms);
        self.on_order("OrderPaid", placed, (request, 0), data);
    }

    pub fn cancel(&mut self, placed: u128, request: u128, at_ms: i64) {
        let mut data = self.about(placed);
        data["request_id"] = json!(uuid(request));
        data["fingerprint"] = json!("00000000000000dd");
        data["cancelled_at_ms"] = json!(at_ms);
        self.on_order("OrderCancelled", placed, (request, 0), data);
    }

    pub fn expire(&mut self, placed: u128, at_ms: i64) {
        let mut data = self.about(placed);
        data["expired_at_ms"] = json!(at_ms);
        let id = Uuid::new_v5(&order(placed), b"expired");
        self.add(item_a(), "OrderExpired", id, order(placed), order(placed), data);
    }

    pub fn refund(&mut self, placed: u128, request: u128, cause: &str, at_ms: i64) {
        let about = self.about(placed);
        let amount = about["units"].as_i64().unwrap() * PRICE;
        let data = json!({"order_id": about["order_id"], "placed_revision": about["placed_revision"],
            "request_id": uuid(request), "fingerprint": "00000000000000ee", "payment_reference": "p-2",
            "amount_minor": amount, "cause": cause, "due_at_ms": at_ms});
        self.on_order("RefundDue", placed, (request, 0), data);
    }

    pub fn placed(&self, request: u128) -> &Draft {
        self.events.iter().find(|event| event.id == order(request)).expect("it was placed")
    }

    pub fn revision_of(&self, id: Uuid) -> usize {
        let on_item = self.events.iter().filter(|event| event.stream == item_a());
        on_item.into_iter().position(|event| event.id == id).expect("it is there")
    }

    /// The first event of that kind, to be spoilt.
    pub fn first(&mut self, kind: &str) -> &mut Draft {
        self.events.iter_mut().find(|event| event.kind == kind).expect("there is one")
    }

    pub fn index(&self, kind: &str) -> usize {
        self.events.iter().position(|event| event.kind == kind).expect("there is one")
    }

    /// Shows the log to a verifier, as a store without chains would: positions have gaps.
    pub fn show(&self, change: impl FnMut(usize, &mut Shown)) -> Proof {
        self.show_to(Verifier::default(), change).end()
    }

    /// The same to a verifier of one's own.
    pub fn show_to(
        &self,
        mut verifier: Verifier,
        mut change: impl FnMut(usize, &mut Shown),
    ) -> Verifier {
        let mut heads: HashMap<&str, u64> = HashMap::new();
        for (nth, event) in self.events.iter().enumerate() {
            let next = heads.entry(&event.stream).or_default();
            let mut shown =
                Shown { position: 700 * (nth as u64 + 1), revision: *next, left_out: false };
            *next += 1;
            change(nth, &mut shown);
            if shown.left_out {
                continue;
            }
            verifier.see(&ShownEvent {
                position: shown.position,
                stream: &event.stream,
                revision: shown.revision,
                id: event.id.as_bytes(),
                kind: &event.kind,
                data: event.data.to_string().as_bytes(),
                metadata: event.metadata.to_string().as_bytes(),
                recorded_at_ms: 5_000_000,
            });
        }
        verifier
    }

    /// Writes the log into a directory, with right places and a right chain.
    pub fn write(&self, dir: &Path) {
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

pub fn item_a() -> String {
    format!("item-{}", item("A"))
}

fn plan(sku: &str) -> Value {
    json!({"item_id": item(sku), "sku": sku, "title": "Thing", "unit_price_minor": PRICE,
        "opens_at_ms": OPENS, "closes_at_ms": CLOSES, "time_to_pay_ms": TIME_TO_PAY,
        "units": at(&[("east", 3)])})
}

pub fn packed(attempts: &[(u16, u8)]) -> String {
    let bytes: Vec<u8> = attempts
        .iter()
        .flat_map(|(arrival_ms, outcome)| {
            let [low, high] = arrival_ms.to_le_bytes();
            [low, high, 1, 0, 7, 7, 7, 7, 7, 7, 7, *outcome]
        })
        .collect();
    STANDARD.encode(bytes)
}

/// Beacons as they are packed: id, milliseconds, action, and the numbers of visitor, item, channel,
/// page and shopper.
pub fn packed_beacons(beacons: &[(u8, u32, u8, [u16; 5])]) -> String {
    let mut bytes = Vec::new();
    for (id, after_ms, action, numbers) in beacons {
        bytes.extend([*id; 16]);
        bytes.extend(after_ms.to_le_bytes());
        bytes.extend([*action, 0]);
        bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }
    STANDARD.encode(bytes)
}

/// A sound log in which everything happens that can happen.
pub fn sound() -> Story {
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
    let set = json!({"warehouse": "east", "units": 3, "act": act(24), "set_at_ms": later});
    story.steer("A", "ReserveSet", 24, 0, set);
    let released =
        json!({"warehouse": "east", "units": 2, "act": act(25), "released_at_ms": later});
    story.steer("A", "ReserveReleased", 25, 0, released);
    let limits = json!({"per_buyer": 2, "per_order": 2, "act": act(26), "set_at_ms": later});
    story.steer("A", "PurchaseLimitSet", 26, 0, limits);
    story.on_sale("SalePaused", 27, json!({"act": act(27), "paused_at_ms": later}));
    let paused = json!({"act": act(27), "by_sale": true, "paused_at_ms": later});
    story.steer("A", "ItemPaused", 27, 0, paused);
    story.on_sale("SaleResumed", 28, json!({"act": act(28), "resumed_at_ms": later}));
    let resumed = json!({"act": act(28), "by_sale": true, "resumed_at_ms": later});
    story.steer("A", "ItemResumed", 28, 0, resumed);
    story.place(21, "bob", &[("north", 2)], later + 1);
    let tick = json!({"second": 1020, "attempts": 3, "outcomes": {"PLACED": 1, "SOLD_OUT": 2},
        "channels": {"app": {"attempts": 2, "placed": 1}}, "packed": packed(&[(1, 0), (2, 2), (999, 2)])});
    let demand = format!("demand-{}", item("A"));
    story.add(demand, "DemandTick", uuid(99), item("A"), item("A"), tick);
    story.on_sale("SaleClosed", 22, json!({"act": act(22), "closed_at_ms": later + 2}));
    story.steer("A", "ItemClosed", 22, 0, json!({"act": act(22), "closed_at_ms": later + 3}));
    let beacons = [(1, 0, 0, [1, 1, 1, 1, 1]), (2, 9, 3, [2, 0, 0, 0, 0])];
    let traffic = json!({"from_ms": OPENS, "beacons": 2, "visitors": ["ann", "bob"],
        "items": [{"item_id": item("A")}], "channels": ["app"], "pages": ["/"],
        "shoppers": [{"age_band": "18-24", "region": "east"}], "packed": packed_beacons(&beacons)});
    let id = Uuid::new_v5(&sale(), &0_u64.to_be_bytes());
    story.add(format!("traffic-{}", sale()), "TrafficRecorded", id, sale(), sale(), traffic);
    story.pay(21, 23, later + 4);
    story
}

/// Appends an event of a foreign client, with a correct chain.
pub fn write_foreign(dir: &Path, stream: &str, data: &[u8], binary: bool) {
    let log = Connection::open(dir.join("log.db")).unwrap();
    let start: [u8; 32] =
        Sha256::digest([b"doorbuster chain 1\n", stream.as_bytes()].concat()).into();
    let head = "SELECT stream, revision, hash FROM streams WHERE name = ?1";
    let head = log.query_row(head, [stream], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    let (number, revision, previous): (i64, i64, [u8; 32]) = head.unwrap_or_else(|_| {
        let next = "SELECT max(stream) + 1 FROM streams";
        (log.query_row(next, [], |row| row.get(0)).unwrap(), -1, start)
    });
    let (revision, kind, metadata) =
        (revision + 1, "Anything", r#"{"$correlationId":"x","$causationId":"y"}"#);
    let metadata = if stream.starts_with("item-") {
        let id = uuid(7);
        json!({"$correlationId": id, "$causationId": id, "schema": 1}).to_string()
    } else {
        metadata.to_owned()
    };
    let mut link = previous.to_vec();
    link.extend(revision.to_be_bytes());
    link.extend(uuid(500).as_bytes());
    link.extend(6_000_000_i64.to_be_bytes());
    for part in [kind.as_bytes(), data, metadata.as_bytes()] {
        link.extend((part.len() as u32).to_be_bytes());
        link.extend(part);
    }
    if binary {
        link.push(1);
    }
    let hash: [u8; 32] = Sha256::digest(link).into();
    let stored = match binary {
        true => rusqlite::types::Value::Blob(data.to_vec()),
        false => rusqlite::types::Value::Text(String::from_utf8(data.to_vec()).unwrap()),
    };
    log.execute(
        "INSERT INTO events VALUES ((SELECT max(position) + 1 FROM events), ?1, ?2, ?3, ?4, ?5, ?6,
             6000000, ?7)",
        params![number, revision, uuid(500).as_bytes(), kind, stored, metadata, hash],
    )
    .unwrap();
    log.execute(
        "INSERT INTO streams VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET revision = excluded.revision, hash = excluded.hash",
        params![number, stream, revision, hash],
    )
    .unwrap();
}
