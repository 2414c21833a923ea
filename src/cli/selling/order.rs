//! `doorbuster order`: the calls of a shop for its buyers, and the acts of operators on orders.

use super::{
    export::{ExportArgs, ExportsArgs},
    find::Find,
    follow::Follow,
    order_acts::{Cancel, Extend, Fail, Refund, Settle},
    order_proof::ProofArgs,
    references::References,
    refunds_due::RefundsDue,
    shopper::Buyer,
    terms::place,
    the_order::{TheOrder, order_text, show_decided},
    with_coupon::WithCoupon,
};
use crate::{
    cli::{
        Common,
        decided::Decided,
        explain::Explain,
        failure::{Code, Failure},
        json::{shape, short},
        order_list::CsvOrderList,
        output::facts,
        priced,
        server::Server,
        write::Write,
    },
    grpc::{
        proto::{
            GetOrderRequest, Money, PlaceOrderRequest, QuotePriceRequest, RecordPaymentRequest,
            purchase_service_client::PurchaseServiceClient,
        },
        routed,
    },
    values::{Currency, ItemId, UNITS_MAX},
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
    --region east --shopper member_tier=gold --shopper new_buyer=false
  doorbuster order place --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --units 1 \\
    --code SAVE20 --if-denied keep
  doorbuster order place --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 --buyer alice --units 1 \\
    --shop-order-id 2026-000017 --label store=pudong")]
    Place(Box<Place>),
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
    /// Record that a payment for an order was tried and failed
    #[command(before_help = "Examples:
  doorbuster order fail --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --reference pay-20261111-000041 \\
    --code insufficient_funds")]
    Fail(Fail),
    /// Cancel a held order, as its buyer or as an operator
    #[command(before_help = "Examples:
  doorbuster order cancel --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --buyer alice
  doorbuster order cancel --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --operator olga --reason \"a reseller\"")]
    Cancel(Box<Cancel>),
    /// Let the hold of an order end later
    #[command(before_help = "Examples:
  doorbuster order extend --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --until 2026-11-11T01:00:00+08:00 \\
    --reason \"the bank is slow\"")]
    Extend(Box<Extend>),
    /// Take units of a paid order back; their money is due until it is settled
    #[command(before_help = "Examples:
  doorbuster order refund --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --units 1 --restock --reason \"sent back\"")]
    Refund(Box<Refund>),
    /// Record that money that was due is on its way back
    #[command(before_help = "Examples:
  doorbuster order settle --item 0d9d7a52-94c5-5a63-8f4e-0f6c2d3b1a77 \\
    --due 3f0b7d0e-51c2-5d27-9c30-0e6a4f1b2c55 --reference transfer-000017 \\
    --reason \"daily run\"")]
    Settle(Box<Settle>),
    /// List money that is due back, oldest first
    #[command(before_help = "Examples:
  doorbuster order refunds-due
  doorbuster order refunds-due 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --state all --csv")]
    RefundsDue(Box<RefundsDue>),
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
    /// Find orders by their id, the shop's id or a label
    #[command(before_help = "Examples:
  doorbuster order find --order 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11
  doorbuster order find --shop-order-id 2026-000017
  doorbuster order find 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --label store=pudong --csv")]
    Find(Box<Find>),
    /// Print a line for each thing that happens to an order, until interrupted
    ///
    /// When the server is gone it is asked again each second, and nothing is missed. With --json each
    /// line has a resume_token; --token goes on behind that line.
    #[command(before_help = "Examples:
  doorbuster order follow
  doorbuster order follow 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --kind paid,refund_due --after 0
  doorbuster order follow --after 0 --json | my-shop-import")]
    Follow(Box<Follow>),
    /// Hand the paid orders that are in no export yet to warehouses, as CSV
    #[command(before_help = "Examples:
  doorbuster order export 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --reason \"noon\" --file noon.csv
  doorbuster order export 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --again 1 > first.csv")]
    Export(Box<ExportArgs>),
    /// List the exports of a sale
    #[command(before_help = "Examples:
  doorbuster order exports 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10")]
    Exports(ExportsArgs),
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
    /// The item, or SALE/SKU
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
    with: WithCoupon,
    #[command(flatten)]
    references: References,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Quote {
    /// The item, or SALE/SKU
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
    #[command(flatten)]
    order: TheOrder,
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
struct Get {
    #[command(flatten)]
    order: TheOrder,
    /// The buyer of the order; another buyer's order is not found
    #[arg(long)]
    buyer: String,
    #[command(flatten)]
    server: Server,
}

/// Runs `order`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Place(place) => place.run(common),
        Verb::Quote(quote) => quote.run(common),
        Verb::Pay(pay) => pay.run(common),
        Verb::Fail(fail) => fail.run(common),
        Verb::Cancel(cancel) => cancel.run(common),
        Verb::Extend(extend) => extend.run(common),
        Verb::Refund(refund) => refund.run(common),
        Verb::Settle(settle) => settle.run(common),
        Verb::RefundsDue(dues) => dues.run(common),
        Verb::Get(get) => get.run(common),
        Verb::List(list) => list.run(common),
        Verb::Find(find) => find.run(common),
        Verb::Follow(follow) => follow.run(common),
        Verb::Export(export) => export.run(common),
        Verb::Exports(exports) => exports.run(common),
        Verb::Proof(proof) => proof.run(common),
        Verb::Explain(explain) => explain.run(common),
    }
}

impl Place {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let item_id = ItemId::parse("--item", &self.item)?.to_string();
        let shopper = self.about.shopper()?;
        let coupon = self.with.choice(&self.server, &item_id, &self.buyer)?;
        let if_denied = self.with.if_denied();
        let (shop_order_id, labels) = self.references.checked()?;
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
            coupon,
            if_denied,
            shop_order_id,
            labels,
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
        let (item_id, order_id) = self.order.found(&self.server)?;
        let request = RecordPaymentRequest {
            request_id: request_id.to_string(),
            item_id,
            order_id,
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

impl Get {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let (item_id, order_id) = self.order.found(&self.server)?;
        let request = GetOrderRequest { item_id, order_id, buyer: self.buyer };
        let found = self.server.call(async |channel| {
            PurchaseServiceClient::new(channel).get_order(routed(request.clone())).await
        })?;
        let order = found.order.as_ref();
        let order = order.ok_or_else(|| Failure::new(Code::Failed, "the server sent no order"))?;
        common.show(|| shape(&found), || order_text(order, None))?;
        Ok(())
    }
}
