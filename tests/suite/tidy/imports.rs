//! Which module may see which, and who may name which crate.

use super::{Complaint, source::Source};

/// Each module under `src/` and the modules it may name; each may name itself.
///
/// The order is the direction: a module names only modules that stand above it.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("values", &[]),
    ("clock", &["values"]),
    ("seldom", &["values"]),
    ("private", &[]),
    ("threads", &[]),
    ("failed_sync", &[]),
    // Files that are written for people.
    ("whole_file", &[]),
    // Which call a log line is about.
    ("trace", &["clock"]),
    ("events", &["values"]),
    ("domain", &["values", "events"]),
    ("projections", &["values", "private", "failed_sync", "events"]),
    ("store", &["values", "clock", "seldom", "private", "threads", "failed_sync", "events"]),
    // States of streams, kept in files beside the log.
    ("snapshots", &["values", "private", "threads", "events", "domain", "store"]),
    ("config", &["values", "store"]),
    // Bounded connections, whatever is served on them.
    ("connections", &["values"]),
    // What a store must keep, run against any of them: tests and the command line share it.
    ("conformance", &["values", "clock", "events", "store"]),
    // A server in front of a store; it knows nothing of selling.
    ("devstore", &["values", "clock", "threads", "events", "store", "connections"]),
    // Which node owns what, and the order of what it is sent.
    ("ownership", &["values"]),
    // Metrics that every layer may count and `web` shows.
    ("metrics", &["values", "ownership"]),
    ("admission", &["values", "clock", "seldom", "events", "domain"]),
    ("reports", &["values", "whole_file", "events", "domain", "projections", "ownership"]),
    // The log once more: states as they were, sales under other rules, one shopper's story.
    ("replay", &["values", "clock", "events", "domain", "projections", "store", "reports"]),
    // Figures as pages: the only place that knows the library that draws.
    ("pages", &["values", "events", "projections", "ownership", "reports", "replay"]),
    (
        "actors",
        &[
            "values",
            "clock",
            "private",
            "metrics",
            "threads",
            "events",
            "domain",
            "projections",
            "store",
            "snapshots",
            "admission",
            "ownership",
            "reports",
        ],
    ),
    (
        "grpc",
        &[
            "values",
            "private",
            "clock",
            "metrics",
            "threads",
            "trace",
            "events",
            "domain",
            "projections",
            "store",
            "admission",
            "ownership",
            "reports",
            "actors",
            "replay",
            "pages",
            "connections",
        ],
    ),
    (
        "web",
        &[
            "connections",
            "values",
            "clock",
            "ownership",
            "metrics",
            "threads",
            "trace",
            "events",
            "domain",
            "projections",
            "store",
            "admission",
            "reports",
            "actors",
            "replay",
            "pages",
        ],
    ),
    // A crowd is a client: it sees the wire, not the actors.
    ("crowd", &["values", "clock", "grpc"]),
    (
        "app",
        &[
            "connections",
            "values",
            "clock",
            "threads",
            "config",
            "metrics",
            "threads",
            "events",
            "domain",
            "projections",
            "store",
            "snapshots",
            "admission",
            "reports",
            "actors",
            "grpc",
            "web",
            "replay",
            "pages",
        ],
    ),
    (
        "cli",
        &[
            "values",
            "private",
            "clock",
            "trace",
            "whole_file",
            "config",
            "events",
            "domain",
            "projections",
            "store",
            "snapshots",
            "conformance",
            "devstore",
            // To read the token of an operator.
            "admission",
            "reports",
            "grpc",
            "crowd",
            "app",
            "replay",
            "pages",
        ],
    ),
    ("main", &["cli"]),
    ("lib", &[]),
];

/// A word that only some modules may say in code.
struct Reserved {
    word: &'static str,
    /// Also words that start with it.
    prefix: bool,
    /// Modules, or paths below `src/`.
    to: &'static [&'static str],
    why: &'static str,
}

const fn reserved(
    word: &'static str,
    prefix: bool,
    to: &'static [&'static str],
    why: &'static str,
) -> Reserved {
    Reserved { word, prefix, to, why }
}

const RESERVED: &[Reserved] = &[
    reserved("actix", true, &["actors", "app", "cli"], "only the actors know actix"),
    reserved("tonic", true, GRPC, "below the actors nothing knows gRPC"),
    reserved("prost", true, GRPC, "below the actors nothing knows gRPC"),
    reserved("eventstore_client", false, &["store/kurrent"], "one place knows that client"),
    reserved("rusqlite", false, SQLITE, PURE),
    reserved("audit", false, &["grpc", "cli"], "nothing that sells asks the verifier"),
];

const GRPC: &[&str] =
    &["actors", "devstore", "store/kurrent", "store/wire.rs", "grpc", "web", "crowd", "cli", "app"];
