//! When the sale clock follows the wall clock: tables of jumps, and clocks that do anything.

use doorbuster::{
    clock::{
        Distrust,
        steering::{Change, JUMP_NS, Sample, Steering},
    },
    values::UnixMs,
};
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;
/// Time since boot and wall clock at the start, and for how long a jump must hold.
const BOOT: i64 = 500 * SECOND;
const WALL: i64 = 1_794_355_200 * SECOND;
const HOLD_MS: i64 = 60_000;

/// A clock that is compared five times a second.
struct Run {
    steering: Steering,
    boot_ns: i64,
    /// How far the wall clock is off what it would be without any jump.
    wrong_ns: i64,
    said: Vec<Change>,
}

impl Run {
    fn new() -> Self {
        let steering = Steering::new(Sample { boot_ns: BOOT, wall_ns: WALL }, HOLD_MS);
        Self { steering, boot_ns: BOOT, wrong_ns: 0, said: Vec::new() }
    }

    fn after(&mut self, ns: i64) -> Option<Change> {
        self.boot_ns += ns;
        let wall_ns = WALL + (self.boot_ns - BOOT) + self.wrong_ns;
        let change = self.steering.sample(Sample { boot_ns: self.boot_ns, wall_ns });
        self.said.extend(change);
        change
    }

    fn seconds(&mut self, seconds: i64) -> Vec<Change> {
        let before = self.said.len();
        for _ in 0..seconds * 5 {
            self.after(SECOND / 5);
        }
        self.said[before..].to_vec()
    }

    /// By how much the sale clock differs from a clock without any jump.
    fn sale_off_ns(&self) -> i64 {
        self.steering.offset_ns() - (WALL - BOOT)
    }
}

#[test]
fn a_jump_that_is_over_within_the_time_moves_nothing() {
    for off in [2 * 3600, -3600, 86_400, 2, -2] {
        for lasts in [1, 3, 59] {
            let mut run = Run::new();
            run.wrong_ns = off * SECOND;
            let off_ms = off * 1000;
            assert_eq!(run.seconds(lasts), [Change::Jumped { off_ms }]);
            assert_eq!(run.sale_off_ns(), 0);
            let look = run.steering.look();
            assert!(matches!(look.distrust, Some(Distrust::Jumped { .. })), "{look:?}");
            assert_eq!((look.off_ms, look.peak_off_ms, look.jumps), (off_ms, off_ms.abs(), 1));
            run.wrong_ns = 0;
            let after_ms = lasts * 1000;
            assert_eq!(run.seconds(1), [Change::Returned { peak_ms: off_ms, after_ms }]);
            assert_eq!((run.sale_off_ns(), run.steering.moved_ms()), (0, 0));
            // Who looks once a second still sees it, for ten seconds.
            let look = run.steering.look();
            assert_eq!((look.distrust, look.off_ms, look.peak_off_ms), (None, 0, off_ms.abs()));
            run.seconds(10);
            assert_eq!(run.steering.look().peak_off_ms, 0);
        }
    }
}

#[test]
fn a_jump_that_holds_is_taken_over_once_and_as_a_whole() {
    for off in [2 * 3600, -3600] {
        let mut run = Run::new();
        run.seconds(7);
        run.wrong_ns = off * SECOND;
        assert_eq!(run.seconds(60), [Change::Jumped { off_ms: off * 1000 }]);
        assert_eq!(run.sale_off_ns(), 0);
        assert_eq!(run.seconds(1), [Change::Stepped { by_ms: off * 1000 }]);
        assert_eq!(run.sale_off_ns(), off * SECOND);
        assert_eq!(run.steering.moved_ms(), off * 1000);
        assert_eq!(run.seconds(300), []);
        let look = run.steering.look();
        assert_eq!((look.distrust, look.jumps, look.steps), (None, 1, 1));
    }
}

#[test]
fn a_jump_to_somewhere_else_starts_over() {
    let mut run = Run::new();
    run.wrong_ns = 100 * SECOND;
    run.seconds(50);
    run.wrong_ns = 200 * SECOND;
    assert_eq!(run.seconds(60), [Change::Jumped { off_ms: 200_000 }]);
    assert_eq!(run.seconds(1), [Change::Stepped { by_ms: 200_000 }]);
    assert_eq!(run.steering.look().jumps, 2);
}

#[test]
fn a_clock_that_goes_back_and_forth_is_never_taken_over() {
    let mut run = Run::new();
    for _ in 0..20 {
        run.wrong_ns = 3600 * SECOND;
        run.seconds(30);
        run.wrong_ns = 0;
        run.seconds(30);
    }
    assert_eq!((run.sale_off_ns(), run.steering.look().jumps), (0, 20));
}

#[test]
fn what_nobody_saw_does_not_count_as_held() {
    let mut run = Run::new();
    run.wrong_ns = 3600 * SECOND;
    run.seconds(1);
    // The process was stopped, or the machine was suspended.
    assert_eq!(run.after(600 * SECOND), None);
    assert_eq!(run.seconds(59), []);
    assert_eq!(run.seconds(2), [Change::Stepped { by_ms: 3_600_000 }]);
}

