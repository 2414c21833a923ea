//! Whole numbers of one width as those of another, where nothing can be lost: said once, so that no
//! conversion elsewhere invents a value for what cannot happen.

use std::time::Duration;

const _: () = assert!(usize::BITS == 64, "platforms of 64 bits are supported");

/// A count in memory as a number of 64 bits.
pub const fn wide(count: usize) -> u64 {
    count as u64
}

/// A number of 64 bits as a count in memory.
pub const fn narrow(count: u64) -> usize {
    count as usize
}

/// A count as figures, messages and rows hold it.
pub const fn count_of(count: u64) -> i64 {
    // What is number_of one by one, or lies in memory, is far from 2^63.
    assert!(count <= i64::MAX as u64, "a count beyond the largest number of figures");
    count as i64
}

/// A count in memory as figures, messages and rows hold it.
pub const fn number_of(count: usize) -> i64 {
    count_of(wide(count))
}

/// A span of this process or of a setting, in whole milliseconds.
pub const fn millis(span: Duration) -> i64 {
    // 292 million years: settings are bounded, and no process runs that long.
    assert!(span.as_secs() < (i64::MAX / 1_000) as u64, "a span longer than a clock can tell");
    span.as_millis() as i64
}

/// A span of this process or of a setting, in whole microseconds.
pub const fn micros(span: Duration) -> u64 {
    // 584,000 years.
    assert!(span.as_secs() < u64::MAX / 1_000_000, "a span longer than a clock can tell");
    span.as_micros() as u64
}

/// A number of things in one event, block or list, which a limit below 2^32 bounds.
pub const fn short(count: usize) -> u32 {
    assert!(count <= u32::MAX as usize, "more than the limit of what holds them");
    count as u32
}

/// A place, a revision or an age that was asked for, as a bound that rows are compared with. SQLite
/// compares signed numbers, and every row lies below 2^63: a bound beyond them is one at their end.
pub fn bound_of(asked: u64) -> i64 {
    i64::try_from(asked).unwrap_or(i64::MAX)
}

/// A span in nanoseconds. A clock that is set beyond the year 2262 stands at its end.
pub fn nanos(span: Duration) -> i64 {
    i64::try_from(span.as_nanos()).unwrap_or(i64::MAX)
}

/// The end of a range that has none: later than every moment.
pub const ENDLESS: i64 = i64::MAX;

/// A limit where none is set.
pub const UNLIMITED: u64 = u64::MAX;

/// A number of things in one batch, which a limit below 2^16 bounds.
pub const fn tiny(count: usize) -> u16 {
    assert!(count <= u16::MAX as usize, "more than the limit of what holds them");
    count as u16
}

/// A figure that is computed wider than it is shown. One that does not fit is shown as the largest
/// number: sums and forecasts that stay there are marked with [`AT_LEAST`](super::AT_LEAST).
pub fn capped(figure: i128) -> i64 {
    let bounded = figure.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    bounded as i64
}
