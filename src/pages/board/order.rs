//! The page of one order: what became of it, step by step, and its money.

use std::fmt::Write as _;

use super::{
    dues,
    panels::button,
    price,
    say::{Say, close_table, element, open_table},
    shell::element_link,
    steering::Deed,
    words::Word,
};
use crate::{
    events::{OrderReferences, StreamName},
    pages::{
        escape,
        numbers::{amount, group, short},
        words::Term,
    },
    projections::refunds::DueCause,
    reports::{DueRecord, OrderRecord},
    values::UnixMs,
};

/// What became of an order, as the read model has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Held,
    Paid,
    Cancelled,
    Expired,
    /// Paid, and all of its units came back.
    Refunded,
}

/// One order from beginning to end. `dues` is its money that is due back, or was, the oldest first.
pub fn order(order: &OrderRecord, dues: &[DueRecord], fate: Fate, say: Say) -> String {
    let mut out = String::new();
    element(&mut out, "h1", "", &format!("{} {}", say.word(Word::Order), order.order_id));
    out.push_str("<div class=\"stack\"><section class=\"card\">");
    facts(&mut out, order, fate, say);
    references(&mut out, &order.references, say);
    out.push_str("</section>");
    price::section(&mut out, &order.price, order.units, &order.currency, say);
    money(&mut out, order, dues, fate, say);
    out.push_str("<section class=\"card\"><h2>");
    out.push_str(&escape::html(say.word(Word::FromTheAttempt)));
    out.push_str("</h2><ol class=\"path\">");
    for (name, at, after) in steps(order, dues, fate, say) {
        out.push_str("<li>");
        element(&mut out, "b", "", &name);
        element(&mut out, "span", "t", &say.moment(at));
        let after = after.map(|ms| say.filled(Word::After1, &[("span", &say.span(ms))]));
        element(&mut out, "span", "quiet", after.as_deref().unwrap_or_default());
        out.push_str("</li>");
    }
    out.push_str("</ol>");
    if order.failed_payments > 0 {
        let n = order.failed_payments.to_string();
        element(&mut out, "p", "quiet", &say.filled(Word::FailedPayments, &[("n", &n)]));
    }
    out.push_str("</section><section class=\"card\"><h2>");
    out.push_str(&escape::html(say.word(Word::AllAttempts)));
    let told = escape::html(say.word(Word::OnItsWay));
    let _ = write!(
        out,
        "</h2><div id=\"story\" data-order=\"{}\"><p class=\"quiet\">{told}</p></div></section></div>",
        order.order_id
    );
    out
}

fn facts(out: &mut String, order: &OrderRecord, fate: Fate, say: Say) {
    open_table(
        out,
        &[
            ("", say.word(Word::Buyer)),
            ("", say.word(Word::State)),
            ("n", say.word(Word::UnitsOf)),
            ("n", say.word(Word::Total)),
            ("", say.term(Term::Channel)),
            ("", say.term(Term::SaleId)),
            ("", say.word(Word::Stream)),
        ],
    );
    out.push_str("<tr>");
    element(out, "td", "", &order.buyer);
    out.push_str("<td>");
    element(out, "span", "state", state(order, fate, say));
    out.push_str("</td>");
    element(out, "td", "n", &group(order.units));
    element(out, "td", "n", &amount(order.price.total_minor, &order.currency));
    element(out, "td", "", &order.channel);
    out.push_str("<td>");
    let sale = order.sale_id.to_string();
    element_link(out, "", &format!("/sales/{sale}"), &short(&sale, 13));
    out.push_str("</td><td>");
    let stream = StreamName::item(order.item_id).to_string();
    element_link(out, "", &format!("/log/{stream}"), &short(&stream, 18));
    out.push_str("</td></tr>");
    close_table(out);
}

/// What the shop calls it; nothing where it gave no references.
fn references(out: &mut String, of: &OrderReferences, say: Say) {
    if !of.shop_order_id.is_empty() {
        let id = say.filled(Word::ShopOrderId, &[("id", &of.shop_order_id)]);
        element(out, "p", "quiet", &id);
    }
    if !of.labels.is_empty() {
        let labels = say.filled(Word::OrderLabels, &[("labels", &of.label_text())]);
        element(out, "p", "quiet", &labels);
    }
}

