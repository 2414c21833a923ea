//! Demand ticks: the counts of a tick against the attempts packed in it.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::bodies::DemandTick;

/// Names of outcomes; each stands at its stored number.
const OUTCOMES: [&str; 12] = [
    "PLACED",
    "REPEATED",
    "SOLD_OUT",
    "NOT_ENOUGH_UNITS",
    "NOT_OPEN_YET",
    "CLOSED",
    "PAUSED",
    "OVER_BUYER_LIMIT",
    "OVER_ORDER_LIMIT",
    "NOT_ELIGIBLE",
    "GIFT_GONE",
    "PRICE_CHANGED",
];

/// Bytes of one packed attempt: milliseconds (2), units (2), hash of the buyer (7), outcome (1).
const ATTEMPT_BYTES: usize = 12;

/// What is wrong with a tick, if anything is.
pub(super) fn check(tick: &DemandTick<'_>) -> Result<(), String> {
    let attempts = u64::from(tick.attempts);
    if tick.second < 0 {
        return Err(format!("the tick's second {} lies before 1970", tick.second));
    }
    let bytes = STANDARD
        .decode(tick.packed.as_bytes())
        .map_err(|error| format!("the packed attempts are not base64: {error}"))?;
    if !bytes.len().is_multiple_of(ATTEMPT_BYTES) {
        return Err(format!("{} packed bytes are not a whole number of attempts", bytes.len()));
    }
    let mut packed = [0_u64; OUTCOMES.len()];
    for attempt in bytes.chunks_exact(ATTEMPT_BYTES) {
        let number = usize::from(attempt[ATTEMPT_BYTES - 1]);
        match packed.get_mut(number) {
            Some(count) => *count += 1,
            None => return Err(format!("a packed attempt has the unknown outcome {number}")),
        }
        let arrival_ms = u16::from_le_bytes([attempt[0], attempt[1]]);
        if arrival_ms >= 1000 {
            return Err(format!("a packed attempt arrived {arrival_ms} ms into its second"));
        }
    }
    let packed_attempts: u64 = packed.iter().sum();
    if packed_attempts != attempts {
        return Err(format!("the tick counts {attempts} attempts but packs {packed_attempts}"));
    }
    for (name, count) in OUTCOMES.iter().zip(packed) {
        let counted = tick.outcomes.get(*name).copied().unwrap_or(0);
        if u64::from(counted) != count {
            return Err(format!(
                "the tick counts {counted} attempts with outcome {name} but packs {count}"
            ));
        }
    }
    if let Some(unknown) = tick.outcomes.keys().find(|name| !OUTCOMES.contains(&name.as_str())) {
        return Err(format!("the tick counts the unknown outcome {unknown:?}"));
    }
    check_channels(tick, packed[0])
}

fn check_channels(tick: &DemandTick<'_>, packed_placed: u64) -> Result<(), String> {
    let (mut attempts, mut placed) = (0_u64, 0_u64);
    for (channel, demand) in &tick.channels {
        if demand.placed > demand.attempts {
            return Err(format!("channel {channel:?} placed more orders than it attempted"));
        }
        attempts += u64::from(demand.attempts);
        placed += u64::from(demand.placed);
    }
    // Attempts without a channel are not listed, so the channels may sum up to less.
    if attempts > u64::from(tick.attempts) || placed > packed_placed {
        return Err("the channels of the tick sum up to more than its attempts".to_owned());
    }
    Ok(())
}
