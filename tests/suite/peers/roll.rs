//! Goal: the roll shows each node that is there, never two of one address, and nothing unusable.
//!
//! Method: scripted tables, random announcements and leaves, and streams that no decider wrote. The
//! state is rebuilt from its log before every command, and the verifier judges what was decided.

use std::sync::Arc;

use doorbuster::{
    clock::{Clock, ManualClock},
    domain::{
        Decider,
        node_roll::{
            ANNOUNCED_LASTS_MS, AnnounceNode, NodeCommand, NodeOutcome, NodeRefusal, NodeRoll,
            NodeView,
        },
    },
    events::{NewEvent, NodeAnnounced, NodeEvent, NodeLeft, Position, SERVICE, StreamName},
    store::{EventStore as _, Expected, embedded::EmbeddedStore},
    values::{NodeId, PEER_ADDRESS_BYTES_MAX, UnixMs, peer_address},
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::audit::verify;

const MINUTE_MS: i64 = 60_000;

/// Long after 1970, so that moments before it exist.
const BEGIN_MS: i64 = 1_794_326_400_000;

fn minute(minutes: i64) -> UnixMs {
    UnixMs(BEGIN_MS + minutes * MINUTE_MS)
}

fn node_id(name: &str) -> NodeId {
    NodeId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

fn announce(name: &str, address: &str, started: i64) -> NodeCommand {
    NodeCommand::Announce(AnnounceNode {
        node_id: node_id(name),
        address: address.to_owned(),
        version: "0.1.0".to_owned(),
        wire: 1,
        started_at: minute(started),
    })
}

fn rebuilt(log: &[NodeEvent]) -> NodeRoll {
    let mut roll = NodeRoll::initial(SERVICE);
    for (event, revision) in log.iter().zip(0..) {
        roll.evolve(event, revision);
        roll.landed(revision, Position(10 * (revision + 1)));
    }
    roll
}

/// Runs a command on the log. Gives the answer and how many events it made.
fn run(log: &mut Vec<NodeEvent>, command: NodeCommand, now: UnixMs) -> (NodeOutcome, usize) {
    let decided = rebuilt(log).decide(command, now);
    let count = decided.events.len();
    assert_eq!(decided.revision, (log.len() + count).saturating_sub(1) as u64);
    for caused in decided.events {
        assert_eq!(caused.id, caused.event.node_id().event_id(log.len() as u64));
        log.push(caused.event);
    }
    (rebuilt(log).answer(decided.outcome, now), count)
}

fn nodes(log: &[NodeEvent], now: UnixMs) -> Vec<NodeView> {
    match run(&mut log.to_vec(), NodeCommand::Show, now) {
        (NodeOutcome::Nodes(nodes), 0) => nodes,
        other => panic!("{other:?}"),
    }
}

/// Runs lines such as `5 announce a host:1 0 -> a at host:1 +`: at minute 5 the life `a`, started at
/// minute 0, announces that address; the roll shows what stands behind the arrow, and `+` says that it
/// was an event.
fn check(table: &str) -> Vec<NodeEvent> {
    let mut log = Vec::new();
    let mut names = Vec::new();
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = line.split_once("->").unwrap();
        let words: Vec<_> = asked.split_whitespace().collect();
        let now = minute(words[0].parse().unwrap());
        let command = match words[1..] {
            ["announce", name, address, started] => {
                names.push(name);
                announce(name, address, started.parse().unwrap())
            }
            ["upgrade", name, address, started, wire] => {
                let NodeCommand::Announce(mut announce) =
                    announce(name, address, started.parse().unwrap())
                else {
                    unreachable!()
                };
                announce.wire = wire.parse().unwrap();
                NodeCommand::Announce(announce)
            }
            ["leave", name] => NodeCommand::Leave { node_id: node_id(name) },
            ["show"] => NodeCommand::Show,
            _ => panic!("{line}"),
        };
        let (outcome, events) = run(&mut log, command, now);
        let name = |id: NodeId| *names.iter().find(|name| node_id(name) == id).unwrap();
        let said = match outcome {
            NodeOutcome::Nodes(nodes) => {
                let nodes = nodes.iter();
                let each = nodes.map(|node| format!("{} at {}", name(node.node_id), node.address));
                each.collect::<Vec<_>>().join(", ")
            }
            NodeOutcome::Refused(NodeRefusal::AddressTaken { by }) => {
                format!("address taken by {}", name(by))
            }
            NodeOutcome::Refused(NodeRefusal::IdTaken) => "id taken".to_owned(),
        };
        let said = format!("{said}{}", " +".repeat(events));
        assert_eq!(said.trim(), expected.trim(), "in line: {line}");
    }
    log
}

#[test]
fn nodes_are_shown_from_their_announcement_until_they_leave() {
    check(
        "0 show -> \n\
         0 announce a host-1:7 0 -> a at host-1:7 +
         1 announce b host-0:7 1 -> b at host-0:7, a at host-1:7 +
         2 leave a -> b at host-0:7 +
         2 leave a -> b at host-0:7
         3 leave c -> b at host-0:7
         4 announce a host-1:7 0 -> b at host-0:7, a at host-1:7 +
         5 leave b -> a at host-1:7 +",
    );
}

#[test]
fn an_announcement_is_renewed_from_half_of_the_time_that_it_lasts() {
    let log = check(
        "0 announce a host:7 0 -> a at host:7 +
         0 announce a host:7 0 -> a at host:7
         89 announce a host:7 0 -> a at host:7
         90 announce a host:7 0 -> a at host:7 +
         179 announce a host:7 0 -> a at host:7
         269 show -> a at host:7
         270 show ->
         271 announce a host:7 0 -> a at host:7 +
         272 upgrade a host:7 0 2 -> a at host:7 +
         273 upgrade a host:7 0 2 -> a at host:7",
    );
    let last = nodes(&log, minute(272)).pop().unwrap();
    assert_eq!((last.wire, last.announced_at, last.started_at), (2, minute(272), minute(0)));
    assert_eq!(ANNOUNCED_LASTS_MS, 180 * MINUTE_MS);
}

#[test]
fn a_later_life_takes_the_address_and_an_earlier_one_is_refused() {
    check(
        "0 announce a host:7 0 -> a at host:7 +
         5 announce b host:7 5 -> b at host:7 +
         6 announce a host:7 0 -> address taken by b
         7 leave a -> b at host:7
         8 announce a host:8 0 -> b at host:7, a at host:8 +
         184 announce c host:7 4 -> address taken by b
         185 announce c host:7 4 -> c at host:7, a at host:8 +
         186 announce b host:7 5 -> b at host:7, a at host:8 +",
    );
}

#[test]
fn of_two_lives_that_start_at_once_always_the_same_keeps_the_address() {
    let (low, high) = if node_id("a") < node_id("b") { ("a", "b") } else { ("b", "a") };
    check(&format!(
        "0 announce {low} host:7 0 -> {low} at host:7 +
         1 announce {high} host:7 0 -> {high} at host:7 +
         2 announce {low} host:7 0 -> address taken by {high}
         95 announce {high} host:7 0 -> {high} at host:7 +"
    ));
}

#[test]
fn one_id_is_one_address_and_one_start() {
    check(
        "0 announce a host:7 0 -> a at host:7 +
         1 announce a host:8 0 -> id taken
         1 announce a host:7 1 -> id taken
         179 announce a host:8 0 -> id taken
         180 announce a host:8 0 -> a at host:8 +",
    );
}

#[test]
fn a_clock_that_was_set_back_hides_no_node_and_a_clock_far_ahead_takes_no_address() {
    check(
        "500 announce a host:7 500 -> a at host:7 +
         100 show -> a at host:7
         100 announce b host:8 100 -> a at host:7, b at host:8 +
         101 announce c host:9 9000 -> a at host:7, b at host:8, c at host:9 +
         102 announce d host:9 102 -> a at host:7, b at host:8, d at host:9 +
         103 announce c host:8 200 -> a at host:7, c at host:8, d at host:9 +
         104 announce b host:8 104 -> address taken by c",
    );
}

#[test]
fn a_copy_goes_on_as_the_roll_does() {
    let log = check(
        "0 announce a host:7 0 -> a at host:7 +
         1 announce b host:8 1 -> a at host:7, b at host:8 +",
    );
    let copy = rebuilt(&log).copy().unwrap();
    assert_eq!(format!("{copy:?}"), format!("{:?}", rebuilt(&log)));
}

#[test]
fn addresses_are_hosts_with_ports() {
    let long = format!("{}:7", "a".repeat(PEER_ADDRESS_BYTES_MAX - 2));
    let good =
        ["host:1", "node-1.example:65535", "10.0.0.1:7430", "[::1]:7430", "a_b:7", long.as_str()];
    for address in good {
        assert_eq!(peer_address("peers_address", address), Ok(()), "{address}");
    }
    let long = format!("{}:7", "a".repeat(PEER_ADDRESS_BYTES_MAX - 1));
    let bad = [
        "",
        ":",
        ":7",
        "host",
        "host:",
        "host:0",
        "host:65536",
        "host:+7",
        "host:7a",
        "host: 7",
        "::1",
        "::1:7",
        "[::1]",
        "[::1]7",
        "[host]:7",
        "[]:7",
        "[127.0.0.1]:7",
        "0.0.0.0:7",
        "[::]:7",
        "http://host:7",
        "user@host:7",
        "host/a:7",
        "host\n:7",
        "hôte:7",
        long.as_str(),
    ];
    for address in bad {
        let invalid = peer_address("peers_address", address).unwrap_err();
        assert_eq!(invalid.field, "peers_address", "{address}");
        assert!(!invalid.problem.contains('\n'), "{invalid}");
    }
}

/// Announcements that no decider makes: hostile in every field.
fn announced() -> impl Strategy<Value = NodeAnnounced> {
    let names = prop::sample::select(vec!["a", "b", "c"]);
    let moments = || {
        prop_oneof![
            (-300_i64..300).prop_map(minute),
            prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX]).prop_map(UnixMs),
        ]
    };
    let addresses = prop::sample::select(vec![
        "host:7",
        "host:8",
        "",
        "host",
        "host:0",
        "[::]:7",
        "\u{202e}:7",
        "host:7\u{1b}[2J",
    ]);
    let versions = prop_oneof![
        Just("0.1.0".to_owned()),
        Just(String::new()),
        Just("\u{1b}[2J".to_owned()),
        Just("9".repeat(100_000)),
    ];
    (names, addresses, versions, any::<u32>(), moments(), moments()).prop_map(
        |(name, address, version, wire, started_at_ms, announced_at_ms)| NodeAnnounced {
            node_id: node_id(name),
            address: address.to_owned(),
            version,
            wire,
            started_at_ms,
            announced_at_ms,
        },
    )
}

