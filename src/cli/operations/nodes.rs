//! `doorbuster nodes`: the nodes of the service, as one of them sees them.

use crate::{
    cli::{
        Common,
        json::shape,
        output::table_of,
        rows::Column::{self, Number, Text},
        server::Server,
    },
    grpc::proto::{
        ListNodesRequest, ListNodesResponse, NodeStanding, OtherNode,
        node_service_client::NodeServiceClient,
    },
    values::count_of,
};

/// Arguments of `nodes`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    server: Server,
}

/// Runs `nodes`.
pub fn run(args: &Args, common: &Common) -> anyhow::Result<()> {
    let answer = args.server.call(async |channel| {
        NodeServiceClient::new(channel).list_nodes(ListNodesRequest {}).await
    })?;
    common.show(
        || shape(&answer),
        || {
            let own = answer.own.clone().unwrap_or_default();
            if own.node_id.is_empty() {
                return format!("this node is alone, with {} items awake", own.items_awake);
            }
            let table = table_of(NODES, rows(&answer));
            let awake = own.items_awake;
            if answer.others.is_empty() {
                return format!("{table}\n\nno other node is announced; {awake} items awake here");
            }
            format!("{table}\n\n{awake} items awake on this node")
        },
    )?;
    Ok(())
}

/// A line of the table: a node, and how it is called there.
struct Row {
    node: OtherNode,
    standing: &'static str,
}

const NODES: &[Column<Row>] = &[
    Text("NODE", |row| (&row.node.node_id).into()),
    Text("ADDRESS", |row| (&row.node.address).into()),
    Text("VERSION", |row| (&row.node.version).into()),
    Text("STANDING", |row| row.standing.into()),
    Text("SINCE", |row| (&row.node.since_time).into()),
    Number("ITEMS", |row| count_of(row.node.items_owned).into()),
    Number("FORWARDED", |row| count_of(row.node.forwarded).into()),
    Number("RECEIVED", |row| count_of(row.node.received).into()),
    Number("SUSPECTED", |row| count_of(row.node.suspected).into()),
    Text("WHY", |row| (&row.node.reason).into()),
];

/// The node that answers first, then the others.
fn rows(answer: &ListNodesResponse) -> Vec<Row> {
    let own = answer.own.clone().unwrap_or_default();
    let suspected = answer.others.iter().map(|other| other.suspected).sum();
    let this = Row {
        standing: if own.leaves { "this, leaves" } else { "this" },
        node: OtherNode {
            node_id: own.node_id,
            address: own.address,
            version: own.version,
            since_time: own.start_time,
            forwarded: own.forwarded,
            received: own.received,
            items_owned: own.items_owned,
            suspected,
            ..Default::default()
        },
    };
    let others = answer.others.iter();
    let others = others.map(|node| Row { standing: standing(node.standing()), node: node.clone() });
    std::iter::once(this).chain(others).collect()
}

fn standing(standing: NodeStanding) -> &'static str {
    match standing {
        NodeStanding::Unspecified => "unknown",
        NodeStanding::Answers => "answers",
        NodeStanding::Suspected => "suspected",
        NodeStanding::Leaves => "leaves",
        NodeStanding::Older => "older",
    }
}
