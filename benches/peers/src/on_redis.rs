//! Redis: one Lua script decides and writes, the append-only file is synced before each answer.

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use async_trait::async_trait;
use redis::{AsyncConnectionConfig, Client, Script, aio::MultiplexedConnection};
use uuid::Uuid;

use crate::shop::{Answer, Caller, Item, Shop, Sold, Wish};

/// Returns the number of the order, or 0 for a refusal. The number is that of the unit, so that it
/// needs no counter of its own.
const PLACE: &str = r"
local first = redis.call('HGET', KEYS[2], ARGV[1])
if first then return tonumber(string.match(first, '^%d+')) end
if tonumber(redis.call('GET', KEYS[1])) <= 0 then return 0 end
if redis.call('SADD', KEYS[3], ARGV[2]) == 0 then return 0 end
local order = redis.call('DECR', KEYS[1]) + 1
redis.call('HSET', KEYS[2], ARGV[1], order .. ' ' .. ARGV[2] .. ' 1')
return order
";

/// A server that somebody else has started.
pub struct RedisShop {
    client: Client,
    /// Connections that all callers share, instead of one for each caller.
    shared: Option<usize>,
    run: Uuid,
    items: AtomicU64,
}

impl RedisShop {
    pub fn new(url: &str, shared: Option<usize>) -> anyhow::Result<Self> {
        let client = Client::open(url).context("--redis")?;
        Ok(Self { client, shared, run: Uuid::new_v4(), items: AtomicU64::new(0) })
    }

    /// Of the server.
    pub async fn version(&self) -> anyhow::Result<String> {
        let mut connection = connect(&self.client).await?;
        field(&mut connection, "server", "redis_version").await
    }
}

#[async_trait]
impl Shop for RedisShop {
    async fn put_up(&self, units: i64) -> anyhow::Result<Box<dyn Item>> {
        let number = self.items.fetch_add(1, Ordering::Relaxed);
        let key = |part| format!("{{{}-{number}}}:{part}", self.run);
        let item = RedisItem {
            client: self.client.clone(),
            shared: self.shared,
            keys: ["left", "orders", "buyers"].map(key),
        };
        let mut connection = connect(&self.client).await?;
        let set = redis::cmd("SET").arg(&item.keys[0]).arg(units).to_owned();
        set.query_async::<()>(&mut connection).await?;
        Ok(Box::new(item))
    }

    async fn durable(&self) -> anyhow::Result<()> {
        let mut connection = connect(&self.client).await?;
        for (name, expected) in [("appendonly", "yes"), ("appendfsync", "always")] {
            let (_, value): (String, String) =
                redis::cmd("CONFIG").arg("GET").arg(name).query_async(&mut connection).await?;
            ensure!(value == expected, "Redis has {name} {value} instead of {expected}");
        }
        for (name, expected) in [("aof_enabled", "1"), ("aof_last_write_status", "ok")] {
            let value = field(&mut connection, "persistence", name).await?;
            ensure!(value == expected, "Redis reports {name}:{value} instead of {expected}");
        }
        let size = |text: String| text.parse::<u64>();
        let before = size(field(&mut connection, "persistence", "aof_current_size").await?)?;
        let key = format!("{{{}}}:probe", self.run);
        redis::cmd("INCR").arg(key).query_async::<()>(&mut connection).await?;
        let after = size(field(&mut connection, "persistence", "aof_current_size").await?)?;
        ensure!(after > before, "a write did not reach the append-only file of Redis");
        Ok(())
    }
}

struct RedisItem {
    client: Client,
    shared: Option<usize>,
    keys: [String; 3],
}

#[async_trait]
impl Item for RedisItem {
    async fn callers(&self, count: usize) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let mut connections = Vec::new();
        for _ in 0..self.shared.unwrap_or(count).min(count) {
            connections.push(connect(&self.client).await?);
        }
        let caller = |connection: &MultiplexedConnection| {
            let keys = self.keys.clone();
            let script = Script::new(PLACE);
            Box::new(RedisCaller { connection: connection.clone(), script, keys })
                as Box<dyn Caller>
        };
        Ok(connections.iter().cycle().take(count).map(caller).collect())
    }

    async fn sold(&self) -> anyhow::Result<Sold> {
        let mut connection = connect(&self.client).await?;
        let left = redis::cmd("GET").arg(&self.keys[0]).query_async(&mut connection).await?;
        let orders = redis::cmd("HLEN").arg(&self.keys[1]).query_async(&mut connection).await?;
        Ok(Sold { left, orders })
    }

    /// Waits for a rewrite of the append-only file.
    async fn settle(&self) -> anyhow::Result<()> {
        let mut connection = connect(&self.client).await?;
        while field(&mut connection, "persistence", "aof_rewrite_in_progress").await? != "0" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

struct RedisCaller {
    connection: MultiplexedConnection,
    script: Script,
    keys: [String; 3],
}

#[async_trait]
impl Caller for RedisCaller {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(wishes.len());
        for wish in wishes {
            let mut call = self.script.prepare_invoke();
            for key in &self.keys {
                call.key(key);
            }
            call.arg(&wish.request.as_bytes()[..]).arg(&wish.buyer);
            let order: u64 = call.invoke_async(&mut self.connection).await?;
            answers.push(match order {
                0 => Answer::Refused,
                order => Answer::Ordered(order.into()),
            });
        }
        Ok(answers)
    }
}

/// Without the client's own bound on the time of an answer, which a sync can exceed.
async fn connect(client: &Client) -> anyhow::Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    client.get_multiplexed_async_connection_with_config(&config).await.context("Redis")
}

async fn field(
    connection: &mut MultiplexedConnection,
    section: &str,
    name: &str,
) -> anyhow::Result<String> {
    let info: String = redis::cmd("INFO").arg(section).query_async(connection).await?;
    let line = |line: &str| Some(line.strip_prefix(name)?.strip_prefix(':')?.to_owned());
    info.lines().find_map(line).with_context(|| format!("INFO {section} has no {name}"))
}