#[test]
fn a_suspension_that_both_clocks_count_is_no_jump() {
    let mut run = Run::new();
    assert_eq!(run.after(8 * 3600 * SECOND), None);
    assert_eq!((run.sale_off_ns(), run.steering.look().jumps), (0, 0));
}

#[test]
fn a_small_difference_is_slewed_and_never_jumps() {
    for wrong_ms in [999, -999, 40] {
        let mut run = Run::new();
        run.wrong_ns = wrong_ms * 1_000_000;
        let mut before = 0;
        for _ in 0..5 * 250 {
            assert_eq!(run.after(SECOND / 5), None);
            assert!((run.sale_off_ns() - before).abs() <= 1_000_000, "a millisecond at a time");
            before = run.sale_off_ns();
        }
        assert_eq!(run.sale_off_ns(), run.wrong_ns);
        assert_eq!(run.steering.moved_ms(), 0, "deadlines do not move with what is slewed");
    }
}

#[test]
fn a_clock_behind_the_log_is_not_trusted_until_it_is_set_or_has_stayed_so() {
    let ends_at = UnixMs(WALL / 1_000_000 + 7_200_000);
    // It is set to what the log knows: at once.
    let mut run = Run::new();
    assert_eq!(run.steering.log_ends_at(ends_at), Some(7_200_000));
    assert_eq!(run.seconds(5), []);
    let distrust = run.steering.look().distrust;
    assert_eq!(distrust, Some(Distrust::BehindLog { recorded: ends_at }));
    run.wrong_ns = 7_300 * SECOND;
    assert_eq!(run.after(SECOND / 5), Some(Change::Stepped { by_ms: 7_300_000 }));
    assert_eq!(run.steering.look().distrust, None);
    // It stays behind: then it was the log that was written by a wrong clock.
    let mut run = Run::new();
    run.steering.log_ends_at(ends_at);
    assert_eq!(run.seconds(61), [Change::Accepted { behind_ms: 7_140_000 }]);
    assert_eq!(run.steering.look().distrust, None);
    // Time itself comes to where the log ends.
    let mut run = Run::new();
    run.steering.log_ends_at(UnixMs(WALL / 1_000_000 + 5_000));
    assert_eq!(run.seconds(6), []);
    assert_eq!(run.steering.look().distrust, None);
    // An end of the log in the past, or a moment ahead, says nothing.
    let mut run = Run::new();
    for ahead_ms in [-86_400_000, 0, 999] {
        let ends_at = UnixMs(WALL / 1_000_000 + ahead_ms);
        assert_eq!(run.steering.log_ends_at(ends_at), None);
    }
}

#[test]
fn why_a_clock_is_not_trusted_is_said_in_seconds() {
    let since = UnixMs(WALL / 1_000_000);
    let jumped = Distrust::Jumped { off_ms: -3_600_250, since, hold_ms: 60_000 };
    assert_eq!(
        jumped.to_string(),
        "the wall clock has been 3600.2 s behind the sale clock since 2026-11-11T00:00:00.000Z; it is \
         taken over once that has held for 60.0 s"
    );
    let behind = Distrust::BehindLog { recorded: since };
    let said =
        "the newest event of the log was recorded in the future, at 2026-11-11T00:00:00.000Z";
    assert_eq!(behind.to_string(), said);
}

proptest! {
    /// Whatever the wall clock does: between two looks the sale clock goes on by the time since boot
    /// but for what is slewed, unless a jump is taken over, and that has held for all of the time.
    #[test]
    fn the_sale_clock_moves_only_by_what_has_held(
        spells in prop::collection::vec((-20_000_i64..20_000, 1_i64..400, 1_i64..8_000), 1..40),
    ) {
        let mut run = Run::new();
        let mut steady_ns = 0;
        for (wrong_ms, looks, apart_ms) in spells {
            let before_ns = run.wrong_ns;
            run.wrong_ns = wrong_ms * 1_000_000;
            if (run.wrong_ns - before_ns).abs() >= 2 * JUMP_NS {
                steady_ns = 0;
            }
            for look in 0..looks {
                let (sale_ns, moved_ms) = (run.sale_off_ns(), run.steering.moved_ms());
                let apart_ns = if look == 0 { apart_ms * 1_000_000 } else { SECOND / 5 };
                let change = run.after(apart_ns);
                steady_ns = if apart_ns > 5 * SECOND { 0 } else { steady_ns + apart_ns };
                let went_ns = run.sale_off_ns() - sale_ns;
                if let Some(Change::Stepped { by_ms }) = change {
                    prop_assert!(steady_ns >= 60 * SECOND - 5 * SECOND, "{steady_ns}");
                    prop_assert_eq!(run.steering.moved_ms(), moved_ms + by_ms);
                    prop_assert_eq!(went_ns, by_ms * 1_000_000);
                } else {
                    prop_assert_eq!(run.steering.moved_ms(), moved_ms);
                    prop_assert!(went_ns.abs() <= 25_000_000, "{went_ns}");
                }
            }
        }
        // What stays is reached in the end.
        run.seconds(400);
        prop_assert_eq!(run.sale_off_ns(), run.wrong_ns);
    }
}
