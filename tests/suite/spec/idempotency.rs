//! Goal: one request id is one command for ever. Method: tables that repeat it after everything
//! that can happen in between; the harness compares outcome, revision and position with the first.

use doorbuster::{domain::Decider, events::Position, values::UnixMs};

use super::{
    live::{Live, place, plan},
    table::check,
};

#[test]
fn a_repeated_order_is_the_first_one_whatever_happened_since() {
    check(
        "offer stock=north:3 per_buyer=1 close=500
         place r1 ann 1 app    -> held ann 1
         place r1 ann 1 app    -> held ann 1 again
         pay p1 r1 10 ref      -> paid ann 1
         place r1 ann 1 app    -> held ann 1 again
         place r2 bob 1        -> held bob 1
         cancel c1 r2 bob      -> cancelled bob 1
         place r2 bob 1        -> held bob 1 again
         place r3 cat 1        -> held cat 1
         @100 due              -> cat
         place r3 cat 1        -> held cat 1 again
         place r4 dan 2        -> refused over_buyer_limit
         pause s1              -> item_paused + ItemPaused
         place r1 ann 1 app    -> held ann 1 again
         close s2              -> item_closed + ItemClosed
         place r1 ann 1 app    -> held ann 1 again
         @900 place r1 ann 1 app -> held ann 1 again
         = available 2 held 0 sold 1",
    );
}

#[test]
fn a_request_id_used_for_another_order_is_reused() {
    check(
        "offer
         place r1 ann 1 app -> held ann 1
         place r1 ann 2 app -> reused
         place r1 bob 1 app -> reused
         place r1 ann 1 web -> reused
         place r1 ann 1     -> reused
         place r1 ann 1 app -> held ann 1 again
         = available 9 held 1 sold 0",
    );
}

#[test]
fn a_refused_order_leaves_its_request_id_free() {
    check(
        "offer stock=north:1 open=10
         place r1 ann 1       -> refused not_open_yet
         @10 place r1 bob 2   -> refused not_enough_units
         place r1 cat 1       -> held cat 1
         place r1 cat 1       -> held cat 1 again
         place r1 ann 1       -> reused",
    );
}

#[test]
fn payments_and_cancellations_are_recognised_after_everything_else_as_well() {
    check(
        "offer close=500
         place r1 ann 1        -> held ann 1
         place r2 bob 1        -> held bob 1
         place r3 cat 1        -> held cat 1
         pay p1 r1 10 ref      -> paid ann 1
         cancel c1 r2 bob      -> cancelled bob 1
         @100 pay p3 r3 10 ref -> refused order_expired + OrderExpired RefundDue
         close s1              -> item_closed + ItemClosed
         @900 pay p1 r1 10 ref -> paid ann 1 again
         cancel c1 r2 bob      -> cancelled bob 1 again
         pay p3 r3 10 ref      -> refused order_expired again",
    );
}

#[test]
fn a_payment_s_request_id_with_anything_else_in_it_is_reused() {
    check(
        "offer
         place r1 ann 1        -> held ann 1
         place r2 ann 1        -> held ann 1
         pay p1 r1 10 ref      -> paid ann 1
         pay p1 r2 10 ref      -> reused
         pay p1 r1 10 other    -> reused
         pay p1 r1 11 ref      -> reused
         pay p1 r1 10 ref USD  -> reused
         cancel c1 r2 ann      -> cancelled ann 1
         cancel c1 r1 ann      -> reused
         cancel c1 r2 bob      -> reused",
    );
}

