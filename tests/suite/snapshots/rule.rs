//! When a snapshot is due.

use doorbuster::snapshots::Rule;

const RULE: Rule = Rule { events_min: 1_000 };

#[test]
fn little_behind_a_snapshot_makes_no_new_one() {
    for (events, covered, at_rest, due) in [
        // A small stream has none, whatever happens to it.
        (499, 0, true, false),
        (500, 0, true, true),
        (999, 0, false, false),
        (1_000, 0, false, true),
        (1_999, 1_000, false, false),
        (2_000, 1_000, false, true),
        // Of a large one an eighth may lie behind, and a sixty-fourth once it rests.
        (89_999, 80_000, false, false),
        (90_000, 80_000, false, true),
        (81_249, 80_000, true, false),
        (81_250, 80_000, true, true),
        // Another log, shorter than what was known.
        (10, 1_000, true, false),
    ] {
        assert_eq!(RULE.is_due(events, covered, at_rest), due, "{events} of {covered}");
    }
}

#[test]
fn a_growing_stream_is_written_in_nine_times_the_time_of_its_last_snapshot() {
    let (mut covered, mut written) = (0, 0);
    for events in 0..3_000_000_u64 {
        if RULE.is_due(events, covered, false) {
            (covered, written) = (events, written + events);
        }
    }
    assert!(written <= 9 * covered + 9 * RULE.events_min * 9, "{written} of {covered}");
}
