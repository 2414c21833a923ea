//! Goal: a data directory is for its owner only, and what is said of failures has a bound. Method: a
//! real node makes its files, and the modes of all of them are looked at.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use doorbuster::{grpc::proto, seldom::Seldom, values::UnixMs};

use crate::support::{Node, item, once_built};

/// Everything below a directory, and it.
fn all_below(path: &Path, found: &mut Vec<PathBuf>) {
    found.push(path.to_owned());
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            all_below(&entry.unwrap().path(), found);
        }
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_node_makes_is_for_its_owner_only() {
    let above = tempfile::tempdir().unwrap();
    let data = above.path().join("shops").join("data");
    let node = Node::start_with(|config| config.data.clone_from(&data)).await;
    let (_, items) = node.sale(vec![item("phone", &[("shanghai", 3)])]).await;
    node.place(&items[0], "ann", 1).await.unwrap();
    let stock = once_built(|| async {
        let moment = proto::as_of::Moment::Position(1);
        let request = proto::GetStockLevelsRequest {
            as_of: Some(proto::AsOf { moment: Some(moment) }),
            ..Default::default()
        };
        node.reports().get_stock_levels(request).await
    });
    stock.await.unwrap();
    let mut found = Vec::new();
    all_below(&data, &mut found);
    assert!(found.iter().any(|path| path.ends_with("as-of")), "{found:?}");
    assert!(found.iter().any(|path| path.ends_with("log.db-wal")), "{found:?}");
    for path in found {
        let wanted = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), wanted, "{}", path.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_there_keeps_its_mode() {
    let data = tempfile::tempdir().unwrap();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o750)).unwrap();
    let _node = Node::start_with(|config| config.data = data.path().to_owned()).await;
    assert_eq!(mode(data.path()), 0o750);
}

#[test]
fn what_happens_again_and_again_is_said_once_a_minute_with_a_count() {
    let failures = Seldom::default();
    let at = |seconds: i64| UnixMs(1_000_000 + seconds * 1_000);
    assert_eq!(failures.ended(), None, "nothing happened");
    assert_eq!(failures.happened(at(0), 1), Some(1));
    for second in 1..60 {
        assert_eq!(failures.happened(at(second), 2), None);
    }
    assert_eq!(failures.happened(at(60), 1), Some(119));
    // A clock that went back does not silence it.
    assert_eq!(failures.happened(at(-10), 1), Some(1));
    assert_eq!(failures.ended(), Some(121));
    assert_eq!(failures.happened(at(61), 1), Some(1), "the next time is a first");
}
