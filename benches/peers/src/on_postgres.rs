//! PostgreSQL with `synchronous_commit=on`: a hot row, 64 rows, or many buyers in one call.

use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, bail, ensure};
use async_trait::async_trait;
use tokio_postgres::{Client, NoTls, Row, Statement, error::SqlState, types::ToSql};
use uuid::Uuid;

use crate::shop::{Answer, Caller, Item, Shop, Sold, Wish};

const SCHEMA: &str = include_str!("postgres.sql");
/// Rows of an item that is split.
const BUCKETS: i64 = 64;

/// Items of all contestants on this server.
static ITEMS: AtomicI64 = AtomicI64::new(1);

/// How an order is placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// A transaction of four statements by the client.
    Transaction,
    /// One call of a function.
    Function,
    /// One call of a function that takes one of 64 rows.
    Buckets,
    /// One call of a function for many buyers.
    Many,
}

/// A server that somebody else has started.
pub struct PostgresShop {
    server: String,
    way: Way,
}

impl PostgresShop {
    pub fn new(server: &str, way: Way) -> Self {
        Self { server: server.to_owned(), way }
    }
}

/// Makes the tables and functions. Gives the version of the server.
pub async fn prepare(server: &str) -> anyhow::Result<String> {
    let client = connect(server).await?;
    client.batch_execute(SCHEMA).await.context("the schema")?;
    setting(&client, "server_version").await
}

#[async_trait]
impl Shop for PostgresShop {
    async fn put_up(&self, units: i64) -> anyhow::Result<Box<dyn Item>> {
        let client = connect(&self.server).await?;
        let item = ITEMS.fetch_add(1, Ordering::Relaxed);
        if self.way == Way::Buckets {
            let insert = "INSERT INTO buckets \
                          SELECT $1, nth::integer, $2::bigint / $3::bigint + \
                          CASE WHEN nth < $2::bigint % $3::bigint THEN 1 ELSE 0 END \
                          FROM generate_series(0::bigint, $3::bigint - 1) AS nth";
            client.execute(insert, &[&item, &units, &BUCKETS]).await?;
        } else {
            client.execute("INSERT INTO items VALUES ($1, $2)", &[&item, &units]).await?;
        }
        Ok(Box::new(PostgresItem { server: self.server.clone(), way: self.way, item, client }))
    }

    async fn durable(&self) -> anyhow::Result<()> {
        let client = connect(&self.server).await?;
        for name in ["synchronous_commit", "fsync", "full_page_writes"] {
            let value = setting(&client, name).await?;
            ensure!(value == "on", "PostgreSQL has {name} {value} instead of on");
        }
        Ok(())
    }
}

struct PostgresItem {
    server: String,
    way: Way,
    item: i64,
    client: Client,
}

#[async_trait]
impl Item for PostgresItem {
    async fn callers(&self, count: usize) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let mut callers: Vec<Box<dyn Caller>> = Vec::new();
        for _ in 0..count {
            let client = connect(&self.server).await?;
            let item = self.item;
            callers.push(match self.way {
                Way::Transaction => Box::new(Transaction::prepare(client, item).await?),
                Way::Function | Way::Buckets => {
                    let call = match self.way {
                        Way::Buckets => "SELECT place_in_bucket($1, $2, $3)",
                        _ => "SELECT place_order($1, $2, $3)",
                    };
                    let call = client.prepare(call).await?;
                    Box::new(OneCall { client, call, item })
                }
                Way::Many => {
                    let call = client.prepare("SELECT * FROM place_orders($1, $2, $3)").await?;
                    Box::new(ManyCall { client, call, item })
                }
            });
        }
        Ok(callers)
    }

    async fn sold(&self) -> anyhow::Result<Sold> {
        let left = match self.way {
            Way::Buckets => "SELECT sum(left_units)::bigint FROM buckets WHERE item = $1",
            _ => "SELECT left_units FROM items WHERE item = $1",
        };
        let left = self.client.query_one(left, &[&self.item]).await?.try_get(0)?;
        let orders = "SELECT sum(units)::bigint FROM orders WHERE item = $1";
        let orders: Option<i64> = self.client.query_one(orders, &[&self.item]).await?.try_get(0)?;
        Ok(Sold { left, orders: orders.unwrap_or(0) })
    }

    /// Writes what a checkpoint would write during the next contestant's load.
    async fn settle(&self) -> anyhow::Result<()> {
        Ok(self.client.batch_execute("CHECKPOINT").await?)
    }
}

