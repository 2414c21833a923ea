//! Goal: whatever a node forwards arrives as it was sent, also at a later version, and what is no
//! letter is an error and never a panic.
//!
//! Method: one sample with every field set and one with none that can be left out, of every kind of
//! command and outcome (`items`, `sales`). Each is written, compared with its line in
//! `tests/golden/peers/letters.jsonl`, and read again. `UPDATE_GOLDEN=1` adds lines that are missing: a
//! line that differs means that nodes of two versions misunderstand each other. Then letters with bytes
//! changed at random.

mod items;
mod sales;

use std::{any::type_name, collections::BTreeSet, env, fmt::Debug, fs};

use doorbuster::{
    actors::{Answer, Fault},
    domain::{
        Decider, Misdirected,
        coupon::{CouponBatch, CouponCommand, CouponReason},
        item::{Item, ItemCommand, PlaceOrder, Refusal},
        quota::{Quota, QuotaCommand},
        sale::{Sale, SaleCommand},
    },
    events::{Act, Position},
    values::{
        BatchId, CouponId, Currency, Fingerprint, Invalid, ItemId, Kinds, OrderId, RequestId,
        SaleId, UnixMs,
    },
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::uuid;

const AT: UnixMs = UnixMs(1_794_326_400_123);
const REQUEST: RequestId = RequestId(uuid!("11111111-2222-4333-8444-555555555555"));
const ORDER: OrderId = OrderId(uuid!("aaaaaaaa-bbbb-5ccc-8ddd-eeeeeeeeeeee"));
const ITEM: ItemId = ItemId(uuid!("0f0f0f0f-1e1e-5d2d-8c3c-4b4b4b4b4b4b"));
const SALE: SaleId = SaleId(uuid!("5a5a5a5a-6b6b-5c7c-9d8d-9e9e9e9e9e9e"));
const BATCH: BatchId = BatchId(uuid!("7b7b7b7b-6b6b-5c7c-9d8d-9e9e9e9e9e9e"));
const COUPON: CouponId = CouponId(uuid!("8c8c8c8c-6b6b-5c7c-9d8d-9e9e9e9e9e9e"));
/// Starts with a zero, and is more than a JSON number holds exactly.
const FINGERPRINT: Fingerprint = Fingerprint(0x00c0_ffee_1234_5678);

/// A text that JSON has to escape.
fn text() -> String {
    "\"安\" \\ \n".to_owned()
}

fn act() -> Act {
    let (operator, reason) = ("olga".to_owned(), text());
    Act { request_id: REQUEST, fingerprint: FINGERPRINT, operator, reason }
}

fn currency() -> Currency {
    Currency::parse("currency", "CNY").unwrap()
}

/// A letter under a name, as it was written, and how it is read.
struct Letter {
    name: String,
    json: String,
    /// Reads it; what was read, written again.
    read: fn(&[u8]) -> Result<String, serde_json::Error>,
}

/// Writes a value down and reads it: it is the same.
fn letter<T: Serialize + DeserializeOwned + Debug>(name: &str, value: &T) -> Letter {
    let json = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(format!("{read:?}"), format!("{value:?}"), "{json}");
    Letter {
        name: format!("{} {name}", type_name::<T>().rsplit("::").next().unwrap()),
        json,
        read: |bytes| {
            serde_json::from_slice::<T>(bytes).map(|read| serde_json::to_string(&read).unwrap())
        },
    }
}

fn commands<D: Decider<Command: Serialize + DeserializeOwned + Debug>>(
    samples: &[D::Command],
) -> Vec<Letter> {
    let kinds: BTreeSet<_> = samples.iter().map(Kinds::kind_name).collect();
    for name in <D::Command as Kinds>::NAMES {
        assert!(kinds.contains(name), "no sample of {name}");
    }
    samples.iter().map(|command| letter(command.kind_name(), command)).collect()
}

/// Outcomes as they travel: within answers.
fn answers<D: Decider<Outcome: Serialize + DeserializeOwned + Debug>>(
    name_of: fn(&D::Outcome) -> &'static str,
    names: &[&str],
    samples: Vec<D::Outcome>,
) -> Vec<Letter> {
    let found: BTreeSet<_> = samples.iter().map(name_of).collect();
    assert_eq!(found, names.iter().copied().collect(), "each kind of outcome has a sample");
    let answered = |outcome| {
        let name = name_of(&outcome);
        let answer = Answer { outcome, revision: u64::MAX, position: Position(1 << 60) };
        Letter { name: format!("Answer<{}>", name), ..letter(name, &answer) }
    };
    samples.into_iter().map(answered).collect()
}

fn misdirections() -> [Misdirected; 3] {
    [
        Misdirected::not_found("order_id"),
        Misdirected::RequestIdReused(REQUEST),
        Misdirected::Invalid(Invalid::new("items[1].units", "must be \"1\"")),
    ]
}

fn faults() -> Vec<Letter> {
    let name_of = |fault: &Fault| match fault {
        Fault::Overloaded => "overloaded",
        Fault::StoreUnavailable(_) => "store_unavailable",
        Fault::LostOwnership => "lost_ownership",
        Fault::DeadlineExceeded => "deadline_exceeded",
        Fault::Unreadable(_) => "unreadable",
        Fault::Stopping => "stopping",
    };
    let faults = [
        Fault::Overloaded,
        Fault::StoreUnavailable(text()),
        Fault::LostOwnership,
        Fault::DeadlineExceeded,
        Fault::Unreadable(text()),
        Fault::Stopping,
    ];
    faults.iter().map(|fault| letter(name_of(fault), fault)).collect()
}

fn letters() -> Vec<Letter> {
    let mut letters = commands::<Item>(&items::commands());
    letters.extend(commands::<CouponBatch>(&sales::coupon_commands()));
    letters.extend(commands::<Quota>(&sales::quota_commands()));
    letters.extend(commands::<Sale>(&sales::sale_commands()));
    letters.extend(items::answers());
    letters.extend(sales::answers());
    letters.extend(faults());
    letters
}

#[test]
fn every_kind_of_letter_arrives_as_it_was_sent_and_never_changes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/peers/letters.jsonl");
    let lines: Vec<_> =
        letters().iter().map(|letter| format!("{}\t{}", letter.name, letter.json)).collect();
    let golden = fs::read_to_string(path).unwrap_or_default();
    let golden: BTreeSet<_> = golden.lines().map(str::to_owned).collect();
    let found: BTreeSet<_> = lines.iter().cloned().collect();
    let lost: Vec<_> = golden.difference(&found).collect();
    assert!(lost.is_empty(), "letters that nodes send at present changed: {lost:#?}");
    let missing: Vec<_> = found.difference(&golden).collect();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(path, lines.join("\n") + "\n").unwrap();
        return;
    }
    assert!(missing.is_empty(), "not in {path}; UPDATE_GOLDEN=1 adds: {missing:#?}");
}

