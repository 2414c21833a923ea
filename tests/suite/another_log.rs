//! Goal: read models never answer from a log that is not there any more, and a data directory never
//! serves two nodes.
//!
//! Method: the log under the read models of a stopped server is changed for another one: somebody
//! else's, an older one, a copy, a cluster. Then the server is started again
//! and asked. Files are marked to see whether they were built anew.

use std::{fs, path::Path, sync::Arc, time::Duration};

use doorbuster::{
    actors::Tail,
    clock::{SharedClock, WallClock},
    events::Position,
    projections::{self, Checkpoint, ReadModel, view_path},
    store::{
        LogSource, SharedStore,
        copy::copy,
        embedded::{
            Acceptance, DirectoryLock, EmbeddedStore, LogReader, Loss, OpenError, accept_loss,
        },
        open,
    },
};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::cluster::Cluster;
use crate::support::{Node, PATIENCE, assert_read_models_equal_a_rebuild, item, order};

/// A server that put a sale up and sold `orders` units of its item. Stopped, with its read models up
/// to date.
async fn sold(sku: &str, orders: u32) -> (Node, String) {
    let mut node = Node::start().await;
    let (_, items) = node.sale(vec![item(sku, &[("east", 50)])]).await;
    sell(&node, &items[0], orders).await;
    assert_up_to_date(&mut node).await;
    (node, items[0].clone())
}

async fn sell(node: &Node, item: &str, orders: u32) {
    for nth in 0..orders {
        order(&node.place(item, &format!("buyer-{nth}"), 1).await.unwrap());
    }
}

/// The files of a log whose server was stopped.
fn take_log(from: &Path, to: &Path) {
    for file in ["log.db", "log.db-wal", "log.db-shm", "log.witness"] {
        let _ = fs::remove_file(to.join(file));
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
}

/// What the log of a stopped server is refused with.
fn loss(data: &Path) -> Loss {
    match EmbeddedStore::open(data, Arc::new(WallClock)) {
        Err(OpenError::Lost { loss, .. }) => *loss,
        opened => panic!("{opened:?}"),
    }
}

/// Goes on with a log whose read models know more.
fn accept(data: &Path) {
    let Loss { end, known, .. } = loss(data);
    let acceptance = Acceptance { end, known, reason: "restored".to_owned() };
    let clock: SharedClock = Arc::new(WallClock);
    accept_loss(data, &clock, &acceptance).unwrap();
}

/// Marks the read models of a directory; a file that is built anew has no mark.
fn mark(data: &Path) {
    for projection in projections::all() {
        let file = Connection::open(view_path(data, projection.name())).unwrap();
        file.execute_batch("PRAGMA user_version = 7").unwrap();
    }
}

fn marked(data: &Path) -> usize {
    let marks = projections::all().into_iter().map(|projection| {
        let file = Connection::open(view_path(data, projection.name())).unwrap();
        file.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0)).unwrap()
    });
    marks.filter(|mark| *mark == 7).count()
}

