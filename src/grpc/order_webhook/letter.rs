//! One event as it is delivered.

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use super::saved::Failed;
use crate::{
    grpc::proto::{self, OrderEventKind},
    values::UnixMs,
};

/// What the names of kinds begin with in the contract.
const KINDS: &str = "ORDER_EVENT_KIND_";

/// An event with what is sent of it.
#[derive(Debug)]
pub(super) struct Letter {
    pub(super) event_id: String,
    pub(super) position: u64,
    kind: i32,
    item_id: String,
    order_id: String,
    pub(super) body: String,
}

/// Writes letters.
pub(super) struct Writer(MessageDescriptor);

impl Letter {
    /// What events are in order by.
    pub(super) fn key(&self) -> &str {
        if self.order_id.is_empty() { &self.item_id } else { &self.order_id }
    }

    /// It as one that is set aside.
    pub(super) fn failed(&self, why: String, at: UnixMs) -> Failed {
        Failed {
            event_id: self.event_id.clone(),
            position: self.position,
            kind: self.kind,
            item_id: self.item_id.clone(),
            order_id: self.order_id.clone(),
            why,
            at_ms: at.0,
            again: false,
        }
    }
}

impl Writer {
    /// # Errors
    /// When the descriptors of the contract cannot be read.
    pub(super) fn new() -> anyhow::Result<Self> {
        let pool = DescriptorPool::decode(proto::DESCRIPTORS)?;
        let event = pool.get_message_by_name("doorbuster.v1.OrderEvent");
        event.map(Self).ok_or_else(|| anyhow::anyhow!("OrderEvent is not in the contract"))
    }

    /// # Errors
    /// When the event cannot be written, which should not happen.
    pub(super) fn letter(&self, event: proto::OrderEvent) -> Result<Letter, String> {
        let message = DynamicMessage::decode(self.0.clone(), event.encode_to_vec().as_slice());
        let data: Value = message
            .map_err(|why| why.to_string())
            .and_then(|message| serde_json::to_value(&message).map_err(|why| why.to_string()))?;
        let body = json!({
            "type": type_name(event.kind()),
            "timestamp": data.get("eventTime"),
            "data": data,
        });
        Ok(Letter {
            event_id: event.event_id,
            position: event.position,
            kind: event.kind,
            item_id: event.item_id,
            order_id: event.order_id,
            body: body.to_string(),
        })
    }
}

/// The type of an event by the standard's form.
fn type_name(kind: OrderEventKind) -> String {
    match kind {
        OrderEventKind::SoldOut => "item.sold_out".to_owned(),
        kind => {
            let name = kind.as_str_name();
            format!("order.{}", name.strip_prefix(KINDS).unwrap_or(name).to_lowercase())
        }
    }
}
