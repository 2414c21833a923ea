//! Goal: the stock of an item is moved and withdrawn over the network, with suppliers on record, and
//! bad input names its field. Method: a server and its public RPCs.

use doorbuster::grpc::proto::{
    self, RefusalReason, move_stock_response, set_audience_response, set_reserve_plan_response,
    withdraw_stock_response as withdrawn,
};
use tonic::Code;

use crate::support::{
    Node, assert_read_models_equal_a_rebuild, create_sale, item, order, refused, request_id,
};

fn moved(item: &str, from: &str, to: &str, units: i64) -> proto::MoveStockRequest {
    proto::MoveStockRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        from_warehouse: from.to_owned(),
        to_warehouse: to.to_owned(),
        units,
        new_warehouse: false,
        operator: "olga".to_owned(),
        reason: "the south buys more".to_owned(),
    }
}

fn withdraw(
    item: &str,
    warehouse: &str,
    units: i64,
    supplier: &str,
) -> proto::WithdrawStockRequest {
    proto::WithdrawStockRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        warehouse: warehouse.to_owned(),
        units,
        supplier: supplier.to_owned(),
        operator: "olga".to_owned(),
        reason: "damaged".to_owned(),
    }
}

fn field(status: &tonic::Status) -> (String, String) {
    use tonic_types::StatusExt as _;
    assert_eq!(status.code(), Code::InvalidArgument, "{status}");
    let details = status.get_error_details();
    let violation = &details.bad_request().unwrap().field_violations[0];
    (violation.field.clone(), violation.description.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn units_move_and_leave_and_the_read_models_follow() {
    let mut node = Node::start().await;
    let mut phone = item("phone", &[("north", 6), ("south", 1)]);
    phone.suppliers = vec![proto::WarehouseSupplier {
        warehouse: "north".to_owned(),
        supplier: "acme".to_owned(),
    }];
    let (_, items) = node.sale(vec![phone]).await;
    node.place(&items[0], "ann", 3).await.unwrap();

    let answer = node.items().move_stock(moved(&items[0], "north", "south", 2)).await.unwrap();
    let answer = answer.into_inner();
    let Some(move_stock_response::Outcome::Item(shown)) = answer.outcome else { panic!() };
    assert_eq!((shown.allocated_units, shown.available_units), (7, 4));
    assert_eq!(shown.available_by_warehouse[1].units, 3);

    let more = node.items().withdraw_stock(withdraw(&items[0], "north", 2, "acme")).await.unwrap();
    let Some(withdrawn::Outcome::Refusal(no)) = more.into_inner().outcome else { panic!() };
    assert_eq!(no.reason(), RefusalReason::NotEnoughFree);
    assert_eq!(no.available_units, Some(1), "those of the warehouse");
    assert!(no.message.ends_with("It has 1."), "{}", no.message);

    let gone = node.items().withdraw_stock(withdraw(&items[0], "south", 3, "acme")).await.unwrap();
    let Some(withdrawn::Outcome::Item(shown)) = gone.into_inner().outcome else { panic!() };
    assert_eq!((shown.allocated_units, shown.available_units, shown.held_units), (4, 1, 3));
    let acme = &shown.suppliers[0];
    assert_eq!((acme.allocated_units, acme.withdrawn_units), (6, 3));
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_moves_and_suppliers_name_their_field_and_both_values() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("north", 6), ("south", 1)])]).await;
    let phone = &items[0];
    for (bad, names, says) in [
        (moved(phone, "north", "north", 1), "to_warehouse", "and so is from_warehouse"),
        (moved(phone, "north", "south", 0), "units", "not 0"),
        (moved(phone, "west", "south", 1), "from_warehouse", "\"west\""),
        (moved(phone, "north", "west", 1), "to_warehouse", "\"west\""),
        (moved(phone, "", "south", 1), "from_warehouse", ""),
    ] {
        let (field, problem) = field(&node.items().move_stock(bad).await.unwrap_err());
        assert_eq!(field, names);
        assert!(problem.contains(says), "{problem}");
    }
    for (bad, names, says) in [
        (withdraw(phone, "west", 1, ""), "warehouse", "\"west\""),
        (withdraw(phone, "north", 0, ""), "units", "not 0"),
        (withdraw(phone, "north", 1, "acme"), "supplier", "\"acme\""),
    ] {
        let (field, problem) = field(&node.items().withdraw_stock(bad).await.unwrap_err());
        assert_eq!(field, names);
        assert!(problem.contains(says), "{problem}");
    }
    let shown = node.item(phone).await;
    assert_eq!((shown.allocated_units, shown.available_units), (7, 7), "nothing happened");
}

fn members(tiers: &[&str]) -> proto::Audience {
    let member_tiers = tiers.iter().map(|&tier| tier.to_owned()).collect();
    proto::Audience { member_tiers, ..proto::Audience::default() }
}

