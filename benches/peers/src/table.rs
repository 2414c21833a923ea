//! The table for people, and where a peer wins.

use std::fmt::Write;

use crate::rounds::Figures;

/// Median, least and most of some figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    pub median: f64,
    pub min: f64,
    pub max: f64,
}

impl Spread {
    /// None of no figures.
    pub fn of(figures: &[f64]) -> Option<Self> {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self { median, min, max })
    }
}

/// Orders per second of a contestant divided by those of the one beside it in the same round.
pub fn ratio(figures: &Figures, all: &[Figures]) -> Option<Spread> {
    let beside = all.iter().find(|other| Some(other.name.as_str()) == figures.beside)?;
    if figures.excluded.is_some() || beside.excluded.is_some() {
        return None;
    }
    let rounds = figures.per_second.iter().zip(&beside.per_second);
    Spread::of(&rounds.map(|(own, other)| own / other).collect::<Vec<_>>())
}

/// All contestants, a row each.
pub fn table(all: &[Figures]) -> String {
    let mut text = format!(
        "{:<22} {:>9} {:>9} {:>9} {:>9} {:>9}  {:>6} {:>6} {:>6}  {}\n",
        "contestant", "orders/s", "min", "max", "p50 ms", "p99 ms", "ratio", "min", "max", "to"
    );
    for figures in all {
        let _ = write!(text, "{:<22} ", figures.name);
        if let Some(why) = &figures.excluded {
            let _ = writeln!(text, "not counted: {why}");
            continue;
        }
        let Some(rate) = Spread::of(&figures.per_second) else { continue };
        #[expect(clippy::cast_precision_loss, reason = "at most two minutes")]
        let ms = |quantile| figures.latency_us.value_at_quantile(quantile) as f64 / 1_000.0;
        let _ = write!(
            text,
            "{:>9.0} {:>9.0} {:>9.0} {:>9.2} {:>9.2}",
            rate.median,
            rate.min,
            rate.max,
            ms(0.5),
            ms(0.99)
        );
        match (ratio(figures, all), figures.beside) {
            (Some(Spread { median, min, max }), Some(beside)) => {
                let _ = writeln!(text, "  {median:>6.2} {min:>6.2} {max:>6.2}  {beside}");
            }
            _ => text.push('\n'),
        }
    }
    text
}

/// A sentence for each peer that is at least as fast as doorbuster under the load beside it.
pub fn wins(all: &[Figures]) -> String {
    let mut text = String::new();
    let own = |figures: &&Figures| {
        ["doorbuster", "devstore"].iter().any(|start| figures.name.starts_with(start))
    };
    for figures in all.iter().filter(|figures| !own(figures)) {
        if let (Some(Spread { median, min, max }), Some(beside)) =
            (ratio(figures, all), figures.beside)
            && median >= 1.0
        {
            let name = &figures.name;
            let _ =
                writeln!(text, "{name} is faster than {beside}: {median:.2} [{min:.2}..{max:.2}]");
        }
    }
    if text.is_empty() {
        text.push_str("No contestant is faster than doorbuster under the load beside it.\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use hdrhistogram::Histogram;

    use super::*;

    fn figures(name: &str, beside: Option<&'static str>, per_second: &[f64]) -> Figures {
        let latency_us = Histogram::new(3).unwrap_or_else(|error| panic!("{error}"));
        let (name, per_second) = (name.to_owned(), per_second.to_vec());
        Figures { name, beside, per_second, latency_us, excluded: None }
    }

    #[test]
    fn a_ratio_is_the_median_over_rounds() {
        let all = [
            figures("doorbuster_1", None, &[100.0, 200.0, 400.0]),
            figures("redis_1", Some("doorbuster_1"), &[200.0, 200.0, 1_200.0]),
        ];
        let spread = Spread { median: 2.0, min: 1.0, max: 3.0 };
        assert_eq!(ratio(&all[1], &all), Some(spread));
        assert_eq!(wins(&all), "redis_1 is faster than doorbuster_1: 2.00 [1.00..3.00]\n");
        assert!(table(&all).contains("2.00   1.00   3.00  doorbuster_1"), "{}", table(&all));
    }

    #[test]
    fn an_excluded_contestant_has_a_reason_and_no_figures() {
        let mut peer = figures("redis_1", Some("doorbuster_1"), &[900.0]);
        peer.excluded = Some("it oversold".to_owned());
        let all = [figures("doorbuster_1", None, &[100.0]), peer];
        let shown = table(&all);
        assert!(shown.contains("not counted: it oversold") && !shown.contains("900"), "{shown}");
        assert_eq!(ratio(&all[1], &all), None);
        assert!(wins(&all).starts_with("No contestant"));
    }
}
