//! Money that is due back: the panel of a live page, and the rows of one order.

use super::{
    panels::button,
    say::{Say, close_table, element, open_table},
    shell::element_link,
    steering::Deed,
    words::Word,
};
use crate::{
    pages::{
        numbers::{amount, group, short},
        words::Term,
    },
    projections::refunds::DueCause,
    reports::{DueRecord, Pulse},
    values::number_of,
};

/// The open dues of a sale, the oldest first, and what is settled.
pub fn panel(pulse: &Pulse, say: Say) -> String {
    let (dues, currency) = (&pulse.dues, pulse.sale.currency.code());
    let mut out = String::new();
    if dues.oldest.is_empty() {
        element(&mut out, "p", "quiet empty", say.word(Word::NoDues));
    } else {
        table(&mut out, &dues.oldest, true, say);
    }
    let open = dues.open();
    let more = open.dues - number_of(dues.oldest.len());
    if more > 0 {
        let (n, all) = (group(more), amount(open.amount_minor, currency));
        let more = say.filled(Word::MoreDues, &[("n", &n), ("amount", &all)]);
        element(&mut out, "p", "quiet", &more);
    }
    if dues.settled.dues > 0 {
        let all = amount(dues.settled.amount_minor, currency);
        let values = [("n", &*group(dues.settled.dues)), ("amount", &all)];
        element(&mut out, "p", "quiet", &say.filled(Word::SettledSoFar, &values));
    }
    out
}

/// Dues as rows. Of one order they do not repeat which one it is.
pub fn table(out: &mut String, dues: &[DueRecord], of_orders: bool, say: Say) {
    let mut columns = vec![
        ("", say.term(Term::DueCause)),
        ("n", say.word(Word::AmountOf)),
        ("t", say.word(Word::DueSince)),
        ("", say.word(Word::SettledAs)),
        ("act", say.word(Word::Steer)),
    ];
    if of_orders {
        columns.splice(1..1, [("", say.word(Word::Order)), ("", say.word(Word::Buyer))]);
        columns.remove(5);
    }
    open_table(out, &columns);
    for due in dues {
        out.push_str("<tr>");
        element(out, "td", "", say.term(cause(due.cause)));
        if of_orders {
            let order = due.order_id.to_string();
            out.push_str("<td>");
            element_link(out, "", &format!("/orders/{order}"), &short(&order, 13));
            out.push_str("</td>");
            element(out, "td", "", &short(&due.buyer, 24));
        }
        element(out, "td", "n", &amount(due.amount_minor, &due.currency));
        element(out, "td", "t", &say.moment(due.due_at));
        if !of_orders {
            let settled = due.settled.as_ref();
            let settled = settled.map(|by| format!("{} {}", say.moment(by.at), by.reference));
            element(out, "td", "", settled.as_deref().unwrap_or(say.term(Term::Nothing)));
        }
        out.push_str("<td class=\"act\">");
        if due.settled.is_none() {
            let (item, id) = (due.item_id.to_string(), due.due_id.to_string());
            let subject = format!("{} {}", due.buyer, amount(due.amount_minor, &due.currency));
            let fields = [("due", id.as_str()), ("item", item.as_str())];
            button(out, "settle", say.deed(Deed::SettleRefund), subject.trim(), &fields);
        }
        out.push_str("</td></tr>");
    }
    close_table(out);
}

/// What a cause is called.
pub fn cause(cause: DueCause) -> Term {
    match cause {
        DueCause::OrderExpired => Term::DueLate,
        DueCause::OrderCancelled => Term::DueCancelled,
        DueCause::AlreadyPaid => Term::DueTwice,
        DueCause::Refunded => Term::DueReturned,
    }
}
