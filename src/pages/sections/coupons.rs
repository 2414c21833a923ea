//! Coupons of a sale, and its limit per buyer over all items.

use super::Writing;
use crate::{
    events::CouponReason,
    pages::{
        document::{Block, Cell, Column, Section, Table},
        numbers::group,
        words::{Lang, Sentence, Term, fill},
    },
    reports::{CouponFigures, SaleLimitFigures, share_ppm},
};

/// Sums over the batches of a sale, which are all in its currency.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CouponTotal {
    pub coupons: i64,
    pub claimed: i64,
    pub earned: i64,
    pub redeemed: i64,
    pub returned: i64,
    /// By reason in the order of the contract, without reasons that no order met.
    pub denied: Vec<(CouponReason, i64)>,
    pub budget_minor: i64,
    pub discount_minor: i64,
    pub paid_orders: i64,
    pub paid_units: i64,
    pub paid_discount_minor: i64,
}

impl CouponTotal {
    pub fn of(batches: &[CouponFigures]) -> Self {
        let mut total = Self::default();
        for batch in batches {
            for (sum, more) in [
                (&mut total.coupons, batch.coupons),
                (&mut total.claimed, batch.claimed),
                (&mut total.earned, batch.earned),
                (&mut total.redeemed, batch.redeemed),
                (&mut total.returned, batch.returned),
                (&mut total.budget_minor, batch.budget_minor),
                (&mut total.discount_minor, batch.discount_minor),
                (&mut total.paid_orders, batch.paid.orders),
                (&mut total.paid_units, batch.paid.units),
                (&mut total.paid_discount_minor, batch.paid.discount_minor),
            ] {
                *sum = sum.saturating_add(more);
            }
        }
        let denied = |reason: CouponReason| {
            let of = batches.iter().flat_map(|batch| &batch.denied);
            of.filter(|(why, _)| *why == reason).map(|(_, orders)| orders).sum()
        };
        let all = CouponReason::ALL.iter().map(|reason| (*reason, denied(*reason)));
        total.denied = all.filter(|(_, orders)| *orders > 0).collect();
        total
    }
}

/// What a reason is called.
pub fn reason_name(reason: CouponReason) -> Term {
    match reason {
        CouponReason::Expired => Term::CouponsNotOpen,
        CouponReason::Unknown => Term::CouponUnknown,
        CouponReason::Used => Term::CouponUsed,
        CouponReason::OtherItem => Term::CouponOtherItem,
        CouponReason::BelowMinimum => Term::CouponBelowMinimum,
        CouponReason::BudgetSpent => Term::CouponBudgetSpent,
        CouponReason::AllClaimed => Term::CouponsAllClaimed,
        CouponReason::OverBuyerLimit => Term::CouponsOverBuyerLimit,
    }
}

/// Reasons with how many orders met them; empty without any.
pub fn reasons(denied: &[(CouponReason, i64)], lang: Lang) -> String {
    let told = denied
        .iter()
        .map(|(reason, orders)| format!("{} {}", reason_name(*reason).text(lang), group(*orders)));
    told.collect::<Vec<_>>().join(Term::ListComma.text(lang))
}

/// What the orders of a sale take of its limit per buyer over all items.
pub fn limit(limit: &SaleLimitFigures, lang: Lang) -> String {
    let values = [
        ("limit", group(limit.per_buyer)),
        ("buyers", group(limit.buyers)),
        ("units", group(limit.units)),
        ("full", group(limit.buyers_at_limit)),
        ("denied", group(limit.orders_denied)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    fill(Sentence::SaleLimitTold.text(lang), &values)
}

/// The section; `None` of a sale that has neither coupons nor such a limit.
pub fn section(writing: &Writing<'_>) -> Option<Section> {
    let report = &writing.facts.coupons;
    let mut blocks = Vec::new();
    if !report.batches.is_empty() {
        let total = CouponTotal::of(&report.batches);
        blocks.push(Block::Paragraph(lead(writing, &total)));
        blocks.push(Block::Table(table(writing, &report.batches, &total)));
        if !total.denied.is_empty() {
            let n: i64 = total.denied.iter().map(|(_, orders)| orders).sum();
            let (n, reasons) = (group(n), reasons(&total.denied, writing.lang));
            let values = [("n", n.as_str()), ("reasons", &reasons)];
            blocks.push(Block::Note(writing.sentence(Sentence::CouponsDenied, &values)));
        }
    }
    blocks.extend(report.limit.map(|told| Block::Note(limit(&told, writing.lang))));
    let title = match report.batches.is_empty() {
        true => Term::SaleLimitTitle,
        false => Term::CouponsTitle,
    };
    (!blocks.is_empty()).then(|| Section { anchor: "coupons", title: writing.word(title), blocks })
}

fn lead(writing: &Writing<'_>, total: &CouponTotal) -> String {
    let values = [
        ("orders", group(total.paid_orders)),
        ("units", group(total.paid_units)),
        ("amount", writing.money(total.paid_discount_minor)),
        ("claimed", group(total.claimed)),
        ("coupons", group(total.coupons)),
        ("redeemed", group(total.redeemed)),
        ("returned", group(total.returned)),
        ("earned", group(total.earned)),
    ];
    let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
    writing.sentence(Sentence::CouponsLead, &values)
}

fn table(writing: &Writing<'_>, batches: &[CouponFigures], total: &CouponTotal) -> Table {
    let word = |term: Term| writing.word(term);
    let mut table = Table::new(vec![
        Column::text(word(Term::Coupon), "coupon"),
        Column::number(word(Term::CouponsClaimed), "claimed"),
        Column::number(word(Term::CouponsEarned), "earned"),
        Column::number(word(Term::CouponsRedeemed), "redeemed"),
        Column::number(word(Term::CouponsReturned), "returned"),
        Column::number(word(Term::CouponsDenied), "denied"),
        Column::number(word(Term::Paid), "orders_paid"),
        Column::number(word(Term::GoalUnits), "units_paid"),
        Column::number(word(Term::CouponsTookOff), "paid_discount_minor"),
        Column::number(word(Term::CouponBudget), "budget_minor"),
        Column::number(word(Term::CouponBudgetUsed), "budget_used_ppm"),
    ]);
    let currency = &writing.facts.sale.currency;
    let row = |name: Cell, of: &CouponTotal| {
        vec![
            name,
            Cell::count(of.claimed),
            Cell::count(of.earned),
            Cell::count(of.redeemed),
            Cell::count(of.returned),
            Cell::count(of.denied.iter().map(|(_, orders)| orders).sum()),
            Cell::count(of.paid_orders),
            Cell::count(of.paid_units),
            Cell::amount(of.paid_discount_minor, currency),
            Cell::amount(of.budget_minor, currency),
            Cell::bar(share_ppm(of.discount_minor, of.budget_minor)),
        ]
    };
    let rows = batches.iter().map(|batch| {
        let of = CouponTotal::of(std::slice::from_ref(batch));
        row(Cell::text(batch.name.clone()), &of)
    });
    table.rows = rows.collect();
    if batches.len() > 1 {
        table.total = Some(row(Cell::named(word(Term::All), ""), total));
    }
    table
}
