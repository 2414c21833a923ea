//! What stands at the top of a live page: name and state, level, alerts, tiles; and the node's health.

use std::fmt::Write as _;

use super::{
    say::{Say, element},
    steering::Deed,
    words::Word,
};
use crate::{
    pages::{
        escape,
        numbers::{amount, group, percent},
        words::{Term, fill},
    },
    reports::{AGES_FROM_MS, NodePulse, Pulse, share_ppm},
    values::{ServiceLevel, UnixMs, capped},
};

/// What a sale lets buyers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaleState {
    NotOpen,
    Open,
    Paused,
    SoldOut,
    Closed,
}

impl SaleState {
    /// Of a sale just now.
    pub fn of(pulse: &Pulse) -> Self {
        let (sale, units) = (&pulse.sale, pulse.totals.units);
        if sale.closed_at.is_some() || pulse.at >= sale.closes_at {
            Self::Closed
        } else if sale.paused {
            Self::Paused
        } else if pulse.at < sale.opens_at {
            Self::NotOpen
        } else if units.allocated > 0 && units.available <= 0 {
            Self::SoldOut
        } else {
            Self::Open
        }
    }

    /// What it is called, and its name in the style sheet.
    pub fn told(self) -> (Word, &'static str) {
        match self {
            Self::NotOpen => (Word::NotOpen, "not-open"),
            Self::Open => (Word::Open, "open"),
            Self::Paused => (Word::Paused, "paused"),
            Self::SoldOut => (Word::SoldOut, "sold-out"),
            Self::Closed => (Word::Closed, "closed"),
        }
    }
}

/// Name, state, countdown and what can be done to the sale as a whole.
pub fn head(pulse: &Pulse, say: Say) -> String {
    let sale = &pulse.sale;
    let state = SaleState::of(pulse);
    let (word, class) = state.told();
    let mut out = String::new();
    element(&mut out, "h1", "", &sale.name);
    out.push_str("<p class=\"now\">");
    element(&mut out, "span", &format!("state {class}"), say.word(word));
    let ended = sale.closed_at.map_or(sale.closes_at, |closed| closed.min(sale.closes_at));
    let (until, what) = match state {
        SaleState::NotOpen => (sale.opens_at, Word::OpensIn),
        SaleState::Paused if pulse.at < sale.opens_at => (sale.opens_at, Word::OpensIn),
        SaleState::Open | SaleState::Paused | SaleState::SoldOut => (ended, Word::EndsIn),
        SaleState::Closed => (ended, Word::EndedBefore),
    };
    if state == SaleState::Closed {
        let said = format!("{} {}", say.word(what), say.moment(until));
        element(&mut out, "span", "window", &said);
    } else {
        // The browser's script updates it; this value is for browsers without scripts.
        let _ = write!(
            out,
            "<span class=\"window\">{} <b class=\"count\" data-until-ms=\"{}\">{}</b></span>",
            say.word(what),
            until.0,
            escape::html(&say.span((until.since(pulse.at).max(0) / 1_000) * 1_000))
        );
    }
    let window = format!("{} – {}", say.moment(sale.opens_at), say.moment(sale.closes_at));
    element(&mut out, "span", "window quiet", &window);
    out.push_str("</p>");
    out.push_str("<p class=\"acts act\">");
    if state != SaleState::Closed {
        let (act, deed) = if sale.paused {
            ("resume-sale", Deed::ResumeSale)
        } else {
            ("pause-sale", Deed::PauseSale)
        };
        button(&mut out, act, say.deed(deed), &sale.name, &[]);
        button(&mut out, "close-sale", say.deed(Deed::CloseSale), &sale.name, &[]);
    }
    // What a sale left behind is dealt with after its end, too.
    for (act, deed) in [("open-incident", Deed::OpenIncident), ("level", Deed::SetLevel)] {
        button(&mut out, act, say.deed(deed), &sale.name, &[]);
    }
    out.push_str("</p>");
    out
}

/// Fields that say what an act is about.
const KEY_FIELDS: [&str; 4] = ["item", "incident", "warehouse", "step"];

/// A button that opens the dialog of an act. `subject` is what it is about, for people; `fields` go
/// with it as attributes.
pub fn button(out: &mut String, act: &str, name: &str, subject: &str, fields: &[(&str, &str)]) {
    let (name, subject) = (escape::html(name), escape::html(subject));
    // Where the same act is offered for several things, the key tells these apart. An order and money
    // that is due are told apart by themselves.
    let own = fields.iter().find(|(field, _)| ["due", "order_id"].contains(field));
    let named = fields.iter().filter(|(field, _)| KEY_FIELDS.contains(field));
    let key = own.map_or_else(
        || named.map(|(_, value)| *value).collect::<String>(),
        |(_, value)| (*value).to_owned(),
    );
    let key = escape::html(&key);
    let _ = write!(
        out,
        "<button type=\"button\" data-act=\"{act}\" data-key=\"{act}{key}\" data-subject=\"{subject}\""
    );
    for (field, value) in fields {
        let _ = write!(out, " data-{field}=\"{}\"", escape::html(value));
    }
    let _ = write!(out, ">{name}</button>");
}

