//! Goal: where operators have tokens, steering needs one and uses its operator's name, and no token
//! is ever shown. Method: files that are read, and calls over gRPC with and without a token.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use doorbuster::{
    admission::{Operators, read_token},
    grpc::proto,
};
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::support::{Node, create_sale, item, place, request_id};

const OLGA: &str = "f3Zq7mXw9TtB2cLs";
const MING: &str = "q8Rk2vNd4HyJ6pWe";

fn write(file: &Path, text: &str, mode: u32) {
    fs::write(file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

fn read(text: &str) -> Result<Operators, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("operators");
    write(&file, text, 0o600);
    Operators::read(&file)
        .map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

#[test]
fn a_token_is_known_by_whose_it_is() {
    let text = format!("# who\n\nolga {OLGA}\n  ming\t{MING}  \nolga another-token-of-olga\n");
    let operators = read(&text).unwrap();
    assert_eq!(operators.who(OLGA), Some("olga"));
    assert_eq!(operators.who(MING), Some("ming"));
    assert_eq!(operators.who("another-token-of-olga"), Some("olga"));
    for wrong in ["", "olga", "f3Zq7mXw9TtB2cL", "f3Zq7mXw9TtB2cLs ", "F3ZQ7MXW9TTB2CLS"] {
        assert_eq!(operators.who(wrong), None, "{wrong}");
    }
    assert!(!operators.is_empty());
    assert!(Operators::none().is_empty());
    assert_eq!(Operators::none().who(OLGA), None);
}

#[test]
fn no_token_is_shown() {
    let shown = format!("{:?}", read(&format!("olga {OLGA}\n")).unwrap());
    assert_eq!(shown, "[\"olga\"]");
}

#[test]
fn a_wrong_file_is_refused_with_its_line_and_without_its_text() {
    for (text, expected) in [
        ("", "operators names no operator: write lines of a name and a token"),
        ("# nobody\n", "operators names no operator: write lines of a name and a token"),
        (
            "\nsecretsecretsecret\n",
            "operators line 2: must be a name and a token, with white space between them",
        ),
        (
            "olga secretsecretsecret more\n",
            "operators line 1: must be a name and a token, with white space between them",
        ),
        ("olga secret\n", "operators line 1: the token must have 16 to 256 characters"),
        (
            "olga secretsecretsecr\u{e9}t\n",
            "operators line 1: the token must be of ASCII letters, digits and signs",
        ),
        (
            "olga secretsecretsecret\nming secretsecretsecret\n",
            "operators line 2: has a token that stands in an earlier line",
        ),
    ] {
        let error = read(text).unwrap_err();
        assert_eq!(error, expected);
        assert!(!error.contains("secret"), "{error}");
    }
}

#[test]
fn a_file_that_everybody_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("operators");
    for mode in [0o644, 0o604, 0o602] {
        write(&file, &format!("olga {OLGA}\n"), mode);
        let error = Operators::read(&file).unwrap_err().to_string();
        assert!(error.ends_with("by other users: chmod 600 it"), "{error}");
        assert!(read_token(&file).is_err());
    }
    write(&file, &format!("{OLGA}\nnot read\n"), 0o640);
    assert_eq!(read_token(&file).unwrap(), OLGA);
    assert!(Operators::read(&directory.path().join("none")).is_err());
}

fn with<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

fn reason(status: &tonic::Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

fn pause(item: &str, operator: &str) -> proto::PauseItemRequest {
    proto::PauseItemRequest {
        request_id: request_id(),
        item_id: item.to_owned(),
        operator: operator.to_owned(),
        reason: "price is wrong".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_nobody_reads_is_no_name_and_stands_in_nobodys_way() {
    let node = Node::start().await;
    let plan = create_sale(vec![item("phone", &[("north", 3)])]);
    let created = node.sales().create_sale(with(plan, OLGA)).await.unwrap().into_inner();
    let id = created.sale.unwrap().items[0].item_id.clone();
    let paused = node.items().pause_item(with(pause(&id, ""), OLGA)).await.unwrap().into_inner();
    let refused = node.items().pause_item(pause(&id, "")).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument, "without a token there must be a name");
    let acts =
        proto::ListActsRequest { item_id: id, min_position: paused.position, ..Default::default() };
    let acts = node.reports().list_acts(acts).await.unwrap().into_inner().acts;
    assert!(acts.iter().any(|act| act.operator == "unknown"), "{acts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_steers_without_a_token_where_operators_have_them() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("operators");
    write(&file, &format!("olga {OLGA}\nming {MING}\n"), 0o600);
    let node = Node::start_with(|config| config.operators_file = Some(file.clone())).await;

    let unknown = (Code::Unauthenticated, "OPERATOR_UNKNOWN".to_owned());
    let plan = create_sale(vec![item("phone", &[("north", 3)])]);
    let refused = node.sales().create_sale(plan.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), unknown);
    let refused = node.sales().create_sale(with(plan.clone(), "wrong-wrong-wrong")).await;
    assert_eq!(reason(&refused.unwrap_err()), unknown);

    let sale = node.sales().create_sale(with(plan, OLGA)).await.unwrap().into_inner();
    let created = sale.sale.unwrap();
    let id = created.items[0].item_id.clone();
    let refused = node.items().pause_item(pause(&id, "olga")).await.unwrap_err();
    assert_eq!(reason(&refused), unknown);
    let mut request = Request::new(pause(&id, "olga"));
    request.metadata_mut().insert("authorization", OLGA.parse().unwrap());
    assert_eq!(reason(&node.items().pause_item(request).await.unwrap_err()), unknown);

    let another = node.items().pause_item(with(pause(&id, "olga"), MING)).await.unwrap_err();
    assert_eq!(reason(&another), (Code::PermissionDenied, "OPERATOR_MISMATCH".to_owned()));
    assert!(!another.message().contains(MING));
    assert_eq!(node.item(&id).await.phase(), proto::ItemPhase::Open, "nothing was done");

    // Buyers need no token.
    node.purchases().place_order(place(&id, "ann", 1)).await.unwrap();
    node.items().pause_item(with(pause(&id, ""), MING)).await.unwrap();
    assert_eq!(node.item(&id).await.phase(), proto::ItemPhase::Paused);
    let acts = proto::ListActsRequest {
        sale_id: created.sale_id,
        min_position: sale.position,
        ..Default::default()
    };
    let acts = node.reports().list_acts(acts).await.unwrap().into_inner().acts;
    assert!(acts.iter().any(|act| act.operator == "olga"), "{acts:?}");
}