struct OneCall {
    client: Client,
    call: Statement,
    item: i64,
}

#[async_trait]
impl Caller for OneCall {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let rows =
                call(&self.client, &self.call, &[&self.item, &wish.request, &wish.buyer]).await?;
            let [row] = &rows[..] else { bail!("{} rows for one wish", rows.len()) };
            answers.push(answer(row.try_get(0)?)?);
        }
        Ok(answers)
    }
}

/// Calls a function, again after a deadlock: PostgreSQL has rolled the transaction back and leaves the
/// repetition to its client. At a sell-out the rows of buckets that a transaction has locked and found
/// empty can close a circle of waiting transactions.
async fn call(
    client: &Client,
    statement: &Statement,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, tokio_postgres::Error> {
    loop {
        match client.query(statement, parameters).await {
            Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) => {}
            called => return called,
        }
    }
}

struct ManyCall {
    client: Client,
    call: Statement,
    item: i64,
}

#[async_trait]
impl Caller for ManyCall {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let requests: Vec<Uuid> = wishes.iter().map(|wish| wish.request).collect();
        let buyers: Vec<&str> = wishes.iter().map(|wish| wish.buyer.as_str()).collect();
        let rows = call(&self.client, &self.call, &[&self.item, &requests, &buyers]).await?;
        rows.iter().map(|row| answer(row.try_get(0)?)).collect()
    }
}

struct Transaction {
    client: Client,
    insert: Statement,
    take: Statement,
    find: Statement,
    item: i64,
}

impl Transaction {
    async fn prepare(client: Client, item: i64) -> anyhow::Result<Self> {
        let insert = "INSERT INTO orders (item, request, buyer) VALUES ($1, $2, $3) \
                      ON CONFLICT DO NOTHING RETURNING order_id";
        let take = "UPDATE items SET left_units = left_units - 1 \
                    WHERE item = $1 AND left_units > 0";
        let find = "SELECT order_id FROM orders WHERE item = $1 AND request = $2";
        Ok(Self {
            insert: client.prepare(insert).await?,
            take: client.prepare(take).await?,
            find: client.prepare(find).await?,
            client,
            item,
        })
    }

    async fn place_one(&self, wish: &Wish) -> anyhow::Result<Answer> {
        let Self { client, item, .. } = self;
        client.batch_execute("BEGIN").await?;
        let placed = client.query_opt(&self.insert, &[item, &wish.request, &wish.buyer]).await?;
        let Some(placed) = placed else {
            let first = client.query_opt(&self.find, &[item, &wish.request]).await?;
            client.batch_execute("ROLLBACK").await?;
            return answer(first.map(|row| row.try_get(0)).transpose()?);
        };
        if client.execute(&self.take, &[item]).await? == 0 {
            client.batch_execute("ROLLBACK").await?;
            return Ok(Answer::Refused);
        }
        client.batch_execute("COMMIT").await?;
        answer(placed.try_get(0)?)
    }
}

#[async_trait]
impl Caller for Transaction {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(wishes.len());
        for wish in wishes {
            answers.push(self.place_one(wish).await?);
        }
        Ok(answers)
    }
}

fn answer(order: Option<i64>) -> anyhow::Result<Answer> {
    Ok(match order {
        Some(order) => Answer::Ordered(order.try_into()?),
        None => Answer::Refused,
    })
}

async fn connect(server: &str) -> anyhow::Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(server, NoTls).await.context("PostgreSQL")?;
    // Its errors come out of the calls of the client; it ends with the client.
    tokio::spawn(connection);
    // Plans are made while the tables are small and kept: without this some would scan whole tables.
    client.batch_execute("SET enable_seqscan = off").await?;
    Ok(client)
}

async fn setting(client: &Client, name: &str) -> anyhow::Result<String> {
    let row = client.query_one("SELECT current_setting($1)", &[&name]).await?;
    Ok(row.try_get(0)?)
}
