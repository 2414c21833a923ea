//! The portrait: who came and who bought, by what is known of shoppers.

use std::collections::BTreeMap;

use super::{
    answers::{Portrait, PortraitAttribute, PortraitRow},
    ground::Ground,
    queries::{PortraitQuery, SIZES},
    segments::Segments,
    walk::{Touch, walk},
};
use crate::{
    projections::journeys::{NAME, TouchKind, VERSION},
    reports::{ReportError, Reports},
};

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
    /// Who came and who bought.
    pub fn portrait(&self, query: &PortraitQuery) -> Result<Portrait, ReportError> {
        let sale = query.sale_id.map(|id| id.0.into_bytes()).unwrap_or_default();
        let attribute = query.attribute.map_or("", PortraitAttribute::name).as_bytes();
        let cut = query.paging.cut::<1>(SIZES, [b"portrait".as_slice(), &sale, attribute])?;
        let attributes: Vec<PortraitAttribute> = match query.attribute {
            Some(one) => vec![one],
            None => PortraitAttribute::ALL.to_vec(),
        };
        self.ask(NAME, VERSION, |rows, checkpoint| {
            let ground = Ground::of(rows, query.sale_id)?;
            let segments = Segments::read(rows)?;
            let mut all = Sums::default();
            let mut sums: BTreeMap<(PortraitAttribute, u16), Sums> = BTreeMap::new();
            let touches_left_out = walk(rows, &ground, self.held_max(), |shopper, touches| {
                let of_shopper = Sums::of(touches);
                all.add(of_shopper);
                for attribute in &attributes {
                    let code = segments.code(shopper, *attribute);
                    sums.entry((*attribute, code)).or_default().add(of_shopper);
                }
            })?;
            let after = cut.after.map_or(-1, |[key]| key);
            let found = sums.into_iter().map(|((attribute, code), sums)| {
                let value = segments.name(attribute, code);
                let Sums { shoppers, buyers, orders, units, revenue_minor } = sums;
                let key = ((attribute as i64) << 16) | i64::from(code);
                let row = PortraitRow {
                    attribute,
                    value,
                    shoppers,
                    buyers,
                    orders,
                    units,
                    revenue_minor,
                };
                ([key], row)
            });
            let found = found.filter(|([key], _)| *key > after);
            let page = cut.page(found.collect(), checkpoint);
            Ok(Portrait {
                currency: ground.currency,
                shoppers: all.shoppers,
                buyers: all.buyers,
                rows: page.rows,
                next_page_token: page.next_page_token,
                touches_left_out,
                checkpoint,
            })
        })
    }
}

impl Sums {
    fn of(touches: &[Touch]) -> Self {
        let mut sums = Self { shoppers: 1, ..Self::default() };
        for touch in touches.iter().filter(|touch| touch.is_purchase()) {
            sums.buyers = 1;
            sums.orders += 1;
            if touch.kind == TouchKind::Paid {
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
