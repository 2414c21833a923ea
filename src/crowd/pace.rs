//! The duration of a recording: its gaps, and the same recording with shortened gaps.
//!
//! Only purchases are played, so a gap is a time without one. A single row months away from all
//! others makes a gap of months.

use super::recording::Recording;

/// A time without a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// When it begins, in seconds since the earliest row.
    pub from_seconds: u64,
    pub seconds: u64,
}

impl Recording {
    /// Seconds from the earliest row to the last purchase.
    pub fn lasts_seconds(&self) -> u64 {
        self.moments().last().copied().unwrap_or(0)
    }

    /// Silences that are longer than that, the longest first.
    pub fn silences(&self, longer_than_seconds: u64) -> Vec<Silence> {
        let moments = self.moments();
        let between = moments.windows(2).filter_map(|pair| match pair {
            [from, to] => Some(Silence { from_seconds: *from, seconds: to - from }),
            _ => None,
        });
        let mut silences: Vec<_> =
            between.filter(|silence| silence.seconds > longer_than_seconds).collect();
        silences.sort_by_key(|silence| std::cmp::Reverse(silence.seconds));
        silences
    }

    /// The same purchases, with silences of that length at most.
    #[must_use]
    pub fn with_silences_of(mut self, most_seconds: u64) -> Self {
        let moments = self.moments();
        let mut moved = Vec::with_capacity(moments.len());
        let (mut before, mut at) = (0, 0);
        for moment in &moments {
            at += (moment - before).min(most_seconds);
            before = *moment;
            moved.push(at);
        }
        for buy in self.items.iter_mut().flat_map(|item| &mut item.buys) {
            if let Ok(place) = moments.binary_search(&buy.after_seconds) {
                buy.after_seconds = moved[place];
            }
        }
        self
    }

    /// The beginning and the moments of all purchases, each once, in the order of time.
    fn moments(&self) -> Vec<u64> {
        let buys = self.items.iter().flat_map(|item| &item.buys);
        let mut moments: Vec<u64> =
            [0].into_iter().chain(buys.map(|buy| buy.after_seconds)).collect();
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}
