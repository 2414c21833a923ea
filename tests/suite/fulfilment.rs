//! Goal: every paid order of a sale is in exactly one export, refunds that came afterwards are named, and
//! an export has the same bytes whenever and wherever it is asked for again.
//!
//! Method: the decider by straight calls; lines and CSV of a hand-made log, byte for byte; a real server
//! with payments and refunds between and during exports, and a copy of its log in another store.

mod cli;
mod decided;
mod folded;
mod served;
