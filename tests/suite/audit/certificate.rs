//! Goal: a certificate says what the log says, of every item and order, and nothing can be changed
//! in it unseen; the proof of an order leads to its root, and to no other.
//!
//! Method: the certificate of the hand-made story is compared with what the story tells, and its
//! trees with the recursive definition of RFC 6962, written down here a second time. The shipped
//! checker in Python is run by tests/python/certificate.py.

use std::{fs, io::Write, path::Path, process::Command};

use audit::{Judged, OrderProof, OrderSearch, Unproved, Verifier};
use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::story::{Story, item, item_a, order, sound, uuid};

type Hash = [u8; 32];

fn judged(dir: &Path, opening_of: Option<Uuid>) -> Judged {
    audit::verify_to_certify(dir, opening_of, &mut |_, _| {}).unwrap()
}

/// The certificate of a story, written to a file of its own.
pub fn certificate(story: &Story) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    story.write(dir.path());
    let mut document = Vec::new();
    let seal = judged(dir.path(), None).certify(&mut document).unwrap().expect("it is sound");
    assert_eq!(seal.bytes, document.len() as u64);
    document
}

fn lines(document: &[u8]) -> Vec<&str> {
    str::from_utf8(document).unwrap().lines().collect()
}

pub fn parsed(document: &[u8]) -> Vec<Value> {
    lines(document).iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn sum(parts: &[&[u8]]) -> Hash {
    Sha256::digest(parts.concat()).into()
}

/// RFC 6962, section 2.1, as it stands there.
fn root(leaves: &[&str]) -> Hash {
    match leaves {
        [] => sum(&[]),
        [leaf] => sum(&[&[0], leaf.as_bytes()]),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sum(&[&[1], &root(left), &root(right)])
        }
    }
}

/// The root that a way leads to, from the top down.
fn walk(leaf: &str, index: u64, leaves: u64, path: &[String]) -> Hash {
    let Some((beside, below)) = path.split_last() else {
        assert_eq!((index, leaves), (0, 1), "the way is as long as the tree is high");
        return sum(&[&[0], leaf.as_bytes()]);
    };
    let beside: Vec<u8> = (0..32)
        .map(|byte| u8::from_str_radix(&beside[2 * byte..2 * byte + 2], 16).unwrap())
        .collect();
    let split = leaves.next_power_of_two() / 2;
    if index < split {
        sum(&[&[1], &walk(leaf, index, split, below), &beside])
    } else {
        sum(&[&[1], &beside, &walk(leaf, index - split, leaves - split, below)])
    }
}

pub fn prove(order: Uuid, document: &[u8]) -> Result<OrderProof, Unproved> {
    let mut search = OrderSearch::new(order);
    search.write_all(document).unwrap();
    search.end(None)
}

/// Whether a proof leads from its order to that root.
pub fn leads(proof: &OrderProof, to: &str) -> bool {
    let part = |text: &str, name: &str| serde_json::from_str::<Value>(text).unwrap()[name].clone();
    let counts = part(&proof.item, "orders");
    let orders: u64 = counts.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
    let lines = part(&proof.header, "items").as_u64().unwrap() + 1;
    let way_of_order = walk(&proof.order, proof.order_index, orders, &proof.order_path);
    let way_of_item = walk(&proof.item, proof.item_index, lines, &proof.item_path);
    let way_of_header = walk(&proof.header, 0, lines, &proof.header_path);
    hex(&way_of_order) == part(&proof.item, "root")
        && hex(&way_of_item) == to
        && hex(&way_of_header) == to
}

