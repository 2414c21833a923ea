//! What operators do to single orders, and what a shop tells of a payment that failed.

use tonic::{Response, Status, transport::Channel};

use super::the_order::{TheOrder, show_decided};
use crate::{
    cli::{
        Common,
        decided::Decided,
        question::moment,
        server::Server,
        write::{Signed, Steering, Write},
    },
    crowd::operator::Token,
    grpc::{
        proto::{
            CancelHoldRequest, CancelOrderRequest, ExtendHoldRequest, Order,
            RecordPaymentFailureRequest, RefundOrderRequest, Refusal, SettleRefundRequest,
            WriteResponse, order_service_client::OrderServiceClient,
            purchase_service_client::PurchaseServiceClient,
        },
        routed,
    },
    values::{DueId, ItemId, UNITS_MAX},
};

/// Who acts and why.
#[derive(Debug, clap::Args)]
struct Act {
    /// Why, for the record, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

/// Arguments of `order cancel`: of the buyer, or of an operator.
#[derive(Debug, clap::Args)]
pub(super) struct Cancel {
    #[command(flatten)]
    order: TheOrder,
    /// As the buyer of the order; another buyer's order is not found
    #[arg(long)]
    buyer: Option<String>,
    /// As an operator, whoever the buyer is: why, for the record, 1 to 500 characters
    #[arg(long, required_unless_present = "buyer", conflicts_with = "buyer")]
    reason: Option<String>,
    #[command(flatten)]
    steering: Steering,
}

/// Arguments of `order extend`.
#[derive(Debug, clap::Args)]
pub(super) struct Extend {
    #[command(flatten)]
    order: TheOrder,
    /// Until when it can be paid (RFC 3339): later than now, at most 30 days ahead
    #[arg(long, value_name = "TIME")]
    until: String,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `order refund`.
#[derive(Debug, clap::Args)]
pub(super) struct Refund {
    #[command(flatten)]
    order: TheOrder,
    /// Number of units that come back: 1 to those that the buyer still has
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=UNITS_MAX))]
    units: i64,
    /// The units are available again
    #[arg(long, required_unless_present = "write_off", conflicts_with = "write_off")]
    restock: bool,
    /// The units are of no use
    #[arg(long)]
    write_off: bool,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `order settle`.
#[derive(Debug, clap::Args)]
pub(super) struct Settle {
    /// The item
    #[arg(long)]
    item: String,
    /// What is due back, as listed by `order refunds-due`
    #[arg(long)]
    due: String,
    /// The reference of the transfer, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    reference: String,
    #[command(flatten)]
    act: Act,
}

/// Arguments of `order fail`.
#[derive(Debug, clap::Args)]
pub(super) struct Fail {
    #[command(flatten)]
    order: TheOrder,
    /// The payment provider's reference, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    reference: String,
    /// The payment provider's word for what was wrong, 1 to 64 characters
    #[arg(long)]
    code: String,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

/// The fields that all acts have.
struct Acted {
    request_id: String,
    operator: String,
    reason: String,
    token: Token,
}

/// Sends an act and shows the order as it stands then.
fn act<T: WriteResponse<Subject = Order, Refusal = Refusal>>(
    steering: &Steering,
    reason: &str,
    common: &Common,
    call: impl AsyncFn(OrderServiceClient<Channel>, Acted) -> Result<Response<T>, Status>,
) -> anyhow::Result<()> {
    let answer = steering.send(async |channel, signed| {
        let Signed { request_id, operator, token } = signed;
        let acted = Acted { request_id, operator, reason: reason.to_owned(), token };
        call(OrderServiceClient::new(channel), acted).await
    })?;
    show_decided(common, Decided::of(answer))
}

impl Cancel {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let (item_id, order_id) = self.order.ids()?;
        let Some(buyer) = self.buyer else {
            let reason = self.reason.unwrap_or_default();
            return act(&self.steering, &reason, common, async |mut orders, acted| {
                let Acted { request_id, operator, reason, token } = acted;
                let (item_id, order_id) = (item_id.clone(), order_id.clone());
                let request = CancelHoldRequest { request_id, item_id, order_id, operator, reason };
                orders.cancel_hold(token.on(routed(request))).await
            });
        };
        let request_id = self.steering.write.id()?;
        let request =
            CancelOrderRequest { request_id: request_id.to_string(), item_id, order_id, buyer };
        let answer = self.steering.server.write(request_id, async |channel| {
            PurchaseServiceClient::new(channel).cancel_order(routed(request.clone())).await
        })?;
        show_decided(common, Decided::of(answer))
    }
}

impl Extend {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let (item_id, order_id) = self.order.ids()?;
        let pay_by_time = moment("--until", Some(&self.until))?;
        let Act { reason, steering } = self.act;
        act(&steering, &reason, common, async |mut orders, acted| {
            let Acted { request_id, operator, reason, token } = acted;
            let request = ExtendHoldRequest {
                request_id,
                item_id: item_id.clone(),
                order_id: order_id.clone(),
                pay_by_time,
                operator,
                reason,
            };
            orders.extend_hold(token.on(routed(request))).await
        })
    }
}

impl Refund {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let (item_id, order_id) = self.order.ids()?;
        let Act { reason, steering } = self.act;
        act(&steering, &reason, common, async |mut orders, acted| {
            let Acted { request_id, operator, reason, token } = acted;
            let request = RefundOrderRequest {
                request_id,
                item_id: item_id.clone(),
                order_id: order_id.clone(),
                units: self.units,
                restock: self.restock,
                operator,
                reason,
            };
            orders.refund_order(token.on(routed(request))).await
        })
    }
}

impl Settle {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let item_id = ItemId::parse("--item", &self.item)?.to_string();
        let due_id = DueId::parse("--due", &self.due)?.to_string();
        let Act { reason, steering } = self.act;
        act(&steering, &reason, common, async |mut orders, acted| {
            let Acted { request_id, operator, reason, token } = acted;
            let request = SettleRefundRequest {
                request_id,
                item_id: item_id.clone(),
                due_id: due_id.clone(),
                reference: self.reference.clone(),
                operator,
                reason,
            };
            orders.settle_refund(token.on(routed(request))).await
        })
    }
}

impl Fail {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let (item_id, order_id) = self.order.ids()?;
        let request = RecordPaymentFailureRequest {
            request_id: request_id.to_string(),
            item_id,
            order_id,
            payment_reference: self.reference,
            code: self.code,
        };
        let answer = self.server.write(request_id, async |channel| {
            let mut purchases = PurchaseServiceClient::new(channel);
            purchases.record_payment_failure(routed(request.clone())).await
        })?;
        show_decided(common, Decided::of(answer))
    }
}