/// Says so where the service is not whole; empty where it is.
pub fn level(node: &NodePulse, say: Say) -> String {
    let says = match node.level {
        ServiceLevel::Full => return String::new(),
        ServiceLevel::NoTraffic => Word::LevelNoTraffic,
        ServiceLevel::NoBoardDetail => Word::LevelNoDetail,
        ServiceLevel::CoreOnly => Word::LevelCoreOnly,
        ServiceLevel::Closed => Word::LevelClosed,
    };
    let mut out = String::new();
    element(&mut out, "p", "banner", say.word(says));
    out
}

/// Alerts that fire, about this sale or about the node; empty where none does.
pub fn alerts(pulse: &Pulse, node: &NodePulse, say: Say) -> String {
    let ours = |sale: Option<_>| sale.is_none_or(|sale| sale == pulse.sale.sale_id);
    let mut out = String::new();
    for alert in node.alerts.iter().filter(|alert| ours(alert.sale_id)) {
        let since = say.filled(Word::Since, &[("moment", &say.time(alert.since))]);
        let _ = write!(out, "<li class=\"{}\">", alert.severity.name());
        element(&mut out, "b", "", say.alert_severity(alert.severity));
        let subject = match alert.sku.as_str() {
            "" => alert.rule.clone(),
            sku => format!("{} · {sku}", alert.rule),
        };
        element(&mut out, "span", "", &subject);
        element(&mut out, "code", "", &alert.condition);
        element(&mut out, "span", "quiet", &since);
        out.push_str("</li>");
    }
    let more = node.alerts_firing.saturating_sub(i64::try_from(node.alerts.len()).unwrap_or(0));
    if more > 0 {
        element(&mut out, "li", "quiet", &say.filled(Word::MoreOfThem, &[("n", &group(more))]));
    }
    match out.as_str() {
        "" => out,
        told => format!(
            "<ul class=\"strip\" role=\"status\" aria-label=\"{}\">{told}</ul>",
            say.word(Word::AlertsTitle)
        ),
    }
}

/// One figure with its target, if it has one.
struct Tile<'a> {
    key: &'a str,
    name: &'a str,
    value: String,
    note: String,
    /// Target as it is shown, and how much of it is reached.
    goal: Option<(String, i64)>,
    wrong: bool,
}

/// The figures to see first.
pub fn tiles(pulse: &Pulse, say: Say) -> String {
    let mut out = String::from("<ul class=\"tiles live\">");
    for tile in figures(pulse, say) {
        let wrong = if tile.wrong { " class=\"wrong\"" } else { "" };
        let _ = write!(out, "<li data-tile=\"{}\"{wrong}>", tile.key);
        element(&mut out, "span", "name", tile.name);
        element(&mut out, "b", "", &tile.value);
        match tile.goal {
            None => element(&mut out, "span", "more", &tile.note),
            Some((target, ppm)) => {
                let share = percent(ppm);
                let says = say.filled(Word::OfTarget, &[("share", &share), ("target", &target)]);
                element(&mut out, "span", "more", &says);
                bar(&mut out, ppm);
            }
        }
        out.push_str("</li>");
    }
    out.push_str("</ul>");
    out
}

/// A share as a bar.
pub fn bar(out: &mut String, ppm: i64) {
    let _ = write!(
        out,
        "<svg class=\"bar\" viewBox=\"0 0 1000 60\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
         <path class=\"fill grid\" d=\"M0 0h1000v60h-1000z\"/>\
         <path class=\"fill one\" d=\"M0 0h{0}v60h-{0}z\"/></svg>",
        (ppm / 1_000).clamp(0, 1_000)
    );
}

impl<'a> Tile<'a> {
    fn plain(key: &'a str, name: &'a str, value: String, note: String) -> Self {
        Self { key, name, value, note, goal: None, wrong: false }
    }
}

fn figures(pulse: &Pulse, say: Say) -> Vec<Tile<'static>> {
    let mut told = Vec::from(goal_figures(pulse, say));
    told.extend(count_figures(pulse, say));
    told.extend(dues(pulse, say));
    told
}

/// What a sale can have goals for.
fn goal_figures(pulse: &Pulse, say: Say) -> [Tile<'static>; 3] {
    let (totals, currency) = (&pulse.totals, pulse.sale.currency.code());
    let goals = pulse.sale.goals.unwrap_or_default();
    let goal = |target: Option<i64>, result: i64, shown: fn(i64, &str) -> String| {
        target.map(|target| (shown(target, currency), share_ppm(result, target)))
    };
    let units = totals.units;
    let conversion = share_ppm(totals.paying_buyers, totals.visitors);
    let (buyers, visitors) = (group(totals.paying_buyers), group(totals.visitors));
    let (note, value) = match totals.visitors {
        0 => (say.word(Word::NoVisitors).to_owned(), say.term(Term::Nothing).to_owned()),
        _ => (
            say.filled(Word::OfVisitors, &[("buyers", &buyers), ("visitors", &visitors)]),
            percent(conversion),
        ),
    };
    let sold = [("sold", &*group(units.sold)), ("held", &*group(units.held))];
    let sold = say.filled(Word::UnitsAll, &sold);
    let paid = say.filled(Word::BuyersPaid, &[("n", &buyers)]);
    let revenue = amount(totals.revenue_minor, currency);
    [
        Tile {
            goal: goal(goals.units, units.sold, |units, _| group(units)),
            ..Tile::plain("units", say.term(Term::GoalUnits), group(units.sold), sold)
        },
        Tile {
            goal: goal(goals.revenue_minor, totals.revenue_minor, amount),
            ..Tile::plain("revenue", say.term(Term::Revenue), revenue, paid)
        },
        Tile {
            goal: goal(goals.conversion_ppm, conversion, |ppm, _| percent(ppm)),
            ..Tile::plain("conversion", say.word(Word::Conversion), value, note)
        },
    ]
}