fn state(order: &OrderRecord, fate: Fate, say: Say) -> &'static str {
    match fate {
        Fate::Held => say.word(Word::OnHold),
        Fate::Paid if order.refunded_units > 0 => say.word(Word::PartlyRefunded),
        Fate::Paid => say.word(Word::OrderPaid),
        Fate::Cancelled => say.word(Word::OrderCancelled),
        Fate::Expired => say.word(Word::OrderExpired),
        Fate::Refunded => say.word(Word::Refunded),
    }
}

/// Whether the buyer has paid for units.
fn is_paid(fate: Fate) -> bool {
    match fate {
        Fate::Paid | Fate::Refunded => true,
        Fate::Held | Fate::Cancelled | Fate::Expired => false,
    }
}

/// What was paid, what came back of it, and what is due; nothing of an order without either.
fn money(out: &mut String, order: &OrderRecord, dues: &[DueRecord], fate: Fate, say: Say) {
    if !is_paid(fate) && dues.is_empty() {
        return;
    }
    out.push_str("<section class=\"card\" id=\"money\">");
    element(out, "h2", "", say.word(Word::MoneyTitle));
    if is_paid(fate) {
        let (total, back) = (order.price.total_minor, order.refunded_minor);
        let shown = |minor| amount(minor, &order.currency);
        let values = [("amount", &*shown(total)), ("reference", &order.payment_reference)];
        element(out, "p", "", &say.filled(Word::PaidWith, &values));
        if order.refunded_units > 0 {
            let (n, of) = (group(order.refunded_units), group(order.units));
            let (kept, back) = (shown(total.saturating_sub(back)), shown(back));
            let values = [("n", &*n), ("of", &of), ("amount", &back), ("kept", &kept)];
            element(out, "p", "", &say.filled(Word::CameBack, &values));
        }
    }
    if !dues.is_empty() {
        dues::table(out, dues, false, say);
    }
    let left = order.units.saturating_sub(order.refunded_units);
    if fate == Fate::Paid && left > 0 {
        let (id, item) = (order.order_id.to_string(), order.item_id.to_string());
        let units = left.to_string();
        let fields = [("order_id", id.as_str()), ("item", &item), ("units", &units)];
        out.push_str("<p class=\"act\">");
        button(out, "refund", say.deed(Deed::Refund), &order.buyer, &fields);
        out.push_str("</p>");
    }
    out.push_str("</section>");
}

/// Name, moment, and how long after the order was placed.
type Step = (String, UnixMs, Option<i64>);

fn steps(order: &OrderRecord, dues: &[DueRecord], fate: Fate, say: Say) -> Vec<Step> {
    let since = |at: UnixMs| Some(at.since(order.placed_at));
    let step = |word: Word, at: UnixMs| (say.word(word).to_owned(), at, since(at));
    let mut steps = vec![
        (say.word(Word::AttemptMade).to_owned(), order.placed_at, None),
        step(Word::OrderPlaced, order.placed_at),
    ];
    steps.extend(order.reinstated_at.map(|at| step(Word::OrderReinstated, at)));
    let ended = match fate {
        Fate::Held => None,
        Fate::Paid | Fate::Refunded => Some(Word::OrderPaid),
        Fate::Cancelled => Some(Word::OrderCancelled),
        Fate::Expired => Some(Word::OrderExpired),
    };
    steps.push(match ended.zip(order.settled_at) {
        Some((word, at)) => step(word, at),
        None => step(Word::PayBy, order.pay_by),
    });
    for due in dues {
        let name = match due.cause {
            DueCause::Refunded => say.filled(Word::UnitsBack, &[("n", &group(due.units))]),
            DueCause::OrderExpired | DueCause::OrderCancelled | DueCause::AlreadyPaid => {
                say.term(dues::cause(due.cause)).to_owned()
            }
        };
        steps.push((name, due.due_at, since(due.due_at)));
        if let Some(settled) = &due.settled {
            steps.push(step(Word::MoneySettled, settled.at));
        }
    }
    // A stable order: what happened at one moment stays as it is told.
    steps.sort_by_key(|(_, at, _)| *at);
    steps
}
