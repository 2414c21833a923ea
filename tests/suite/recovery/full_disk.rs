//! A disk without room, which is a small file system in memory: making one needs root.

use std::{fs, io::Write as _, path::Path, process::Command, time::Duration};

use doorbuster::{events::Position, store::embedded::LogReader};
use tonic::Code;

use super::{orders_in_the_end, sold, until_readyz};
use crate::support::{Node, PATIENCE, item, not_verified};

/// A file system of its own, unmounted when it is dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where there is no right to make one.
    fn new() -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"])
            .arg(directory.path())
            .output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then(|| Self(directory))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the room that is left, and gives the file that takes it.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.path().join("ballast");
        let mut file = fs::File::create(&path).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_was_full_needs_nothing_but_room() {
    let Some(disk) = SmallDisk::new() else {
        not_verified("only root can mount a small disk, to fill it");
        return;
    };
    let data = disk.path().join("data");
    let node = Node::start_with(|config| {
        config.data.clone_from(&data);
        config.web = Some(([127, 0, 0, 1], 0).into());
    })
    .await;
    let drafts = vec![item("phone", &[("shanghai", 90_000)]), item("watch", &[("shanghai", 9)])];
    let (_, items) = node.sale(drafts).await;
    sold(&node, &items[1], 0..1).await;
    let mut placed = 1;
    let ballast = disk.fill();
    let refused = loop {
        match node.place(&items[0], "ann", 1).await {
            Ok(_) => placed += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    // The quiet item's hold is over, and its end cannot be written.
    node.advance(61);
    until_readyz(&node, |status, said| status == 503 && said["reason"] == "commit_failed").await;

    fs::remove_file(ballast).unwrap();
    until_readyz(&node, |status, said| status == 200 && said["behind"].is_null()).await;
    let log = LogReader::open(&data).unwrap();
    let ended = async {
        loop {
            let events = log.read_all(Position::START, 100_000).unwrap();
            let count = |kind| events.iter().filter(|event| event.kind == kind).count();
            // One that was not answered may have been written all the same.
            assert!(count("OrderPlaced") >= placed);
            if count("OrderExpired") == count("OrderPlaced") {
                return;
            }
            node.clock.advance(Duration::from_millis(200));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.expect("all holds end");
    let position = sold(&node, &items[0], 1..2).await;
    assert!(orders_in_the_end(&node, &items[1], position).await == 1);
}
