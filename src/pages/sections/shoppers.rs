//! Traffic, the funnel, channels and attributes of shoppers.

use super::{
    Writing,
    stock::{Drawn, bar_chart, in_steps, over_time},
};
use crate::{
    pages::{
        charts::{self, Bar, Ink},
        document::{Block, Cell, Column, Section, Table, Tile},
        numbers::{group, percent},
        words::{Definition, Lang, Sentence, Term},
    },
    reports::{FunnelFigures, PathStep, PortraitAttribute, PortraitRow, TrafficFigures, share_ppm},
    values::{AgeBand, Gender, SpendingTier, number_of},
};

/// Values of one attribute that are shown.
const VALUES_SHOWN: usize = 8;
/// Channels that are shown.
const CHANNELS_SHOWN: usize = 20;

/// A channel, an attribute's value or a name, where reports say that there is none.
pub fn channel_name(name: &str, lang: Lang) -> String {
    let term = match name {
        "(direct)" => Term::Direct,
        "(unknown)" => Term::Unknown,
        "(other)" => Term::Other,
        "(none)" => Term::NoneGiven,
        other => return other.to_owned(),
    };
    term.text(lang).to_owned()
}

/// What a step of the funnel is called.
pub fn step_name(step: &str, lang: Lang) -> &str {
    let term = match step {
        "view" => Term::StepView,
        "cart" => Term::StepCart,
        "attempt" => Term::StepAttempt,
        "order" => Term::StepOrder,
        "paid" => Term::StepPaid,
        other => return other,
    };
    term.text(lang)
}

fn path_step(step: PathStep) -> Term {
    match step {
        PathStep::View => Term::StepView,
        PathStep::Favourite => Term::StepFavourite,
        PathStep::Cart => Term::StepCart,
        PathStep::Share => Term::StepShare,
        PathStep::Buy => Term::StepBuy,
        PathStep::Refused => Term::StepRefused,
        PathStep::Repeated => Term::StepRepeated,
        PathStep::Order => Term::StepOrder,
        PathStep::Paid => Term::StepPaid,
        PathStep::Cancelled => Term::StepCancelled,
        PathStep::Expired => Term::StepExpired,
        PathStep::Refunded => Term::StepRefunded,
    }
}

/// Page views and visitors.
pub fn traffic(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let title = writing.word(Term::TrafficTitle);
    if facts.traffic == TrafficFigures::default() || facts.minutes.is_empty() {
        let block = Block::Note(writing.word(Term::NoTraffic).to_owned());
        return Section { anchor: "traffic", title, blocks: vec![block] };
    }
    let tile = |name: Term, value: i64| Tile {
        name: writing.word(name),
        value: group(value),
        note: String::new(),
        definition: Definition::Visitors,
    };
    let tiles = vec![
        tile(Term::Visitors, facts.traffic.visitors),
        tile(Term::Views, facts.traffic.views),
        tile(Term::Favourites, facts.traffic.favourites),
        tile(Term::Carts, facts.traffic.carts),
    ];
    let lead = match facts.visitors_by_minute() {
        true => Sentence::TrafficLead,
        false => Sentence::TrafficLeadViews,
    };
    let lead = writing.sentence(lead, &[]);
    let chart_title = format!("{title}, {}", in_steps(writing, facts.minutes.width()));
    let chart = match facts.visitors_by_minute() {
        true => over_time(
            writing,
            &Drawn {
                file: "traffic",
                title: chart_title,
                bins: &facts.minutes,
                series: [
                    (Ink::First, Term::Views, "views"),
                    (Ink::Second, Term::Visitors, "visitors"),
                ],
                adding: 1,
                draw: charts::lines,
            },
        ),
        // Distinct visitors of several minutes are not the sum of theirs: views only.
        false => over_time(
            writing,
            &Drawn {
                file: "traffic",
                title: chart_title,
                bins: &facts.minutes.first(),
                series: [(Ink::First, Term::Views, "views")],
                adding: 1,
                draw: charts::lines,
            },
        ),
    };
    let blocks = vec![Block::Facts(tiles), Block::Paragraph(lead), chart];
    Section { anchor: "traffic", title, blocks }
}

