//! Seconds put together so that a chart of any sale has a few hundred points.
//!
//! A sale may last seconds or weeks. Bins start with one second and grow, by round steps, whenever
//! there would be too many of them; so nothing has to be known beforehand and memory is bounded.

use std::collections::BTreeMap;

/// Bins of a chart at most.
pub const CHART_BINS: i64 = 480;
/// Bins of the table behind a chart at most: a page that is printed shows it, too.
pub const TABLE_BINS: i64 = 24;

/// Lengths of bins in seconds: each divides some later one, so that bins can be put together.
const WIDTHS: [i64; 17] = [
    1,
    2,
    10,
    30,
    60,
    300,
    600,
    1_800,
    3_600,
    10_800,
    21_600,
    43_200,
    86_400,
    604_800,
    2_419_200,
    29_030_400,
    290_304_000,
];

/// What is kept of several seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Their sum: of what happens.
    Sum,
    /// The last value, which holds until there is another: of what there is.
    Last,
}

/// Values over time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bins<const N: usize> {
    keep: Keep,
    width: i64,
    most: i64,
    rows: BTreeMap<i64, [i64; N]>,
}

impl<const N: usize> Bins<N> {
    /// No bins yet.
    pub fn new(keep: Keep) -> Self {
        Self { keep, width: 1, most: CHART_BINS, rows: BTreeMap::new() }
    }

    /// The same with bins of at least that length.
    #[must_use]
    pub fn of_at_least(mut self, width: i64) -> Self {
        self.widen(width);
        self
    }

    /// Adds the values of a second; they come by time.
    pub fn add(&mut self, second: i64, values: [i64; N]) {
        self.put(second, values);
        // A span is from the first bin's beginning to the last one's: there is one bin more.
        while self.span() / self.width >= self.most {
            let Some(wider) = WIDTHS.into_iter().find(|width| *width > self.width) else { return };
            self.widen(wider);
        }
    }

    /// Length of a bin in seconds.
    pub fn width(&self) -> i64 {
        self.width
    }

    /// Whether nothing was added.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All bins from the first to the last, also those in which nothing happened.
    pub fn filled(&self) -> Vec<(i64, [i64; N])> {
        let Some((first, last)) = self.ends() else { return Vec::new() };
        let mut filled = Vec::new();
        let mut values = [0; N];
        let mut at = first;
        while at <= last {
            match (self.rows.get(&at), self.keep) {
                (Some(row), Keep::Sum | Keep::Last) => values = *row,
                (None, Keep::Sum) => values = [0; N],
                (None, Keep::Last) => {}
            }
            filled.push((at, values));
            at += self.width;
        }
        filled
    }

    /// The same values in so few bins at most.
    #[must_use]
    pub fn coarser(&self, most: i64) -> Self {
        let mut bins = self.clone();
        bins.most = most;
        while bins.span() / bins.width >= most {
            let Some(wider) = WIDTHS.into_iter().find(|width| *width > bins.width) else { break };
            bins.widen(wider);
        }
        bins
    }

    /// The first value of each bin only.
    #[must_use]
    pub fn first(&self) -> Bins<1> {
        let rows = self.rows.iter().map(|(second, values)| (*second, [values.first().copied()]));
        let rows = rows.map(|(second, [value])| (second, [value.unwrap_or(0)]));
        Bins { keep: self.keep, width: self.width, most: self.most, rows: rows.collect() }
    }

    fn ends(&self) -> Option<(i64, i64)> {
        let (first, _) = self.rows.first_key_value()?;
        let (last, _) = self.rows.last_key_value()?;
        Some((*first, *last))
    }

    fn span(&self) -> i64 {
        self.ends().map_or(0, |(first, last)| last - first)
    }

    fn widen(&mut self, width: i64) {
        self.width = width;
        for (second, values) in std::mem::take(&mut self.rows) {
            self.put(second, values);
        }
    }

    fn put(&mut self, second: i64, values: [i64; N]) {
        let start = second.div_euclid(self.width) * self.width;
        let row = self.rows.entry(start).or_insert([0; N]);
        match self.keep {
            Keep::Last => *row = values,
            Keep::Sum => {
                for (sum, value) in row.iter_mut().zip(values) {
                    *sum = sum.saturating_add(value);
                }
            }
        }
    }
}
