//! Scripted tables: one line is one command to a batch and the answer it must get.
//!
//! ```text
//! batch amount=2000 min=10000 coupons=2 per_buyer=1 budget=3000 from=0 until=900
//! @100 claim r1 ann                  -> ann r1 free
//!      redeem o1 ann phone 12000 r1  -> 2000 off by r1
//!      return o1                     -> ann r1 free
//!      raise b1 9000                 -> claimed 1 bound 0 off 0 left 9000
//! ```
//! `@` moves the clock and stays. Coupons are called by the request that claimed them, or by the order
//! whose code did. `again` means: nothing recorded, and the place in the log of the first answer. `+`
//! names events beyond the one that goes without saying.

use doorbuster::{
    domain::{
        Decider, Misdirected,
        coupon::{
            BatchAction, BatchView, ClaimCoupon, CouponBatch, CouponCommand, CouponNamed,
            CouponOutcome, CouponState, CouponView, CreateBatch, GrantCoupon, RedeemCoupon,
            ReturnCoupon, SteerBatch,
        },
    },
    events::{
        CouponDiscount, CouponEvent, CouponGrant, CouponReturns, CouponTerms, GrantCause,
        PercentOff, Position, ReturnCause, Stored,
    },
    values::{BatchId, CouponId, Currency, ItemId, Kinds as _, OrderId, RequestId, SaleId, UnixMs},
};
use uuid::Uuid;

/// The sale that the batch belongs to.
pub fn sale() -> SaleId {
    SaleId(Uuid::from_u128(0x5a1e))
}

pub fn batch() -> BatchId {
    sale().batch_id("save")
}

pub fn item(sku: &str) -> ItemId {
    sale().item_id(sku)
}