/// From the view to the payment.
pub fn funnel(writing: &Writing<'_>) -> Section {
    let funnel = &writing.facts.funnel;
    let title = writing.word(Term::FunnelTitle);
    let figures = &funnel.total;
    if figures.steps[0] == 0 {
        let block = Block::Note(writing.word(Term::NoTraffic).to_owned());
        return Section { anchor: "funnel", title, blocks: vec![block] };
    }
    let mut table = Table::new(vec![
        Column::text(writing.word(Term::Step), "step"),
        Column::number(writing.word(Term::ShoppersCount), "shoppers").defined(Definition::Funnel),
        Column::number(writing.word(Term::OfPrevious), "of_previous_ppm"),
        Column::number(writing.word(Term::OfFirst), "of_first_ppm"),
    ]);
    let mut bars = Vec::new();
    for (place, (step, shoppers)) in FunnelFigures::STEPS.iter().zip(figures.steps).enumerate() {
        let name = step_name(step, writing.lang);
        let (previous, first) = (figures.of_previous_ppm(place), figures.of_first_ppm(place));
        let shown = match place {
            0 => group(shoppers),
            _ => format!("{} ({})", group(shoppers), percent(previous)),
        };
        bars.push(Bar { name: name.to_owned(), value: shoppers, shown });
        table.rows.push(vec![
            Cell::named(name, *step),
            Cell::count(shoppers),
            Cell::share(previous),
            Cell::share(first),
        ]);
    }
    let window = writing.span(funnel.window_ms);
    let lead = writing.sentence(Sentence::FunnelLead, &[("window", &window)]);
    let svg = charts::bars(title, &bars, Ink::First);
    let mut blocks = vec![Block::Paragraph(lead), bar_chart(writing, "funnel", title, svg, table)];
    blocks.extend(left_out(writing, funnel.touches_left_out));
    Section { anchor: "funnel", title, blocks }
}

fn left_out(writing: &Writing<'_>, touches: i64) -> Option<Block> {
    let n = group(touches);
    (touches > 0).then(|| Block::Note(writing.sentence(Sentence::LeftOut, &[("n", &n)])))
}

/// Says how many are shown where that is not all of them.
fn shown_only(writing: &Writing<'_>, sentence: Sentence, shown: usize) -> Block {
    let n = group(number_of(shown));
    Block::Note(writing.sentence(sentence, &[("n", &n)]))
}

/// Channels by first and last touch.
pub fn channels(writing: &Writing<'_>) -> Section {
    let attribution = &writing.facts.attribution;
    let title = writing.word(Term::ChannelsTitle);
    let mut rows = attribution.rows.clone();
    rows.retain(|row| row.first_touch.orders > 0 || row.last_touch.orders > 0);
    rows.sort_by_key(|row| std::cmp::Reverse((row.last_touch.orders, row.first_touch.orders)));
    let cut = rows.len() > CHANNELS_SHOWN;
    rows.truncate(CHANNELS_SHOWN);
    if rows.is_empty() {
        let block = Block::Note(writing.word(Term::NoChannels).to_owned());
        return Section { anchor: "channels", title, blocks: vec![block] };
    }
    let money = |minor| Cell::amount(minor, &writing.facts.sale.currency);
    let total = attribution.total;
    let mut table = Table::new(vec![
        Column::text(writing.word(Term::Channel), "channel").defined(Definition::Attribution),
        Column::number(writing.word(Term::FirstOrders), "first_touch_orders"),
        Column::number(writing.word(Term::FirstRevenue), "first_touch_revenue_minor"),
        Column::number(writing.word(Term::LastOrders), "last_touch_orders"),
        Column::number(writing.word(Term::LastRevenue), "last_touch_revenue_minor"),
        Column::number(writing.word(Term::Share), "last_touch_share_ppm"),
    ]);
    let row = |name: Cell, first: (i64, i64), last: (i64, i64)| {
        let share = share_ppm(last.0, total.orders);
        let (first_orders, last_orders) = (Cell::count(first.0), Cell::count(last.0));
        vec![name, first_orders, money(first.1), last_orders, money(last.1), Cell::bar(share)]
    };
    for channel in &rows {
        let (first, last) = (channel.first_touch, channel.last_touch);
        let name = Cell::named(channel_name(&channel.channel, writing.lang), &channel.channel);
        table.rows.push(row(
            name,
            (first.orders, first.revenue_minor),
            (last.orders, last.revenue_minor),
        ));
    }
    let all = (total.orders, total.revenue_minor);
    table.total = Some(row(Cell::named(writing.word(Term::All), "(all)"), all, all));
    let window = writing.span(attribution.window_ms);
    let lead = writing.sentence(Sentence::ChannelsLead, &[("window", &window)]);
    let mut blocks = vec![Block::Paragraph(lead), Block::Table(table)];
    blocks.extend(cut.then(|| shown_only(writing, Sentence::ChannelsCut, CHANNELS_SHOWN)));
    Section { anchor: "channels", title, blocks }
}