fn needs(flags: &[&str]) -> proto::Audience {
    let needs = flags.iter().map(|&flag| flag.to_owned()).collect();
    proto::Audience { needs, ..proto::Audience::default() }
}

fn set_audience(item: &str, audience: proto::Audience) -> proto::SetAudienceRequest {
    proto::SetAudienceRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        audience: Some(audience),
        operator: "olga".to_owned(),
        reason: "members first".to_owned(),
    }
}

fn step(below: i64, release: i64, from: &[&str]) -> proto::ReserveStep {
    proto::ReserveStep {
        below_units: below,
        release_units: release,
        from: from.iter().map(|&name| name.to_owned()).collect(),
        action: proto::ReserveAction::Release.into(),
    }
}

fn set_plan(item: &str, steps: Vec<proto::ReserveStep>) -> proto::SetReservePlanRequest {
    proto::SetReservePlanRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        steps,
        operator: "olga".to_owned(),
        reason: "demand is there".to_owned(),
    }
}

fn sale_draft(items: Vec<proto::ItemDraft>) -> proto::SaleDraft {
    create_sale(items).sale.unwrap()
}

async fn created(node: &Node, draft: proto::SaleDraft) -> Vec<String> {
    let request = proto::CreateSaleRequest { sale: Some(draft), ..create_sale(Vec::new()) };
    let sale = node.sales().create_sale(request).await.unwrap().into_inner().sale.unwrap();
    sale.items.into_iter().map(|item| item.item_id).collect()
}