fn any_event() -> impl Strategy<Value = NodeEvent> {
    let left = ("[a-d]", any::<i64>()).prop_map(|(name, at)| {
        NodeEvent::Left(NodeLeft { node_id: node_id(&name), left_at_ms: UnixMs(at) })
    });
    prop_oneof![4 => announced().prop_map(NodeEvent::Announced), 1 => left]
}

fn commands() -> impl Strategy<Value = (NodeCommand, i64)> {
    let names = || prop::sample::select(vec!["a", "b", "c"]);
    let addresses = prop::sample::select(vec!["host:7", "host:8"]);
    let announce = (names(), addresses, 0_i64..3)
        .prop_map(|(name, address, started)| announce(name, address, started));
    let leave = names().prop_map(|name| NodeCommand::Leave { node_id: node_id(name) });
    // Clocks also run backwards.
    (prop_oneof![3 => announce, 1 => leave], -20_i64..100)
}

/// No two nodes of one address or id, all of them usable, in order.
fn assert_sound(nodes: &[NodeView]) {
    for pair in nodes.windows(2) {
        assert!(pair[0].address < pair[1].address, "{nodes:?}");
    }
    for node in nodes {
        assert_eq!(peer_address("address", &node.address), Ok(()));
        assert!(!node.version.is_empty() && node.version.len() <= 64, "{node:?}");
        let same = nodes.iter().filter(|other| other.node_id == node.node_id);
        assert_eq!(same.count(), 1, "{nodes:?}");
    }
}

