//! `doorbuster coupon`: coupons of a sale, claimed by buyers and steered by operators.

use serde_json::json;
use tonic::{Response, Status};

use crate::{
    cli::{
        Common,
        decided::Decided,
        failure::{Code, Failure},
        json::{shape, short, time},
        output::facts,
        rows::Column::{self, Number, Text},
        server::Server,
        whose::TheSale,
        write::{Signed, Steering, Write},
    },
    crowd::channel::Channel,
    events::GrantCause,
    grpc::proto::{
        self, ClaimCouponRequest, CloseBatchRequest, Coupon, CouponBatch, CouponRefusal,
        GetBatchRequest, GrantCouponRequest, ListCouponsRequest, RaiseBudgetRequest,
        RevokeCouponRequest, WriteResponse, coupon_service_client::CouponServiceClient,
    },
    values::{BatchId, CouponId, Currency},
};

type Client = CouponServiceClient<Channel>;

/// Arguments of `coupon`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Claim a coupon for a buyer
    #[command(before_help = "Examples:
  doorbuster coupon claim 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 --buyer alice")]
    Claim(Claim),
    /// Give a buyer a coupon
    #[command(before_help = "Examples:
  doorbuster coupon grant 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 --buyer alice --cause prize \\
    --reason \"won the quiz\"")]
    Grant(Grant),
    /// Close a batch permanently; orders keep their discounts
    #[command(before_help = "Examples:
  doorbuster coupon close 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 --reason \"wrong amount\"")]
    Close(Close),
    /// Raise the budget of a batch
    #[command(before_help = "Examples:
  doorbuster coupon raise 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 --budget-minor 3000000 \\
    --reason \"sells well\"")]
    Raise(Raise),
    /// Take away a coupon that no order uses
    #[command(before_help = "Examples:
  doorbuster coupon revoke 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 \\
    --coupon 7a1c5c0e-3a53-5a0e-8f0b-6d2d5b1f4c11 --reason \"granted by mistake\"")]
    Revoke(Revoke),
    /// Show a batch as it is now
    #[command(before_help = "Examples:
  doorbuster coupon show 2f0c5a1e-6b7d-5e0f-9a1b-3c4d5e6f7a81 --json")]
    Show(Show),
    /// List the coupons that a buyer has of a sale
    #[command(before_help = "Examples:
  doorbuster coupon list 5b0f3c4e-7f1c-5b44-9f0e-2f7a3c1d9e10 --buyer alice")]
    List(List),
}

#[derive(Debug, clap::Args)]
struct Batch {
    /// The batch: `sale show` lists those of a sale
    #[arg(value_name = "BATCH")]
    id: String,
}

#[derive(Debug, clap::Args)]
struct Buyer {
    /// The shop's own id of the buyer, 1 to 128 characters
    #[arg(long)]
    buyer: String,
}

/// What every act of an operator has.
#[derive(Debug, clap::Args)]
struct Act {
    #[command(flatten)]
    batch: Batch,
    /// The recorded reason, 1 to 500 characters
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    steering: Steering,
}

#[derive(Debug, clap::Args)]
struct Claim {
    #[command(flatten)]
    batch: Batch,
    #[command(flatten)]
    buyer: Buyer,
    #[command(flatten)]
    write: Write,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct Grant {
    #[command(flatten)]
    buyer: Buyer,
    /// Why: prize, quiz, earned or goodwill
    #[arg(long, value_parser = GrantCause::ALL.map(GrantCause::name))]
    cause: String,
    #[command(flatten)]
    act: Act,
}

#[derive(Debug, clap::Args)]
struct Close {
    #[command(flatten)]
    act: Act,
}

#[derive(Debug, clap::Args)]
struct Raise {
    /// The whole budget from now on, in minor units
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    budget_minor: i64,
    #[command(flatten)]
    act: Act,
}

#[derive(Debug, clap::Args)]
struct Revoke {
    /// The coupon
    #[arg(long)]
    coupon: String,
    #[command(flatten)]
    act: Act,
}

#[derive(Debug, clap::Args)]
struct Show {
    #[command(flatten)]
    batch: Batch,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, clap::Args)]
