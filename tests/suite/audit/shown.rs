//! Goal: a log in a store without hash chains is judged by everything but the chains, and the
//! verdict says so.
//!
//! Method: the hand-made story is shown to the verifier event by event, with the same mistakes in it
//! as in the file, and with events left out or out of place.

use super::{
    broken_items::{forms_that_cannot_be, steering_that_cannot_be},
    broken_orders::{ends_that_cannot_be, orders_that_cannot_be},
    broken_traffic::beacons_that_cannot_be,
    story::{Shown, sound},
};

/// What is done to the place that one event is shown at.
type Spoil = fn(&mut Shown);

#[test]
fn a_sound_log_without_chains_is_proved_and_the_verdict_says_what_is_not() {
    let story = sound();
    let proof = story.show(|_, _| {});
    assert!(proof.ok(), "{proof}");
    let figures = (proof.events, proof.streams, proof.chains, proof.items, proof.orders);
    assert_eq!(figures, (story.events.len() as u64, 5, 0, 2, 4));
    assert!(!proof.chained);
    let said = proof.to_string();
    for words in ["is sound", "in 5 streams", "no unit was sold twice", "keeps no hash chain"] {
        assert!(said.contains(words), "{said}");
    }
    assert!(!said.contains("chain of each"), "{said}");
}

#[test]
fn every_broken_promise_is_found_without_chains_as_well() {
    for (name, spoil, words) in orders_that_cannot_be()
        .iter()
        .chain(&ends_that_cannot_be())
        .chain(&steering_that_cannot_be())
        .chain(&forms_that_cannot_be())
        .chain(&beacons_that_cannot_be())
    {
        let mut story = sound();
        spoil(&mut story);
        let said = story.show(|_, _| {}).to_string();
        assert!(said.contains(words) && !said.contains("is sound"), "{name}:\n{said}");
    }
}

#[test]
fn events_left_out_or_out_of_place_are_found_without_chains() {
    let cases: [(Spoil, &str); 4] = [
        (|shown| shown.left_out = true, "of its stream should stand here"),
        (|shown| shown.revision += 1, "of its stream should stand here"),
        (|shown| shown.position = 700, "events are out of order"),
        (|shown| shown.position += 7_000_000, "events are out of order"),
    ];
    let story = sound();
    let middle = story.index("OrderPaid");
    for (spoil, words) in cases {
        let proof = story.show(|nth, shown| {
            if nth == middle {
                spoil(shown);
            }
        });
        let said = proof.to_string();
        assert!(said.contains(words) && !said.contains("is sound"), "{words}:\n{said}");
    }
}
