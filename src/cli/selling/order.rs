//! `doorbuster order`: the calls of a shop for its buyers.

use super::{order_proof::ProofArgs, shopper::Buyer, terms::place};
use crate::{
    cli::{
        Common,
        decided::Decided,
        explain::Explain,
        failure::{Code, Failure},
        json::{amount, shape, short, time},
        order_list::CsvOrderList,
        output::facts,
        priced,
        server::Server,
        write::Write,
    },
    grpc::{
        proto::{
            CancelOrderRequest, GetOrderRequest, Money, Order, PlaceOrderRequest,
            QuotePriceRequest, RecordPaymentRequest, Refusal,
            purchase_service_client::PurchaseServiceClient,
        },
        routed,
    },
    values::{Currency, ItemId, OrderId, UNITS_MAX},
};

/// Arguments of `order`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Hold units for a buyer
    #[command(before_help = "Examples:
  doorbuster order place --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --units 1
  doorbuster order place --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --units 2 \\
    --channel app --json
  doorbuster order place --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --units 1 \\
    --region east --shopper member_tier=gold --shopper new_buyer=false")]
    Place(Place),
    /// Ask what an order would cost now, why, and what would be in its way; nothing is held
    #[command(before_help = "Examples:
  doorbuster order quote --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --units 2
  doorbuster order quote --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --units 2 \\
    --region east --shopper member_tier=gold")]
    Quote(Quote),
    /// Record that the payment for an order arrived
    #[command(before_help = "Examples:
  doorbuster order pay --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --amount-minor 199900 --currency CNY \\
    --reference pay-20261111-000042")]
    Pay(Pay),
    /// Cancel a held order
    #[command(before_help = "Examples:
  doorbuster order cancel --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --buyer alice")]
    Cancel(Cancel),
    /// Show an order as it is now
    #[command(before_help = "Examples:
  doorbuster order get --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --buyer alice")]
    Get(Get),
    /// List orders, oldest first
    #[command(before_help = "Examples:
  doorbuster order list --buyer alice
  doorbuster order list --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --state held --json")]
    List(Box<CsvOrderList>),
    /// Prove that an order stands in a certificate
    #[command(before_help = "Examples:
  doorbuster order proof 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --certificate sale.certificate
  doorbuster order proof 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --data /var/lib/doorbuster \\
    --out order.proof")]
    Proof(ProofArgs),
    /// Explain the result of a buyer's attempts
    #[command(before_help = "Examples:
  doorbuster order explain --buyer alice --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77
  doorbuster order explain --buyer alice --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --data /var/lib/doorbuster --json")]
    Explain(Explain),
}

#[derive(Debug, clap::Args)]
struct Place {
    /// The item
    #[arg(long)]
    item: String,
    /// The shop's own id of the buyer, 1 to 128 characters
    #[arg(long)]
    buyer: String,
    /// Number of units, 1 to 1000000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=UNITS_MAX))]
    units: i64,
    /// Channel of the buyer, at most 32 characters
    #[arg(long, value_name = "NAME", default_value = "")]
    channel: String,
    /// Refuse the order with PRICE_CHANGED if it would cost more, in minor units
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    max_total_minor: Option<i64>,
    #[command(flatten)]
    about: Buyer,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Quote {
    /// The item
    #[arg(long)]
    item: String,
    /// Number of units, 1 to 1000000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=UNITS_MAX))]
    units: i64,
    #[command(flatten)]
    about: Buyer,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Pay {
    /// The item
    #[arg(long)]
    item: String,
    /// The order
    #[arg(long)]
    order: String,
    /// The payment provider's reference, 1 to 128 characters
    #[arg(long, value_name = "TEXT")]
    reference: String,
    /// The paid amount, in minor units (199900 is 1999.00 CNY)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    amount_minor: i64,
    /// The currency of the payment, ISO 4217
    #[arg(long, value_name = "CODE")]
    currency: String,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Cancel {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Get {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// The item
    #[arg(long)]
    item: String,
    /// The order
    #[arg(long)]
    order: String,
    /// The buyer of the order; another buyer's order is not found
    #[arg(long)]
    buyer: String,
}

/// Runs `order`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Place(place) => place.run(common),
        Verb::Quote(quote) => quote.run(common),
        Verb::Pay(pay) => pay.run(common),
        Verb::Cancel(cancel) => cancel.run(common),
        Verb::Get(get) => get.run(common),
        Verb::List(list) => list.run(common),
        Verb::Proof(proof) => proof.run(common),
        Verb::Explain(explain) => explain.run(common),
    }
}

impl Place {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let item_id = ItemId::parse("--item", &self.item)?.to_string();
        let shopper = self.about.shopper()?;
        let Self { buyer, units, channel, max_total_minor, about: Buyer { region, .. }, .. } = self;
        let request = PlaceOrderRequest {
            request_id: request_id.to_string(),
            item_id,
            buyer,
            units,
            channel,
            max_total_minor,
            region,
            shopper,
        };
        let answer = self.server.write(request_id, async |channel| {
            PurchaseServiceClient::new(channel).place_order(routed(request.clone())).await
        })?;
        show_decided(common, Decided::of(answer))
    }
}

impl Quote {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = QuotePriceRequest {
            item_id: ItemId::parse("--item", &self.item)?.to_string(),
            units: self.units,
            shopper: self.about.shopper()?,
            region: self.about.region,
        };
        let found = self.server.call(async |channel| {
            PurchaseServiceClient::new(channel).quote_price(routed(request.clone())).await
        })?;
        let quote = found.quote.as_ref();
        let quote = quote.ok_or_else(|| Failure::new(Code::Failed, "the server sent no quote"))?;
        common.show(
            || shape(&found),
            || {
                let mut rows = priced::quote_rows(quote);
                rows.push(("available", found.available_units.to_string()));
                let places: Vec<_> = found.warehouses.iter().map(place).collect();
                if !places.is_empty() {
                    rows.push(("would come from", places.join(", ")));
                }
                if let Some(refusal) = &found.refusal {
                    let reason = short("REFUSAL_REASON_", refusal.reason().as_str_name());
                    rows.push(("would be refused", format!("{reason}: {}", refusal.message)));
                }
                facts(&rows)
            },
        )?;
        Ok(())
    }
}

