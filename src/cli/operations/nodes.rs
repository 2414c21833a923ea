//! `doorbuster nodes`: the nodes of the service, as one of them sees them.

use crate::{
    cli::{
        Common,
        json::shape,
        output::{facts, table_of},
        rows::Column::{self, Number, Text},
        server::Server,
    },
    grpc::proto::{
        ListNodesRequest, NodeStanding, OtherNode, OwnNode, node_service_client::NodeServiceClient,
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
            let own = facts(&own_facts(&own));
            if answer.others.is_empty() {
                return format!("{own}\n\nno other node is announced");
            }
            format!("{own}\n\n{}", table_of(OTHERS, &answer.others))
        },
    )?;
    Ok(())
}

fn own_facts(own: &OwnNode) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("this node", own.node_id.clone()),
        ("address", own.address.clone()),
        ("version", own.version.clone()),
        ("items awake", own.items_awake.to_string()),
        ("received", own.received.to_string()),
    ];
    if own.leaves {
        facts.push(("leaves", "it is being stopped".to_owned()));
    }
    facts
}

const OTHERS: &[Column<OtherNode>] = &[
    Text("NODE", |node| (&node.node_id).into()),
    Text("ADDRESS", |node| (&node.address).into()),
    Text("VERSION", |node| (&node.version).into()),
    Text("STANDING", |node| standing(node.standing()).into()),
    Number("FORWARDED", |node| count_of(node.forwarded).into()),
    Number("SUSPECTED", |node| count_of(node.suspected).into()),
];

fn standing(standing: NodeStanding) -> &'static str {
    match standing {
        NodeStanding::Unspecified => "unknown",
        NodeStanding::Answers => "answers",
        NodeStanding::Suspected => "suspected",
        NodeStanding::Leaves => "leaves",
        NodeStanding::Older => "older",
    }
}
