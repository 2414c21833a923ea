//! The load: callers that each send their next wish as soon as the last one was answered.
//!
//! One thread and little work for each order, because it shares the machine with what it measures.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::{task::JoinSet, time::Instant};

use crate::shop::{Answer, Caller, Wishes};

/// Not counted: connections, plans and caches get warm.
const WARM_UP: Duration = Duration::from_millis(300);
/// How long answers that are under way may take after the end.
const DRAIN: Duration = Duration::from_secs(60);
/// Longest latency in microseconds that is told apart.
const LATENCY_US_MAX: u64 = 120_000_000;

/// What one measurement gave.
#[derive(Debug)]
pub struct Load {
    /// Orders acknowledged in the measured time, by second.
    pub per_second: f64,
    /// Microseconds from sending a call to its answer, once for each order in it.
    pub latency_us: Histogram<u64>,
    /// All orders that were acknowledged, also outside of the measured time: the number of the wish
    /// and the id of the order.
    pub acknowledged: Vec<(u64, u128)>,
    /// The last answer that was no order, or the last fault.
    pub failure: Option<String>,
}

struct Counts {
    counted: u64,
    load: Load,
}

/// Sends wishes for `duration` after a warm-up, `batch` of them in each call.
pub async fn load(
    callers: Vec<Box<dyn Caller>>,
    batch: usize,
    wishes: &Arc<Wishes>,
    duration: Duration,
) -> anyhow::Result<Load> {
    let from = Instant::now() + WARM_UP;
    let until = from + duration;
    let empty = Load {
        per_second: 0.0,
        latency_us: Histogram::new_with_bounds(1, LATENCY_US_MAX, 3)?,
        acknowledged: Vec::new(),
        failure: None,
    };
    let counts = Arc::new(Mutex::new(Counts { counted: 0, load: empty }));
    let mut running = JoinSet::new();
    for mut caller in callers {
        let (wishes, counts) = (Arc::clone(wishes), Arc::clone(&counts));
        running.spawn(async move {
            while Instant::now() < until {
                let first = wishes.take(batch);
                let asked = wishes.wishes(first, batch);
                let sent = Instant::now();
                let answered = caller.place(&asked).await;
                let now = Instant::now();
                let in_time = now >= from && now <= until;
                let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
                match answered {
                    Ok(answers) => count(&mut counts, first, &answers, in_time, now - sent),
                    Err(error) => {
                        counts.load.failure = Some(format!("{error:#}"));
                        return;
                    }
                }
            }
        });
    }
    let ended = async {
        while let Some(ended) = running.join_next().await {
            ended?;
        }
        anyhow::Ok(())
    };
    tokio::time::timeout(DRAIN, ended).await.context("answers are missing after 60 s")??;
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let per_second = counts.counted as f64 / duration.as_secs_f64();
    counts.load.per_second = per_second;
    let none = Load {
        per_second,
        latency_us: Histogram::new(1)?,
        acknowledged: Vec::new(),
        failure: None,
    };
    Ok(std::mem::replace(&mut counts.load, none))
}

fn count(counts: &mut Counts, first: u64, answers: &[Answer], in_time: bool, latency: Duration) {
    let latency_us = u64::try_from(latency.as_micros()).unwrap_or(LATENCY_US_MAX);
    for (number, answer) in (first..).zip(answers) {
        match answer {
            Answer::Ordered(order) => {
                counts.load.acknowledged.push((number, *order));
                if in_time {
                    counts.counted += 1;
                    counts.load.latency_us.saturating_record(latency_us);
                }
            }
            Answer::Refused => {
                counts.load.failure = Some("an order was refused while units were left".to_owned());
            }
        }
    }
}
