//! The card of the nodes: there where a node has others, with what is known of each.

use doorbuster::{
    ownership::{Member, OwnNode, SeenNode, SeenNodes, Standing},
    pages::{Lang, board},
    reports::NodePulse,
    values::{NodeId, UnixMs},
};
use uuid::Uuid;

use super::{HOSTILE, OPENS, node, pulse};

fn seen(number: u128, standing: Standing, why: Option<&str>) -> SeenNode {
    SeenNode {
        member: Member {
            node_id: NodeId(Uuid::from_u128(number)),
            address: format!("10.0.0.{number}:7430"),
            version: "0.1.0".to_owned(),
            is_older: standing == Standing::Older,
        },
        standing,
        since: UnixMs((OPENS + 5) * 1_000),
        why: why.map(str::to_owned),
        items: 7,
        forwarded: 51_377,
        received: 1_000,
        suspected: 2,
    }
}

fn among(others: Vec<SeenNode>) -> NodePulse {
    let own = OwnNode {
        node_id: NodeId(Uuid::from_u128(1)),
        address: "10.0.0.1:7430".to_owned(),
        started_at: UnixMs(OPENS * 1_000),
        leaves: false,
        items: 5,
    };
    NodePulse { nodes: Some(SeenNodes { own, others }), ..node() }
}

fn panel(node: &NodePulse, lang: Lang) -> Option<String> {
    let panels = board::live_panels(&pulse(), node, lang);
    panels.into_iter().find(|(id, _)| *id == "nodes").map(|(_, html)| html)
}

/// The cells of a table, row by row, without markup.
fn cells(html: &str) -> Vec<Vec<String>> {
    let text = |cell: &str| {
        let parts = cell.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    };
    let body = html.split_once("<tbody>").unwrap().1;
    let rows = body.split("<tr").skip(1);
    rows.map(|row| row.split("<td").skip(1).map(|cell| text(&format!("<td{cell}"))).collect())
        .collect()
}

#[test]
fn each_node_has_its_row_and_what_is_wrong_with_it() {
    let nodes = among(vec![
        seen(2, Standing::Answers, None),
        seen(3, Standing::Suspected, Some("it does not answer")),
        seen(4, Standing::Leaves, None),
        seen(5, Standing::Older, None),
    ]);
    let english = cells(&panel(&nodes, Lang::English).unwrap());
    let since = "since 08:00:05";
    let expected = [
        ["10.0.0.1:7430", "0.1.0", "this node since 08:00:00", "5", "205,508", "4,000", "8"],
        ["10.0.0.2:7430", "0.1.0", &format!("answers {since}"), "7", "51,377", "1,000", "2"],
        [
            "10.0.0.3:7430",
            "0.1.0",
            &format!("suspected {since} it does not answer"),
            "7",
            "51,377",
            "1,000",
            "2",
        ],
        ["10.0.0.4:7430", "0.1.0", &format!("leaves {since}"), "7", "51,377", "1,000", "2"],
        ["10.0.0.5:7430", "0.1.0", &format!("older version {since}"), "7", "51,377", "1,000", "2"],
    ];
    assert_eq!(english, expected);
    let chinese = panel(&nodes, Lang::Chinese).unwrap();
    for word in ["本节点", "正常", "疑似失联", "正在退出", "版本较旧", "负责商品"]
    {
        assert!(chinese.contains(word), "{word} is not in {chinese}");
    }
}

#[test]
fn a_node_without_others_has_no_such_card() {
    assert_eq!(panel(&node(), Lang::English), None);
    assert_eq!(panel(&among(Vec::new()), Lang::English), None);
}

#[test]
fn what_other_nodes_say_is_only_text() {
    for hostile in HOSTILE {
        let mut other = seen(2, Standing::Suspected, Some(hostile));
        other.member.address = hostile.to_owned();
        other.member.version = hostile.to_owned();
        let told = panel(&among(vec![other]), Lang::English).unwrap();
        for markup in ["<script>", "<img", "onclick='", "\u{202e}"] {
            assert!(!told.contains(markup), "{markup} stands in {told}");
        }
    }
}
