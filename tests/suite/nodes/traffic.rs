//! Beacons where several nodes write, and where orders need the node: through the gate that holds
//! what is written to items.

use std::collections::HashSet;

use doorbuster::{
    events::{Event, Recorded, StreamName, decode},
    grpc::proto,
    values::SaleId,
};

use super::pair::{Pair, until_answered};
use crate::support::{Node, PATIENCE, beacon, create_sale, item, order, place};

fn ids(events: &[Recorded]) -> Vec<uuid::Uuid> {
    let traffic = events.iter().map(|event| match decode(event).unwrap() {
        Event::Traffic(traffic) => traffic,
        other => panic!("{other:?}"),
    });
    traffic.flat_map(|traffic| traffic.unpack_beacons().unwrap()).map(|beacon| beacon.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_of_one_sale_that_come_to_both_nodes_are_all_in_the_log_once() {
    let pair = Pair::start().await;
    let create = create_sale(vec![item("phone", &[("east", 9)])]);
    let sale = until_answered!(pair.nodes[0].sales(), create_sale, create).sale.unwrap();
    let item_id = &sale.items[0].item_id;
    let mut sent = HashSet::new();
    for round in 0..20 {
        let batch = |node: usize| -> Vec<_> {
            (0..30).map(|n| beacon(item_id, &format!("v-{node}-{round}-{n}"))).collect()
        };
        let (a, b) = (batch(0), batch(1));
        sent.extend(a.iter().chain(&b).map(|beacon| beacon.beacon_id.clone()));
        let (one, other) = tokio::join!(pair.nodes[0].record(a.clone()), pair.nodes[1].record(b));
        assert_eq!((one.unwrap().accepted, other.unwrap().accepted), (30, 30));
        assert_eq!(pair.nodes[0].record(a).await.unwrap().duplicates, 30);
    }
    let found = ids(&pair.events("TrafficRecorded").await);
    assert_eq!(found.len(), sent.len());
    assert_eq!(found.iter().map(ToString::to_string).collect::<HashSet<_>>(), sent);
    pair.judge().await;
}

/// Sends beacons until they are not shed, and gives how many were new. A node that sheds them for one
/// command in a queue also does so for its own: it tells items again what their sale said.
async fn once_taken(node: &Node, beacons: Vec<proto::Beacon>) -> i64 {
    let taken = async {
        loop {
            let receipt = node.record(beacons.clone()).await.unwrap();
            if receipt.shed == 0 {
                return receipt.accepted;
            }
        }
    };
    tokio::time::timeout(PATIENCE, taken).await.expect("the queue is empty in the end")
}

#[tokio::test(flavor = "multi_thread")]
async fn while_orders_wait_beacons_are_shed_and_no_order_waits_for_one() {
    let pair = Pair::start_with(|config| config.traffic_shed_at_commands = 1).await;
    let create = create_sale(vec![item("phone", &[("east", 9)])]);
    let sale = until_answered!(pair.nodes[0].sales(), create_sale, create).sale.unwrap();
    let item_id = sale.items[0].item_id.clone();
    let node = &pair.nodes[0];
    assert_eq!(once_taken(node, vec![beacon(&item_id, "ann")]).await, 1);

    let before = pair.stores[0].came();
    pair.stores[0].hold();
    let mut purchases = node.purchases();
    let request = place(&item_id, "ann", 1);
    let ordering = tokio::spawn(async move { purchases.place_order(request).await });
    pair.stores[0].more_came_than(before).await;
    let beacons: Vec<_> = (0..50).map(|n| beacon(&item_id, &format!("v-{n}"))).collect();
    let receipt = node.record(beacons.clone()).await.unwrap();
    assert_eq!((receipt.accepted, receipt.shed), (0, 50));
    pair.stores[0].release();
    order(&ordering.await.unwrap().unwrap().into_inner());

    // What was shed is sent again as it was.
    assert_eq!(once_taken(node, beacons).await, 50);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_wait_for_a_store_that_is_away_within_their_bound_and_are_written_when_it_is_back()
{
    let pair = Pair::start_with(|config| config.traffic_waiting_max = 100).await;
    let create = create_sale(vec![item("phone", &[("east", 9)])]);
    let sale = until_answered!(pair.nodes[0].sales(), create_sale, create).sale.unwrap();
    let item_id = sale.items[0].item_id.clone();
    let node = &pair.nodes[0];
    assert_eq!(node.record(vec![beacon(&item_id, "ann")]).await.unwrap().accepted, 1);
    pair.stores[0].set_away(true);
    let batch = |who: &str| -> Vec<_> {
        (0..100).map(|n| beacon(&item_id, &format!("{who}-{n}"))).collect()
    };
    // There is room for one of them: the other is shed at once.
    let (one, other) = (Box::pin(node.record(batch("a"))), Box::pin(node.record(batch("b"))));
    let (first, waiting) = futures_util::future::select(one, other).await.factor_first();
    assert_eq!(first.unwrap().shed, 100);
    pair.stores[0].set_away(false);
    assert_eq!(waiting.await.unwrap().accepted, 100);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn while_beacons_have_waited_for_more_than_a_minute_no_others_are_taken() {
    let pair = Pair::start().await;
    let create = create_sale(vec![item("phone", &[("east", 9)])]);
    let sale = until_answered!(pair.nodes[0].sales(), create_sale, create).sale.unwrap();
    let item_id = sale.items[0].item_id.clone();
    let node = &pair.nodes[0];
    assert_eq!(node.record(vec![beacon(&item_id, "ann")]).await.unwrap().accepted, 1);
    pair.stores[0].set_away(true);
    let waiting = vec![beacon(&item_id, "bob")];
    let (mut client, message) =
        (node.traffic(), proto::RecordTrafficRequest { beacons: waiting.clone() });
    let answer =
        tokio::spawn(async move { client.record_traffic(tokio_stream::once(message)).await });
    pair.stores[0].beacons_are_turned_away().await;
    node.advance(61);
    assert_eq!(node.record(vec![beacon(&item_id, "cyd")]).await.unwrap().shed, 1);
    // Its id is forgotten by now, but it has not been written yet.
    node.advance(600);
    assert_eq!(node.record(waiting).await.unwrap().shed, 1);
    pair.stores[0].set_away(false);
    assert_eq!(answer.await.unwrap().unwrap().into_inner().accepted, 1);
    assert_eq!(ids(&pair.events("TrafficRecorded").await).len(), 2);
    pair.judge().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_of_a_stream_that_cannot_be_read_hold_no_place_of_others() {
    let pair = Pair::start_with(|config| config.traffic_waiting_max = 10).await;
    let mut items = Vec::new();
    for _ in 0..2 {
        let create = create_sale(vec![item("phone", &[("east", 9)])]);
        let sale = until_answered!(pair.nodes[0].sales(), create_sale, create).sale.unwrap();
        items.push((SaleId::parse("sale", &sale.sale_id).unwrap(), sale.items[0].item_id.clone()));
    }
    let ten = |of: usize| (0..10).map(|n| beacon(&items[of].1, &format!("v-{n}"))).collect();
    pair.stores[0].damage(StreamName::traffic(items[0].0));
    let node = &pair.nodes[0];
    for _ in 0..3 {
        assert_eq!(node.record(ten(0)).await.unwrap().shed, 10);
    }
    assert_eq!(node.record(ten(1)).await.unwrap().accepted, 10);
    pair.judge().await;
}