impl Pay {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let currency = Currency::parse("--currency", &self.currency)?;
        let request = RecordPaymentRequest {
            request_id: request_id.to_string(),
            item_id: ItemId::parse("--item", &self.item)?.to_string(),
            order_id: OrderId::parse("--order", &self.order)?.to_string(),
            payment_reference: self.reference,
            amount: Some(Money {
                currency_code: currency.code().to_owned(),
                amount_minor: self.amount_minor,
            }),
        };
        let answer = self.server.write(request_id, async |channel| {
            PurchaseServiceClient::new(channel).record_payment(routed(request.clone())).await
        })?;
        show_decided(common, Decided::of(answer))
    }
}

impl Cancel {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let Which { item, order, buyer } = self.which;
        let request = CancelOrderRequest {
            request_id: request_id.to_string(),
            item_id: ItemId::parse("--item", &item)?.to_string(),
            order_id: OrderId::parse("--order", &order)?.to_string(),
            buyer,
        };
        let answer = self.server.write(request_id, async |channel| {
            PurchaseServiceClient::new(channel).cancel_order(routed(request.clone())).await
        })?;
        show_decided(common, Decided::of(answer))
    }
}

impl Get {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let Which { item, order, buyer } = self.which;
        let request = GetOrderRequest {
            item_id: ItemId::parse("--item", &item)?.to_string(),
            order_id: OrderId::parse("--order", &order)?.to_string(),
            buyer,
        };
        let found = self.server.call(async |channel| {
            PurchaseServiceClient::new(channel).get_order(routed(request.clone())).await
        })?;
        let order = found.order.as_ref();
        let order = order.ok_or_else(|| Failure::new(Code::Failed, "the server sent no order"))?;
        common.show(|| shape(&found), || order_text(order, None))?;
        Ok(())
    }
}

fn show_decided(common: &Common, decided: Decided<Order, Refusal>) -> anyhow::Result<()> {
    let position = decided.position;
    decided.show(common, "order", |order| order_text(order, Some(position)))
}

fn order_text(order: &Order, position: Option<u64>) -> String {
    let mut rows = vec![
        ("order", order.order_id.clone()),
        ("item", order.item_id.clone()),
        ("buyer", order.buyer.clone()),
        ("units", order.units.to_string()),
        ("price", amount(order.unit_price.as_ref())),
        ("total", amount(order.total.as_ref())),
        ("state", short("ORDER_STATE_", order.state().as_str_name()).to_owned()),
        ("placed", time(order.place_time.as_ref())),
        ("pay by", time(order.pay_by_time.as_ref())),
    ];
    rows.extend(priced::order_rows(order));
    rows.extend(position.map(|position| ("position", position.to_string())));
    facts(&rows)
}
