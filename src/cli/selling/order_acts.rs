//! What operators do to single orders, and what a shop tells of a payment that failed.

use tonic::{Request, Response, Status};

use super::the_order::{TheOrder, show_decided};
use crate::{
    cli::{
        Common,
        decided::Decided,
        question::moment,
        server::Server,
        whose::item_id,
        write::{Steering, Write},
    },
    crowd::channel::Channel,
    grpc::{
        proto::{
            CancelHoldRequest, CancelOrderRequest, ExtendHoldRequest, Order,
            RecordPaymentFailureRequest, RefundOrderRequest, Refusal, SettleRefundRequest,
            WriteRequest, WriteResponse, order_service_client::OrderServiceClient,
            purchase_service_client::PurchaseServiceClient,
        },
        routed,
        rpcs::AboutItem,
    },
    values::{DueId, UNITS_MAX},
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
    /// The item, or SALE/SKU [default: that of the due]
    #[arg(long)]
    item: Option<String>,
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

/// Sends an act and shows the order as it stands then.
fn act<Q, T>(
    Act { reason, steering }: &Act,
    item_id: &str,
    request: Q,
    common: &Common,
    call: impl AsyncFn(OrderServiceClient<Channel>, Request<Q>) -> Result<Response<T>, Status>,
) -> anyhow::Result<()>
where
    Q: WriteRequest + AboutItem + Clone,
    T: WriteResponse<Subject = Order, Refusal = Refusal>,
{
    let send =
        async |channel, request| call(OrderServiceClient::new(channel), routed(request)).await;
    let answer = steering.act(item_id, reason, request, send)?;
    show_decided(common, Decided::of(answer))
}

impl Cancel {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let Self { order, buyer, reason, steering } = self;
        let Some(buyer) = buyer else {
            let (item_id, order_id) = order.ids()?;
            let act_of = Act { reason: reason.unwrap_or_default(), steering };
            let request = CancelHoldRequest { order_id, ..Default::default() };
            return act(&act_of, &item_id, request, common, async |mut orders, request| {
                orders.cancel_hold(request).await
            });
        };
        let request_id = steering.write.id()?;
        let (item_id, order_id) = order.found(&steering.server)?;
        let request =
            CancelOrderRequest { request_id: request_id.to_string(), item_id, order_id, buyer };
        let answer = steering.server.write(request_id, async |channel| {
            PurchaseServiceClient::new(channel).cancel_order(routed(request.clone())).await
        })?;
        show_decided(common, Decided::of(answer))
    }
}

impl Extend {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let (item_id, order_id) = self.order.ids()?;
        let pay_by_time = moment("--until", Some(&self.until))?;
        let request = ExtendHoldRequest { order_id, pay_by_time, ..Default::default() };
        act(&self.act, &item_id, request, common, async |mut orders, request| {
            orders.extend_hold(request).await
        })
    }
}

impl Refund {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let (item_id, order_id) = self.order.ids()?;
        let (units, restock) = (self.units, self.restock);
        let request = RefundOrderRequest { order_id, units, restock, ..Default::default() };
        act(&self.act, &item_id, request, common, async |mut orders, request| {
            orders.refund_order(request).await
        })
    }
}

impl Settle {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let item_id = item_id(self.item.as_deref())?;
        let due_id = DueId::parse("--due", &self.due)?.to_string();
        let request =
            SettleRefundRequest { due_id, reference: self.reference, ..Default::default() };
        act(&self.act, &item_id, request, common, async |mut orders, request| {
            orders.settle_refund(request).await
        })
    }
}

impl Fail {
    pub(super) fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let (item_id, order_id) = self.order.found(&self.server)?;
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
