//! What a number of a plan may be.

use crate::values::Invalid;

/// Refuses a number outside of its bounds, by its field.
pub(super) fn within_bounds(field: &str, value: i64, min: i64, max: i64) -> Result<(), Invalid> {
    if value < min {
        return Err(Invalid::new(field, format!("must be at least {min}, not {value}")));
    }
    if value > max {
        return Err(Invalid::new(field, format!("must be at most {max}, not {value}")));
    }
    Ok(())
}
