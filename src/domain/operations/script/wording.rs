//! Text with variables in braces: what may stand in it, and how it is filled.
//!
//! Each variable is substituted once and its value is not scanned again, so that braces in a title
//! are kept.

/// Longest wording, in characters.
pub const WORDING_CHARS_MAX: usize = 1_000;

/// Something that a wording may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variable {
    ItemTitle,
    Sku,
    SaleName,
    /// Units of the attempt or of the order.
    Units,
    /// When the item opens and closes.
    OpenTime,
    CloseTime,
    /// Units that one buyer, and one order, may have; "no limit" where there is none.
    LimitPerBuyer,
    LimitPerOrder,
    /// When it was refused.
    AttemptTime,
    OrderId,
    Total,
    PlaceTime,
    PayByTime,
    /// When it was paid, cancelled or expired; empty while it is held.
    SettleTime,
    IncidentTitle,
    IncidentTime,
}

/// Where an attempt was refused.
pub(super) const OF_ATTEMPTS: &[Variable] = &[
    Variable::ItemTitle,
    Variable::Sku,
    Variable::SaleName,
    Variable::Units,
    Variable::OpenTime,
    Variable::CloseTime,
    Variable::LimitPerBuyer,
    Variable::LimitPerOrder,
    Variable::AttemptTime,
];

/// Where there is an order.
pub(super) const OF_ORDERS: &[Variable] = &[
    Variable::ItemTitle,
    Variable::Sku,
    Variable::SaleName,
    Variable::Units,
    Variable::OrderId,
    Variable::Total,
    Variable::PlaceTime,
    Variable::PayByTime,
    Variable::SettleTime,
];

/// Where something is wrong.
pub(super) const OF_INCIDENTS: &[Variable] = &[
    Variable::ItemTitle,
    Variable::Sku,
    Variable::SaleName,
    Variable::IncidentTitle,
    Variable::IncidentTime,
];

impl Variable {
    /// As it stands between the braces.
    pub fn name(self) -> &'static str {
        match self {
            Self::ItemTitle => "item_title",
            Self::Sku => "sku",
            Self::SaleName => "sale_name",
            Self::Units => "units",
            Self::OpenTime => "open_time",
            Self::CloseTime => "close_time",
            Self::LimitPerBuyer => "limit_per_buyer",
            Self::LimitPerOrder => "limit_per_order",
            Self::AttemptTime => "attempt_time",
            Self::OrderId => "order_id",
            Self::Total => "total",
            Self::PlaceTime => "place_time",
            Self::PayByTime => "pay_by_time",
            Self::SettleTime => "settle_time",
            Self::IncidentTitle => "incident_title",
            Self::IncidentTime => "incident_time",
        }
    }
}

/// The wording with its variables filled. What `facts` does not know stays as it is written.
pub fn fill_wording(text: &str, facts: &[(Variable, String)]) -> String {
    let mut filled = String::with_capacity(text.len());
    for part in parts(text) {
        match part {
            Part::Text(text) => filled.push_str(text),
            Part::Lone(brace) => filled.push(brace),
            Part::Named(name) => match facts.iter().find(|(known, _)| known.name() == name) {
                Some((_, value)) => filled.push_str(value),
                None => {
                    filled.push('{');
                    filled.push_str(name);
                    filled.push('}');
                }
            },
        }
    }
    filled
}

pub(super) fn listed(known: &[Variable]) -> String {
    let names: Vec<String> =
        known.iter().map(|variable| format!("{{{}}}", variable.name())).collect();
    names.join(", ")
}

/// A piece of a wording.
pub(super) enum Part<'a> {
    Text(&'a str),
    /// What stands between two braces.
    Named(&'a str),
    /// A brace without the other one.
    Lone(char),
}

pub(super) fn parts(text: &str) -> impl Iterator<Item = Part<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let brace = rest.find(['{', '}']);
        let Some(at) = brace else {
            let text = std::mem::take(&mut rest);
            return (!text.is_empty()).then_some(Part::Text(text));
        };
        if at > 0 {
            let (text, more) = rest.split_at(at);
            rest = more;
            return Some(Part::Text(text));
        }
        let opened = rest.starts_with('{');
        let inside = &rest[1..];
        if opened
            && let Some(end) = inside.find(['{', '}'])
            && inside[end..].starts_with('}')
        {
            rest = &inside[end + 1..];
            return Some(Part::Named(&inside[..end]));
        }
        rest = inside;
        Some(Part::Lone(if opened { '{' } else { '}' }))
    })
}
