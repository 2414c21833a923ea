//! Goal: every attempt is counted, in its second, once. Method: attempts in, ticks out.

use doorbuster::{
    domain::demand::DemandCounter,
    events::{
        ATTEMPTS_PER_TICK_MAX, Attempt, AttemptOutcome, CHANNELS_PER_TICK_MAX, DemandTick,
        OTHER_CHANNEL, unpack,
    },
    values::UnixMs,
};

fn attempt(outcome: AttemptOutcome, channel: &str) -> Attempt {
    Attempt { buyer_hash: 7, units: 2, outcome, channel: channel.to_owned() }
}

fn count(counter: &mut DemandCounter, at: i64, outcome: AttemptOutcome, channel: &str) {
    counter.count(attempt(outcome, channel), UnixMs(at));
}

fn taken(counter: &mut DemandCounter, second: i64) -> Vec<DemandTick> {
    counter.take_before(second, usize::MAX)
}

#[test]
fn a_second_is_written_once_it_is_over() {
    let mut counter = DemandCounter::default();
    count(&mut counter, 5_999, AttemptOutcome::Placed, "app");
    count(&mut counter, 5_000, AttemptOutcome::SoldOut, "");
    count(&mut counter, 6_000, AttemptOutcome::SoldOut, "app");
    assert!(taken(&mut counter, 5).is_empty(), "second 5 is not over");
    let ticks = taken(&mut counter, 6);
    assert_eq!(ticks.len(), 1);
    assert_eq!((ticks[0].second, ticks[0].attempts), (5, 2));
    assert_eq!(ticks[0].outcomes[&AttemptOutcome::SoldOut], 1);
    assert_eq!((ticks[0].channels["app"].attempts, ticks[0].channels["app"].placed), (1, 1));
    assert_eq!(ticks[0].channels.len(), 1, "no channel is not a channel");
    let packed = unpack(&ticks[0].packed).unwrap();
    assert_eq!((packed[0].arrival_ms, packed[1].arrival_ms), (999, 0), "in order of decision");
    assert!(taken(&mut counter, 6).is_empty(), "taken once");
    assert!(!counter.is_empty());
    assert_eq!(taken(&mut counter, i64::MAX).len(), 1);
    assert!(counter.is_empty());
}

#[test]
fn a_very_busy_second_makes_several_ticks_and_loses_nothing() {
    let mut counter = DemandCounter::default();
    for _ in 0..ATTEMPTS_PER_TICK_MAX * 2 + 1 {
        count(&mut counter, 1_000, AttemptOutcome::SoldOut, "");
    }
    let sizes: Vec<u32> = taken(&mut counter, 2).iter().map(|tick| tick.attempts).collect();
    let full = u32::try_from(ATTEMPTS_PER_TICK_MAX).unwrap();
    assert_eq!(sizes, [full, full, 1]);
}

#[test]
fn channels_beyond_the_limit_are_counted_together() {
    let mut counter = DemandCounter::default();
    for number in 0..CHANNELS_PER_TICK_MAX + 10 {
        count(&mut counter, 0, AttemptOutcome::Placed, &format!("channel {number:03}"));
    }
    count(&mut counter, 0, AttemptOutcome::SoldOut, "channel 000");
    let tick = taken(&mut counter, 1).remove(0);
    assert_eq!(tick.channels.len(), CHANNELS_PER_TICK_MAX + 1);
    assert_eq!(tick.channels[OTHER_CHANNEL].attempts, 10);
    assert_eq!(tick.channels["channel 000"].attempts, 2, "a named channel stays named");
}

#[test]
fn moments_before_1970_and_huge_orders_are_packed_as_well_as_they_can_be() {
    let mut counter = DemandCounter::default();
    let huge = Attempt { units: 1_000_000, ..attempt(AttemptOutcome::OverOrderLimit, "") };
    counter.count(huge, UnixMs(-1));
    let tick = taken(&mut counter, 0).remove(0);
    let packed = unpack(&tick.packed).unwrap();
    assert_eq!((tick.second, packed[0].arrival_ms, packed[0].units), (-1, 999, u16::MAX));
}

#[test]
fn seconds_are_written_in_order_and_only_about_as_many_as_asked_for() {
    let mut counter = DemandCounter::default();
    for second in [3, 1, 2] {
        count(&mut counter, second * 1_000, AttemptOutcome::Placed, "");
    }
    let seconds = |ticks: Vec<DemandTick>| ticks.iter().map(|t| t.second).collect::<Vec<_>>();
    assert_eq!(seconds(counter.take_before(9, 2)), [1, 2]);
    assert_eq!(seconds(counter.take_before(9, 2)), [3]);
}
