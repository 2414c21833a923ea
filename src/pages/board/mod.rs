//! The board: what a browser shows of a sale while it runs, and of the log.
//!
//! Fragments of HTML, written from plain figures. Whatever came from outside is escaped here; the
//! browser only puts fragments in their places.

use crate::{
    pages::{Lang, escape},
    reports::{NodePulse, Pulse},
};

/// The panels of a live page that change, each with the id of its place.
pub fn live_panels(pulse: &Pulse, _node: &NodePulse, _lang: Lang) -> Vec<(&'static str, String)> {
    vec![("head", format!("<h1>{}</h1>", escape::html(&pulse.sale.name)))]
}
