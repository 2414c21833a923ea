//! The crowd: simulated and recorded shoppers that buy over gRPC like any client.
//!
//! All actions and their times are planned first, by pure code with a seed ([`plan`],
//! [`recording`]); the [`driver`] then carries the plan out and the [`journal`] keeps every answer,
//! so that the server's own figures can be checked against what its clients were told. Nothing here
//! looks into the server: it sees what a shopper sees.

pub mod browsing;
pub mod caller;
pub mod channel;
pub mod chaos;
pub mod deals;
pub mod driver;
pub mod earned;
mod encoding;
pub mod endpoint;
pub mod figures;
mod headers;
pub mod journal;
mod lines;
pub mod operator;
pub mod pace;
pub mod plan;
pub mod recording;
pub mod sale;
pub mod sightings;
mod spell;
pub mod summary;
pub mod traffic;
mod traffic_error;