/// Waits until every read model has come to the end of the log, stops the server, and holds them
/// against a rebuild.
async fn assert_up_to_date(node: &mut Node) {
    let head = LogReader::open(node.data()).unwrap().head().unwrap();
    for projection in projections::all() {
        let path = view_path(node.data(), projection.name());
        let there = || {
            let file = Connection::open(&path).ok()?;
            projections::read_checkpoint(&file, projection.name(), projection.version()).ok()?
        };
        let arrived = async {
            while there().is_none_or(|checkpoint: Checkpoint| checkpoint.position != head) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, arrived).await.expect("it comes there");
    }
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

/// Stock as the read model says, up to date with the whole log.
async fn held(node: &Node, item: &str) -> Option<i64> {
    held_at(node, item, LogReader::open(node.data()).unwrap().head().unwrap()).await
}

async fn held_at(node: &Node, item: &str, head: Position) -> Option<i64> {
    let request = doorbuster::grpc::proto::GetStockLevelsRequest {
        item_id: item.to_owned(),
        min_position: head.0,
        ..Default::default()
    };
    let levels = node.reports().get_stock_levels(request).await.ok()?.into_inner().levels;
    levels.first().map(|level| level.held_units)
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_of_the_same_log_are_taken_up_where_they_were() {
    let (mut node, item) = sold("A", 5).await;
    mark(node.data());
    node.restart().await;
    assert_eq!(held(&node, &item).await, Some(5));
    assert_up_to_date(&mut node).await;
    assert_eq!(marked(node.data()), projections::all().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_beside_read_models_of_another_one_is_refused_until_that_is_accepted() {
    let (mut node, ours) = sold("A", 3).await;
    // Longer than ours: by positions alone, it would be ours with more to come.
    let (other, theirs) = sold("B", 9).await;
    take_log(other.data(), node.data());
    mark(node.data());
    accept(node.data());
    node.restart().await;
    assert_eq!((held(&node, &ours).await, held(&node, &theirs).await), (None, Some(9)));
    assert_up_to_date(&mut node).await;
    assert_eq!(marked(node.data()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn read_models_that_are_ahead_of_an_older_log_are_built_anew_once_that_is_accepted() {
    let (mut node, item) = sold("A", 2).await;
    let backup = tempdir().unwrap();
    take_log(node.data(), backup.path());
    node.restart().await;
    sell(&node, &item, 7).await;
    assert_up_to_date(&mut node).await;
    take_log(backup.path(), node.data());
    let found = loss(node.data());
    assert!(found.known.0 - found.end.0 >= 7, "{found}");
    accept(node.data());
    node.restart().await;
    assert_eq!(held(&node, &item).await, Some(2));
    sell(&node, &item, 20).await;
    assert_up_to_date(&mut node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_log_that_went_another_way_is_told_from_the_one_that_was_lost() {
    let (mut node, item) = sold("A", 2).await;
    let backup = tempdir().unwrap();
    take_log(node.data(), backup.path());
    node.restart().await;
    sell(&node, &item, 7).await;
    assert_up_to_date(&mut node).await;
    // The same stream, restored and sold from by a server with other read models: as long again.
    let views = node.data().join("views");
    let lost = tempdir().unwrap();
    fs::rename(&views, lost.path().join("views")).unwrap();
    take_log(backup.path(), node.data());
    node.restart().await;
    sell(&node, &item, 12).await;
    node.stop();
    fs::remove_dir_all(&views).unwrap();
    fs::rename(lost.path().join("views"), &views).unwrap();
    let found = loss(node.data());
    assert!(found.known < found.end, "{found}");
    accept(node.data());
    node.restart().await;
    assert_eq!(held(&node, &item).await, Some(14));
    assert_up_to_date(&mut node).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_event_at_another_position_or_time_is_in_another_log() {
    let (node, _) = sold("A", 4).await;
    let log = LogReader::open(node.data()).unwrap();
    let last = log.read_all(Position::START, 1000).unwrap().pop().unwrap();
    let here = Checkpoint::after(&last);
    assert!(here.is_in_log_with(Some(&last)));
    let mut moved = last.clone();
    moved.position = Position(last.position.0 + 1);
    let mut later = last.clone();
    later.recorded_at_ms += 1;
    let mut other = last.clone();
    other.id = uuid::Uuid::from_u128(5);
    assert!(!here.is_in_log_with(Some(&moved)));
    assert!(!here.is_in_log_with(Some(&later)));
    assert!(!here.is_in_log_with(Some(&other)));
    assert!(!here.is_in_log_with(None));
    assert!(Checkpoint::default().is_in_log_with(None), "an empty one is of every log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_log_is_another_log() {
    let (mut node, item) = sold("A", 4).await;
    let there: TempDir = tempdir().unwrap();
    let target: SharedStore = EmbeddedStore::open(there.path(), Arc::new(WallClock)).unwrap();
    let source = LogSource::File(Arc::new(LogReader::open(node.data()).unwrap()));
    copy(&source, &target, &mut |_| {}).await.unwrap();
    target.close();
    take_log(there.path(), node.data());
    mark(node.data());
    node.restart().await;
    // The events have the same positions there, but they were recorded when they were copied.
    assert_eq!(held(&node, &item).await, Some(4));
    assert_up_to_date(&mut node).await;
    assert_eq!(marked(node.data()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_moves_to_a_cluster_and_back_is_answered_from_the_log_in_use() {
    let (node, item) = sold("A", 4).await;
    let cluster = Cluster::start();
    let moved = cluster.address(0);
    let target = open(&moved, node.data(), Arc::new(WallClock)).await.unwrap();
    let source = LogSource::File(Arc::new(LogReader::open(node.data()).unwrap()));
    assert!(copy(&source, &target, &mut |_| {}).await.unwrap().equal);
    target.close();
    mark(node.data());
    let views = node.data().to_owned();
    let on_cluster = Node::start_with(|config| {
        config.data.clone_from(&views);
        config.store = moved;
    })
    .await;
    let head = cluster.log().head().unwrap();
    assert_eq!(held_at(&on_cluster, &item, head).await, Some(4));
    sell(&on_cluster, &item, 9).await;
    let head = cluster.log().head().unwrap();
    assert_eq!(held_at(&on_cluster, &item, head).await, Some(13));
    drop(on_cluster);
    // Not one unit of what was sold there is in the log that stayed behind.
    let back = Node::start_with(|config| config.data.clone_from(&views)).await;
    let head = LogReader::open(&views).unwrap().head().unwrap();
    assert_eq!(held_at(&back, &item, head).await, Some(4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_say_which_log_it_is_of_is_built_anew() {
    let (mut node, item) = sold("A", 3).await;
    mark(node.data());
    for projection in projections::all() {
        let file = Connection::open(view_path(node.data(), projection.name())).unwrap();
        file.execute_batch("ALTER TABLE checkpoint DROP COLUMN event_id").unwrap();
    }
    node.restart().await;
    assert_eq!(held(&node, &item).await, Some(3));
    assert_up_to_date(&mut node).await;
    assert_eq!(marked(node.data()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_away_says_nothing_of_its_log_so_it_is_waited_for() {
    let (node, _) = sold("A", 3).await;
    let store: SharedStore = EmbeddedStore::open(node.data(), Arc::new(WallClock)).unwrap();
    let projection = projections::all().swap_remove(0);
    let checkpoint = ReadModel::open(node.data(), projection).unwrap().checkpoint();
    let tail = Tail::new(Arc::clone(&store), Vec::new(), Arc::default());
    assert!(tail.holds(checkpoint).await.unwrap());
    store.close();
    let (away, asked) = (tail.holds(checkpoint), Duration::from_millis(700));
    assert!(tokio::time::timeout(asked, away).await.is_err(), "it is unknown");
}

#[test]
fn a_data_directory_serves_one_node() {
    let dir = tempdir().unwrap();
    let data = dir.path().join("node");
    let first = DirectoryLock::of_directory(&data).unwrap();
    let second = DirectoryLock::of_directory(&data).unwrap_err();
    let embedded = EmbeddedStore::open(&data, Arc::new(WallClock)).unwrap_err();
    for refused in [second, embedded] {
        assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
        let said = refused.to_string();
        assert!(said.contains(data.to_str().unwrap()) && said.contains("--data"), "{said}");
    }
    drop(first);
    DirectoryLock::of_directory(&data).unwrap();
}