pub fn request(name: &str) -> RequestId {
    RequestId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

/// An order is called by its name, as a request is.
pub fn order(name: &str) -> OrderId {
    OrderId(request(name).0)
}

pub fn coupon(name: &str) -> CouponId {
    batch().coupon_id(request(name))
}

/// 20.00 off from 100.00, of a small batch.
pub fn terms() -> CouponTerms {
    CouponTerms {
        name: "save".to_owned(),
        discount: CouponDiscount::AmountMinor(2_000),
        min_spend_minor: 10_000,
        coupons: 3,
        per_buyer: 1,
        budget_minor: 5_000,
        items: Vec::new(),
        code: None,
        with_offers: false,
        returns: CouponReturns::Unpaid,
        from_ms: UnixMs(0),
        until_ms: UnixMs(1_000),
    }
}

pub fn create(terms: CouponTerms) -> CouponCommand {
    CouponCommand::Create(Box::new(CreateBatch {
        request_id: request("create"),
        sale_id: sale(),
        currency: Currency::parse("currency", "CNY").unwrap(),
        terms,
        operator: "olga".to_owned(),
    }))
}

pub fn claim(name: &str, buyer: &str) -> CouponCommand {
    CouponCommand::Claim(ClaimCoupon { request_id: request(name), buyer: buyer.to_owned() })
}

pub fn grant(name: &str, buyer: &str) -> CouponCommand {
    let (operator, reason) = ("olga".to_owned(), "first of the quiz".to_owned());
    CouponCommand::Grant(GrantCoupon {
        request_id: request(name),
        buyer: buyer.to_owned(),
        grant: CouponGrant { cause: GrantCause::Quiz, operator, reason },
    })
}

pub fn redeem(
    name: &str,
    buyer: &str,
    sku: &str,
    base_minor: i64,
    coupon: CouponNamed,
    placed_at: i64,
) -> CouponCommand {
    CouponCommand::Redeem(Box::new(RedeemCoupon {
        order_id: order(name),
        sale_id: sale(),
        item_id: item(sku),
        buyer: buyer.to_owned(),
        base_minor,
        coupon,
        placed_at: UnixMs(placed_at),
    }))
}

pub fn give_back(name: &str) -> CouponCommand {
    let cause = ReturnCause::OrderExpired;
    CouponCommand::Return(ReturnCoupon { order_id: order(name), cause })
}

pub fn steer(name: &str, action: BatchAction) -> CouponCommand {
    let (operator, reason) = ("olga".to_owned(), "a test".to_owned());
    CouponCommand::Steer(SteerBatch { request_id: request(name), operator, reason, action })
}

/// What a command came to.
pub struct Answer {
    pub kinds: Vec<&'static str>,
    pub outcome: CouponOutcome,
    pub revision: u64,
    pub position: Option<Position>,
}

/// A batch that is rebuilt from its log before every command.
#[derive(Default)]
pub struct Live {
    pub log: Vec<CouponEvent>,
}

impl Live {
    pub fn rebuilt(&self) -> CouponBatch {
        let mut batch = CouponBatch::initial(self::batch().0);
        for (event, revision) in self.log.iter().zip(0..) {
            batch.evolve(event, revision);
            batch.landed(revision, Position(revision + 1));
        }
        batch
    }

    pub fn run(&mut self, command: CouponCommand, now: i64) -> Answer {
        let mut batch = self.rebuilt();
        let decided = batch.decide(command, UnixMs(now));
        let kinds = decided.events.iter().map(|caused| caused.event.kind()).collect();
        for caused in decided.events {
            assert_eq!(caused.event.act().map(|act| act.is_planned()), planned(&caused.event));
            batch.evolve(&caused.event, self.log.len() as u64);
            self.log.push(caused.event);
        }
        let outcome = batch.answer(decided.outcome, UnixMs(now));
        let Self { log } = self;
        assert!(decided.revision < log.len().max(1) as u64, "an answer beyond the stream");
        Answer { kinds, outcome, revision: decided.revision, position: decided.position }
    }
}

/// Whether an act carries out the plan of the sale: only the creation does.
fn planned(event: &CouponEvent) -> Option<bool> {
    let is_creation = matches!(event, CouponEvent::BatchCreated(_));
    event.act().map(|_| is_creation)
}

/// Runs a table and returns the batch as it ends up.
pub fn check(table: &str) -> Live {
    let (mut live, mut now) = (Live::default(), 0);
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once("->").unwrap_or((line, ""));
        let mut words: Vec<&str> = asked.split_whitespace().collect();
        if let Some(moment) = words[0].strip_prefix('@') {
            now = moment.parse().unwrap();
            words.remove(0);
        }
        if let ["batch", options @ ..] = words.as_slice() {
            live.run(create(terms_of(options)), now);
            continue;
        }
        let names: Vec<&str> = table.split_whitespace().collect();
        let answer = live.run(command(&words, now), now);
        assert_eq!(say(&answer, words[0], &names), expected.trim(), "in line: {line}");
    }
    live
}

fn terms_of(options: &[&str]) -> CouponTerms {
    let mut terms = terms();
    for option in options {
        let (key, value) = option.split_once('=').unwrap();
        let number = || value.parse::<i64>().unwrap();
        match key {
            "amount" => terms.discount = CouponDiscount::AmountMinor(number()),
            // `100000` or `100000:500`
            "ppm" => {
                let (ppm, most) = value.split_once(':').unwrap_or((value, ""));
                let (ppm, at_most_minor) = (ppm.parse().unwrap(), most.parse().ok());
                terms.discount = CouponDiscount::Percent(PercentOff { ppm, at_most_minor });
            }
            "min" => terms.min_spend_minor = number(),
            "coupons" => terms.coupons = number(),
            "per_buyer" => terms.per_buyer = number(),
            "budget" => terms.budget_minor = number(),
            "items" => terms.items = value.split(',').map(item).collect(),
            "code" => terms.code = Some(value.to_owned()),
            "from" => terms.from_ms = UnixMs(number()),
            "until" => terms.until_ms = UnixMs(number()),
            _ => panic!("no option is called {key}"),
        }
    }
    terms
}