struct List {
    #[command(flatten)]
    sale: TheSale,
    #[command(flatten)]
    buyer: Buyer,
    #[command(flatten)]
    server: Server,
}

/// Runs `coupon`.
pub fn run(args: Args, common: &Common) -> anyhow::Result<()> {
    match args.verb {
        Verb::Claim(claim) => claim.run(common),
        Verb::Grant(grant) => grant.run(common),
        Verb::Close(close) => close.run(common),
        Verb::Raise(raise) => raise.run(common),
        Verb::Revoke(revoke) => revoke.run(common),
        Verb::Show(show) => show.run(common),
        Verb::List(list) => list.run(common),
    }
}

impl Batch {
    fn id(&self) -> Result<String, Failure> {
        Ok(BatchId::parse("BATCH", &self.id)?.to_string())
    }
}

impl Act {
    /// Sends an act: what every one carries is the batch's id, the reason, and who signs.
    fn send<T>(
        &self,
        call: impl AsyncFn(Client, String, String, Signed) -> Result<Response<T>, Status>,
    ) -> anyhow::Result<T> {
        let batch_id = self.batch.id()?;
        Ok(self.steering.send(async |channel, signed| {
            let (batch_id, reason) = (batch_id.clone(), self.reason.clone());
            call(Client::new(channel), batch_id, reason, signed).await
        })?)
    }
}

impl Claim {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request_id = self.write.id()?;
        let request = ClaimCouponRequest {
            request_id: request_id.to_string(),
            batch_id: self.batch.id()?,
            buyer: self.buyer.buyer,
        };
        let answer = self.server.write(request_id, async |channel| {
            Client::new(channel).claim_coupon(request.clone()).await
        })?;
        show_coupon(common, answer)
    }
}

impl Grant {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let wanted = |cause: &GrantCause| cause.name() == self.cause;
        let cause = match GrantCause::ALL.into_iter().find(wanted) {
            Some(GrantCause::Prize) => proto::GrantCause::Prize,
            Some(GrantCause::Quiz) => proto::GrantCause::Quiz,
            Some(GrantCause::Earned) => proto::GrantCause::Earned,
            Some(GrantCause::Goodwill) => proto::GrantCause::Goodwill,
            None => proto::GrantCause::Unspecified,
        };
        let answer = self.act.send(async |mut client, batch_id, reason, signed| {
            let Signed { request_id, operator } = signed;
            let buyer = self.buyer.buyer.clone();
            let cause = cause.into();
            let request =
                GrantCouponRequest { request_id, batch_id, buyer, cause, operator, reason };
            client.grant_coupon(request).await
        })?;
        show_coupon(common, answer)
    }
}

impl Close {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let answer = self.act.send(async |mut client, batch_id, reason, signed| {
            let Signed { request_id, operator } = signed;
            let request = CloseBatchRequest { request_id, batch_id, operator, reason };
            client.close_batch(request).await
        })?;
        Decided::of(answer).show(common, "coupon_batch", batch_text)
    }
}

impl Raise {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let answer = self.act.send(async |mut client, batch_id, reason, signed| {
            let Signed { request_id, operator } = signed;
            let budget_minor = self.budget_minor;
            let request =
                RaiseBudgetRequest { request_id, batch_id, budget_minor, operator, reason };
            client.raise_budget(request).await
        })?;
        Decided::of(answer).show(common, "coupon_batch", batch_text)
    }
}