fn in_reserve(warehouse: &str, units: i64) -> proto::WarehouseUnits {
    proto::WarehouseUnits { warehouse: warehouse.to_owned(), units }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_is_for_its_audience_and_an_item_can_have_its_own() {
    let mut node = Node::start().await;
    let mut lamp = item("lamp", &[("north", 5)]);
    lamp.audience = Some(proto::Audience::default());
    let draft = proto::SaleDraft {
        audience: Some(members(&["gold"])),
        ..sale_draft(vec![item("phone", &[("north", 5)]), lamp])
    };
    let items = created(&node, draft).await;
    let by = |item: &str, tier: &str| proto::PlaceOrderRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        buyer: "ann".to_owned(),
        units: 1,
        shopper: Some(proto::Shopper { member_tier: tier.to_owned(), ..Default::default() }),
        ..Default::default()
    };
    let place = async |request| node.purchases().place_order(request).await.unwrap().into_inner();
    order(&place(by(&items[0], "gold")).await);
    assert_eq!(refused(&place(by(&items[0], "silver")).await), RefusalReason::NotEligible);
    assert_eq!(refused(&place(by(&items[0], "")).await), RefusalReason::NotEligible);
    order(&place(by(&items[1], "")).await);

    let set = node.items().set_audience(set_audience(&items[0], members(&["silver"]))).await;
    let Some(set_audience_response::Outcome::Item(shown)) = set.unwrap().into_inner().outcome
    else {
        panic!("refused")
    };
    assert_eq!(shown.audience, Some(members(&["silver"])));
    order(&place(by(&items[0], "silver")).await);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn regions_and_the_reserve_plan_of_a_sale_work_from_its_draft() {
    let mut node = Node::start().await;
    let mut phone = item("phone", &[("north", 5), ("south", 2)]);
    phone.reserve = vec![in_reserve("south", 4)];
    phone.reserve_plan = vec![step(6, 3, &["south"])];
    let draft = proto::SaleDraft {
        regions: vec![proto::Region {
            name: "coast".to_owned(),
            warehouses: vec!["south".to_owned()],
        }],
        ..sale_draft(vec![phone])
    };
    let items = created(&node, draft).await;
    let request = proto::PlaceOrderRequest {
        request_id: request_id(),
        item_id: items[0].clone(),
        buyer: "ann".to_owned(),
        units: 2,
        region: "coast".to_owned(),
        ..Default::default()
    };
    let placed = node.purchases().place_order(request.clone()).await.unwrap().into_inner();
    order(&placed);
    let shown = node.item(&items[0]).await;
    let available: Vec<i64> = shown.available_by_warehouse.iter().map(|at| at.units).collect();
    assert_eq!(available, [5, 3], "the south gave two and got three of its reserve");
    assert_eq!(shown.reserve_units, 1);
    let again = node.purchases().place_order(request).await.unwrap().into_inner();
    assert_eq!((again.revision, again.position), (placed.revision, placed.position));

    let plan = set_plan(&items[0], vec![step(1, 1, &[])]);
    let set = node.items().set_reserve_plan(plan).await.unwrap().into_inner();
    let Some(set_reserve_plan_response::Outcome::Item(shown)) = set.outcome else { panic!() };
    assert_eq!(shown.reserve_plan, [step(1, 1, &[])]);
    node.stop();
    assert_read_models_equal_a_rebuild(node.data());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sale_with_a_bad_audience_region_or_plan_is_not_created() {
    let node = Node::start().await;
    let phone = || {
        let mut phone = item("phone", &[("north", 5), ("south", 2)]);
        phone.reserve = vec![in_reserve("south", 4)];
        phone
    };
    let with = |change: &dyn Fn(&mut proto::SaleDraft, usize)| {
        let mut draft = sale_draft(vec![phone()]);
        change(&mut draft, 0);
        draft
    };
    let region = |name: &str, warehouses: &[&str]| proto::Region {
        name: name.to_owned(),
        warehouses: warehouses.iter().map(|&name| name.to_owned()).collect(),
    };
    let bands = |band: &str| proto::Audience {
        age_bands: vec![band.to_owned()],
        ..proto::Audience::default()
    };
    for (draft, names, says) in [
        (
            with(&|draft, _| draft.audience = Some(bands("19"))),
            "sale.audience.age_bands[0]",
            "\"19\"",
        ),
        (
            with(&|draft, at| draft.items[at].audience = Some(bands("20-30"))),
            "sale.items[0].audience.age_bands[0]",
            "\"20-30\"",
        ),
        (
            with(&|draft, _| draft.audience = Some(needs(&["quiz", "booked"]))),
            "sale.audience.needs",
            "is [\"quiz\", \"booked\"], and admission flags need the gate, which this version does",
        ),
        (
            with(&|draft, at| draft.items[at].audience = Some(needs(&["booked"]))),
            "sale.items[0].audience.needs",
            "is [\"booked\"], and admission flags need the gate",
        ),
        (
            with(&|draft, _| draft.regions = vec![region("coast", &["west"])]),
            "sale.regions[0].warehouses[0]",
            "\"west\"",
        ),
        (
            with(&|draft, _| draft.regions = vec![region("coast", &[])]),
            "sale.regions[0].warehouses",
            "not 0",
        ),
        (
            with(&|draft, _| {
                draft.regions = vec![region("coast", &["south"]), region("coast", &["north"])];
            }),
            "sale.regions[1].name",
            "regions[0]",
        ),
        (
            with(&|draft, at| draft.items[at].reserve_plan = vec![step(5, 9, &[])]),
            "sale.items[0].reserve_plan[0].release_units",
            "is 9, and 4 units",
        ),
        (
            with(&|draft, at| draft.items[at].reserve_plan = vec![step(0, 1, &[])]),
            "sale.items[0].reserve_plan[0].below_units",
            "not 0",
        ),
        (
            with(&|draft, at| draft.items[at].reserve_plan = vec![step(5, 1, &["west"])]),
            "sale.items[0].reserve_plan[0].from[0]",
            "\"west\"",
        ),
        (with(&|draft, at| draft.items[at].draw = 7), "sale.items[0].draw", "not 7"),
        (
            with(&|draft, at| {
                draft.items[at].suppliers = vec![proto::WarehouseSupplier {
                    warehouse: "west".to_owned(),
                    supplier: "acme".to_owned(),
                }];
            }),
            "sale.items[0].suppliers[0].warehouse",
            "\"west\"",
        ),
    ] {
        let request = proto::CreateSaleRequest { sale: Some(draft), ..create_sale(Vec::new()) };
        let (field, problem) = field(&node.sales().create_sale(request).await.unwrap_err());
        assert_eq!(field, names);
        assert!(problem.contains(says), "{names}: {problem}");
    }
    let all = proto::ListSalesRequest { min_position: u64::MAX, ..Default::default() };
    let listed = node.sales().list_sales(all).await.unwrap().into_inner();
    assert!(listed.sales.is_empty(), "nothing was appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_audiences_and_plans_of_an_item_name_their_field() {
    let node = Node::start().await;
    let (_, items) = node.sale(vec![item("phone", &[("north", 6)])]).await;
    let bad = proto::Audience { genders: vec!["woman".to_owned()], ..Default::default() };
    let wrong = node.items().set_audience(set_audience(&items[0], bad)).await.unwrap_err();
    assert_eq!(field(&wrong).0, "audience.genders[0]");
    let wrong = set_audience(&items[0], needs(&["quiz"]));
    let (named, problem) = field(&node.items().set_audience(wrong).await.unwrap_err());
    assert_eq!(named, "audience.needs");
    assert!(problem.contains("is [\"quiz\"], and admission flags need the gate"), "{problem}");
    for (steps, names) in [
        (vec![step(5, 1, &[])], "steps[0].release_units"),
        (vec![step(5, 0, &[])], "steps[0].release_units"),
        (vec![step(5, 1, &["north", "north"])], "steps[0].from[1]"),
        (vec![step(5, 1, &[]); 21], "steps"),
    ] {
        let wrong = node.items().set_reserve_plan(set_plan(&items[0], steps)).await.unwrap_err();
        assert_eq!(field(&wrong).0, names);
    }
    let shown = node.item(&items[0]).await;
    assert_eq!((shown.audience, shown.reserve_plan), (None, Vec::new()));
}
