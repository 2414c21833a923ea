//! The nodes that share the store, as the one that serves the board sees them.

use super::{
    say::{Say, close_table, element, open_table},
    words::Word,
};
use crate::{
    ownership::{SeenNode, SeenNodes, Standing},
    pages::numbers::group,
    reports::NodePulse,
    values::{UnixMs, count_of},
};

/// The panel; `None` of a node that has no other beside it.
pub fn panel(node: &NodePulse, say: Say) -> Option<String> {
    let nodes = node.nodes.as_ref().filter(|nodes| !nodes.others.is_empty())?;
    let mut out = String::new();
    let columns = [
        ("", say.word(Word::NodeAddress)),
        ("", say.word(Word::NodeVersion)),
        ("", say.word(Word::State)),
        ("n", say.word(Word::NodeItems)),
        ("n", say.word(Word::NodeForwarded)),
        ("n", say.word(Word::NodeReceived)),
        ("n", say.word(Word::NodeSuspicions)),
    ];
    open_table(&mut out, &columns);
    this(&mut out, nodes, say);
    for other in &nodes.others {
        row(&mut out, other, say);
    }
    close_table(&mut out);
    Some(out)
}

fn this(out: &mut String, nodes: &SeenNodes, say: Say) {
    let own = &nodes.own;
    let (state, class) = match own.leaves {
        false => (Word::NodeThis, "open"),
        true => (Word::NodeLeaves, ""),
    };
    out.push_str("<tr data-node=\"this\">");
    element(out, "td", "", &own.address);
    element(out, "td", "", env!("CARGO_PKG_VERSION"));
    standing(out, (state, class), own.started_at, None, say);
    let received = nodes.others.iter().map(|other| other.received).sum();
    let suspected = nodes.others.iter().map(|other| other.suspected).sum();
    counts(out, [own.items, nodes.forwarded(), received, suspected]);
}

fn row(out: &mut String, other: &SeenNode, say: Say) {
    let state = match other.standing {
        Standing::Answers => (Word::NodeAnswers, "open"),
        Standing::Suspected => (Word::NodeSuspected, "paused"),
        Standing::Leaves => (Word::NodeLeaves, ""),
        Standing::Older => (Word::NodeOlder, ""),
    };
    out.push_str("<tr data-node=\"other\">");
    element(out, "td", "", &other.member.address);
    element(out, "td", "", &other.member.version);
    standing(out, state, other.since, other.why.as_deref(), say);
    counts(out, [other.items, other.forwarded, other.received, other.suspected]);
}

fn standing(
    out: &mut String,
    (state, class): (Word, &str),
    since: UnixMs,
    why: Option<&str>,
    say: Say,
) {
    out.push_str("<td class=\"what\">");
    element(out, "span", format!("state {class}").trim_end(), say.word(state));
    let since = say.filled(Word::Since, &[("moment", &say.time(since))]);
    element(out, "span", "quiet", &since);
    if let Some(why) = why {
        element(out, "span", "quiet", why);
    }
    out.push_str("</td>");
}

fn counts(out: &mut String, counts: [u64; 4]) {
    for count in counts {
        element(out, "td", "n", &group(count_of(count)));
    }
    out.push_str("</tr>");
}
