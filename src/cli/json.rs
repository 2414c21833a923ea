//! Messages of the API as JSON, made of their descriptors, and parts of them as text.
//!
//! JSON has the field names of the contract, times in RFC 3339, enums by their names without prefix
//! and whole numbers as numbers. What deviates from that is listed here, by message and field.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{
    DescriptorPool, DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, ReflectMessage as _,
    Value as Field,
};
use prost_types::{Duration, Timestamp};
use serde_json::{Map, Value, json};

use crate::{
    grpc::proto::{DESCRIPTORS, Money},
    values::{Currency, UnixMs},
};

static CONTRACT: LazyLock<DescriptorPool> = LazyLock::new(|| {
    DescriptorPool::decode(DESCRIPTORS)
        .unwrap_or_else(|why| panic!("the descriptors in this program cannot be read: {why}"))
});

/// A moment in RFC 3339; empty where there is none.
pub fn time(moment: Option<&Timestamp>) -> String {
    moment.map_or_else(String::new, |at| unix_ms(at).to_string())
}

/// A moment of an answer.
pub fn unix_ms(at: &Timestamp) -> UnixMs {
    UnixMs(at.seconds.saturating_mul(1000).saturating_add(i64::from(at.nanos) / 1_000_000))
}

/// A moment for a request.
pub fn timestamp(moment: UnixMs) -> Timestamp {
    let nanos = i32::try_from(moment.0.rem_euclid(1000)).unwrap_or(0) * 1_000_000;
    Timestamp { seconds: moment.second(), nanos }
}

/// A span in milliseconds; none is 0.
pub fn milliseconds(span: Option<&Duration>) -> i64 {
    span.map_or(0, |span| {
        span.seconds.saturating_mul(1000).saturating_add(i64::from(span.nanos / 1_000_000))
    })
}

/// Money for people; empty where there is none.
pub fn amount(money: Option<&Money>) -> String {
    let Some(Money { currency_code, amount_minor }) = money else { return String::new() };
    match Currency::parse("currency_code", currency_code) {
        Ok(currency) => currency.amount(*amount_minor),
        Err(_) => format!("{amount_minor} {currency_code}"),
    }
}

/// The name of an enum's value after that prefix, for example `HELD`; empty where it is unspecified.
pub fn short(prefix: &str, name: &'static str) -> &'static str {
    match name.trim_start_matches(prefix) {
        "UNSPECIFIED" => "",
        name => name,
    }
}

/// A message as JSON.
pub fn shape<M: Message + Name>(message: &M) -> Value {
    let name = M::full_name();
    let read = CONTRACT.get_message_by_name(&name).and_then(|descriptor| {
        DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).ok()
    });
    let Some(read) = read else { panic!("{name} is not what the contract in this program says") };
    Value::Object(object(&read))
}

/// Messages of which absent fields are left out; in others they are null.
const LEAN: [&str; 21] = [
    "Coupon",
    "CouponBatch",
    "CouponDraft",
    "Credit",
    "FunnelGroup",
    "FunnelTotals",
    "Incident",
    "Item",
    "ItemDraft",
    "LevelChange",
    "OfferFigures",
    "Order",
    "OrderRecord",
    "PortraitRow",
    "PriceFigures",
    "Sale",
    "SaleGoals",
    "SaleLine",
    "SalesFigures",
    "TrafficRow",
    "WhatIfPrice",
];

/// Whether an empty text counts as absent.
fn is_absent_if_empty(message: &str, field: &str) -> bool {
    matches!(
        (message, field),
        ("Incident" | "TrafficRow", _)
            | ("Alert", "cleared_because")
            | ("AlertRule", "sets_level")
            | ("AttemptStory", "order_id")
            | ("FunnelGroup" | "WhatIfComparison", "item_id")
            | ("LevelChange", "alert_id")
    )
}

/// Whether a field is left out where it has its default: only some orders and items have it.
fn is_absent_if_plain(message: &str, field: &str) -> bool {
    matches!(
        (message, field),
        ("Coupon", "cause" | "order_id" | "discount_minor")
            | ("CouponDraft", "items" | "code" | "with_offers" | "returns")
            | (
                "Order",
                "parts"
                    | "offer"
                    | "discount_minor"
                    | "gift_gone"
                    | "refunded_units"
                    | "refunded_minor"
                    | "failed_payments"
                    | "dues"
                    | "awaiting"
                    | "coupon_id"
                    | "coupon_discount_minor"
                    | "coupon_denied"
                    | "shop_order_id"
                    | "labels"
            )
            | ("OrderCounts" | "ItemState" | "SaleState", "refunded" | "refunds_settled")
            | (
                "SalesFigures",
                "orders_refunded" | "units_refunded" | "refunded" | "refunds_settled"
            )
            | (
                "WhatIfFigures",
                "orders_refunded"
                    | "units_refunded"
                    | "refunded"
                    | "orders_reinstated"
                    | "payments_due_back"
            )
            | ("TimelineSecond", "units_refunded" | "orders_reinstated" | "units_reinstated")
            | ("Item" | "ItemDraft", "offers" | "suppliers" | "reserve_plan")
            | ("Item", "reserve_proposals" | "regions" | "draw")
            | ("ItemDraft", "steps" | "time_prices" | "returned_units")
            | ("ItemDraft", "draw")
            | ("AlertRule", "off")
            | ("Sale", "curve" | "alerts" | "regions")
            | ("Audience", "needs")
            | ("OfferDraft", _)
            | ("OrderPart", "step" | "time_price")
            | ("ExportLine", "shop_order_id" | "labels")
            | ("OrderStory", "price" | "shop_order_id" | "labels")
            | ("PriceQuote", "offer" | "gift" | "step_units_left" | "change_time")
            | ("QuotePriceResponse", "refusal" | "warehouses")
            | ("Refusal", "quote" | "coupon_reason")
            | ("Sale", "coupons" | "limit_per_buyer" | "rewards")
            | ("WhatIfFigures", "discount" | "gift_units_given" | "prices")
    )
}

