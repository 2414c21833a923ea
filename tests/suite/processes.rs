//! Goal: what an event or a deadline asks of an aggregate takes effect, and takes effect once, whatever
//! happens between two steps. Method: process managers over a real log and real aggregates, step by
//! step; each is dropped after each of its steps and begun anew, its checkpoint is lost, damaged or
//! exchanged, and two nodes run it on one store.

/// The aggregates of a node without a server, on a log of a single sale.
pub mod bench;
/// Coupons that buyers earn by what they pay.
mod earned;
/// What orders take of the limit over their sale.
mod limited;
/// Orders that wait for a coupon, and coupons that have to come back.
mod orders;
use std::{
    fs,
    sync::{Condvar, Mutex},
};

use doorbuster::{
    actors::process::{Ask, Known, Manager, Process, Reactions, TellItems, WakeItems},
    domain::sale::SaleView,
    events::{Event, Position, Recorded},
    projections::Checkpoint,
    reports::{ReportError, Reports},
    values::{ServiceLevel, UnixMs},
};

use self::bench::{Bench, Effects};

/// After which step a manager is dropped.
#[derive(Debug, Clone, Copy)]
enum Step {
    Read,
    Noted,
    Asked,
    AskedAndNoted,
}

const STEPS: [Step; 4] = [Step::Read, Step::Noted, Step::Asked, Step::AskedAndNoted];

/// Begins a process where its checkpoint says and takes its steps up to that one. Gives how many works
/// were due.
async fn run<P: Process>(bench: &Bench, process: P, until: Step) -> usize {
    let manager = Manager::new(process, bench.parts());
    manager.begin().await;
    while manager.position() < bench.head() {
        manager.read().await;
    }
    let due = manager.due();
    let count = due.len();
    if matches!(until, Step::Read) {
        return count;
    }
    if matches!(until, Step::Noted) {
        manager.note();
        return count;
    }
    for work in due {
        manager.ask(&work).await.unwrap();
    }
    if matches!(until, Step::AskedAndNoted) {
        manager.note();
    }
    count
}