impl Revoke {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let coupon = CouponId::parse("--coupon", &self.coupon)?.to_string();
        let answer = self.act.send(async |mut client, batch_id, reason, signed| {
            let Signed { request_id, operator } = signed;
            let coupon_id = coupon.clone();
            let request = RevokeCouponRequest { request_id, batch_id, coupon_id, operator, reason };
            client.revoke_coupon(request).await
        })?;
        show_coupon(common, answer)
    }
}

impl Show {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let request = GetBatchRequest { batch_id: self.batch.id()? };
        let found = self
            .server
            .call(async |channel| Client::new(channel).get_batch(request.clone()).await)?;
        let Some(batch) = found.coupon_batch else {
            return Err(Failure::new(Code::Failed, "the server sent no batch").into());
        };
        let json = || json!({ "coupon_batch": shape(&batch), "revision": found.revision });
        common.show(json, || batch_text(&batch))?;
        Ok(())
    }
}

const COUPONS: &[Column<Coupon>] = &[
    Text("COUPON", |coupon| (&coupon.coupon_id).into()),
    Text("BATCH", |coupon| (&coupon.batch_id).into()),
    Text("STATE", |coupon| state(coupon).into()),
    Text("CAUSE", |coupon| cause(coupon).into()),
    Text("CLAIMED", |coupon| (&coupon.claim_time).into()),
    Text("ORDER", |coupon| (&coupon.order_id).into()),
    Number("DISCOUNT_MINOR", |coupon| coupon.discount_minor.into()),
];

impl List {
    fn run(self, common: &Common) -> anyhow::Result<()> {
        let sale_id = self.sale.id()?.to_string();
        let request = ListCouponsRequest { sale_id, buyer: self.buyer.buyer };
        let list = self
            .server
            .call(async |channel| Client::new(channel).list_coupons(request.clone()).await)?;
        common.show_rows(|| shape(&list), COUPONS, &list.coupons)?;
        Ok(())
    }
}

fn show_coupon(
    common: &Common,
    answer: impl WriteResponse<Subject = Coupon, Refusal = CouponRefusal>,
) -> anyhow::Result<()> {
    Decided::of(answer).show(common, "coupon", coupon_text)
}

fn state(coupon: &Coupon) -> String {
    short("COUPON_STATE_", coupon.state().as_str_name()).to_lowercase()
}

fn cause(coupon: &Coupon) -> String {
    short("GRANT_CAUSE_", coupon.cause().as_str_name()).to_lowercase()
}

fn coupon_text(coupon: &Coupon) -> String {
    let mut rows = vec![
        ("coupon", coupon.coupon_id.clone()),
        ("batch", coupon.batch_id.clone()),
        ("buyer", coupon.buyer.clone()),
        ("state", state(coupon)),
        ("claimed", time(coupon.claim_time.as_ref())),
    ];
    if !cause(coupon).is_empty() {
        rows.push(("granted for", cause(coupon)));
    }
    if !coupon.order_id.is_empty() {
        rows.push(("order", coupon.order_id.clone()));
        rows.push(("discount", format!("{} minor units", coupon.discount_minor)));
    }
    facts(&rows)
}

fn batch_text(batch: &CouponBatch) -> String {
    let amount = |minor: i64| match Currency::parse("currency_code", &batch.currency_code) {
        Ok(currency) => currency.amount(minor),
        Err(_) => minor.to_string(),
    };
    let terms = batch.terms.clone().unwrap_or_default();
    let mut rows = vec![
        ("batch", batch.batch_id.clone()),
        ("sale", batch.sale_id.clone()),
        ("name", terms.name),
        ("claimed", format!("{} of {}", batch.claimed_coupons, terms.coupons)),
        ("in use", batch.bound_coupons.to_string()),
        ("budget", amount(batch.budget_minor)),
        ("left", amount(batch.budget_left_minor)),
        ("from", time(terms.from_time.as_ref())),
        ("until", time(terms.until_time.as_ref())),
    ];
    if let Some(closed) = &batch.closed_time {
        rows.push(("closed", time(Some(closed))));
    }
    facts(&rows)
}