#[test]
fn a_request_id_belongs_to_one_kind_of_command() {
    check(
        "offer
         place r1 ann 1       -> held ann 1
         pay p1 r1 10 ref     -> paid ann 1
         place r2 bob 1       -> held bob 1
         cancel c1 r2 bob     -> cancelled bob 1
         allocate s1 north 1  -> item_open + StockAllocated
         pay r1 r1 10 ref-2   -> reused
         pay c1 r1 10 ref-2   -> reused
         pay s1 r1 10 ref-2   -> reused
         cancel r1 r1 ann     -> reused
         cancel p1 r1 ann     -> reused
         cancel s1 r1 ann     -> reused
         place p1 cat 1       -> reused
         place c1 cat 1       -> reused
         place s1 cat 1       -> reused
         pause r1             -> reused
         resume p1            -> reused
         close c1             -> reused
         pause s1             -> reused
         allocate s1 south 1  -> reused
         allocate s1 north 2  -> reused",
    );
}

#[test]
fn the_request_that_created_the_sale_is_taken_on_each_of_its_items() {
    // The same id would make the same event id, and the store would take two events for one.
    check(
        "offer
         place the-sale ann 1      -> reused
         pause the-sale            -> reused
         place r1 ann 1            -> held ann 1
         pay the-sale r1 10 ref    -> reused
         cancel the-sale r1 ann    -> reused",
    );
}

#[test]
fn an_answer_has_no_position_before_its_event_has_one() {
    let mut live = Live::offered(plan());
    let decided = live.item.decide(place("r1", "ann", 1), UnixMs(5));
    let revision = live.log.len() as u64;
    assert_eq!((decided.revision, decided.position), (revision, None));
    live.item.evolve(&decided.events[0].event, revision);
    let decided = decided.with_outcome(|from| live.item.answer(from, UnixMs(5)));

    let flying = live.item.decide(place("r1", "ann", 1), UnixMs(6));
    let flying = flying.with_outcome(|from| live.item.answer(from, UnixMs(6)));
    assert_eq!((flying.revision, flying.position), (revision, None), "not in the log yet");
    assert_eq!(flying.outcome, decided.outcome);

    live.item.landed(revision, Position(77));
    let landed = live.item.decide(place("r1", "ann", 1), UnixMs(7));
    assert_eq!((landed.revision, landed.position), (revision, Some(Position(77))));
}

#[test]
fn a_batch_that_lands_at_once_gives_each_answer_its_own_position() {
    let mut live = Live::offered(plan());
    let commands = [
        place("r1", "ann", 1),
        super::live::steer("s1", doorbuster::domain::item::SteerAction::Pause),
        super::live::pay("p1", "r1", 10, "ref"),
        super::live::cancel("unheard", "nobody", "ann"),
        super::live::steer("s2", doorbuster::domain::item::SteerAction::Resume),
        place("r2", "bob", 1),
        super::live::cancel("c2", "r2", "bob"),
    ];
    let first = live.log.len() as u64;
    let mut next = first;
    for command in &commands {
        for caused in live.item.decide(command.clone(), UnixMs(5)).events {
            live.item.evolve(&caused.event, next);
            next += 1;
        }
    }
    live.item.landed(next - 1, Position(1_000 + next - 1));
    let mut seen = 0;
    for command in &commands {
        let again = live.item.decide(command.clone(), UnixMs(6));
        if let Some(position) = again.position {
            assert_eq!(position, Position(1_000 + again.revision), "{command:?}");
            seen += 1;
        }
    }
    assert_eq!(seen, 6, "all but the one that recorded nothing");
}

#[test]
fn attempts_to_buy_are_counted_and_nothing_else_is() {
    use doorbuster::events::AttemptOutcome::{NotEnoughUnits, Placed, Repeated};
    let mut live = Live::offered(plan());
    let mut outcome = |command| live.run(command, 5).attempt.map(|attempt| attempt.outcome);
    assert_eq!(outcome(place("r1", "ann", 1)), Some(Placed));
    assert_eq!(outcome(place("r1", "ann", 1)), Some(Repeated));
    assert_eq!(outcome(place("r2", "ann", 99)), Some(NotEnoughUnits));
    assert_eq!(outcome(place("r1", "bob", 1)), None, "a misused id is a mistake, not demand");
    assert_eq!(outcome(super::live::pay("p1", "r1", 10, "ref")), None);
    assert_eq!(outcome(super::live::cancel("c1", "r1", "ann")), None);
}