/// Kills a process at every step and again at every step after that, then lets it end, and expects each
/// effect once.
async fn killed_at_every_step<P: Process + Default>(bench: &Bench, wanted: Effects) {
    for first in STEPS {
        for second in STEPS {
            run(bench, P::default(), first).await;
            run(bench, P::default(), second).await;
        }
        // What is not noted is read again.
        bench.lose_checkpoints();
    }
    run(bench, P::default(), Step::AskedAndNoted).await;
    assert_eq!(bench.effects().await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_a_sale_is_told_once_wherever_the_telling_breaks_off() {
    let bench = Bench::start().await;
    bench.create_sale_with(&["lamp", "sofa", "desk"], &["save20", "next50"]).await;
    let created = Effects { items_added: 3, batches_created: 2, ..Effects::default() };
    killed_at_every_step::<TellItems>(&bench, created).await;
    bench.pause_sale().await;
    killed_at_every_step::<TellItems>(&bench, Effects { items_paused: 3, ..created }).await;
    assert_eq!(run(&bench, TellItems::default(), Step::Read).await, 0, "nothing is left to tell");
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_were_told_before_the_crash_are_not_told_again() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp", "sofa"]).await;
    bench.tell("lamp").await;
    assert_eq!(run(&bench, TellItems::default(), Step::AskedAndNoted).await, 1);
    let wanted = Effects { items_added: 2, ..Effects::default() };
    assert_eq!(bench.effects().await, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_that_lacks_only_its_coupons_is_not_told_yet() {
    let bench = Bench::start().await;
    bench.create_sale_with(&["lamp"], &["save20"]).await;
    bench.tell("lamp").await;
    assert_eq!(run(&bench, TellItems::default(), Step::AskedAndNoted).await, 1);
    let wanted = Effects { items_added: 1, batches_created: 1, ..Effects::default() };
    assert_eq!(bench.effects().await, wanted);
    bench.lose_checkpoints();
    assert_eq!(run(&bench, TellItems::default(), Step::Read).await, 0, "the log shows all of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_lowers_the_level_and_opens_an_incident_once_wherever_that_breaks_off() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    bench.raise("gone").await;
    let wanted = Effects { levels_set: 1, incidents: 1, ..Effects::default() };
    killed_at_every_step::<Reactions>(&bench, wanted).await;
    assert_eq!(run(&bench, Reactions::default(), Step::Read).await, 0, "nothing is left to do");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_ends_once_however_often_its_item_is_woken() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    bench.tell("lamp").await;
    bench.place("lamp").await;
    bench.fall_asleep().await;
    bench.advance(120);
    let wanted = Effects { items_added: 1, placed: 1, expired: 1, ..Effects::default() };
    killed_at_every_step::<WakeItems>(&bench, wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_never_passes_what_is_not_done() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    bench.raise("gone").await;
    for _ in 0..2 {
        assert_eq!(run(&bench, Reactions::default(), Step::Noted).await, 1);
    }
    assert_eq!(run(&bench, Reactions::default(), Step::AskedAndNoted).await, 1);
    // The log goes on, and the checkpoint is in it.
    bench.raise("gone_too").await;
    assert_eq!(run(&bench, Reactions::default(), Step::Read).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_that_is_lost_damaged_or_of_another_log_repeats_no_effect() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    bench.raise("gone").await;
    run(&bench, TellItems::default(), Step::AskedAndNoted).await;
    run(&bench, Reactions::default(), Step::AskedAndNoted).await;
    let done = bench.effects().await;
    assert_eq!(done, Effects { items_added: 1, levels_set: 1, incidents: 1, ..Effects::default() });

    let other = Bench::start().await;
    other.advance(5);
    other.create_sale(&["rug"]).await;
    other.raise("gone").await;
    run(&other, Reactions::default(), Step::AskedAndNoted).await;
    let of_another_log = fs::read(other.checkpoint("reactions")).unwrap();
    let whole = fs::read(bench.checkpoint("reactions")).unwrap();
    let cases = [
        ("lost", None),
        ("empty", Some(Vec::new())),
        ("cut short", Some(whole[..whole.len() / 2].to_vec())),
        ("no checkpoint", Some(b"{}".to_vec())),
        ("of another log", Some(of_another_log)),
    ];
    for (what, content) in cases {
        bench.lose_checkpoints();
        if let Some(content) = content {
            bench.put_checkpoint("reactions", &content);
            bench.put_checkpoint("tell-items", &content);
        }
        run(&bench, TellItems::default(), Step::AskedAndNoted).await;
        assert_eq!(run(&bench, Reactions::default(), Step::AskedAndNoted).await, 1, "{what}");
        assert_eq!(bench.effects().await, done, "{what}");
        assert_eq!(run(&bench, Reactions::default(), Step::Read).await, 0, "{what}: not mended");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_of_long_ago_lowers_no_level_when_the_checkpoint_is_lost() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    // Cleared before the restart.
    bench.raise("gone").await;
    bench.clear("gone").await;
    assert_eq!(run(&bench, Reactions::default(), Step::AskedAndNoted).await, 0);
    // Never cleared, and the sale ended while no node ran.
    bench.raise("gone").await;
    bench.advance(400 * 24 * 3_600);
    bench.lose_checkpoints();
    assert_eq!(run(&bench, Reactions::default(), Step::AskedAndNoted).await, 1);
    assert_eq!(bench.effects().await, Effects::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alert_that_an_operator_knew_of_lowers_no_level_when_the_checkpoint_is_lost() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    // The second finds the level lowered already, so no event says that it asked for it.
    for rule in ["gone", "gone_too"] {
        bench.raise(rule).await;
        run(&bench, Reactions::default(), Step::AskedAndNoted).await;
    }
    bench.advance(1);
    bench.set_level(ServiceLevel::Full).await;
    let done = bench.effects().await;
    assert_eq!((done.levels_set, done.incidents), (2, 2));
    bench.lose_checkpoints();
    run(&bench, Reactions::default(), Step::AskedAndNoted).await;
    assert_eq!(bench.effects().await, done);
    assert_eq!(bench.level().await, ServiceLevel::Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_run_the_same_processes_on_one_store_double_nothing() {
    let [one, two] = Bench::start_two().await;
    one.create_sale_with(&["lamp", "sofa", "desk", "rug"], &["save20"]).await;
    one.raise("gone").await;
    one.raise("gone_too").await;
    // Long enough that no call can be telling the items any more.
    [&one, &two].into_iter().for_each(|bench| bench.advance(4));
    for _ in 0..3 {
        tokio::join!(
            run_as_often_as_it_takes::<TellItems>(&one),
            run_as_often_as_it_takes::<TellItems>(&two),
            run_as_often_as_it_takes::<Reactions>(&one),
            run_as_often_as_it_takes::<Reactions>(&two),
        );
        [&one, &two].into_iter().for_each(Bench::lose_checkpoints);
    }
    let wanted = Effects {
        items_added: 4,
        batches_created: 1,
        levels_set: 1,
        incidents: 2,
        ..Effects::default()
    };
    assert_eq!(one.effects().await, wanted);
}

/// Asks until nothing is due. A node that loses an append to another asks again, as a manager does.
async fn run_as_often_as_it_takes<P: Process + Default>(bench: &Bench) {
    let manager = Manager::new(P::default(), bench.parts());
    manager.begin().await;
    while manager.position() < bench.head() {
        manager.read().await;
    }
    loop {
        let due = manager.due();
        if due.is_empty() {
            return;
        }
        for work in due {
            // An error leaves the work due.
            let _ = manager.ask(&work).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_manager_does_what_the_log_asks_for() {
    let bench = Bench::start().await;
    let running = Manager::start(Reactions::default(), bench.parts(), &bench.thread());
    bench.create_sale(&["lamp"]).await;
    // An alert that is over before anything was done about it has its incident all the same.
    bench.raise("gone").await;
    bench.clear("gone").await;
    bench.effects_become(Effects { levels_set: 1, incidents: 1, ..Effects::default() }).await;
    running.abort();
}

/// A process whose read model is locked by another program until the test ends that.
#[derive(Default)]
struct OnALockedFile;

static UNLOCKED: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

impl Process for OnALockedFile {
    const NAME: &'static str = "on-a-locked-file";
    type Work = ();
    type Key = u8;

    fn key((): &()) -> u8 {
        0
    }

    fn observe(&mut self, _: &Recorded, _: &Event) {}

    fn due(&self, _: &Known<'_>) -> Vec<()> {
        Vec::new()
    }

    fn decide((): &(), _: Option<&SaleView>, _: UnixMs) -> Vec<Ask> {
        Vec::new()
    }

    fn done(&mut self, (): &()) {}

    fn oldest(&self) -> Option<Position> {
        None
    }

    fn from_read_model(_: &Reports) -> Result<Option<(Self, Checkpoint)>, ReportError> {
        let (unlocked, told) = &UNLOCKED;
        let unlocked = unlocked.lock().unwrap();
        drop(told.wait_while(unlocked, |unlocked| !*unlocked).unwrap());
        Ok(None)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_read_model_holds_up_only_the_process_that_begins_with_it() {
    let bench = Bench::start().await;
    bench.create_sale(&["lamp"]).await;
    let running = [
        Manager::start(OnALockedFile, bench.parts(), &bench.thread()),
        Manager::start(TellItems::default(), bench.parts(), &bench.thread()),
    ];
    bench.effects_become(Effects { items_added: 1, ..Effects::default() }).await;
    *UNLOCKED.0.lock().unwrap() = true;
    UNLOCKED.1.notify_all();
    running.iter().for_each(tokio::task::JoinHandle::abort);
}