#[test]
fn a_certificate_says_of_items_and_orders_what_the_log_says() {
    let story = sound();
    let document = certificate(&story);
    let all = parsed(&document);
    let kinds: Vec<_> = all.iter().map(|line| line["line"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "order").count(), 4);
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("header", "seal"));
    let header = &all[0];
    for (name, value) in [
        ("format", json!("doorbuster certificate")),
        ("version", json!(1)),
        ("chain", json!("sha-256")),
        ("position", json!(story.events.len())),
        ("events", json!(story.events.len())),
        ("streams", json!(5)),
        ("last_event_at_ms", json!(5_000_000)),
        ("items", json!(2)),
        ("orders", json!(4)),
    ] {
        assert_eq!(header[name], value, "{name}");
    }

    let a = kinds.iter().zip(&all).position(|(_, line)| line["sku"] == "A").unwrap();
    let line = &all[a];
    assert_eq!(line["item_id"], json!(item("A")));
    assert_eq!(line["closed"], json!(true));
    assert_eq!(line["title"], "Thing");
    let units = ["allocated", "available", "held", "sold"].map(|name| line[name].clone());
    assert_eq!(units, [11, 7, 0, 4].map(|units| json!(units)));
    let east = json!({"warehouse": "east", "allocated": 5, "available": 3, "held": 0, "sold": 2});
    assert_eq!(line["warehouses"][0], east);
    assert_eq!(line["orders"], json!({"held": 0, "paid": 2, "cancelled": 1, "expired": 1}));
    let on_a = story.events.iter().filter(|event| event.stream == item_a()).count();
    assert_eq!(line["revision"], json!(on_a - 1));

    let orders = &all[a + 1..a + 5];
    let expected = [
        (10, "ann", json!([["east", 2]]), "paid"),
        (11, "bob", json!([["west", 2]]), "cancelled"),
        (14, "cyd", json!([["east", 1], ["west", 1]]), "expired"),
        (21, "bob", json!([["north", 2]]), "paid"),
    ];
    for (line, (request, buyer, warehouses, state)) in orders.iter().zip(expected) {
        assert_eq!(line["order_id"], json!(order(request)));
        assert_eq!((&line["units"], &line["warehouses"]), (&json!(2), &warehouses));
        assert_eq!(line["state"], state);
        assert_eq!(line["revision"], json!(story.revision_of(order(request))));
        let opened = sum(&[b"doorbuster buyer 1\n", uuid(request).as_bytes(), buyer.as_bytes()]);
        assert_eq!(line["buyer"], json!(hex(&opened)));
    }
    for name in ["ann", "bob", "cyd"] {
        assert!(!str::from_utf8(&document).unwrap().contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn the_trees_of_a_certificate_are_those_of_the_rfc_and_the_seal_is_over_all_of_it() {
    for orders in 0..20 {
        let mut story = sound();
        let closing = story.index("SaleClosed");
        let after = story.events.split_off(closing);
        story.allocate("A", 99, 0, "north", 100, 1_020_001);
        for request in 0..orders {
            story.place(100 + request, &format!("buyer-{request}"), &[("north", 1)], 1_020_001);
        }
        story.events.extend(after);
        let document = certificate(&story);
        let (lines, values) = (lines(&document), parsed(&document));
        let mut top = Vec::new();
        for (index, value) in values.iter().enumerate() {
            match value["line"].as_str().unwrap() {
                "item" => {
                    let orders = values[index + 1..].iter();
                    let orders = orders.take_while(|line| line["line"] == "order").count();
                    let below = &lines[index + 1..=index + orders];
                    assert_eq!(value["root"], json!(hex(&root(below))));
                    top.push(lines[index]);
                }
                "header" => top.push(lines[index]),
                _ => {}
            }
        }
        let seal = values.last().unwrap();
        assert_eq!(seal["root"], json!(hex(&root(&top))));
        let sealed = document.len() - lines.last().unwrap().len() - 1;
        assert_eq!(seal["sha256"], json!(hex(&sum(&[&document[..sealed]]))));
        for request in 0..orders {
            let proof = prove(order(100 + request), &document).unwrap();
            assert!(leads(&proof, seal["root"].as_str().unwrap()), "{orders}: {proof:?}");
        }
    }
}

#[test]
fn the_same_log_makes_the_same_bytes_and_a_copy_without_chains_says_so() {
    let story = sound();
    let document = certificate(&story);
    assert_eq!(certificate(&story), document);

    let verifier = story.show_to(Verifier::for_certificate(None), |_, _| {});
    let mut shown = Vec::new();
    verifier.judged().certify(&mut shown).unwrap().expect("it is sound");
    let (shown, written) = (parsed(&shown), parsed(&document));
    assert_eq!(shown[0]["chain"], "none");
    for (mut shown, mut written) in shown.into_iter().zip(written) {
        for line in [&mut shown, &mut written] {
            let line = line.as_object_mut().unwrap();
            // The last are sums over the others.
            let of_the_store = ["chain", "position", "head", "root", "sha256"];
            line.retain(|name, _| !of_the_store.contains(&name.as_str()));
        }
        assert_eq!(shown, written);
    }
}

#[test]
fn a_log_with_findings_is_never_certified() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let log = Connection::open(dir.path().join("log.db")).unwrap();
    log.execute("UPDATE events SET data = replace(data, 'ann', 'amn')", []).unwrap();
    let mut document = Vec::new();
    let judged = judged(dir.path(), None);
    assert!(!judged.proof.ok());
    assert_eq!(judged.certify(&mut document).unwrap(), None);
    assert!(document.is_empty());

    // A verifier that did not remember what it takes does not make half a certificate.
    let forgetful = sound().show_to(Verifier::default(), |_, _| {}).judged();
    assert_eq!(forgetful.certify(&mut document).unwrap(), None);
}

#[test]
fn a_log_without_events_has_a_certificate_without_items() {
    let document = certificate(&Story::default());
    let all = parsed(&document);
    assert_eq!(all.len(), 2);
    assert_eq!(all[0]["items"], json!(0));
    assert_eq!(all[1]["root"], json!(hex(&root(&lines(&document)[..1]))));
    assert_eq!(prove(order(10), &document), Err(Unproved::NotThere(order(10))));
}

#[test]
fn each_order_has_a_proof_that_leads_to_the_root_and_to_no_other() {
    let document = certificate(&sound());
    let seal = parsed(&document).pop().unwrap();
    let root = seal["root"].as_str().unwrap();
    for request in [10, 11, 14, 21] {
        let mut proof = prove(order(request), &document).unwrap();
        assert_eq!((proof.order_id, proof.root.as_str()), (order(request), root));
        assert!(leads(&proof, root));
        assert!(!leads(&proof, &root.replace('a', "b").replace('1', "2")));
        proof.order = proof.order.replace("\"units\":2", "\"units\":1");
        assert!(!leads(&proof, root), "another order has no such proof");
    }
    assert_eq!(prove(uuid(7), &document), Err(Unproved::NotThere(uuid(7))));
}

#[test]
fn no_proof_comes_out_of_a_certificate_that_was_changed() {
    let document = certificate(&sound());
    for at in 0..document.len() {
        for bit in [1, 32] {
            let mut changed = document.clone();
            changed[at] ^= bit;
            let proof = prove(order(10), &changed);
            assert!(matches!(proof, Err(Unproved::Wrong { .. })), "byte {at}: {proof:?}");
        }
        let cut = prove(order(10), &document[..at]);
        assert!(matches!(cut, Err(Unproved::Wrong { .. })), "cut at {at}: {cut:?}");
    }
    let more = [&document[..], b"{}\n"].concat();
    assert!(matches!(prove(order(10), &more), Err(Unproved::Wrong { .. })));
}

#[test]
fn who_placed_an_order_is_remembered_where_it_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let judged_of = judged(dir.path(), Some(order(14)));
    let opening = judged_of.opening().unwrap();
    assert_eq!((opening.buyer.as_str(), opening.request_id), ("cyd", uuid(14)));
    assert_eq!(judged(dir.path(), None).opening(), None);
}

