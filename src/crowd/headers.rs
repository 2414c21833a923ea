//! What the first line of a recording says about its form, and what to do with one that is in the form
//! of a public data set or of another program.

use super::{encoding, lines::Lines, traffic_error::TrafficError};
use crate::values::Invalid;

/// Columns of the long form.
pub(super) const COLUMNS: [&str; 12] = [
    "visitor",
    "item",
    "category",
    "action",
    "time",
    "channel",
    "page",
    "age_band",
    "gender",
    "region",
    "spending_tier",
    "sale",
];
pub(super) const REQUIRED: [&str; 4] = ["visitor", "item", "action", "time"];

/// Columns by which a well-known file is recognized, its name, and how to make it the long form.
const KNOWN: [(&[&str], &str, &str); 8] = [
    (
        &["visitorid", "event", "itemid", "transactionid"],
        "RetailRocket's events.csv",
        "call visitorid visitor, itemid item, event action and timestamp time; leave out \
         transactionid; addtocart is cart and transaction is buy; times are milliseconds",
    ),
    (
        &["event_time", "event_type", "product_id", "user_session"],
        "the REES46 shops (multi-category, cosmetics, electronics)",
        "call user_id visitor, product_id item, event_type action and event_time time; purchase is \
         buy, remove_from_cart has no counterpart; write times as 2019-10-01T00:00:00Z",
    ),
    (
        &["user_id", "item_id", "behavior_type", "item_category"],
        "Tianchi's mobile recommendation",
        "call user_id visitor, item_id item, item_category category and behavior_type action (1 is \
         pv, 2 fav, 3 cart, 4 buy); write times as 2014-12-06T02:00:00+08:00",
    ),
    (
        &["user_id", "item_id", "category_id", "timestamp"],
        "Taobao's UserBehavior.csv with a header",
        "leave out the header: such rows are the short form",
    ),
    (
        &["user_id", "item_id", "cat_id", "time_stamp", "action_type"],
        "Tmall's user_log_format1.csv",
        "call user_id visitor, item_id item, cat_id category and action_type action (0 is pv, 1 \
         cart, 2 buy, 3 fav); its time_stamp is a day such as 1111: write 2014-11-11T00:00:00+08:00",
    ),
    (
        &["user_id", "sku_id", "type", "cate"],
        "JData's actions",
        "call user_id visitor, sku_id item, cate category and type action (1 is pv, 2 cart, 4 buy, 5 \
         fav); write times as 2016-01-31T23:59:59+08:00",
    ),
    (
        &["sessionid", "itemid", "timeframe", "eventdate"],
        "Diginetica",
        "call sessionid visitor and itemid item, and add action; separate by commas; time is \
         eventdate plus timeframe in milliseconds",
    ),
    (
        &["uid", "campaign", "conversion", "click"],
        "Criteo's attribution data",
        "it tells of clicks on advertisements, not of items in a shop: its campaigns can be items",
    ),
];

/// What the first line is.
pub(super) enum FirstLine {
    /// A row of the short form, or what is taken for one.
    Row,
    /// The names of the columns of the long form.
    Header(Vec<String>),
    /// A header, but not one of ours.
    Unknown(Invalid),
}

/// The first line that holds something. A line `sep=,` before it is for a spreadsheet only.
pub(super) fn first_line(lines: &mut Lines) -> Option<Result<(u64, Vec<u8>), TrafficError>> {
    match lines.next_full() {
        Some(Ok((_, line))) if line.eq_ignore_ascii_case(b"sep=,") => lines.next_full(),
        first => first,
    }
}

/// Looks at a first line. What holds no number is no row.
pub(super) fn form_of(line: &[u8]) -> FirstLine {
    let Ok(text) = encoding::text(line) else { return FirstLine::Row };
    let names: Vec<String> = text
        .split([',', ';', '\t', '|'])
        .map(|name| name.trim().trim_matches('"').trim().to_lowercase())
        .collect();
    let numbers = |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    let known = KNOWN
        .iter()
        .find(|(columns, ..)| columns.iter().all(|column| names.iter().any(|name| name == column)));
    if let Some((_, what, how)) = known {
        let problem = format!("is that of {what}: {how} (docs/traffic.md)");
        return FirstLine::Unknown(Invalid::new("header", problem));
    }
    let ours = |name: &String| COLUMNS.contains(&name.as_str());
    if text.contains(',') && names.iter().any(ours) && !names.iter().any(numbers) {
        return FirstLine::Header(names);
    }
    if names.iter().any(numbers) {
        return FirstLine::Row;
    }
    FirstLine::Unknown(Invalid::new("header", not_understood(text, &names)))
}

fn not_understood(text: &str, names: &[String]) -> String {
    let separator = [(';', "semicolons"), ('\t', "tabs"), ('|', "bars")];
    let other = separator.into_iter().find(|(letter, _)| text.contains(*letter));
    if let Some((_, what)) = other.filter(|_| names.len() > 1 && !text.contains(',')) {
        return format!("is separated by {what}; wanted are commas, and columns {}", wanted());
    }
    let shown: String = text.chars().take(80).collect();
    format!("is not understood: {shown:?}; wanted are columns {}", wanted())
}

fn wanted() -> String {
    let more = COLUMNS.into_iter().filter(|column| !REQUIRED.contains(column));
    format!(
        "{}, and perhaps {}; or no header and rows of user,item,category,action,time in numbers",
        REQUIRED.join(","),
        more.collect::<Vec<_>>().join(",")
    )
}
