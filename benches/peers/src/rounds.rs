//! The rounds: in each one all contestants one after the other, and every outcome checked.

use std::{sync::Arc, time::Duration};

use anyhow::Context;
use hdrhistogram::Histogram;

use crate::{
    check,
    contestants::Contestant,
    load::load,
    shop::{Item, Wishes},
};

/// More units than any run can sell.
const UNITS: i64 = 1_000_000_000;

/// What a contestant did in all rounds.
pub struct Figures {
    pub name: String,
    pub beside: Option<&'static str>,
    /// Orders a second, by round.
    pub per_second: Vec<f64>,
    pub latency_us: Histogram<u64>,
    /// Why its time does not count.
    pub excluded: Option<String>,
}

/// A contestant in the middle of the measurement.
struct Running {
    contestant: Contestant,
    item: Option<Box<dyn Item>>,
    wishes: Arc<Wishes>,
    figures: Figures,
}

/// Measures all of them in turns. What a contestant does wrong excludes it and ends nothing.
pub async fn measure(
    contestants: Vec<Contestant>,
    rounds: usize,
    duration: Duration,
) -> anyhow::Result<Vec<Figures>> {
    let mut running = Vec::new();
    for contestant in contestants {
        eprintln!("checking {}", contestant.name);
        running.push(Running::start(contestant).await?);
    }
    for round in 0..rounds {
        eprintln!("round {} of {rounds}", round + 1);
        let count = running.len();
        for nth in 0..count {
            // The order alternates, so that no contestant always comes after the same one.
            let nth = if round % 2 == 0 { nth } else { count - 1 - nth };
            running[nth].round(duration).await;
        }
    }
    Ok(running.into_iter().map(|running| running.figures).collect())
}

impl Running {
    async fn start(contestant: Contestant) -> anyhow::Result<Self> {
        let mut excluded = None;
        let shop = contestant.shop.as_ref();
        if contestant.sells
            && let Err(error) = check::probe(shop, contestant.in_flight, contestant.batch).await
        {
            excluded = Some(format!("{error:#}"));
        }
        let item = match shop.put_up(UNITS).await {
            Ok(item) => Some(item),
            Err(error) => {
                excluded.get_or_insert(format!("{error:#}"));
                None
            }
        };
        let figures = Figures {
            name: contestant.name.clone(),
            beside: contestant.beside,
            per_second: Vec::new(),
            latency_us: Histogram::new_with_bounds(1, 120_000_000, 3)?,
            excluded,
        };
        Ok(Self { contestant, item, wishes: Arc::new(Wishes::new()), figures })
    }

    async fn round(&mut self, duration: Duration) {
        if self.figures.excluded.is_none()
            && let Err(error) = self.measured(duration).await
        {
            self.figures.excluded = Some(format!("{error:#}"));
        }
    }

    async fn measured(&mut self, duration: Duration) -> anyhow::Result<()> {
        let item = self.item.as_deref().context("there is no item")?;
        let Contestant { in_flight, batch, sells, .. } = self.contestant;
        let before = if sells { Some(item.sold().await?) } else { None };
        let callers = item.callers(in_flight).await?;
        let load = load(callers, batch, &self.wishes, duration).await?;
        match before {
            Some(before) => check::after(item, before, &load, &self.wishes, batch).await?,
            None => anyhow::ensure!(load.failure.is_none(), "{:?}", load.failure),
        }
        item.settle().await?;
        self.figures.per_second.push(load.per_second);
        self.figures.latency_us.add(&load.latency_us)?;
        Ok(())
    }
}
