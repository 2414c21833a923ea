//! The floor: one thread decides in memory, appends a record of each order to a file, and syncs the
//! file once for each call. No network and no other process.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, OpenOptions},
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64, atomic::Ordering},
};

use anyhow::bail;
use async_trait::async_trait;

use crate::shop::{Answer, Caller, Item, Shop, Sold, Wish};

/// Bytes of the record of an order: number, request id, buyer, padding.
const RECORD: usize = 128;

/// Files in one directory.
pub struct FileShop {
    directory: PathBuf,
    items: AtomicU64,
}

impl FileShop {
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, items: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Shop for FileShop {
    async fn put_up(&self, units: i64) -> anyhow::Result<Box<dyn Item>> {
        let number = self.items.fetch_add(1, Ordering::Relaxed);
        let path = self.directory.join(format!("orders-{number}"));
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let book = Book { left: units, orders: HashMap::new(), buyers: HashSet::new(), file };
        Ok(Box::new(FileItem { path, book: Arc::new(Mutex::new(book)) }))
    }

    async fn durable(&self) -> anyhow::Result<()> {
        Ok(())
    }
}

struct Book {
    left: i64,
    orders: HashMap<u128, u128>,
    buyers: HashSet<String>,
    file: File,
}

struct FileItem {
    path: PathBuf,
    book: Arc<Mutex<Book>>,
}

#[async_trait]
impl Item for FileItem {
    async fn callers(&self, count: usize) -> anyhow::Result<Vec<Box<dyn Caller>>> {
        let caller = || Box::new(FileCaller(Arc::clone(&self.book))) as Box<dyn Caller>;
        Ok(std::iter::repeat_with(caller).take(count).collect())
    }

    /// Orders are the records in the file.
    async fn sold(&self) -> anyhow::Result<Sold> {
        let bytes = fs::metadata(&self.path)?.len();
        if bytes % RECORD as u64 != 0 {
            bail!("{} ends within a record", self.path.display());
        }
        let orders = i64::try_from(bytes / RECORD as u64)?;
        let left = self.book.lock().unwrap_or_else(PoisonError::into_inner).left;
        Ok(Sold { left, orders })
    }
}

struct FileCaller(Arc<Mutex<Book>>);

#[async_trait]
impl Caller for FileCaller {
    async fn place(&mut self, wishes: &[Wish]) -> anyhow::Result<Vec<Answer>> {
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::with_capacity(wishes.len() * RECORD);
        let answers = wishes.iter().map(|wish| book.decide(wish, &mut records)).collect();
        if !records.is_empty() {
            book.file.write_all(&records)?;
            book.file.sync_data()?;
        }
        Ok(answers)
    }
}

impl Book {
    fn decide(&mut self, wish: &Wish, records: &mut Vec<u8>) -> Answer {
        let request = wish.request.as_u128();
        if let Some(order) = self.orders.get(&request) {
            return Answer::Ordered(*order);
        }
        if self.left == 0 || !self.buyers.insert(wish.buyer.clone()) {
            return Answer::Refused;
        }
        self.left -= 1;
        let order = self.orders.len() as u128 + 1;
        self.orders.insert(request, order);
        let end = records.len() + RECORD;
        records.extend(order.to_be_bytes());
        records.extend(request.to_be_bytes());
        records.extend(wish.buyer.bytes().take(RECORD - 32));
        records.resize(end, 0);
        Answer::Ordered(order)
    }
}