/// Whether the fields of a message stand in the message that holds it.
fn is_inlined(message: &str, field: &str) -> bool {
    matches!(
        (message, field),
        ("DemandSecond", "demand")
            | ("EffectiveAlertRule", "rule")
            | ("FunnelFigures", "totals")
            | ("FunnelGroup" | "TrafficRow", "figures")
            | ("GetFunnelResponse" | "GetTrafficResponse", "total")
            | ("OrderRecord", "order")
            | ("SaleCoupons" | "SaleItem", "draft")
    )
}

/// Under which name a field is shown, if at all.
fn shown_name(message: &str, field: &FieldDescriptor) -> Option<String> {
    let name = field.name();
    let shown = match (message, name) {
        (_, "next_page_token")
        | ("GetAttributionResponse" | "GetFunnelResponse", "window")
        | ("GetLevelResponse", "revision")
        | ("Goal" | "SaleNotice", "kind") => return None,
        ("GetPathsResponse", "rows") => "paths".to_owned(),
        ("GetRetentionResponse", "rows") => "others".to_owned(),
        ("AlertRule", _) if is_span(field) => format!("{name}_ms"),
        _ if is_span(field) => format!("{name}_seconds"),
        // JSON in a text is shown as what it is.
        _ => name.trim_end_matches("_json").to_owned(),
    };
    Some(shown)
}

fn is_span(field: &FieldDescriptor) -> bool {
    field.kind().as_message().is_some_and(|kind| kind.full_name() == "google.protobuf.Duration")
}

fn object(message: &DynamicMessage) -> Map<String, Value> {
    let descriptor = message.descriptor();
    let of = descriptor.name();
    let is_lean = LEAN.contains(&of);
    let mut object = Map::new();
    for field in descriptor.fields() {
        let Some(shown) = shown_name(of, &field) else { continue };
        if !message.has_field(&field) && is_absent_if_plain(of, field.name()) {
            continue;
        }
        let given = message.get_field(&field);
        if is_inlined(of, field.name()) {
            object.extend(given.as_message().map(self::object).unwrap_or_default());
            continue;
        }
        let mut value = match &*given {
            Field::String(text) if field.name().ends_with("_json") => {
                serde_json::from_str(text).unwrap_or_default()
            }
            Field::Message(span) if shown.ends_with("_ms") => {
                json!(milliseconds(span.transcode_to().ok().as_ref()))
            }
            given => value(&field.kind(), given),
        };
        let is_absent = field.supports_presence() && !message.has_field(&field);
        if is_absent || (value == "" && is_absent_if_empty(of, field.name())) {
            if is_lean {
                continue;
            }
            value = Value::Null;
        }
        object.insert(shown, value);
    }
    object
}

fn value(kind: &Kind, given: &Field) -> Value {
    match given {
        Field::Bool(flag) => json!(flag),
        Field::I32(number) => json!(number),
        Field::I64(number) => json!(number),
        Field::U32(number) => json!(number),
        Field::U64(number) => json!(number),
        Field::F32(number) => json!(number),
        Field::F64(number) => json!(number),
        Field::String(text) => json!(text),
        Field::Bytes(bytes) => json!(String::from_utf8_lossy(bytes)),
        Field::EnumNumber(number) => {
            kind.as_enum().map_or(Value::Null, |kind| enum_name(kind, *number).into())
        }
        Field::Message(message) => match message.descriptor().full_name() {
            "google.protobuf.Timestamp" => json!(time(message.transcode_to().ok().as_ref())),
            "google.protobuf.Duration" => {
                json!(message.transcode_to().map_or(0, |span: Duration| span.seconds))
            }
            _ => Value::Object(object(message)),
        },
        Field::List(values) if is_count(kind) => values.iter().filter_map(count).collect(),
        Field::List(values) => values.iter().map(|given| value(kind, given)).collect(),
        Field::Map(values) => {
            let kind = kind.as_message().map(|entry| entry.map_entry_value_field().kind());
            let entry = |given| kind.as_ref().map_or(Value::Null, |kind| value(kind, given));
            let named = |(name, given)| {
                Some((prost_reflect::MapKey::as_str(name)?.to_owned(), entry(given)))
            };
            values.iter().filter_map(named).collect()
        }
    }
}

fn enum_name(kind: &EnumDescriptor, number: i32) -> String {
    let unspecified = kind.default_value();
    let prefix = unspecified.name().trim_end_matches("UNSPECIFIED");
    let value = kind.get_value(number).unwrap_or_else(|| kind.default_value());
    let name = value.name().trim_start_matches(prefix);
    match kind.name() {
        _ if value.number() == unspecified.number() => String::new(),
        "AlertChange" | "AlertRuleSource" | "AlertSeverity" | "ClearedBecause" | "ServiceLevel" => {
            name.to_lowercase()
        }
        _ => name.to_owned(),
    }
}

/// Whether values of that kind are attempts by reason.
fn is_count(kind: &Kind) -> bool {
    kind.as_message().is_some_and(|kind| matches!(kind.name(), "OutcomeCount" | "RefusalCount"))
}

/// Attempts under their reason; those without one repeated a request.
fn count(count: &Field) -> Option<(String, Value)> {
    let count = object(count.as_message()?);
    let reason = count["reason"].as_str().filter(|reason| !reason.is_empty());
    Some((reason.unwrap_or("REPEATED").to_owned(), count["attempts"].clone()))
}
