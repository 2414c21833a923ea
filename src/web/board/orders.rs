//! Acts on orders from the board: units taken back, and money settled.
//!
//! The same acts as over gRPC, in the name of the operator whose token it is.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Path, State},
    http::HeaderMap,
    response::Response,
    routing::post,
};
use wire::doorbuster::v1::{
    RefundOrderRequest, SettleRefundRequest, order_service_client::OrderServiceClient,
};

use super::{
    state::Board,
    steer::{NotDone, Written, read, send, told},
};
use crate::values::Invalid;

/// The acts on orders of an item.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new().route("/items/{item_id}/orders", post(act))
}

async fn act(
    State(board): State<Arc<Board>>,
    Path(item_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let acted = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let action = fields.text("action")?;
        let Written { request_id, operator, reason, .. } = written.clone();
        let mut orders = OrderServiceClient::new(board.parts.services.clone());
        Ok(match action.as_str() {
            "refund" => {
                let units = fields.whole("units")?;
                let request = RefundOrderRequest {
                    request_id,
                    item_id,
                    order_id: fields.text("order_id")?,
                    units: units.ok_or_else(|| Invalid::new("units", "is missing"))?,
                    restock: fields.flag("restock")?,
                    operator,
                    reason,
                };
                told(send!(fields, written, orders.refund_order, request))
            }
            "settle" => {
                let request = SettleRefundRequest {
                    request_id,
                    item_id,
                    due_id: fields.text("due_id")?,
                    reference: fields.text("reference")?,
                    operator,
                    reason,
                };
                told(send!(fields, written, orders.settle_refund, request))
            }
            _ => return Err(Invalid::new("action", "must be refund or settle").into()),
        })
    };
    acted.await.unwrap_or_else(NotDone::answer)
}