fn command(words: &[&str], now: i64) -> CouponCommand {
    let number = |word: &str| word.parse::<i64>().unwrap();
    let named = |word: &str| match word.strip_prefix("code=") {
        Some(code) => CouponNamed::Code(code.to_owned()),
        None => CouponNamed::Id(coupon(word)),
    };
    match *words {
        ["claim", name, buyer] => claim(name, buyer),
        ["grant", name, buyer] => grant(name, buyer),
        ["redeem", order, buyer, sku, base, by] => {
            redeem(order, buyer, sku, number(base), named(by), now)
        }
        ["redeem", order, buyer, sku, base, by, placed] => {
            redeem(order, buyer, sku, number(base), named(by), number(placed))
        }
        ["return", order] => give_back(order),
        ["close", name] => steer(name, BatchAction::Close),
        ["raise", name, budget] => steer(name, BatchAction::RaiseBudget(number(budget))),
        ["revoke", name, of] => steer(name, BatchAction::Revoke(coupon(of))),
        ["create"] => create(terms()),
        ["show"] => CouponCommand::Show,
        ["list", buyer] => CouponCommand::ShowBuyer { buyer: buyer.to_owned() },
        _ => panic!("no command looks like {words:?}"),
    }
}

/// The word of the table that this coupon or order is called by.
fn called(names: &[&str], is: impl Fn(&str) -> bool) -> String {
    names.iter().find(|name| is(name)).unwrap_or(&"?").to_string()
}

fn coupon_in_words(view: &CouponView, names: &[&str]) -> String {
    let state = match view.state {
        CouponState::Free => "free".to_owned(),
        CouponState::Revoked => "revoked".to_owned(),
        CouponState::Bound { order_id, discount_minor } => {
            let of = called(names, |name| order(name) == order_id);
            format!("bound {of} {discount_minor}")
        }
    };
    let granted = view.cause.map_or("", |_| " granted");
    let name = called(names, |name| coupon(name) == view.coupon_id);
    format!("{} {name} {state}{granted}", view.buyer)
}

fn batch_in_words(view: &BatchView) -> String {
    let BatchView { claimed, bound, discount_minor: off, budget_minor, .. } = view;
    let closed = if view.closed.is_some() { " closed" } else { "" };
    format!("claimed {claimed} bound {bound} off {off} left {}{closed}", budget_minor - off)
}

/// An answer in words.
fn say(answer: &Answer, verb: &str, names: &[&str]) -> String {
    let natural = match verb {
        "claim" | "grant" => "CouponClaimed",
        "redeem" => "CouponRedeemed",
        "return" => "CouponReturned",
        "close" => "CouponBatchClosed",
        "raise" => "BudgetRaised",
        "revoke" => "CouponRevoked",
        _ => "",
    };
    let (mut said, done) = match &answer.outcome {
        CouponOutcome::Batch(view) => (batch_in_words(view), true),
        CouponOutcome::Coupon(view) => (coupon_in_words(view, names), true),
        CouponOutcome::Coupons(views) if views.is_empty() => ("nothing".to_owned(), true),
        CouponOutcome::Coupons(views) => {
            let all = views.iter().map(|view| coupon_in_words(view, names));
            (all.collect::<Vec<_>>().join(", "), true)
        }
        CouponOutcome::Redeemed(got) => {
            let name = called(names, |name| coupon(name) == got.coupon_id);
            (format!("{} off by {name}", got.discount_minor), true)
        }
        CouponOutcome::Refused(reason) => {
            let reason = reason.kind_name().strip_prefix("COUPON_").unwrap();
            (format!("refused {}", reason.to_lowercase()), false)
        }
        CouponOutcome::Misdirected(Misdirected::NotFound(what)) => {
            (format!("not_found {what}"), false)
        }
        CouponOutcome::Misdirected(Misdirected::RequestIdReused(_)) => ("reused".to_owned(), false),
        CouponOutcome::Misdirected(Misdirected::Invalid(wrong)) => {
            (format!("wrong {wrong}"), false)
        }
    };
    if answer.position.is_some() {
        assert!(answer.kinds.is_empty(), "a repeated answer records nothing");
        assert_eq!(
            answer.position,
            Some(Position(answer.revision + 1)),
            "the first answer's place"
        );
        said.push_str(" again");
    } else if answer.kinds.is_empty() && done && !natural.is_empty() {
        said.push_str(" without an event");
    } else if !answer.kinds.is_empty() && answer.kinds != [natural] {
        said = format!("{said} + {}", answer.kinds.join(" "));
    }
    said
}
