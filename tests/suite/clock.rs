//! Goal: a wall clock that is wrong for a moment changes nothing that a sale decides, and one that was
//! set for good is followed without taking time from anybody. Method: the rules by which the sale
//! clock follows the wall clock are pure and are held against tables and random clocks; deciders and
//! whole nodes run on a clock that is set by hand; last the real binary runs while its wall clock is
//! shifted under it.

/// The rules of an item when the clock goes back or is set.
mod items;
/// Whole nodes whose clock is set.
mod nodes;
/// The real binary under a shifted wall clock.
#[cfg(target_os = "linux")]
mod shifted;
/// When a difference is slewed, and when it is taken over.
mod steering;
