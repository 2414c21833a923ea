//! The portrait: shoppers and buyers by attribute.

use std::collections::BTreeMap;

use rusqlite::Transaction;

use super::{
    answers::{Portrait, PortraitAttribute, PortraitRow},
    queries::{PortraitQuery, SIZES},
    segments::Segments,
    walk::{ShopperCount, Touch, Walked},
};
use crate::reports::{ReportError, Reports, paging::Cut};

/// What shoppers of one kind did.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    shoppers: i64,
    buyers: i64,
    orders: i64,
    units: i64,
    revenue_minor: i64,
}

impl Reports {
    /// Shoppers and buyers.
    pub fn portrait(&self, query: &PortraitQuery) -> Result<Portrait, ReportError> {
        self.walked(query.sale_id, |rows| PortraitCount::begin(rows, query))
    }
}

/// Adds shoppers up by what is known of them.
pub(super) struct PortraitCount {
    cut: Cut<1>,
    attributes: Vec<PortraitAttribute>,
    segments: Segments,
    all: Sums,
    sums: BTreeMap<(PortraitAttribute, u16), Sums>,
}

impl PortraitCount {
    pub(super) fn begin(
        rows: &Transaction<'_>,
        query: &PortraitQuery,
    ) -> Result<Self, ReportError> {
        let sale = query.sale_id.map(|id| id.0.into_bytes()).unwrap_or_default();
        let attribute = query.attribute.map_or("", PortraitAttribute::name).as_bytes();
        let cut = query.paging.cut(SIZES, [b"portrait".as_slice(), &sale, attribute])?;
        let attributes = match query.attribute {
            Some(one) => vec![one],
            None => PortraitAttribute::ALL.to_vec(),
        };
        let segments = Segments::read(rows)?;
        Ok(Self { cut, attributes, segments, all: Sums::default(), sums: BTreeMap::new() })
    }
}

impl ShopperCount for PortraitCount {
    type Answer = Portrait;

    fn shopper(&mut self, shopper: u32, touches: &[Touch]) {
        let of_shopper = Sums::of(touches);
        self.all.add(of_shopper);
        for attribute in &self.attributes {
            let code = self.segments.code(shopper, *attribute);
            self.sums.entry((*attribute, code)).or_default().add(of_shopper);
        }
    }

    fn answer(self, _: &Transaction<'_>, walked: &Walked) -> Result<Portrait, ReportError> {
        let Self { cut, segments, all, sums, .. } = self;
        let after = cut.after.map_or(-1, |[key]| key);
        let found = sums.into_iter().map(|((attribute, code), sums)| {
            let value = segments.name(attribute, code);
            let Sums { shoppers, buyers, orders, units, revenue_minor } = sums;
            let key = ((attribute as i64) << 16) | i64::from(code);
            let row =
                PortraitRow { attribute, value, shoppers, buyers, orders, units, revenue_minor };
            ([key], row)
        });
        let found = found.filter(|([key], _)| *key > after);
        let page = cut.page(found.collect(), walked.checkpoint);
        Ok(Portrait {
            currency: walked.ground.currency.clone(),
            shoppers: all.shoppers,
            buyers: all.buyers,
            rows: page.rows,
            next_page_token: page.next_page_token,
            touches_left_out: walked.touches_left_out,
            checkpoint: walked.checkpoint,
        })
    }
}

impl Sums {
    fn of(touches: &[Touch]) -> Self {
        let mut sums = Self { shoppers: 1, ..Self::default() };
        for touch in touches {
            if touch.is_purchase() {
                sums.buyers = 1;
                sums.orders += 1;
            }
            if touch.moves_money() {
                sums.units = sums.units.saturating_add(touch.units);
                sums.revenue_minor = sums.revenue_minor.saturating_add(touch.amount_minor);
            }
        }
        sums
    }

    fn add(&mut self, more: Self) {
        self.shoppers += more.shoppers;
        self.buyers += more.buyers;
        self.orders += more.orders;
        self.units = self.units.saturating_add(more.units);
        self.revenue_minor = self.revenue_minor.saturating_add(more.revenue_minor);
    }
}
