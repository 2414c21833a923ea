//! Funnel, attribution, portrait and paths of a sale from one walk: asked one after the other, each
//! would walk by itself.

use rusqlite::Transaction;

use super::{
    answers::{Attribution, Funnel, FunnelGrouping, Paths, Portrait},
    attribution::AttributionCount,
    funnel::FunnelCount,
    paths::PathsCount,
    portrait::PortraitCount,
    queries::{AttributionQuery, FunnelQuery, PathsQuery, PortraitQuery},
    walk::{ShopperCount, Touch, Walked},
};
use crate::{
    reports::{Paging, ReportError, Reports},
    values::SaleId,
};

/// The first rows of each answer about the shoppers of a sale, with the windows that are usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shoppers {
    pub funnel: Funnel,
    pub attribution: Attribution,
    pub portrait: Portrait,
    pub paths: Paths,
}

impl Reports {
    /// What the shoppers of a sale did; at most `paths` paths.
    pub fn shoppers(&self, sale_id: SaleId, paths: i32) -> Result<Shoppers, ReportError> {
        let sale_id = Some(sale_id);
        let rows = |page_size| Paging { page_size, page_token: String::new() };
        let funnel = FunnelQuery {
            sale_id,
            window_ms: None,
            by: FunnelGrouping::None,
            paging: Paging::default(),
        };
        let attribution = AttributionQuery { sale_id, window_ms: None, paging: rows(i32::MAX) };
        let portrait = PortraitQuery { sale_id, attribute: None, paging: rows(i32::MAX) };
        let paths = PathsQuery { sale_id, steps_max: 0, paging: rows(paths) };
        self.walked(sale_id, |rows| {
            Ok(Together {
                funnel: FunnelCount::begin(rows, &funnel)?,
                attribution: AttributionCount::begin(rows, &attribution)?,
                portrait: PortraitCount::begin(rows, &portrait)?,
                paths: PathsCount::begin(&paths)?,
            })
        })
    }
}

struct Together {
    funnel: FunnelCount,
    attribution: AttributionCount,
    portrait: PortraitCount,
    paths: PathsCount,
}

impl ShopperCount for Together {
    type Answer = Shoppers;

    fn shopper(&mut self, shopper: u32, touches: &[Touch]) {
        self.funnel.shopper(shopper, touches);
        self.attribution.shopper(shopper, touches);
        self.portrait.shopper(shopper, touches);
        self.paths.shopper(shopper, touches);
    }

    fn answer(self, rows: &Transaction<'_>, walked: &Walked) -> Result<Shoppers, ReportError> {
        Ok(Shoppers {
            funnel: self.funnel.answer(rows, walked)?,
            attribution: self.attribution.answer(rows, walked)?,
            portrait: self.portrait.answer(rows, walked)?,
            paths: self.paths.answer(rows, walked)?,
        })
    }
}