/// What the verifier finds in a log of these events.
async fn findings(events: Vec<NewEvent>) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::at(minute(0)));
    let store = EmbeddedStore::open(dir.path(), clock).unwrap();
    if !events.is_empty() {
        store.append(StreamName::nodes(), Expected::NoStream, events.into()).await.unwrap();
    }
    store.close();
    drop(store);
    let proof = verify(dir.path()).unwrap();
    proof.findings.into_iter().map(|found| found.problem).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_decided_is_sound(steps in prop::collection::vec(commands(), 1..40)) {
        let (mut roll, mut events, mut minutes) = (NodeRoll::initial(SERVICE), Vec::new(), 1_000);
        for (command, after) in steps {
            minutes += after;
            for caused in roll.decide(command, minute(minutes)).events {
                roll.evolve(&caused.event, events.len() as u64);
                events.push(caused.encode());
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        prop_assert_eq!(runtime.block_on(findings(events)), Vec::<String>::new());
    }
}

proptest! {
    #[test]
    fn no_sequence_of_commands_shows_two_nodes_of_one_address(
        steps in prop::collection::vec(commands(), 1..40),
    ) {
        let (mut log, mut minutes) = (Vec::new(), 1_000);
        for (command, after) in steps {
            minutes += after;
            let now = minute(minutes);
            let before = nodes(&log, now);
            let (outcome, events) = run(&mut log, command.clone(), now);
            let shown = nodes(&log, now);
            assert_sound(&shown);
            match (command, outcome) {
                (NodeCommand::Announce(announce), NodeOutcome::Nodes(answered)) => {
                    prop_assert_eq!(&answered, &shown);
                    let node = shown.iter().find(|node| node.address == announce.address);
                    prop_assert_eq!(node.map(|node| node.node_id), Some(announce.node_id));
                }
                (NodeCommand::Announce(announce), NodeOutcome::Refused(_)) => {
                    prop_assert_eq!(&before, &shown);
                    // Some other node, or another life of this id, is in the way.
                    prop_assert!(shown.iter().any(|node| node.address == announce.address
                        || node.node_id == announce.node_id));
                    prop_assert_eq!(events, 0);
                }
                (NodeCommand::Leave { node_id }, _) => {
                    prop_assert!(shown.iter().all(|node| node.node_id != node_id));
                }
                (NodeCommand::Show, _) => unreachable!(),
            }
        }
    }

    #[test]
    fn a_stream_written_by_hand_breaks_nothing(
        events in prop::collection::vec(any_event(), 0..30),
        now in -300_i64..600,
    ) {
        let now = minute(now);
        let mut log = events;
        assert_sound(&nodes(&log, now));
        // A node of this version gets on the roll all the same, unless its address belongs to a later life.
        let (outcome, _) = run(&mut log, announce("new", "other:7", 0), now);
        let NodeOutcome::Nodes(shown) = outcome else { panic!("{outcome:?}") };
        assert_sound(&shown);
        prop_assert!(shown.iter().any(|node| node.node_id == node_id("new")), "{shown:?}");
        let (_, events) = run(&mut log, NodeCommand::Leave { node_id: node_id("new") }, now);
        prop_assert_eq!(events, 1);
        prop_assert!(nodes(&log, now).iter().all(|node| node.node_id != node_id("new")));
    }
}
