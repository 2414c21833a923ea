//! The table of RPCs.
//!
//! Goal: each RPC of the contract has one row, and what the row says is what the server does.
//! Method: the rows against the descriptors that clients get, both ways; the table in the
//! documents. `tokens/table.rs` calls every RPC in every role.

use std::{collections::BTreeSet, fs, path::Path};

use doorbuster::{
    admission::Roles,
    grpc::{
        proto,
        rpcs::{ALL, Purpose, Rpc, Size, Weight},
    },
    web::routes::{Access, ROUTES},
};
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

const PAGE: &str = "docs/rpcs.md";

/// What stands above the table of routes.
const ABOUT_ROUTES: &str = "One row per route of the port of health and metrics and of the board, from \
    `src/web/routes.rs`; a route without\na row is not answered. Where the server has tokens, a route \
    asks for one of its roles: everybody may call it only if\nthe row says so, or `public_routes` names \
    it ([configuration.md](configuration.md#tokens-and-roles)).\n\n";

/// Every method of the contract, by its name.
fn described() -> Vec<(String, MethodDescriptorProto)> {
    let files = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap().file;
    let mut methods = Vec::new();
    for file in &files {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                methods.push((name, method.clone()));
            }
        }
    }
    methods
}

fn of(name: &str) -> MethodDescriptorProto {
    described().into_iter().find(|(one, _)| one == name).unwrap().1
}

/// Names that only one of the two has.
fn differences(rows: &[String], methods: &[String]) -> Vec<String> {
    let rows: BTreeSet<_> = rows.iter().collect();
    let methods: BTreeSet<_> = methods.iter().collect();
    rows.symmetric_difference(&methods).map(|name| (**name).clone()).collect()
}

#[test]
fn every_rpc_has_one_row_and_every_row_an_rpc() {
    let rows: Vec<_> = ALL.iter().map(Rpc::name).collect();
    let methods: Vec<_> = described().into_iter().map(|(name, _)| name).collect();
    assert_eq!(differences(&rows, &methods), Vec::<String>::new());
    assert_eq!(rows.len(), methods.len(), "a row stands twice");
    for rpc in ALL {
        assert_eq!(Rpc::named(&rpc.name()).map(Rpc::name), Some(rpc.name()));
    }
}

#[test]
fn a_missing_row_and_a_row_too_many_are_found_by_name() {
    let both = ["a.B/One".to_owned(), "a.B/Two".to_owned()];
    assert_eq!(differences(&both[..1], &both), both[1..]);
    assert_eq!(differences(&both, &both[..1]), both[1..]);
}

#[test]
fn the_rows_of_a_service_have_one_message_size() {
    for (one, other) in
        ALL.iter().zip(&ALL[1..]).filter(|(one, other)| one.service == other.service)
    {
        assert_eq!(one.size, other.size, "{} and {}", one.name(), other.name());
    }
}

#[test]
fn streams_and_large_answers_hold_their_share_of_a_connection() {
    for rpc in ALL {
        let method = of(&rpc.name());
        let follows = method.server_streaming() && !method.client_streaming();
        assert_eq!(rpc.weight == Weight::Following, follows, "{}", rpc.name());
        let is_list = ["List", "Find"].iter().any(|verb| rpc.method.starts_with(verb))
            || rpc.purpose == Purpose::Report;
        assert_eq!(rpc.weight == Weight::Answer, is_list && !follows, "{}", rpc.name());
    }
}

#[test]
fn what_one_item_is_asked_is_routed_by_it() {
    let of_one_item = ["ItemService", "OrderService", "PurchaseService"];
    for rpc in ALL {
        let method = of(&rpc.name());
        // An export is one of a sale; orders are found and followed in all sales, stock is watched in one.
        let of_sales = ["Export", "FindOrder", "FollowOrders", "WatchStock"];
        let is_of_sales = of_sales.iter().any(|what| method.input_type().contains(what));
        let is_stream = method.client_streaming();
        let wanted = of_one_item.contains(&rpc.service) && !is_stream && !is_of_sales;
        assert_eq!(rpc.routed_by, wanted.then_some("item_id"), "{}", rpc.name());
    }
}

fn roles(roles: Roles) -> String {
    if roles == Roles::ANY { "any".to_owned() } else { roles.to_string() }
}

/// The table of routes in the documents.
fn routes() -> String {
    let mut text =
        String::from("| route | setting of the port | roles | public by |\n|---|---|---|---|\n");
    for route in ROUTES {
        let (asked, public) = match route.access {
            Access::Open => ("everybody".to_owned(), String::new()),
            Access::Asks(asked) => (roles(asked), String::new()),
            Access::Public(public, asked) => {
                (roles(asked), format!("`public_routes = \"{}\"`", public.name()))
            }
        };
        let (method, path, port) = (route.method, route.path, route.port.setting());
        text.push_str(&format!("| `{method} {path}` | `{port}` | {asked} | {public} |\n"));
    }
    text
}

/// The table in the documents.
fn table() -> String {
    let mut text = String::from(
        "| RPC | for | roles | writes | shed from level | message | share of a connection | routed by |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for rpc in ALL {
        let shed =
            rpc.part.map_or(String::new(), |part| format!("`{}`", part.left_out_from().name()));
        let message = match rpc.size {
            Size::Command => "64 KiB",
            Size::Plan => "4 MiB",
            Size::Beacons => "1 MiB",
        };
        let routed = rpc.routed_by.map_or(String::new(), |field| format!("`{field}`"));
        let cells = [
            format!("`{}/{}`", rpc.service, rpc.method),
            rpc.purpose.word().to_owned(),
            roles(rpc.roles),
            if rpc.purpose.writes() { "yes" } else { "" }.to_owned(),
            shed,
            message.to_owned(),
            rpc.weight.words().to_owned(),
            routed,
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push_str("\n## Routes of the other ports\n\n");
    text.push_str(ABOUT_ROUTES);
    text.push_str(&routes());
    text
}

#[test]
fn the_page_shows_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&file).unwrap();
    let begin = page.find("| RPC |").unwrap_or(page.len());
    let (before, shown) = page.split_at(begin);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, format!("{before}{}", table())).unwrap();
        return;
    }
    assert_eq!(shown, table(), "UPDATE_GOLDEN=1 cargo test rpcs:: writes it into {PAGE}");
}