/// Portrait, paths and retention.
pub fn shoppers(writing: &Writing<'_>) -> Section {
    let facts = writing.facts;
    let title = writing.word(Term::ShoppersTitle);
    if facts.portrait.shoppers == 0 {
        let block = Block::Note(writing.word(Term::NoShoppers).to_owned());
        return Section { anchor: "shoppers", title, blocks: vec![block] };
    }
    let mut blocks = Vec::new();
    let (portrait, cut) = portrait(writing);
    if !portrait.is_empty() {
        blocks.push(Block::Subtitle(writing.word(Term::PortraitTitle)));
        blocks.push(Block::Table(portrait));
        blocks.extend(cut.then(|| shown_only(writing, Sentence::ValuesCut, VALUES_SHOWN)));
    }
    blocks.push(Block::Subtitle(writing.word(Term::PathsTitle)));
    blocks.extend(paths(writing));
    if facts.retention.buyers > 0 {
        blocks.push(Block::Subtitle(writing.word(Term::RetentionTitle)));
        blocks.extend(retention(writing));
    }
    Section { anchor: "shoppers", title, blocks }
}

/// The portrait, and whether it has more values than are shown.
fn portrait(writing: &Writing<'_>) -> (Table, bool) {
    let portrait = &writing.facts.portrait;
    let mut cut = !portrait.next_page_token.is_empty();
    let mut table = Table::new(vec![
        Column::text(writing.word(Term::Attribute), "attribute"),
        Column::text(writing.word(Term::Value), "value"),
        Column::number(writing.word(Term::ShoppersCount), "shoppers").defined(Definition::Portrait),
        Column::number(writing.word(Term::Share), "share_ppm"),
        Column::number(writing.word(Term::Buyers), "buyers"),
        Column::number(writing.word(Term::OrdersCount), "orders"),
        Column::number(writing.word(Term::Revenue), "revenue_minor"),
    ]);
    for attribute in PortraitAttribute::ALL {
        let of = portrait.rows.iter().filter(|row| row.attribute == *attribute);
        let mut rows: Vec<&PortraitRow> = of.collect();
        // An attribute without any value gets no row.
        if rows.iter().all(|row| row.value == "(unknown)") {
            continue;
        }
        if rows.len() > VALUES_SHOWN {
            cut = true;
            rows.sort_by_key(|row| std::cmp::Reverse(row.shoppers));
            rows.truncate(VALUES_SHOWN);
        }
        for (place, row) in rows.into_iter().enumerate() {
            let name = if place == 0 { writing.word(attribute_name(*attribute)) } else { "" };
            table.rows.push(vec![
                Cell::named(name, attribute.name()),
                Cell::named(attribute_value(*attribute, &row.value, writing.lang), &row.value),
                Cell::count(row.shoppers),
                Cell::bar(share_ppm(row.shoppers, portrait.shoppers)),
                Cell::count(row.buyers),
                Cell::count(row.orders),
                Cell::amount(row.revenue_minor, &writing.facts.sale.currency),
            ]);
        }
    }
    (table, cut)
}

fn attribute_name(attribute: PortraitAttribute) -> Term {
    match attribute {
        PortraitAttribute::AgeBand => Term::AgeBand,
        PortraitAttribute::Gender => Term::Gender,
        PortraitAttribute::Region => Term::Region,
        PortraitAttribute::SpendingTier => Term::SpendingTier,
    }
}

/// What an attribute's value is called: regions have the shop's own names.
fn attribute_value(attribute: PortraitAttribute, value: &str, lang: Lang) -> String {
    let term = match attribute {
        PortraitAttribute::AgeBand => value.parse().ok().map(age_band_name),
        PortraitAttribute::Gender => value.parse().ok().map(gender_name),
        PortraitAttribute::Region => None,
        PortraitAttribute::SpendingTier => value.parse().ok().map(spending_tier_name),
    };
    term.map_or_else(|| channel_name(value, lang), |term| term.text(lang).to_owned())
}

