//! Batches of beacons: the tables of an event against the beacons packed in it. Each event is judged
//! by itself, so memory stays small however much traffic there was.

use std::collections::HashSet;

use base64::{Engine, engine::general_purpose::STANDARD};
use uuid::Uuid;

use super::bodies::{TrafficRecorded, TrafficShopper};

/// Bytes of one packed beacon: id (16), milliseconds (4), action (1), nothing (1), and the numbers
/// of visitor, item, channel, page and shopper (2 each).
const BEACON_BYTES: usize = 32;
/// Most beacons in one event.
const BEACONS_MAX: usize = 2_000;
/// The highest number of an action, and the one that only recordings have: a purchase.
const ACTION_MAX: u8 = 4;
const BUY: u8 = 4;

const AGE_BANDS: [&str; 7] = ["under-18", "18-24", "25-34", "35-44", "45-54", "55-64", "65-plus"];
const GENDERS: [&str; 3] = ["female", "male", "other"];
const SPENDING_TIERS: [&str; 4] = ["low", "middle", "high", "top"];

/// What is wrong with an event of the stream with that id, if anything is.
pub(super) fn check(stream: Uuid, event: &TrafficRecorded<'_>) -> Result<(), String> {
    if event.from_ms < 0 {
        return Err(format!("the beacons begin at {} ms, before 1970", event.from_ms));
    }
    if event.sale_id.is_some() && event.recording.is_none() {
        return Err("live beacons name a sale beside that of their stream".to_owned());
    }
    check_tables(stream, event)?;
    let bytes = STANDARD
        .decode(event.packed.as_bytes())
        .map_err(|error| format!("the packed beacons are not base64: {error}"))?;
    if !bytes.len().is_multiple_of(BEACON_BYTES) {
        return Err(format!("{} packed bytes are not a whole number of beacons", bytes.len()));
    }
    let packed = bytes.len() / BEACON_BYTES;
    if u64::from(event.beacons) != packed as u64 {
        return Err(format!("the event counts {} beacons but packs {packed}", event.beacons));
    }
    if !(1..=BEACONS_MAX).contains(&packed) {
        return Err(format!("an event of {packed} beacons, not of 1 to {BEACONS_MAX}"));
    }
    let mut ids = HashSet::with_capacity(packed);
    let mut earliest = u32::MAX;
    for beacon in bytes.chunks_exact(BEACON_BYTES) {
        earliest = earliest.min(check_beacon(event, beacon, &mut ids)?);
    }
    if earliest > 0 {
        return Err(format!("the first beacon is {earliest} ms after the event's beginning"));
    }
    Ok(())
}

/// Checks one beacon and gives its milliseconds.
fn check_beacon<'a>(
    event: &TrafficRecorded<'_>,
    beacon: &'a [u8],
    ids: &mut HashSet<&'a [u8]>,
) -> Result<u32, String> {
    let (id, rest) = beacon.split_at(16);
    let number = |at: usize| usize::from(u16::from_le_bytes([rest[at], rest[at + 1]]));
    let recorded = event.recording.is_some();
    if id.iter().all(|byte| *byte == 0) {
        if !recorded {
            return Err("a live beacon has no id".to_owned());
        }
    } else if !ids.insert(id) {
        return Err("a beacon is packed twice".to_owned());
    }
    let action = rest[4];
    if action > ACTION_MAX {
        return Err(format!("a packed beacon has the unknown action {action}"));
    }
    if action == BUY && !recorded {
        return Err("a live beacon is a purchase".to_owned());
    }
    if rest[5] != 0 {
        return Err("a packed beacon has something where nothing is".to_owned());
    }
    let rows = [
        ("visitor", number(6), event.visitors.len()),
        ("item", number(8), event.items.len()),
        ("channel", number(10), event.channels.len()),
        ("page", number(12), event.pages.len()),
        ("shopper", number(14), event.shoppers.len()),
    ];
    if let Some((name, number, rows)) = rows.into_iter().find(|(_, number, rows)| number > rows) {
        return Err(format!("a packed beacon names {name} {number} of {rows}"));
    }
    if number(6) == 0 {
        return Err("a packed beacon has no visitor".to_owned());
    }
    Ok(u32::from_le_bytes([rest[0], rest[1], rest[2], rest[3]]))
}

fn check_tables(stream: Uuid, event: &TrafficRecorded<'_>) -> Result<(), String> {
    let texts =
        [("visitor", &event.visitors), ("channel", &event.channels), ("page", &event.pages)];
    for (name, rows) in texts {
        let mut once = HashSet::new();
        if rows.iter().any(|row| row.is_empty()) {
            return Err(format!("a {name} of the table is empty"));
        }
        if let Some(twice) = rows.iter().find(|row| !once.insert(*row)) {
            return Err(format!("the {name} {twice:?} stands in the table twice"));
        }
    }
    if event.recording.is_some() {
        // An item of a recording has the id that its sale, or else the recording, gives its name.
        let of = event.sale_id.map_or(stream, |sale| sale.0);
        for item in &event.items {
            if item.item_id.0 != Uuid::new_v5(&of, item.sku.as_bytes()) {
                return Err(format!("the item {:?} has the id of another", item.sku));
            }
        }
    }
    event.shoppers.iter().try_for_each(check_shopper)
}

fn check_shopper(shopper: &TrafficShopper<'_>) -> Result<(), String> {
    let unknown = unknown_attribute(
        shopper.age_band.as_deref(),
        shopper.gender.as_deref(),
        shopper.spending_tier.as_deref(),
    );
    unknown.map_or(Ok(()), |_| Err("a shopper has an attribute of no known name".to_owned()))
}

/// The first of such attributes that has no known name.
pub(super) fn unknown_attribute<'a>(
    age_bands: impl IntoIterator<Item = &'a str>,
    genders: impl IntoIterator<Item = &'a str>,
    spending_tiers: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let age_band = age_bands.into_iter().find(|name| !AGE_BANDS.contains(name));
    let gender = genders.into_iter().find(|name| !GENDERS.contains(name));
    let spending_tier = spending_tiers.into_iter().find(|name| !SPENDING_TIERS.contains(name));
    age_band.or(gender).or(spending_tier)
}
