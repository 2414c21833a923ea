//! Paths: the most common sequences of touches.
//!
//! A path is what one shopper did in one sale, equal steps in a row told once, cut after some steps.
//! An attempt that became an order is told by the order. Only so many different paths are told apart;
//! shoppers on others are counted as left out.

use std::collections::HashMap;

use rusqlite::Transaction;

use super::{
    answers::{PathRow, PathStep, Paths},
    queries::{PATH_SIZES, PATH_STEPS, PATH_STEPS_MAX, PathsQuery},
    walk::{ShopperCount, Touch, Walked},
};
use crate::{
    events::AttemptOutcome,
    projections::journeys::TouchKind,
    reports::{ReportError, Reports, paging::Cut},
    values::{Invalid, narrow, number_of, tiny},
};

/// Paths that are told apart: some 30 MiB.
const DISTINCT_MAX: usize = 262_144;

/// Paths by steps: shoppers on them, and buyers among those.
type Distinct = HashMap<Box<[PathStep]>, (i64, i64)>;

impl Reports {
    /// The most common paths.
    pub fn paths(&self, query: &PathsQuery) -> Result<Paths, ReportError> {
        self.walked(query.sale_id, |_| PathsCount::begin(query))
    }
}

/// Counts paths, shopper after shopper.
pub(super) struct PathsCount {
    cut: Cut<1>,
    steps_max: u16,
    shoppers: i64,
    shoppers_left_out: i64,
    counted: Distinct,
    path: Vec<PathStep>,
}

impl PathsCount {
    pub(super) fn begin(query: &PathsQuery) -> Result<Self, ReportError> {
        let steps_max = match query.steps_max {
            0 => PATH_STEPS,
            steps if (1..=PATH_STEPS_MAX).contains(&steps) => steps,
            _ => {
                let problem = format!("must be 1 to {PATH_STEPS_MAX}");
                return Err(Invalid::new("steps_max", problem).into());
            }
        };
        let sale = query.sale_id.map(|id| id.0.into_bytes()).unwrap_or_default();
        let question = [b"paths".as_slice(), &sale, &steps_max.to_be_bytes()];
        let cut = query.paging.cut(PATH_SIZES, question)?;
        let (counted, path) = (Distinct::new(), Vec::new());
        // At most PATH_STEPS_MAX, see above.
        let steps_max = tiny(narrow(steps_max.unsigned_abs()));
        Ok(Self { cut, steps_max, shoppers: 0, shoppers_left_out: 0, counted, path })
    }
}

impl ShopperCount for PathsCount {
    type Answer = Paths;

    fn shopper(&mut self, _: u32, touches: &[Touch]) {
        let Self { path, counted, .. } = self;
        follow(path, touches, usize::from(self.steps_max));
        if path.is_empty() {
            return;
        }
        self.shoppers += 1;
        let bought = i64::from(touches.iter().any(Touch::is_purchase));
        if let Some((shoppers, buyers)) = counted.get_mut(path.as_slice()) {
            *shoppers += 1;
            *buyers += bought;
        } else if counted.len() < DISTINCT_MAX {
            counted.insert(path.as_slice().into(), (1, bought));
        } else {
            self.shoppers_left_out += 1;
        }
    }

    fn answer(self, _: &Transaction<'_>, walked: &Walked) -> Result<Paths, ReportError> {
        let Self { cut, steps_max, shoppers, shoppers_left_out, counted, .. } = self;
        let distinct_paths = number_of(counted.len());
        let [given] = cut.after.unwrap_or([0]);
        let page = cut.page(ranked(counted, given, cut.rows()), walked.checkpoint);
        Ok(Paths {
            steps_max,
            shoppers,
            distinct_paths,
            shoppers_left_out,
            rows: page.rows,
            next_page_token: page.next_page_token,
            touches_left_out: walked.touches_left_out,
            checkpoint: walked.checkpoint,
        })
    }
}

/// The path of one shopper, whose touches are in the order of time.
fn follow(path: &mut Vec<PathStep>, touches: &[Touch], length: usize) {
    path.clear();
    for step in touches.iter().filter_map(|touch| step_of(touch.kind)) {
        if path.last() == Some(&step) {
            continue;
        }
        if path.len() == length {
            break;
        }
        path.push(step);
    }
}

/// The most common ones that were not given yet, each with its rank.
fn ranked(counted: Distinct, given: i64, take: usize) -> Vec<([i64; 1], PathRow)> {
    let mut paths: Vec<_> = counted.into_iter().collect();
    paths.sort_unstable_by(|(steps, (shoppers, _)), (other, (more, _))| {
        more.cmp(shoppers).then_with(|| steps.cmp(other))
    });
    let Ok(skip) = usize::try_from(given) else { return Vec::new() };
    let rows = paths.into_iter().zip(1..).skip(skip).take(take);
    rows.map(|((steps, (shoppers, buyers)), rank)| {
        ([rank], PathRow { steps: steps.into_vec(), shoppers, buyers })
    })
    .collect()
}

fn step_of(kind: TouchKind) -> Option<PathStep> {
    match kind {
        TouchKind::View => Some(PathStep::View),
        TouchKind::Favourite => Some(PathStep::Favourite),
        TouchKind::Cart => Some(PathStep::Cart),
        TouchKind::Share => Some(PathStep::Share),
        TouchKind::Buy => Some(PathStep::Buy),
        TouchKind::Order => Some(PathStep::Order),
        TouchKind::Paid => Some(PathStep::Paid),
        TouchKind::Cancelled => Some(PathStep::Cancelled),
        TouchKind::Expired => Some(PathStep::Expired),
        TouchKind::Refunded => Some(PathStep::Refunded),
        TouchKind::Attempt(outcome) => match outcome {
            AttemptOutcome::Placed => None,
            AttemptOutcome::Repeated => Some(PathStep::Repeated),
            AttemptOutcome::SoldOut
            | AttemptOutcome::NotEnoughUnits
            | AttemptOutcome::NotOpenYet
            | AttemptOutcome::Closed
            | AttemptOutcome::Paused
            | AttemptOutcome::OverBuyerLimit
            | AttemptOutcome::OverOrderLimit
            | AttemptOutcome::NotEligible
            | AttemptOutcome::GiftGone
            | AttemptOutcome::PriceChanged => Some(PathStep::Refused),
        },
    }
}