fn doorbuster(arguments: &[&str]) -> (Option<i32>, String) {
    let run = Command::new(env!("CARGO_BIN_EXE_doorbuster")).args(arguments).output().unwrap();
    let said = [run.stdout, run.stderr].concat();
    (run.status.code(), String::from_utf8(said).unwrap())
}

#[test]
fn the_command_line_writes_a_certificate_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    sound().write(dir.path());
    let data = dir.path().to_str().unwrap();
    let file = dir.path().join("sale.certificate");
    let name = file.to_str().unwrap();
    let (code, said) = doorbuster(&["verify", "--data", data, "--certificate", name, "--json"]);
    assert_eq!(code, Some(0), "{said}");
    let answer: Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    let document = fs::read(&file).unwrap();
    assert_eq!(document, certificate(&sound()));
    let seal = parsed(&document).pop().unwrap();
    assert_eq!(answer["certificate"]["root"], seal["root"]);

    let id = order(14).to_string();
    let (code, of_log) = doorbuster(&["order", "proof", &id, "--data", data]);
    assert_eq!(code, Some(0), "{of_log}");
    let (code, of_file) = doorbuster(&["order", "proof", &id, "--certificate", name]);
    assert_eq!(code, Some(0), "{of_file}");
    let of = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let (mut of_log, of_file) = (of(&of_log), of(&of_file));
    let opening = of_log.as_object_mut().unwrap().remove("opening").unwrap();
    assert_eq!(opening, json!({"request_id": uuid(14), "buyer": "cyd"}));
    assert_eq!(of_log, of_file);

    let log = Connection::open(dir.path().join("log.db")).unwrap();
    log.execute("UPDATE events SET data = replace(data, 'ann', 'amn')", []).unwrap();
    let (code, said) = doorbuster(&["verify", "--data", data, "--certificate", name]);
    assert_eq!(code, Some(5), "{said}");
    assert_eq!(fs::read(&file).unwrap(), document, "what stood there is kept");
    fs::remove_file(&file).unwrap();
    let (code, _) = doorbuster(&["verify", "--data", data, "--certificate", name]);
    assert_eq!((code, file.exists()), (Some(5), false));
    let (code, said) = doorbuster(&["order", "proof", &id, "--data", data]);
    assert_eq!(code, Some(5), "{said}");
    let (code, said) = doorbuster(&["order", "proof", "7", "--data", data]);
    assert!(code == Some(2) && said.contains("ORDER"), "{said}");
}
