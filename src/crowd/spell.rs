//! A span of a sale in which something is broken on purpose, and payments that are late in it.

/// From when to when something is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spell {
    pub from_ms: u32,
    pub until_ms: u32,
}

impl Spell {
    /// Whether that moment is in it.
    pub fn holds_at(self, at_ms: u64) -> bool {
        (u64::from(self.from_ms)..u64::from(self.until_ms)).contains(&at_ms)
    }
}

/// A payment provider that answers late for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlowPayments {
    pub spell: Spell,
    /// How much later it answers, at least and at most.
    pub by_ms: (u32, u32),
}

impl SlowPayments {
    /// How much later a payment arrives that this shopper sends at that moment.
    pub fn delay_ms(self, at_ms: u64, shopper: u32) -> u32 {
        if !self.spell.holds_at(at_ms) {
            return 0;
        }
        let (least, most) = self.by_ms;
        let span = u64::from(most.saturating_sub(least)) + 1;
        let beyond = scatter(u64::from(shopper) << 32 | at_ms) % span;
        least.saturating_add(u32::try_from(beyond).unwrap_or(0))
    }
}

/// Spreads a small seed over all 64 bits (the finalizer of SplitMix64).
pub fn scatter(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
