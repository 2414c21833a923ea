//! The panel of a live page with what reserve plans ask an operator to release.

use std::{collections::HashSet, fmt::Write as _};

use super::{
    panels::{SaleState, button},
    say::{Say, element},
    steering::Deed,
    words::Word,
};
use crate::{
    pages::{escape, numbers::group},
    reports::{Pulse, PulseProposal, TOLD_MAX},
    values::{ItemId, number_of},
};

/// Each proposal with the button that opens its release; empty where nothing is asked, as for items
/// that are closed.
pub fn proposals(pulse: &Pulse, say: Say) -> String {
    let mut out = String::new();
    if SaleState::of(pulse) == SaleState::Closed {
        return out;
    }
    let closed = pulse.items.iter().filter(|item| item.closed).map(|item| item.item_id);
    let closed: HashSet<ItemId> = closed.collect();
    let open = pulse.proposals.iter().filter(|asked| !closed.contains(&asked.item_id));
    let asked: Vec<&PulseProposal> = open.collect();
    if asked.is_empty() {
        return out;
    }
    let title = escape::html(say.word(Word::ProposalsTitle));
    let _ = write!(
        out,
        "<section class=\"card of-proposals\" aria-labelledby=\"t-proposals\">\
         <h2 id=\"t-proposals\">{title}</h2><ul class=\"proposals\">"
    );
    for asked in asked.iter().take(TOLD_MAX) {
        line(&mut out, asked, say);
    }
    if let Some(more) = asked.len().checked_sub(TOLD_MAX).filter(|more| *more > 0) {
        let more = say.filled(Word::MoreOfThem, &[("n", &group(number_of(more)))]);
        element(&mut out, "li", "quiet", &more);
    }
    out.push_str("</ul></section>");
    out
}

fn line(out: &mut String, asked: &PulseProposal, say: Say) {
    let PulseProposal { item_id, sku, title, step, warehouse, units, below_units, since } = asked;
    let (n, below) = (group(*units), group(*below_units));
    let step = (u32::from(*step) + 1).to_string();
    out.push_str("<li>");
    element(out, "b", "", title);
    element(out, "span", "quiet sku", sku);
    let what = [("n", n.as_str()), ("warehouse", warehouse)];
    element(out, "span", "", &say.filled(Word::ProposedUnits, &what));
    let why = [("step", step.as_str()), ("below", &below)];
    element(out, "span", "quiet", &say.filled(Word::ProposedBecause, &why));
    element(out, "span", "quiet", &say.filled(Word::Since, &[("moment", &say.time(*since))]));
    out.push_str("<span class=\"act\">");
    let (item, units) = (item_id.to_string(), units.to_string());
    let reason = say.filled(Word::ProposedReason, &[("step", &step)]);
    let fields = [
        ("item", item.as_str()),
        ("warehouse", warehouse),
        ("step", &step),
        ("units", &units),
        ("reason", &reason),
    ];
    button(out, "release", say.deed(Deed::Release), title, &fields);
    out.push_str("</span></li>");
}