fn age_band_name(age_band: AgeBand) -> Term {
    match age_band {
        AgeBand::Under18 => Term::Under18,
        AgeBand::From18 => Term::From18,
        AgeBand::From25 => Term::From25,
        AgeBand::From35 => Term::From35,
        AgeBand::From45 => Term::From45,
        AgeBand::From55 => Term::From55,
        AgeBand::From65 => Term::From65,
    }
}

fn gender_name(gender: Gender) -> Term {
    match gender {
        Gender::Female => Term::Female,
        Gender::Male => Term::Male,
        Gender::Other => Term::OtherGender,
    }
}

fn spending_tier_name(spending_tier: SpendingTier) -> Term {
    match spending_tier {
        SpendingTier::Low => Term::LowTier,
        SpendingTier::Middle => Term::MiddleTier,
        SpendingTier::High => Term::HighTier,
        SpendingTier::Top => Term::TopTier,
    }
}

fn paths(writing: &Writing<'_>) -> Vec<Block> {
    let paths = &writing.facts.paths;
    let mut table = Table::new(vec![
        Column::text(writing.word(Term::Path), "path"),
        Column::number(writing.word(Term::ShoppersCount), "shoppers").defined(Definition::Paths),
        Column::number(writing.word(Term::Share), "share_ppm"),
        Column::number(writing.word(Term::Buyers), "buyers"),
    ]);
    for row in &paths.rows {
        let shown: Vec<&str> =
            row.steps.iter().map(|step| writing.word(path_step(*step))).collect();
        let plain: Vec<&str> = row.steps.iter().map(|step| step.name()).collect();
        table.rows.push(vec![
            Cell::named(shown.join(" → "), plain.join(" > ")),
            Cell::count(row.shoppers),
            Cell::bar(share_ppm(row.shoppers, paths.shoppers)),
            Cell::count(row.buyers),
        ]);
    }
    let counts = [paths.distinct_paths, paths.shoppers, paths.steps_max.into()].map(group);
    let [distinct, shoppers, steps] = &counts;
    let values = [("distinct", distinct.as_str()), ("shoppers", shoppers), ("steps", steps)];
    let lead = writing.sentence(Sentence::PathsLead, &values);
    let mut blocks = vec![Block::Paragraph(lead), Block::Table(table)];
    if paths.shoppers_left_out > 0 {
        let n = group(paths.shoppers_left_out);
        blocks.push(Block::Note(writing.sentence(Sentence::PathsCut, &[("n", &n)])));
    }
    blocks.extend(left_out(writing, paths.touches_left_out));
    blocks
}

fn retention(writing: &Writing<'_>) -> Vec<Block> {
    let retention = &writing.facts.retention;
    let tile = |name: Term, part: i64| Tile {
        name: writing.word(name),
        value: percent(share_ppm(part, retention.buyers)),
        note: format!("{} / {}", group(part), group(retention.buyers)),
        definition: Definition::Retention,
    };
    let tiles = vec![
        tile(Term::NewBuyers, retention.new_buyers),
        tile(Term::ReturningBuyers, retention.returning_buyers),
        tile(Term::RepeatBuyers, retention.repeat_buyers),
    ];
    let mut blocks = vec![Block::Facts(tiles)];
    let mut table = Table::new(vec![
        Column::text(writing.word(Term::OtherSale), "sale"),
        Column::number(writing.word(Term::Visited), "visited").defined(Definition::Retention),
        Column::number(writing.word(Term::Bought), "bought"),
        Column::number(writing.word(Term::Share), "bought_share_ppm"),
    ]);
    for row in &retention.rows {
        let id = row.sale_id.to_string();
        let name = if row.name.is_empty() { id.clone() } else { row.name.clone() };
        table.rows.push(vec![
            Cell::named(name, id),
            Cell::count(row.visited),
            Cell::count(row.bought),
            Cell::bar(share_ppm(row.bought, retention.buyers)),
        ]);
    }
    if !table.is_empty() {
        let buyers = group(retention.buyers);
        let lead = writing.sentence(Sentence::RetentionLead, &[("buyers", &buyers)]);
        blocks.extend([Block::Paragraph(lead), Block::Table(table)]);
    }
    if !retention.next_page_token.is_empty() {
        blocks.push(shown_only(writing, Sentence::SalesCut, retention.rows.len()));
    }
    blocks
}
