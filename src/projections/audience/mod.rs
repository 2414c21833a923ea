//! Read models of visitors and buyers.

pub mod journeys;
