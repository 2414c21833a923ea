//! Goal: a contestant that breaks a promise is found. Method: a shop in memory that keeps all promises
//! but the one that a test names; the checks run over it as over a real contestant.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{bail, ensure};
use async_trait::async_trait;

use crate::{
    check,
    load::load,
    shop::{Answer, Caller, Item, Shop, Sold, Wish, Wishes},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Nothing,
    /// Sells units that it does not have, and its books hide that.
    Oversells,
    /// A repeated request is a new order.
    ForgetsRequests,
    /// A repeated request is refused.
    RefusesRepeats,
    /// A buyer gets as many units as requests.
    ForgetsBuyers,
    /// Every 50th acknowledged order is not in its books.
    LosesOrders,
    /// Every 50th order has the id of the one before.
    RepeatsIds,
    /// Its books have fewer units than it sold.
    MiscountsUnits,
    /// A setting is off.
    NotDurable,
}

struct Memory(Broken);

#[async_trait]
impl Shop for Memory {
    async fn put_up(&self, units: i64) -> anyhow::Result<Box<dyn Item>> {
        Ok(Box::new(MemoryItem(Arc::new(Mutex::new(Book {
            broken: self.0,
            left: units,
            rows: 0,
            next: 0,
            orders: HashMap::new(),
            buyers: HashSet::new(),
        })))))
    }

    async fn durable(&self) -> anyhow::Result<()> {
        ensure!(self.0 != Broken::NotDurable, "appendfsync is off");
        Ok(())
    }
}

struct Book {
    broken: Broken,
    left: i64,
    rows: i64,
    next: u128,
    orders: HashMap<u128, u128>,
    buyers: HashSet<String>,
}

struct MemoryItem(Arc<Mutex<Book>>);

#[async_trait]
impl Item for MemoryItem {
    async fn callers(&self, count: usize) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let caller = || Box::new(MemoryCaller(Arc::clone(&self.0))) as Box<dyn Caller>;
        Ok(std::iter::repeat_with(caller).take(count).collect())
    }

    async fn sold(&self) -> anyhow::Result<Sold> {
        let Ok(book) = self.0.lock() else { bail!("poisoned") };
        Ok(Sold { left: book.left, orders: book.rows })
    }
}

struct MemoryCaller(Arc<Mutex<Book>>);

#[async_trait]
impl Caller for MemoryCaller {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        tokio::task::yield_now().await;
        let Ok(mut book) = self.0.lock() else { bail!("poisoned") };
        Ok(wishes.iter().map(|wish| book.decide(wish)).collect())
    }
}

impl Book {
    fn decide(&mut self, wish: &Wish) -> Answer {
        let broken = self.broken;
        let request = wish.request.as_u128();
        if let Some(order) = self.orders.get(&request) {
            match broken {
                Broken::ForgetsRequests => {}
                Broken::RefusesRepeats => return Answer::Refused,
                _ => return Answer::Ordered(*order),
            }
        }
        let new = self.buyers.insert(wish.buyer.clone());
        if !new && !matches!(broken, Broken::ForgetsBuyers | Broken::ForgetsRequests) {
            return Answer::Refused;
        }
        let hidden = self.left == 0 && broken == Broken::Oversells;
        if self.left == 0 && !hidden {
            self.buyers.remove(&wish.buyer);
            return Answer::Refused;
        }
        let nth = self.next + 1;
        if !(broken == Broken::RepeatsIds && nth.is_multiple_of(50) && self.orders.len() > 60) {
            self.next = nth;
        }
        self.orders.insert(request, self.next);
        let wrong = self.left > 100 && nth.is_multiple_of(50);
        self.rows += i64::from(!(hidden || wrong && broken == Broken::LosesOrders));
        self.left -= i64::from(!(hidden || wrong && broken == Broken::MiscountsUnits));
        Answer::Ordered(self.next)
    }
}

/// What the checks of a whole measurement say.
async fn checked(broken: Broken, batch: usize) -> anyhow::Result<()> {
    let shop = Memory(broken);
    check::probe(&shop, 64, batch).await?;
    let item = shop.put_up(1_000_000_000).await?;
    let wishes = Arc::new(Wishes::new());
    let before = item.sold().await?;
    let callers = item.callers(8).await?;
    let load = load(callers, batch, &wishes, Duration::from_millis(20)).await?;
    check::after(item.as_ref(), before, &load, &wishes, batch).await
}

#[tokio::test]
async fn a_contestant_that_keeps_its_promises_counts() -> anyhow::Result<()> {
    checked(Broken::Nothing, 1).await?;
    checked(Broken::Nothing, 100).await
}

#[tokio::test]
async fn a_contestant_that_breaks_a_promise_is_excluded() {
    for (broken, expected) in [
        (Broken::Oversells, "200 buyers of 50 units were answered with 200 orders"),
        (Broken::ForgetsRequests, "one request on two connections"),
        (Broken::RefusesRepeats, "repeated requests were not answered like the first time"),
        (Broken::ForgetsBuyers, "two requests of one buyer were answered with"),
        (Broken::LosesOrders, "after the load: Sold"),
        (Broken::RepeatsIds, "orders were acknowledged"),
        (Broken::MiscountsUnits, "after the load: Sold"),
        (Broken::NotDurable, "appendfsync is off"),
    ] {
        let why = checked(broken, 1).await.map_err(|error| format!("{error:#}"));
        let found = why.as_ref().is_err_and(|why| why.contains(expected));
        // A forgotten request of a sold-out item is refused, of another one ordered again.
        let again = why.as_ref().is_err_and(|why| why.contains("repeated requests"));
        assert!(found || broken == Broken::ForgetsRequests && again, "{broken:?}: {why:?}");
    }
}
