//! How long a jump of the wall clock must hold before the sale clock adopts it.

use super::{Bounds, Setting};

pub(super) const STEP_SECONDS: Setting = Setting {
    key: "clock_step_seconds",
    unit: "seconds",
    bounds: Bounds::Whole(1, 86_400),
    get: |config| config.clock_step_seconds.to_string(),
    set: |config, text, bounds| {
        config.clock_step_seconds = bounds.whole(text)?;
        Ok(())
    },
};
