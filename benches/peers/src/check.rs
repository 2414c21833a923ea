//! Whether a contestant did the work: otherwise its time does not count.
//!
//! [`probe`] runs once on small items: no unit is sold twice, a buyer gets one unit, a repeated
//! request gets its first answer. [`after`] runs after each load on the hot item.

use std::{collections::HashSet, sync::Arc};

use anyhow::{bail, ensure};
use futures_util::future::try_join_all;

use crate::{
    load::Load,
    shop::{Answer, Caller, Item, Shop, Sold, Wish, Wishes},
};

/// Units of the probe's items.
const UNITS: i64 = 50;
/// Buyers that want one of them.
const BUYERS: usize = 200;
/// Callers of the probe at most, so that orders compete.
const CALLERS_MAX: usize = 16;
/// Items that competing callers sell out: what goes wrong between the last units shows in few of them.
const SELL_OUTS: usize = 20;
/// Orders of a load that are repeated afterwards.
const REPEATED: usize = 20;

/// Sells small items out, repeats requests, and asks for a second unit for the same buyer.
pub async fn probe(shop: &dyn Shop, in_flight: usize, batch: usize) -> anyhow::Result<()> {
    shop.durable().await?;
    let callers = in_flight.clamp(1, CALLERS_MAX);
    for _ in 0..if callers > 1 { SELL_OUTS } else { 1 } {
        sold_out(shop, callers, batch).await?;
    }
    one_each(shop, batch).await?;
    if callers > 1 {
        at_once(shop).await?;
    }
    Ok(())
}

/// More buyers than units; then every request once more.
async fn sold_out(shop: &dyn Shop, callers: usize, batch: usize) -> anyhow::Result<()> {
    let item = shop.put_up(UNITS).await?;
    let mut callers = item.callers(callers).await?;
    let wishes = Wishes::new().wishes(1, BUYERS);
    let first = place_all(&mut callers, &wishes, batch).await?;
    let orders = orders(&first);
    let distinct: HashSet<_> = orders.iter().collect();
    ensure!(
        orders.len() == usize::try_from(UNITS)? && distinct.len() == orders.len(),
        "{BUYERS} buyers of {UNITS} units were answered with {} orders, {} of them distinct",
        orders.len(),
        distinct.len()
    );
    let out = Sold { left: 0, orders: UNITS };
    books(item.as_ref(), out, "after a sell-out").await?;
    let again = place_all(&mut callers, &wishes, batch).await?;
    ensure!(again == first, "repeated requests were not answered like the first time");
    books(item.as_ref(), out, "after repeated requests").await
}

/// Two requests of one buyer.
async fn one_each(shop: &dyn Shop, batch: usize) -> anyhow::Result<()> {
    let item = shop.put_up(UNITS).await?;
    let mut callers = item.callers(1).await?;
    let mut wishes = Wishes::new().wishes(1, 2);
    wishes[1].buyer = wishes[0].buyer.clone();
    let answers = place_all(&mut callers, &wishes, batch).await?;
    ensure!(
        matches!(answers[..], [Answer::Ordered(_), Answer::Refused]),
        "two requests of one buyer were answered with {answers:?}"
    );
    books(item.as_ref(), Sold { left: UNITS - 1, orders: 1 }, "after a buyer's second request")
        .await
}

/// One request on two connections at the same time.
async fn at_once(shop: &dyn Shop) -> anyhow::Result<()> {
    let item = shop.put_up(UNITS).await?;
    let mut callers = item.callers(2).await?;
    let wish = [Wishes::new().wish(1)];
    let answers = try_join_all(callers.iter_mut().map(|caller| caller.place(&wish))).await?;
    ensure!(
        answers[0] == answers[1] && matches!(answers[0][..], [Answer::Ordered(_)]),
        "one request on two connections was answered with {answers:?}"
    );
    let once = Sold { left: UNITS - 1, orders: 1 };
    books(item.as_ref(), once, "after one request on two connections").await
}

/// After a load: units sold = distinct orders acknowledged, and repeated requests sell nothing.
pub async fn after(
    item: &dyn Item,
    before: Sold,
    load: &Load,
    wishes: &Arc<Wishes>,
    batch: usize,
) -> anyhow::Result<()> {
    if let Some(failure) = &load.failure {
        bail!("{failure}");
    }
    let acknowledged = i64::try_from(load.acknowledged.len())?;
    ensure!(acknowledged > 0, "no order was acknowledged");
    let distinct: HashSet<_> = load.acknowledged.iter().map(|(_, order)| order).collect();
    ensure!(
        distinct.len() == load.acknowledged.len(),
        "{acknowledged} orders were acknowledged, {} of them distinct",
        distinct.len()
    );
    let expected = Sold { left: before.left - acknowledged, orders: before.orders + acknowledged };
    books(item, expected, "after the load").await?;
    let step = (load.acknowledged.len() / REPEATED).max(1);
    let sample: Vec<_> = load.acknowledged.iter().step_by(step).collect();
    let again: Vec<_> = sample.iter().map(|(number, _)| wishes.wish(*number)).collect();
    let answers = place_all(&mut item.callers(1).await?, &again, batch).await?;
    let first: Vec<_> = sample.iter().map(|(_, order)| Answer::Ordered(*order)).collect();
    ensure!(answers == first, "repeated requests of the load got other answers than the first");
    books(item, expected, "after repeated requests of the load").await
}

async fn books(item: &dyn Item, expected: Sold, when: &str) -> anyhow::Result<()> {
    let sold = item.sold().await?;
    ensure!(sold == expected, "{when}: {sold:?} in its books instead of {expected:?}");
    Ok(())
}

/// Places wishes over all callers, each caller its share one call after the other.
async fn place_all(
    callers: &mut [Box<dyn Caller>],
    wishes: &[Wish],
    batch: usize,
) -> anyhow::Result<Vec<Answer>> {
    let share = wishes.len().div_ceil(callers.len());
    let placing = callers.iter_mut().zip(wishes.chunks(share)).map(async |(caller, wishes)| {
        let mut answers = Vec::new();
        for call in wishes.chunks(batch) {
            let answered = caller.place(call).await?;
            ensure!(
                answered.len() == call.len(),
                "{} wishes, {} answers",
                call.len(),
                answered.len()
            );
            answers.extend(answered);
        }
        Ok(answers)
    });
    Ok(try_join_all(placing).await?.concat())
}

fn orders(answers: &[Answer]) -> Vec<u128> {
    let order = |answer: &Answer| match answer {
        Answer::Ordered(order) => Some(*order),
        Answer::Refused => None,
    };
    answers.iter().filter_map(order).collect()
}