const SQLITE: &[&str] = &["failed_sync", "store", "projections", "reports", "actors", "cli", "app"];
const PURE: &str = "facts and decisions are free of I/O";

/// Words that facts and deciders never say: they are pure.
const IMPURE: &[&str] =
    &["async", "await", "tokio", "rusqlite", "SystemTime", "Instant", "File", "thread", "chrono"];
const IMPURE_PATHS: &[&str] = &["std::time", "std::fs", "std::net", "std::thread", "std::env"];

/// Modules named against the direction.
pub fn direction(file: &Source) -> Vec<Complaint> {
    let Some(module) = file.module() else { return Vec::new() };
    let Some((_, may)) = MAY_NAME.iter().find(|(name, _)| *name == module) else {
        return vec![Complaint::new(file, 0, format!("`{module}` has no place in the direction"))];
    };
    named(file)
        .into_iter()
        .filter(|(_, name)| *name != module && !may.contains(name))
        .filter(|(_, name)| MAY_NAME.iter().any(|(known, _)| known == name))
        .map(|(at, name)| Complaint::new(file, at, format!("`{module}` must not name `{name}`")))
        .collect()
}

/// Top-level modules named in a file, by `crate::`, by as many `super::` as reach the top, or from
/// outside as `doorbuster::`.
fn named(file: &Source) -> Vec<(usize, &str)> {
    let inner = file.path.trim_start_matches("src/").trim_end_matches(".rs");
    let depth = inner.trim_end_matches("/mod").split('/').count();
    let up = "super::".repeat(depth);
    let mut found = Vec::new();
    for prefix in ["crate::", "doorbuster::", up.as_str()] {
        for (at, _) in file.code.match_indices(prefix) {
            let longer =
                file.code[..at].ends_with(|c: char| c.is_alphanumeric() || c == ':' || c == '_');
            if !longer {
                found.extend(heads(&file.code, at + prefix.len()));
            }
        }
    }
    found
}

/// The first names of a path or of each path in a group `{a::b, c}` that starts here.
fn heads(code: &str, at: usize) -> Vec<(usize, &str)> {
    let word = |at: usize| {
        let rest = &code[at..];
        let skipped = rest.len() - rest.trim_start().len();
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        (at + skipped, &rest[..end])
    };
    if !code[at..].starts_with('{') {
        return vec![word(at)];
    }
    let (mut depth, mut found) = (0, Vec::new());
    for (offset, letter) in code[at..].char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && (letter == '{' || letter == ',') {
            found.push(word(at + offset + 1));
        }
        if depth == 0 {
            break;
        }
    }
    found
}

/// Crates and words said where they are not to be said.
pub fn reserved_words(file: &Source) -> Vec<Complaint> {
    let Some(module) = file.module() else { return Vec::new() };
    let inner = file.path.trim_start_matches("src/");
    let mut found = Vec::new();
    for (at, word) in file.words() {
        for Reserved { word: reserved, prefix, to, why } in RESERVED {
            let said = word == *reserved || (*prefix && word.starts_with(&format!("{reserved}_")));
            if said && !to.iter().any(|place| module == *place || inner.starts_with(place)) {
                found.push(Complaint::new(file, at, format!("`{word}`: {why}")));
            }
        }
        if matches!(word, "do_send" | "unbounded" | "unbounded_channel") {
            found.push(Complaint::new(file, at, format!("`{word}`: every queue has a bound")));
        }
    }
    found
}

/// Crates of this workspace in the manifest of the verifier, which shares no code with them.
pub fn independence(manifest: &Source) -> Vec<Complaint> {
    let of_ours = ["path =", "workspace ="];
    let found = manifest.text.match_indices("[dependencies]").flat_map(|(start, _)| {
        let lines = manifest.text[start..].split_inclusive('\n').skip(1);
        lines.take_while(|line| !line.starts_with('['))
    });
    found
        .filter(|line| of_ours.iter().any(|key| line.contains(key)))
        .map(|line| {
            let at = line.as_ptr() as usize - manifest.text.as_ptr() as usize;
            Complaint::new(manifest, at, format!("`{}` is a crate of ours", line.trim()))
        })
        .collect()
}

/// I/O, time and threads in facts and deciders.
pub fn purity(file: &Source) -> Vec<Complaint> {
    if !matches!(file.module(), Some("domain" | "events")) {
        return Vec::new();
    }
    let words = file.words().filter(|(_, word)| IMPURE.contains(word));
    let paths = IMPURE_PATHS.iter().flat_map(|path| file.code.match_indices(path));
    words
        .chain(paths)
        .map(|(at, word)| Complaint::new(file, at, format!("`{word}`: {PURE}")))
        .collect()
}