#[test]
fn a_field_of_a_later_version_is_passed_over() {
    for Letter { name, json, read } in letters() {
        let mut later = serde_json::from_str(&json).unwrap();
        add_fields(&mut later);
        let later = later.to_string();
        let read =
            read(later.as_bytes()).unwrap_or_else(|error| panic!("{name}: {error}: {later}"));
        assert_eq!(read, json, "{name}: {later}");
    }
}

/// Adds a field that this version does not know to each object of two fields or more. One of a single
/// field may be a variant.
fn add_fields(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(add_fields),
        Value::Object(fields) => {
            fields.values_mut().for_each(add_fields);
            if fields.len() > 1 {
                fields.insert("of_a_later_version".to_owned(), json!({ "a": [1, null] }));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn an_unknown_variant_is_an_error() {
    let unknown = [r#"{"gift_order":{"buyer":"ann"}}"#, r#""hide""#, "{}", "null", "7", "[]", ""];
    for text in unknown {
        assert!(serde_json::from_str::<ItemCommand>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<CouponCommand>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<QuotaCommand>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<SaleCommand>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<Fault>(text).is_err(), "{text}");
        assert!(serde_json::from_str::<Refusal>(text).is_err(), "{text}");
    }
}

#[test]
fn refusals_go_by_the_names_of_the_contract() {
    for refusal in Refusal::ALL {
        let json = serde_json::to_string(refusal).unwrap();
        assert_eq!(json, format!("\"{}\"", refusal.kind_name()));
    }
}

#[test]
fn a_plain_order_is_short() {
    let place = PlaceOrder::new(ITEM, REQUEST, "buyer-0000000001".to_owned(), 1, "app".to_owned());
    let json = serde_json::to_string(&ItemCommand::PlaceOrder(place)).unwrap();
    assert!(json.len() <= 210, "{} bytes: {json}", json.len());
}

#[test]
fn every_reason_of_coupons_arrives() {
    for reason in CouponReason::ALL {
        letter(reason.kind_name(), reason);
    }
}

proptest! {
    #[test]
    fn damaged_letters_are_errors_or_other_letters(
        which: prop::sample::Index,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let letters = letters();
        let Letter { json, read, .. } = which.get(&letters);
        let mut bytes = json.clone().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        // What can still be read is a letter like any other.
        if let Ok(again) = read(&bytes) {
            prop_assert_eq!(read(again.as_bytes()).unwrap(), again);
        }
    }
}
