//! Who is measured, how, and beside whom.

use std::{path::Path, sync::Arc};

use anyhow::Context;

use crate::{
    on_doorbuster::{Calls, DoorbusterShop, EchoShop},
    on_file::FileShop,
    on_postgres::{PostgresShop, Way},
    on_redis::RedisShop,
    server::Server,
    shop::Shop,
};

/// Wishes in one burst on a stream; 4 bursts on each of 4 streams are 8,192 orders on the way.
const BURST: usize = 512;
/// Buyers in one call of the function that takes many.
const MANY: usize = 100;

/// One row of the table.
pub struct Contestant {
    pub name: String,
    pub shop: Arc<dyn Shop>,
    /// Callers, each of which waits for its answer.
    pub in_flight: usize,
    /// Wishes in one call.
    pub batch: usize,
    /// The name of the contestant that it is compared with: the echo for doorbuster, doorbuster for
    /// all others, nothing for the echo.
    pub beside: Option<&'static str>,
    /// An echo sells nothing.
    pub sells: bool,
}

/// Where they are. A contestant whose server is not named is left out.
pub struct Servers<'a> {
    pub echo: &'a Server,
    pub doorbuster: &'a Server,
    pub on_devstore: &'a Server,
    pub redis: Option<&'a str>,
    pub postgres: Option<&'a str>,
    pub files: &'a Path,
}

/// The way to place an order on PostgreSQL, its name, connections, and beside which load.
const ON_POSTGRES: [(Way, &str, usize, usize); 7] = [
    (Way::Transaction, "row", 1, 1),
    (Way::Function, "function", 1, 1),
    (Way::Buckets, "buckets", 1, 1),
    (Way::Transaction, "row", 16, 64),
    (Way::Function, "function", 16, 64),
    (Way::Buckets, "buckets", 16, 64),
    (Way::Buckets, "buckets", 64, 64),
];

/// All of them, in the order of the table: by the load, from one order in flight to thousands.
pub fn all(servers: &Servers<'_>) -> anyhow::Result<Vec<Contestant>> {
    let mut all = Rows(Vec::new());
    one_a_call(servers, &mut all)?;
    many_a_call(servers, &mut all)?;
    Ok(all.0)
}

struct Rows(Vec<Contestant>);

impl Rows {
    /// `load`: callers, and wishes in one call of each.
    fn add(&mut self, name: &str, shop: Arc<dyn Shop>, load: (usize, usize), beside: &'static str) {
        let (in_flight, batch) = load;
        self.0.push(Contestant {
            name: name.to_owned(),
            shop,
            in_flight,
            batch,
            beside: Some(beside),
            sells: true,
        });
    }

    fn add_echo(&mut self, name: &str, shop: DoorbusterShop, (in_flight, batch): (usize, usize)) {
        let (name, shop) = (name.to_owned(), Arc::new(EchoShop(shop)));
        self.0.push(Contestant { name, shop, in_flight, batch, beside: None, sells: false });
    }
}

fn one_a_call(servers: &Servers<'_>, all: &mut Rows) -> anyhow::Result<()> {
    let unary = |server: &Server| DoorbusterShop::new(&server.url, Calls::Unary);
    for (in_flight, echo, doorbuster) in [
        (1, "echo_1", "doorbuster_1"),
        (64, "echo_64", "doorbuster_64"),
        (512, "echo_512", "doorbuster_512"),
    ] {
        let load = (in_flight, 1);
        all.add_echo(echo, unary(servers.echo), load);
        all.add(doorbuster, Arc::new(unary(servers.doorbuster)), load, echo);
        let on_devstore = Arc::new(unary(servers.on_devstore));
        all.add(&format!("devstore_{in_flight}"), on_devstore, load, doorbuster);
        if let Some(shop) = redis(servers, None)? {
            all.add(&format!("redis_{in_flight}"), shop, load, doorbuster);
        }
        for (way, name, connections, _) in ON_POSTGRES.iter().filter(|way| way.3 == in_flight) {
            if let Some(shop) = postgres(servers, *way) {
                let name = format!("postgres_{name}_{connections}");
                all.add(&name, shop, (*connections, 1), doorbuster);
            }
        }
        match in_flight {
            1 => all.add("file_1", files(servers, "one")?, (1, 1), doorbuster),
            64 => all.add("file_of_64", files(servers, "many")?, (1, 64), doorbuster),
            _ => {}
        }
    }
    Ok(())
}

fn many_a_call(servers: &Servers<'_>, all: &mut Rows) -> anyhow::Result<()> {
    let streamed = |server: &Server| DoorbusterShop::new(&server.url, Calls::Streamed);
    let load = (16, BURST);
    let doorbuster = "doorbuster_streams";
    all.add_echo("echo_streams", streamed(servers.echo), load);
    all.add(doorbuster, Arc::new(streamed(servers.doorbuster)), load, "echo_streams");
    all.add("devstore_streams", Arc::new(streamed(servers.on_devstore)), load, doorbuster);
    if let Some(shop) = redis(servers, Some(4))? {
        all.add("redis_512_on_4", shop, (512, 1), doorbuster);
    }
    if let Some(shop) = postgres(servers, Way::Many) {
        all.add("postgres_100_a_call_1", Arc::clone(&shop), (1, MANY), doorbuster);
        all.add("postgres_100_a_call_8", shop, (8, MANY), doorbuster);
    }
    Ok(())
}

fn redis(servers: &Servers<'_>, shared: Option<usize>) -> anyhow::Result<Option<Arc<dyn Shop>>> {
    let shop = servers.redis.map(|url| RedisShop::new(url, shared)).transpose()?;
    Ok(shop.map(|shop| Arc::new(shop) as Arc<dyn Shop>))
}

fn postgres(servers: &Servers<'_>, way: Way) -> Option<Arc<dyn Shop>> {
    let shop = servers.postgres.map(|server| PostgresShop::new(server, way));
    shop.map(|shop| Arc::new(shop) as Arc<dyn Shop>)
}

fn files(servers: &Servers<'_>, name: &str) -> anyhow::Result<Arc<dyn Shop>> {
    let directory = servers.files.join(name);
    std::fs::create_dir(&directory).context("a directory for files")?;
    Ok(Arc::new(FileShop::new(directory)))
}
