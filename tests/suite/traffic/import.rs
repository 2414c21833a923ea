//! `traffic import`, by the real binary: counted exactly, in the log once, nothing half done.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
};

use doorbuster::{
    clock::WallClock,
    events::{Position, StreamName, encode},
    store::{EventStore, Expected, embedded::EmbeddedStore},
    values::SaleId,
};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{beacons_of, traffic_of};
use crate::support::{Node, item};

pub(super) struct Ran {
    pub code: Option<i32>,
    pub said: Value,
    pub complaint: String,
}

pub(super) fn import(file: &Path, data: &Path, more: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_doorbuster"))
        .env_clear()
        .stdin(Stdio::null())
        .args(["traffic", "import", "--json", "--quiet"])
        .arg(file)
        .arg("--data")
        .arg(data)
        .args(more)
        .output()
        .unwrap();
    Ran {
        code: output.status.code(),
        said: serde_json::from_slice(&output.stdout).unwrap_or_default(),
        complaint: String::from_utf8(output.stderr).unwrap(),
    }
}

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// Ten thousand rows of the short form.
fn rows() -> String {
    (0..10_000)
        .map(|n| {
            format!(
                "{},{},{},{},{}\n",
                n % 700,
                n % 90,
                n % 9,
                ["pv", "pv", "cart", "fav", "buy"][n % 5],
                1_511_658_000 + n / 3
            )
        })
        .collect()
}

