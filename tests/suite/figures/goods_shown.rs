//! The reports of prices and offers of the small priced sale as they are printed, as a table, CSV and JSON,
//! from a server and from a data directory, and over HTTP/JSON.

use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use super::goods::{Sale, priced_sale};
use crate::{http::failure, support::request_id};

fn doorbuster(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorbuster"));
    command.env_clear().stdin(Stdio::null()).args(arguments).output().unwrap()
}

fn printed(arguments: &[&str]) -> String {
    let output = doorbuster(arguments);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

/// The words of each line of a table; cells without text leave none.
fn words(table: &str) -> Vec<String> {
    table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_prints_both_reports_as_a_table_and_as_csv() {
    let Sale { shop, sale, phone, head, .. } = priced_sale().await;
    let server = format!("http://{}", shop.node.address());
    let head = head.to_string();
    let live = ["--server", &server, "--min-position", &head];
    let prices = ["report", "prices", &sale];
    let table = printed(&[&prices[..], &live].concat());
    let filled = ["2026-11-11T00:00:00.000Z", "2026-11-11T00:00:30.000Z"];
    assert_eq!(
        words(&table),
        [
            "SKU LADDER STEP TIME PRICE PRICE ORDERS PLACED PAID AMOUNT OF LEFT FILLED DISCOUNT REVENUE"
                .to_owned(),
            format!("phone 1 1 9.90 CNY 3 3 2 19.80 CNY 2 0 {}", filled[0]),
            format!("phone 1 2 12.90 CNY 2 2 1 12.90 CNY 2 0 {}", filled[1]),
            format!("phone 1 2 1 11.00 CNY 1 1 1 11.00 CNY 2 0 {}", filled[1]),
            "phone 1 1 11.00 CNY 1 2 2 22.00 CNY".to_owned(),
            "phone 2 1 13.90 CNY 0 0 0 0.00 CNY 5 5".to_owned(),
            "(all) 8 6 65.70 CNY 3.30 CNY 62.40 CNY".to_owned(),
        ]
    );
    let csv = printed(&[&prices[..], &live, &["--csv"]].concat());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines[0],
        "sku,ladder,step,time_price,price_minor,orders,placed,paid,amount_minor,of,left,filled,\
         discount_minor,revenue_minor,currency"
    );
    assert_eq!(lines[3], format!("phone,1,2,1,1100,1,1,1,1100,2,0,{},,,CNY", filled[1]));
    assert_eq!(lines[6], "(all),,,,,,8,6,6570,,,,330,6240,CNY");

    let offers = ["report", "offers", "--item", &phone];
    let table = printed(&[&offers[..], &live].concat());
    assert_eq!(
        words(&table),
        [
            "SKU OFFER ORDERS PAID DISCOUNT REVENUE AVERAGE WITH AVERAGE WITHOUT GIFT GIFTS HELD GIVEN \
             LEFT GIFT GONE",
            "phone strap 2 1 0.00 CNY 22.80 CNY 22.80 CNY 19.80 CNY STRAP 1 0 1 0 1",
            "phone ten 1 1 3.30 CNY 29.70 CNY 29.70 CNY 16.35 CNY 0 0 0 0 0",
        ]
    );
    let csv = printed(&[&offers[..], &live, &["--csv"]].concat());
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(
        lines,
        [
            "sku,offer,orders,paid,discount_minor,revenue_minor,average_with_minor,\
             average_without_minor,gift,gifts,held,given,left,gift_gone,currency",
            "phone,strap,2,1,0,2280,2280,1980,STRAP,1,0,1,0,1,CNY",
            "phone,ten,1,1,330,2970,2970,1635,,0,0,0,0,0,CNY",
        ]
    );

    let unknown = doorbuster(&[&["report", "prices", &request_id()], &live[..]].concat());
    assert_eq!(unknown.status.code(), Some(1));
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert!(said.contains("NOT_FOUND") && said.contains("sale_id"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_reports_are_the_same_from_a_server_and_from_a_directory() {
    let Sale { mut shop, sale, phone, bob, head, .. } = priced_sale().await;
    let server = format!("http://{}", shop.node.address());
    let [bob, head] = [bob, head].map(|position| position.to_string());
    let asked: [&[&str]; 4] = [
        &["prices", &sale, "--min-position", &head],
        &["offers", "--item", &phone, "--min-position", &head],
        &["prices", "--item", &phone, "--as-of", &bob],
        &["offers", &sale, "--as-of", &bob],
    ];
    let answer = |asked: &[&str], whence: [&str; 2]| -> Value {
        let told = printed(&[&["report"], asked, &whence, &["--json"]].concat());
        let mut told: Value = serde_json::from_str(&told).unwrap();
        told.as_object_mut().unwrap().remove("freshness").expect("it says how fresh it is");
        told
    };
    let served: Vec<Value> =
        asked.iter().map(|asked| answer(asked, ["--server", &server])).collect();
    let (total, ten) = (&served[0]["total"], &served[1]["offers"][1]);
    assert_eq!(total["revenue"], json!({ "amount_minor": 6_240, "currency_code": "CNY" }));
    assert_eq!((&total["units_paid"], &ten["orders_paid"]), (&json!(6), &json!(1)));
    let rows = |told: &Value, of: &str| told[of].as_array().unwrap().len();
    assert_eq!((rows(&served[2], "prices"), rows(&served[3], "offers")), (2, 2));
    shop.node.stop();
    let data = shop.node.data().to_str().unwrap();
    for (asked, served) in asked.iter().zip(served) {
        assert_eq!(answer(asked, ["--data", data]), served, "{asked:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_reports_are_answered_over_http() {
    let Sale { shop, sale, phone, head, .. } = priced_sale().await;
    let question = json!({ "saleId": sale, "minPosition": head });
    let (status, prices) = shop.call("ReportService/GetPriceFigures", &question).await;
    assert_eq!(status, 200, "{prices}");
    let money = |minor: &str| json!({ "currencyCode": "CNY", "amountMinor": minor });
    assert_eq!(
        prices["prices"][0],
        json!({
            "itemId": phone, "sku": "phone", "ladder": 1, "step": 1, "unitPrice": money("990"),
            "ordersPlaced": "3", "unitsPlaced": "3", "unitsPaid": "2", "amount": money("1980"),
            "stepUnits": "2", "stepLeftUnits": "0", "filledTime": "2026-11-11T00:00:00Z",
        })
    );
    assert_eq!(prices["total"]["revenue"], money("6240"));
    let (status, offers) = shop.call("ReportService/GetOfferFigures", &question).await;
    assert_eq!(status, 200, "{offers}");
    assert_eq!(
        offers["offers"][1],
        json!({
            "itemId": phone, "sku": "phone", "offer": "ten", "ordersPlaced": "1", "ordersPaid": "1",
            "discount": money("330"), "revenue": money("2970"), "averageWith": money("2970"),
            "averageWithout": money("1635"),
        })
    );
    for method in ["GetPriceFigures", "GetOfferFigures"] {
        let asked = json!({ "saleId": sale, "pageToken": "garbage!" });
        let (status, said) = shop.call(&format!("ReportService/{method}"), &asked).await;
        let (code, _, field) = failure(&said);
        assert_eq!(
            (status, code.as_str(), field.as_str()),
            (400, "invalid_argument", "page_token")
        );
    }
}