/// Messages of the wire named outside of the server, its clients and the command line.
pub fn wire(file: &Source) -> Vec<Complaint> {
    if file.module().is_none_or(|module| matches!(module, "grpc" | "crowd" | "cli")) {
        return Vec::new();
    }
    let found = ["grpc::proto", "grpc::{proto"];
    let found = found.iter().flat_map(|path| file.code.match_indices(path));
    found
        .map(|(at, _)| Complaint::new(file, at, "only servers and clients see the wire".to_owned()))
        .collect()
}

#[test]
fn the_direction_has_no_circle() {
    for (index, (module, may)) in MAY_NAME.iter().enumerate() {
        for name in *may {
            let place = MAY_NAME.iter().position(|(known, _)| known == name);
            let place =
                place.unwrap_or_else(|| panic!("{module} names {name}, which is not listed"));
            assert!(place < index || *module == "main", "{module} names {name}, which is below it");
        }
    }
}

#[test]
fn imports_against_the_direction_are_found_in_every_spelling() {
    let bad = [
        ("src/values/money.rs", "use crate::events::Event;"),
        ("src/domain/mod.rs", "use crate::projections;"),
        ("src/projections/selling/stock.rs", "fn a() { crate::domain::item::b() }"),
        (
            "src/events/selling/order.rs",
            "use crate::{\n    values::{A, B},\n    store::EventStore,\n};",
        ),
        ("src/domain/selling/item/decide.rs", "use super::super::super::super::store::EventStore;"),
        ("src/domain/selling/demand.rs", "use super::super::super::{events::A, actors::B};"),
        ("src/events/mod.rs", "use super::domain::Decider;"),
        ("src/store/mod.rs", "use crate::actors::Directory;"),
        ("src/crowd/driver.rs", "use crate::actors::Directory;"),
        ("src/novelty/mod.rs", "use crate::values::UnixMs;"),
    ];
    for (path, text) in bad {
        assert_eq!(direction(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
    let good = [
        (
            "src/domain/selling/item/decide.rs",
            "use super::super::Decider; use crate::{events::A, values};",
        ),
        ("src/values/money.rs", "// crate::events\nconst A: &str = \"crate::store\";"),
        ("src/domain/mod.rs", "mod tests { use super::*; }"),
        ("src/cli/serve.rs", "use crate::{app::App, config::Config};"),
    ];
    for (path, text) in good {
        assert!(direction(&Source::new(path, text)).is_empty(), "{path}: {text}");
    }
}

#[test]
fn words_out_of_place_are_found() {
    let bad = [
        ("src/store/mod.rs", "use actix::Actor;"),
        ("src/projections/mod.rs", "use actix_rt::spawn;"),
        ("src/domain/mod.rs", "fn a() -> tonic::Status {}"),
        ("src/events/codec.rs", "use prost::Message;"),
        ("src/store/embedded/mod.rs", "use eventstore_client::Client;"),
        ("src/actors/item.rs", "address.do_send(message)"),
        ("src/grpc/mod.rs", "tokio::sync::mpsc::unbounded_channel()"),
        ("src/values/ids.rs", "use rusqlite::Row;"),
        ("src/domain/item/decide.rs", "use audit::verify;"),
    ];
    for (path, text) in bad {
        assert_eq!(reserved_words(&Source::new(path, text)).len(), 1, "{path}: {text}");
    }
    let good = [
        ("src/actors/item.rs", "use actix::Actor; // not do_send"),
        ("src/store/kurrent.rs", "use eventstore_client::Client;"),
        ("src/grpc/status.rs", "use tonic::Status; use tonic_types::ErrorDetails;"),
    ];
    for (path, text) in good {
        assert!(reserved_words(&Source::new(path, text)).is_empty(), "{path}: {text}");
    }
}

#[test]
fn impure_facts_and_deciders_are_found() {
    for text in
        ["async fn a() {}", "use std::time::Duration;", "std::fs::read(p)", "Instant::now()"]
    {
        assert!(!purity(&Source::new("src/domain/selling/item/mod.rs", text)).is_empty(), "{text}");
        assert!(!purity(&Source::new("src/events/codec.rs", text)).is_empty(), "{text}");
        assert!(purity(&Source::new("src/store/mod.rs", text)).is_empty(), "{text}");
    }
}

#[test]
fn a_dependent_verifier_is_found() {
    for line in ["wire = { path = \"../wire\" }", "a = { package = \"b\", path = \"../..\" }"] {
        let manifest = format!("[dependencies]\nuuid = \"1\"\n{line}\n[lints]\nworkspace = true\n");
        assert_eq!(independence(&Source::new("crates/audit/Cargo.toml", &manifest)).len(), 1);
    }
}

#[test]
fn the_wire_out_of_place_is_found() {
    for text in ["use crate::grpc::proto::Order;", "use crate::grpc::{proto, Server};"] {
        assert_eq!(wire(&Source::new("src/actors/item.rs", text)).len(), 1, "{text}");
        assert!(wire(&Source::new("src/crowd/driver.rs", text)).is_empty(), "{text}");
    }
}