fn count_figures(pulse: &Pulse, say: Say) -> [Tile<'static>; 5] {
    let totals = &pulse.totals;
    let of = |word, n: i64| say.filled(word, &[("n", &group(n))]);
    let whole = totals.oversold_units == 0;
    let none = if whole { say.word(Word::NoneSoldTwice).to_owned() } else { String::new() };
    let tried = of(Word::Attempted, totals.attempts);
    let held = of(Word::OrdersOpen, totals.orders_held().max(0));
    let share = percent(share_ppm(totals.orders_paid, totals.orders_placed));
    let views = format!("{} {}", say.term(Term::Views), group(totals.page_views));
    let (name, word) = (|term| say.term(term), |word| say.word(word));
    let oversold = group(totals.oversold_units);
    [
        Tile::plain("participants", word(Word::Participants), group(totals.participants), tried),
        Tile::plain("orders", name(Term::OrdersCount), group(totals.orders_placed), held),
        Tile::plain("paid", name(Term::Paid), group(totals.orders_paid), share),
        Tile::plain("visitors", name(Term::Visitors), group(totals.visitors), views),
        Tile { wrong: !whole, ..Tile::plain("oversold", word(Word::Oversold), oversold, none) },
    ]
}

/// Money that is due back; nothing of a sale in which none ever was.
fn dues(pulse: &Pulse, say: Say) -> Option<Tile<'static>> {
    let dues = &pulse.dues;
    if dues.due.dues == 0 {
        return None;
    }
    let (open, age) = (dues.open(), dues.age_ms(pulse.at));
    let note = match age {
        Some(age) => {
            // In whole minutes: what changes every second draws the eye.
            let (n, span) = (group(open.dues), say.span(age / 60_000 * 60_000));
            say.filled(Word::DuesOpen, &[("n", &n), ("span", &span)])
        }
        None => say.filled(Word::DuesSettled, &[("n", &group(dues.settled.dues))]),
    };
    let open = amount(open.amount_minor, pulse.sale.currency.code());
    let overdue = age.is_some_and(|age| age >= AGES_FROM_MS[2]);
    Some(Tile { wrong: overdue, ..Tile::plain("dues", say.term(Term::RefundsDue), open, note) })
}

/// How the node is that shows this.
pub fn health(pulse: &Pulse, node: &NodePulse, say: Say) -> String {
    let mut out = String::from("<dl class=\"health\">");
    let ready = if node.ready { Word::Ready } else { Word::NotReady };
    let mut fact = |name: &str, value: &str, bad: bool| {
        let class = if bad { " class=\"bad\"" } else { "" };
        let (name, value) = (escape::html(name), escape::html(value));
        let _ = write!(out, "<div{class}><dt>{name}</dt><dd>{value}</dd></div>");
    };
    let store: Option<String> = node
        .store_away_since
        .map(|since: UnixMs| say.filled(Word::StoreAway, &[("moment", &say.time(since))]));
    let whole = node.level == ServiceLevel::Full;
    let level =
        if whole { say.word(Word::LevelFull).to_owned() } else { node.level.name().to_owned() };
    fact(say.word(Word::LevelIs), &level, !whole);
    fact(
        say.word(Word::State),
        store.as_deref().unwrap_or(say.word(ready)),
        store.is_some() || !node.ready,
    );
    let times = format!("{} / {}", say.micros(node.order_p50_us), say.micros(node.order_p99_us));
    fact(say.word(Word::OrderTime), &times, false);
    fact(say.word(Word::AppendTime), &say.micros(node.append_p99_us), false);
    fact(say.word(Word::Waiting), &group(node.commands_waiting), false);
    fact(say.word(Word::Mailbox), &percent(node.mailbox_ppm), node.mailbox_ppm > 800_000);
    fact(say.word(Word::Lag), &say.span(pulse.lag_ms), pulse.lag_ms > 3_000);
    for late in node.projections.iter().filter(|late| late.stopped || late.lag_ms > 1_000) {
        let said = if late.stopped { Word::Stopped } else { Word::Behind };
        let span = say.span(late.lag_ms);
        fact("", &fill(say.word(said), &[("name", late.name), ("span", &span)]), true);
    }
    let position = capped(pulse.position.0.into());
    fact(say.word(Word::Position), &group(position), false);
    out.push_str("</dl>");
    out
}
