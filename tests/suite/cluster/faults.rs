//! Goal: under each fault of the wire, with orders flowing, no order is lost, none is doubled, none
//! is oversold, and the server comes back by itself. Method: shoppers who want more than there is
//! buy through a real server, each asking again under the same request id until there is an answer;
//! in the middle the development server does something wrong. Afterwards its log is verified, and
//! compared with what the shoppers were told.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use doorbuster::{
    devstore::{Act, Devstore, Ending, Fault, Member, Role, Rpc},
    grpc::proto::place_order_response::Outcome,
    store::StoreAddress,
};
use tonic::Code;

use super::Cluster;
use crate::support::{Node, create_sale, item, place};

const SHOPPERS: u64 = 16;
const ORDERS_EACH: u64 = 12;
const UNITS: i64 = 150;

/// Orders answered before the wire fails.
const CALM: u64 = 40;

/// How long one order may take, with whatever goes wrong on the way: the store is back long before.
const PATIENCE: Duration = Duration::from_secs(30);

/// Orders by a crowd while `fault` happens in the middle of it.
async fn storm(mut cluster: Cluster, address: StoreAddress, fault: impl FnOnce(&mut Cluster)) {
    let node = Node::start_with(|config| config.store = address).await;
    let item = put_up(&node).await;
    let answered = Arc::new(AtomicU64::new(0));
    let told = Arc::new(Mutex::new(HashSet::new()));
    let mut crowd = tokio::task::JoinSet::new();
    for shopper in 0..SHOPPERS {
        let (client, item) = (node.purchases(), item.clone());
        let (answered, told) = (Arc::clone(&answered), Arc::clone(&told));
        crowd.spawn(async move {
            for number in 0..ORDERS_EACH {
                let request = place(&item, &format!("buyer-{shopper}-{number}"), 1);
                let answer = until_answered(|| {
                    let (mut client, request) = (client.clone(), request.clone());
                    async move { client.place_order(request).await }
                })
                .await;
                if let Some(Outcome::Order(order)) = answer.outcome {
                    told.lock().unwrap().insert(order.order_id);
                }
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    while answered.load(Ordering::Relaxed) < CALM {
        tokio::task::yield_now().await;
    }
    fault(&mut cluster);
    while let Some(shopped) = crowd.join_next().await {
        shopped.unwrap();
    }
    judge(&cluster, node, &told.lock().unwrap());
}

async fn put_up(node: &Node) -> String {
    let request = create_sale(vec![item("phone", &[("shanghai", UNITS)])]);
    let created = until_answered(|| {
        let (mut sales, request) = (node.sales(), request.clone());
        async move { sales.create_sale(request).await }
    })
    .await;
    created.sale.unwrap().items[0].item_id.clone()
}

fn judge(cluster: &Cluster, mut node: Node, told: &HashSet<String>) {
    node.stop();
    let log = cluster.log();
    let mut placed = HashSet::new();
    let mut after = doorbuster::events::Position::START;
    loop {
        let page = log.read_all(after, 500).unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        for event in page.iter().filter(|event| event.kind == "OrderPlaced") {
            let body: serde_json::Value = serde_json::from_slice(&event.data).unwrap();
            let order = body["order_id"].as_str().unwrap().to_owned();
            assert!(placed.insert(order), "an order stands in the log twice");
        }
    }
    assert_eq!(placed, *told, "what the log holds is not what the shoppers were told");
    assert_eq!(placed.len(), usize::try_from(UNITS).unwrap());
    cluster.assert_proved();
    cluster.assert_read_models_are_of_this_log(node.data());
}

/// Asks again, with the same request, until there is an answer. Only faults that allow it count.
async fn until_answered<T, A>(ask: impl Fn() -> A) -> T
where
    A: Future<Output = Result<tonic::Response<T>, tonic::Status>>,
{
    let asked = async {
        loop {
            match ask().await {
                Ok(answer) => return answer.into_inner(),
                Err(status) => {
                    let again = [Code::Unavailable, Code::Aborted, Code::ResourceExhausted];
                    assert!(again.contains(&status.code()), "{status:?}");
                    tokio::task::yield_now().await;
                }
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("the server comes back by itself")
}

/// One fault that happens to the next call.
async fn survives(rpc: Rpc, fault: Fault) {
    let cluster = Cluster::start();
    let address = cluster.address(0);
    storm(cluster, address, |cluster| faults(cluster).next(rpc, fault)).await;
}

fn faults(cluster: &Cluster) -> &doorbuster::devstore::Faults {
    cluster.devstore().faults()
}

macro_rules! survives {
    ($($name:ident: $rpc:expr, $fault:expr;)+) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                survives($rpc, $fault).await;
            }
        )+
    };
}

survives! {
    an_answer_and_then_a_cut: Rpc::BatchAppend, Fault::AnswerThenCut;
    a_commit_and_a_cut_instead_of_an_answer: Rpc::BatchAppend, Fault::CommitThenCut;
    a_commit_that_is_said_to_have_timed_out: Rpc::BatchAppend, Fault::CommitThenTimeOut;
    a_commit_that_is_never_answered: Rpc::BatchAppend, Fault::CommitThenSilence;
    a_commit_after_its_deadline:
        Rpc::BatchAppend, Fault::TimeOutThenCommit(Duration::from_millis(700));
    a_cut_before_the_commit: Rpc::BatchAppend, Fault::Cut;
    a_leader_that_nobody_knows: Rpc::BatchAppend, Fault::NotLeader(None);
    a_leader_where_nobody_listens:
        Rpc::BatchAppend, Fault::NotLeader(Some(([127, 0, 0, 1], 1).into()));
    an_append_that_waits_in_a_queue:
        Rpc::BatchAppend, Fault::Queue(Duration::from_millis(700));
    a_server_that_is_not_ready: Rpc::BatchAppend, Fault::NotReady;
    a_subscription_that_fails:
        Rpc::Subscribe, Fault::End { after_events: 5, ending: Ending::Error };
    a_subscription_that_ends_in_good_order:
        Rpc::Subscribe, Fault::End { after_events: 5, ending: Ending::Done };
    a_subscription_that_says_an_event_twice: Rpc::Subscribe, Fault::Twice { event: 3 };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_unavailable_for_a_while() {
    let cluster = Cluster::start();
    let address = cluster.address(0);
    storm(cluster, address, |cluster| {
        let faults = faults(cluster);
        let refused = faults.calls(Rpc::BatchAppend) + 5;
        for rpc in [Rpc::BatchAppend, Rpc::Read, Rpc::Subscribe, Rpc::ServerFeatures] {
            faults.always(rpc, Fault::NotReady);
        }
        // The first refusal makes the server connect anew, and that is refused, too.
        while faults.calls(Rpc::ServerFeatures) < 4 && faults.calls(Rpc::BatchAppend) < refused {
            std::thread::yield_now();
        }
        faults.clear();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_and_remembers_no_ids() {
    let cluster = Cluster::start();
    let address = cluster.address(0);
    storm(cluster, address, |cluster| {
        faults(cluster).next(Rpc::BatchAppend, Fault::CommitThenSilence);
        cluster.restart();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_leader_in_the_middle() {
    let cluster = Cluster::of(&[Role::Leader, Role::Follower]);
    let address = cluster.seeds(&[0, 1]);
    storm(cluster, address, |cluster| change_leader(cluster.devstore())).await;
}

fn change_leader(devstore: &Devstore) {
    devstore.elect(Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_election_during_which_nobody_leads() {
    let cluster = Cluster::of(&[Role::Leader, Role::Follower, Role::Follower]);
    let address = cluster.seeds(&[0, 1, 2]);
    storm(cluster, address, |cluster| {
        let devstore = cluster.devstore();
        let refused = devstore.faults().calls(Rpc::Read) + 9;
        devstore.elect(None);
        // Whoever looks for a leader asks each node by a read.
        while devstore.faults().calls(Rpc::Read) < refused {
            std::thread::yield_now();
        }
        devstore.elect(Some(2));
    })
    .await;
}

/// Its connections stay open, and only a new one finds another leader.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_frozen_while_another_one_is_elected() {
    let cluster = Cluster::of(&[Role::Leader, Role::Follower, Role::Follower]);
    let address = cluster.seeds(&[0, 1, 2]);
    storm(cluster, address, |cluster| {
        cluster.devstore().freeze_node(0, true);
        cluster.devstore().elect(Some(1));
    })
    .await;
}

/// The subscription stays where it is; the appends go to the new leader, and the node reads what they wrote.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_resigns_and_shows_what_comes_after_late() {
    let cluster = Cluster::of(&[Role::Leader, Role::Follower, Role::Follower]);
    let address = cluster.seeds(&[0, 1, 2]);
    storm(cluster, address, |cluster| {
        let devstore = cluster.devstore();
        devstore.act(Act::Resign, Duration::from_millis(200));
        devstore.hold_back(0, true);
        // A few orders later.
        let calls = devstore.faults().calls(Rpc::BatchAppend) + 5;
        while devstore.faults().calls(Rpc::BatchAppend) < calls {
            std::thread::yield_now();
        }
        devstore.hold_back(0, false);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_dies() {
    let cluster = Cluster::of(&[Role::Leader, Role::Follower, Role::Follower]);
    let address = cluster.seeds(&[0, 1, 2]);
    storm(cluster, address, |cluster| {
        cluster.devstore().kill_node(0);
        cluster.devstore().set_role(1, Role::Leader);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gossip_that_says_a_dead_leader_is_alive() {
    let cluster = Cluster::of(&[Role::Leader, Role::Follower]);
    let address = cluster.seeds(&[0, 1]);
    storm(cluster, address, |cluster| {
        let devstore = cluster.devstore();
        let member =
            |node: usize, role| Member { address: devstore.node_address(node), role, alive: true };
        let lie = vec![member(0, Role::Leader), member(1, Role::Follower)];
        for _ in 0..4 {
            faults(cluster).next(Rpc::Gossip, Fault::Gossip(lie.clone()));
        }
        devstore.kill_node(0);
        devstore.set_role(1, Role::Leader);
    })
    .await;
}
