//! The window of an item: that of the plan, and then what its sale was rescheduled to.

use super::{ItemBook, Read, Say};
use crate::{
    auditor::Event,
    bodies::ItemScheduled,
    sale::Plans,
    schedule::{Scheduled, Window},
};

/// What the item was told of how its sale was rescheduled.
#[derive(Default)]
pub(super) struct Told {
    sale_revision: u64,
    moved_ms: i64,
}

impl ItemBook {
    pub(super) fn scheduled(&mut self, event: &Event<'_>, plans: &Plans, say: Say<'_>) -> Read {
        let told: ItemScheduled = serde_json::from_slice(event.data)?;
        let ItemScheduled { opens_at_ms, closes_at_ms, moved_ms, .. } = told;
        if opens_at_ms >= closes_at_ms {
            say("the item closes before it opens".to_owned());
        }
        let sale_revision = match (told.sale_revision, told.act, told.scheduled_at_ms) {
            (None, None, None) => {
                if !self.adding || moved_ms != 0 {
                    say("a window is set that is not that of the plan, by no operator".to_owned());
                }
                event.check_not_judged(say);
                self.steered(event, event.causation, say);
                0
            }
            (Some(sale_revision), Some(act), Some(at_ms)) => {
                self.time(event, at_ms, say);
                self.steered(event, act.request_id.0, say);
                if self.closed {
                    say("a window is set of a closed item".to_owned());
                }
                if sale_revision <= self.told.sale_revision {
                    let known = self.told.sale_revision;
                    say(format!(
                        "revision {sale_revision} of the sale is carried out after {known}"
                    ));
                }
                sale_revision
            }
            _ => {
                say("a window is set at no moment, by no operator or for no event of the sale"
                    .to_owned());
                0
            }
        };
        let moved_ms_in_all = self.told.moved_ms.saturating_add(moved_ms);
        let window = Window { opens_at_ms, closes_at_ms };
        let found = Scheduled { sale_revision, window, moved_ms: moved_ms_in_all };
        if let Some(decided) = plans.schedules.get(&self.id)
            && !decided.contains(&found)
        {
            say(format!("the window is none that the sale decided: {found:?}"));
        }
        if let Some(ladder) = &mut self.goods.ladder {
            ladder.move_by(moved_ms);
        }
        self.goods.offers.move_by(moved_ms);
        self.told = Told { sale_revision, moved_ms: moved_ms_in_all };
        (self.opens_at_ms, self.closes_at_ms) = (opens_at_ms, closes_at_ms);
        Ok(())
    }
}
