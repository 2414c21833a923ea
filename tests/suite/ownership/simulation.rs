//! Ownership among three nodes, simulated: links break with messages on them (what was sent first may
//! still arrive), nodes freeze and are started again, two of them are cut off from each other. Whatever
//! happens: no unit is sold twice, no request is carried out twice, the commands of a node are decided in
//! their order, and after the last fault every command is answered.

use doorbuster::{
    ownership::{Became, Lane, Route},
    values::NodeId,
};
use uuid::Uuid;

use super::{
    happening::Build,
    world::{COMMANDS, STOCK, World},
};

const SEEDS: u64 = 2_000;

#[test]
fn whatever_happens_between_nodes_nothing_is_sold_twice_and_everything_is_answered_in_its_order() {
    let (mut conflicts, mut aborted, mut compared) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut world = World::new(seed, Build::AsItIs);
        world.run();
        assert_eq!(world.answered.len() as u64, COMMANDS, "seed {seed}");
        let told = world.answered.values().filter(|sold| **sold).count();
        assert_eq!(told, world.log.len().min(STOCK), "seed {seed}: what was told and what is so");
        conflicts += world.conflicts;
        aborted += world.aborted;
        compared += world.orders.compared;
    }
    assert!(conflicts > 0, "the nodes never met, so this showed nothing");
    assert!(compared > 10_000, "hardly any order was compared: {compared}");
    println!("{SEEDS} seeds, {conflicts} conflicts, {aborted} commands told to ask again");
    println!("{compared} commands compared with the one before them");
}

/// Whether some seed shows what is wrong with a build.
fn is_caught(build: Build) -> bool {
    (0..SEEDS).any(|seed| std::panic::catch_unwind(|| World::new(seed, build).run()).is_err())
}

#[test]
fn a_build_that_trusts_ownership_is_caught() {
    assert!(is_caught(Build::Trusts), "no seed shows what the revision is for");
}

#[test]
fn a_build_that_does_not_finish_before_it_passes_on_is_caught() {
    assert!(is_caught(Build::NeverRests), "no seed shows what an actor rests for");
}

#[test]
fn a_build_that_forgets_what_it_turned_away_is_caught() {
    assert!(is_caught(Build::ForgetsTurns), "no seed shows what turns are for");
}

#[test]
fn a_receiver_that_names_the_sender_is_believed() {
    let other = NodeId(Uuid::from_u128(2));
    let mut lane = Lane::new(Route::Node(other));
    let sent = lane.push("order");
    assert_eq!((sent.route, sent.must_decide), (Route::Node(other), false));
    assert_eq!(lane.became(sent.number, Became::NotMine(Some(Route::Here))), None);
    assert!(lane.has_to_resend());
    assert_eq!(lane.turn(1), Route::Here);
    assert_eq!(lane.resend().len(), 1);
}