#[test]
fn a_recording_is_imported_once_however_often_and_however_it_is_packed() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let plain = file(dir.path(), "rows.csv", &rows());
    let first = import(&plain, &data, &[]);
    assert_eq!(first.code, Some(0), "{}", first.complaint);
    let said = &first.said;
    let counts =
        ["rows", "pv", "cart", "fav", "buy", "share", "skipped", "batches", "already_there"];
    let counts = counts.map(|name| said[name].as_u64().unwrap());
    assert_eq!(counts, [10_000, 4_000, 2_000, 2_000, 2_000, 0, 0, 5, 0]);
    let traffic = traffic_of(&data);
    assert_eq!(beacons_of(&traffic).len(), 10_000);
    let recording = SaleId(Uuid::parse_str(said["recording"].as_str().unwrap()).unwrap());
    assert_eq!(traffic[0].1.items[0].item_id, recording.item_id(&traffic[0].1.items[0].sku));
    assert_eq!(traffic[0].1.recording.as_deref(), Some("rows.csv"));

    let zipped = dir.path().join("again.csv.gz");
    let mut encoder = GzEncoder::new(fs::File::create(&zipped).unwrap(), Compression::fast());
    encoder.write_all(rows().as_bytes()).unwrap();
    encoder.finish().unwrap();
    for path in [&plain, &zipped] {
        let again = import(path, &data, &[]);
        assert_eq!(again.code, Some(0), "{}", again.complaint);
        assert_eq!((&again.said["batches"], &again.said["already_there"]), (&json!(0), &json!(5)));
        assert_eq!(again.said["stream"], said["stream"]);
    }
    assert_eq!(traffic_of(&data), traffic);
    let proof = audit::verify(&data, &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_interrupted_goes_on_where_it_stopped() {
    let dir = tempfile::tempdir().unwrap();
    let (whole, part) = (dir.path().join("whole"), dir.path().join("part"));
    let plain = file(dir.path(), "rows.csv", &rows());
    let first = import(&plain, &whole, &[]);
    let stream = StreamName::parse(first.said["stream"].as_str().unwrap()).unwrap();
    // The log of an import that was killed after two events.
    let store = EmbeddedStore::open(&part, Arc::new(WallClock)).unwrap();
    let events =
        traffic_of(&whole).into_iter().zip(0_u64..).take(2).map(|((_, event), revision)| {
            let id = Uuid::new_v5(&stream.id, &revision.to_be_bytes());
            encode(id, &event, stream.id, stream.id)
        });
    store.append(stream, Expected::NoStream, events.collect()).await.unwrap();
    store.close();

    let again = import(&plain, &part, &[]);
    assert_eq!(again.code, Some(0), "{}", again.complaint);
    assert_eq!((&again.said["batches"], &again.said["already_there"]), (&json!(3), &json!(2)));
    assert_eq!(traffic_of(&part), traffic_of(&whole));

    // Where something else stands, nothing is written behind it.
    let strange = dir.path().join("strange");
    let store = EmbeddedStore::open(&strange, Arc::new(WallClock)).unwrap();
    let other = traffic_of(&whole).remove(1).1;
    let id = Uuid::new_v5(&stream.id, &0_u64.to_be_bytes());
    let other = encode(id, &other, stream.id, stream.id);
    store.append(stream, Expected::NoStream, vec![other].into()).await.unwrap();
    assert_eq!(store.read_all(Position::START, 10).await.unwrap().len(), 1);
    store.close();
    let refused = import(&plain, &strange, &[]);
    assert_eq!(refused.code, Some(5), "{}", refused.complaint);
    assert_eq!(traffic_of(&strange).len(), 1);
}

#[test]
fn a_bad_row_stops_the_import_before_anything_is_written_or_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let bad = format!("{}7,7,7,pv,never\n{}", rows(), "7,7,7,steal,1511658000\n");
    let bad = file(dir.path(), "bad.csv", &bad);
    let refused = import(&bad, &data, &[]);
    assert_eq!(refused.code, Some(2));
    assert!(refused.complaint.contains("line 10001: time"), "{}", refused.complaint);
    assert!(!data.exists(), "nothing was made");
    let skipped = import(&bad, &data, &["--skip-bad-rows"]);
    assert_eq!(skipped.code, Some(0), "{}", skipped.complaint);
    assert_eq!((&skipped.said["rows"], &skipped.said["skipped"]), (&json!(10_000), &json!(2)));
    assert!(skipped.said["first_skipped"].as_str().unwrap().contains("line 10001"));

    for (name, text, complaint) in [
        ("empty.csv", "", "no rows"),
        ("unknown.csv", "visitor,item,action,time,price\n", "\"price\" is not one of"),
        ("lacks.csv", "visitor,item,action\n", "does not name time"),
        ("twice.csv", "visitor,item,action,time,item\n", "names item twice"),
        ("short.csv", "visitor,item,action,time\nann,1,pv\n", "line 2: time"),
        (
            "long.csv",
            "visitor,item,action,time\nann,1,pv,1511658000,x\n",
            "line 2: row has 5 fields",
        ),
        ("quote.csv", "visitor,item,action,time\n\"ann,1,pv,1511658000\n", "not closed"),
        ("control.csv", "visitor,item,action,time\na\u{7}n,1,pv,1511658000\n", "line 2: visitor"),
        ("far.csv", "visitor,item,action,time\nann,1,pv,999999999999999\n", "line 2: time"),
    ] {
        let refused = import(&file(dir.path(), name, text), &data, &[]);
        assert_eq!(refused.code, Some(2), "{name}");
        assert!(refused.complaint.contains(complaint), "{name}: {}", refused.complaint);
    }
    let missing = import(&dir.path().join("missing"), &data, &[]);
    assert!(missing.complaint.contains("cannot be opened"), "{}", missing.complaint);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_long_form_says_more_and_may_be_for_a_sale() {
    let mut node = Node::start().await;
    let (sale, items) = node.sale(vec![item("phone", &[("east", 9)])]).await;
    let dir = tempfile::tempdir().unwrap();
    let text = "\u{feff}time,visitor,action,item,channel,page,age_band,region,spending_tier\n\
        2026-11-11T00:00:00+08:00,ann,view,phone,app,\"/p?a=1,b=\"\"2\"\"\",25-34,east,top\n\n\
        1794355200,bob,share,,live,,,,\r\n";
    let long = file(dir.path(), "long.csv", text);
    // Beside a server, which has the directory.
    let locked = import(&long, node.data(), &["--sale", &sale]);
    assert_eq!(locked.code, Some(1), "{}", locked.complaint);
    node.stop();
    let unknown = import(&long, node.data(), &["--sale", &crate::support::request_id()]);
    assert_eq!(unknown.code, Some(2), "{}", unknown.complaint);
    let done = import(&long, node.data(), &["--sale", &sale]);
    assert_eq!(done.code, Some(0), "{}", done.complaint);
    assert_eq!((&done.said["pv"], &done.said["share"]), (&json!(1), &json!(1)));
    let traffic = traffic_of(node.data());
    let (_, event) = &traffic[0];
    assert_eq!(event.sale_id.unwrap().to_string(), sale);
    assert_eq!(event.items[0].item_id.to_string(), items[0]);
    assert_eq!(event.pages, ["/p?a=1,b=\"2\""]);
    assert_eq!(event.visitors, ["ann", "bob"]);
    assert_eq!(event.shoppers.len(), 1);
    // For no sale it is another recording.
    let alone = import(&long, node.data(), &[]);
    assert_ne!(alone.said["stream"], done.said["stream"]);
    let proof = audit::verify(node.data(), &mut |_, _| {}).unwrap();
    assert!(proof.ok(), "{proof}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_about_an_item_that_its_sale_does_not_have_is_a_bad_row() {
    let mut node = Node::start().await;
    let (sale, _) = node.sale(vec![item("phone", &[("east", 9)])]).await;
    node.stop();
    let dir = tempfile::tempdir().unwrap();
    let text = "visitor,item,action,time\nann,phone,view,1794355200\n\
        bob,fax,view,1794355200\ncyd,,view,1794355200\n";
    let rows = file(dir.path(), "rows.csv", text);
    let refused = import(&rows, node.data(), &["--sale", &sale]);
    assert_eq!(refused.code, Some(2), "{}", refused.complaint);
    assert!(refused.complaint.contains("line 3: item"), "{}", refused.complaint);
    assert!(traffic_of(node.data()).is_empty(), "nothing was written");
    for batches in [1, 0] {
        let done = import(&rows, node.data(), &["--sale", &sale, "--skip-bad-rows"]);
        assert_eq!(done.code, Some(0), "{}", done.complaint);
        let counts = ["rows", "pv", "skipped", "batches"].map(|name| done.said[name].as_u64());
        assert_eq!(counts, [Some(2), Some(2), Some(1), Some(batches)]);
        assert!(done.said["first_skipped"].as_str().unwrap().contains("line 3"));
    }
    assert_eq!(beacons_of(&traffic_of(node.data())).len(), 2);
    // For no sale its items may have any name.
    assert_eq!(import(&rows, node.data(), &[]).said["rows"], json!(3));
}
