//! Coupons of a sale by batch, and its limit per buyer over all items.

use super::{
    panels::bar,
    say::{Say, close_table, element, open_table},
    words::Word,
};
use crate::{
    pages::{
        numbers::{amount, group},
        sections::coupons::{limit, reasons},
        words::Term,
    },
    reports::{CouponFigures, Pulse, share_ppm},
};

/// The panel; `None` of a sale that has neither coupons nor such a limit.
pub fn panel(pulse: &Pulse, say: Say) -> Option<String> {
    let mut out = String::new();
    if !pulse.coupons.is_empty() {
        let columns = [
            ("", say.term(Term::Coupon)),
            ("n", say.term(Term::CouponsClaimed)),
            ("n", say.term(Term::CouponsRedeemed)),
            ("n", say.term(Term::CouponsReturned)),
            ("n", say.term(Term::CouponsDenied)),
            ("n", say.word(Word::CouponsSpent)),
            ("n", say.word(Word::BudgetLeft)),
        ];
        open_table(&mut out, &columns);
        for batch in &pulse.coupons {
            row(&mut out, batch, say);
        }
        close_table(&mut out);
    }
    if let Some(figures) = &pulse.limit {
        element(&mut out, "p", "quiet", &limit(figures, say.lang));
    }
    (!out.is_empty()).then_some(out)
}

fn row(out: &mut String, batch: &CouponFigures, say: Say) {
    let money = |minor| amount(minor, &batch.currency);
    out.push_str("<tr><td class=\"what\">");
    element(out, "span", "title", &batch.name);
    if let Some(code) = &batch.code {
        element(out, "span", "quiet", &say.filled(Word::CouponCode, &[("code", code)]));
    }
    if batch.closed.is_some() {
        element(out, "span", "state closed", say.word(Word::BatchClosed));
    }
    out.push_str("</td>");
    let (claimed, all) = (group(batch.claimed), group(batch.coupons));
    let claimed = say.filled(Word::ClaimedOf, &[("n", &claimed), ("all", &all)]);
    element(out, "td", "n", &claimed);
    element(out, "td", "n", &group(batch.redeemed));
    element(out, "td", "n", &group(batch.returned));
    out.push_str("<td class=\"n\">");
    element(out, "span", "", &group(batch.orders_denied()));
    if !batch.denied.is_empty() {
        element(out, "span", "quiet left", &reasons(&batch.denied, say.lang));
    }
    out.push_str("</td>");
    element(out, "td", "n", &money(batch.discount_minor));
    out.push_str("<td class=\"n\">");
    let left = batch.budget_left_minor();
    element(out, "span", "", &money(left));
    bar(out, share_ppm(left, batch.budget_minor));
    out.push_str("</td></tr>");
}
