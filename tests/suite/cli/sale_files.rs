//! Goal: a sale file becomes the sale its author meant, or one sentence about what is wrong with it.
//!
//! Method: one good file, and a table of what is changed in it and what is then said, word for word.
//! The clock stands still.

use doorbuster::{
    cli::sale_file,
    domain::sale::{Draft, DraftItem, plan},
    values::{RequestId, SaleId, UnixMs},
};

use super::{GOOD, NOW};

#[test]
fn a_good_sale_file_becomes_its_draft_with_warehouses_in_the_order_of_the_file() {
    let draft = Draft {
        name: "Night sale".to_owned(),
        currency_code: "CNY".to_owned(),
        opens_at: Some(UnixMs(1_794_326_400_000)),
        closes_at: Some(UnixMs(1_794_412_800_000)),
        items: vec![DraftItem {
            sku: "PHONE".to_owned(),
            title: "Phone".to_owned(),
            unit_price_minor: 199_900,
            opens_at: None,
            closes_at: None,
            limit_per_buyer: Some(2),
            limit_per_order: None,
            time_to_pay_ms: Some(900_000),
            units: vec![("west".to_owned(), 60), ("east".to_owned(), 40)],
            ..DraftItem::default()
        }],
        ..Draft::default()
    };
    let file = sale_file::parse("sale.toml", GOOD, NOW).unwrap();
    assert_eq!(file, sale_file::SaleFile { draft, relative: false });
}

#[test]
fn a_warehouse_can_name_the_supplier_of_its_units() {
    let supplied = |text: &str| GOOD.replacen("west = 60", text, 1);
    let text = supplied("west = { units = 60, supplier = \"acme\" }");
    let draft = sale_file::parse("sale.toml", &text, NOW).unwrap().draft;
    assert_eq!(draft.items[0].units, [("west".to_owned(), 60), ("east".to_owned(), 40)]);
    assert_eq!(draft.items[0].suppliers, [("west".to_owned(), "acme".to_owned())]);
    for (bad, field) in [
        ("west = { units = 60, supplier = \"\" }", "items[0].units.west.supplier"),
        ("west = { supplier = \"acme\" }", "items[0].units.west.units"),
        ("west = { units = 60, maker = \"acme\" }", "items[0].units.west.maker"),
        ("west = { units = 0, supplier = \"acme\" }", "items[0].units.west"),
    ] {
        let said = sale_file::parse("sale.toml", &supplied(bad), NOW).unwrap_err().to_string();
        assert!(said.contains(field), "{said}");
    }
}

#[test]
fn each_list_of_an_audience_is_judged_and_flags_need_the_gate() {
    let (sale, item) = GOOD.split_once("[[items]]").unwrap();
    let audience = "genders = [\"woman\"]\nneeds = [\"quiz\", \"booked\"]\nage_bands = [\"19\"]";
    let text =
        format!("{sale}[audience]\n{audience}\n[[items]]{item}[items.audience]\n{audience}\n");
    let said = sale_file::parse("sale.toml", &text, NOW).unwrap_err().to_string();
    let flags = "is [\"quiz\", \"booked\"], and admission flags need the gate, which this version does \
                 not have";
    for place in ["audience", "items[0].audience"] {
        for says in [
            format!("{place}.needs {flags}"),
            format!("{place}.genders[0] must be one of female, male, other, not \"woman\""),
            format!("{place}.age_bands[0] must be one of under-18, "),
        ] {
            assert!(said.contains(&says), "{says} is not in:\n{said}");
        }
    }
    assert!(said.starts_with("sale.toml has 6 problems:\n  line 8: audience.genders[0]"), "{said}");
}

#[test]
fn a_reserve_is_read_like_the_units_on_offer() {
    let text = format!("{GOOD}\n[items.reserve]\neast = 7\nsouth = 1\n");
    let file = sale_file::parse("sale.toml", &text, NOW).unwrap();
    let reserve = [("east".to_owned(), 7), ("south".to_owned(), 1)];
    assert_eq!(file.draft.items[0].reserve, reserve);
    // Without one a sale is the same to the log as it was before there were any.
    let request = RequestId(uuid::Uuid::nil());
    let fingerprint = |text: &str| {
        let draft = sale_file::parse("sale.toml", text, NOW).unwrap().draft;
        plan(request, draft, "olga".to_owned()).unwrap().act.fingerprint
    };
    assert_ne!(fingerprint(&text), fingerprint(GOOD));
    assert_ne!(fingerprint(&text), fingerprint(&text.replace("= 7", "= 8")));

    let none = text.replace("= 7", "= 0");
    let problem = sale_file::parse("sale.toml", &none, NOW).unwrap_err().to_string();
    assert!(problem.ends_with("items[0].reserve.east must be at least 1, not 0"), "{problem}");
}

#[test]
fn times_can_count_from_now() {
    let text = GOOD
        .replace("2026-11-11T00:00:00+08:00", "\"now\"")
        .replace("2026-11-12T00:00:00+08:00", "\"+90m\"");
    let file = sale_file::parse("sale.toml", &text, NOW).unwrap();
    assert_eq!(file.draft.opens_at, Some(NOW));
    assert_eq!(file.draft.closes_at, Some(NOW.plus(90 * 60_000)));
    assert!(file.relative);
}

#[test]
fn the_example_files_are_good() {
    sale_file::parse("examples/sale.toml", include_str!("../../../examples/sale.toml"), NOW)
        .unwrap();
    let page = include_str!("../../../docs/sale-file.md");
    let (_, example) = page.split_once("```toml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    sale_file::parse("docs/sale-file.md", example, NOW).unwrap();
}

#[test]
fn a_bad_sale_file_is_refused_with_one_sentence_that_names_line_and_key() {
    let long = "x".repeat(201);
    let table = [
        ("name = \"Night sale\"\n", "", "sale.toml: name is missing"),
        ("\"Night sale\"", "\"\"", "sale.toml, line 2: name is missing"),
        ("Night sale", long.as_str(), "sale.toml, line 2: name must have at most 200 characters"),
        (
            "Night sale",
            "Night\\u001bsale",
            "sale.toml, line 2: name must not contain control characters: it has U+001B ESCAPE",
        ),
        ("name =", "nam =", "sale.toml, line 2: nam is not a known key: did you mean name?"),
        (
            "name = \"Night sale\"",
            "name = 5",
            "sale.toml, line 2: name must be a text in quotes, not a whole number",
        ),
        (
            "\"CNY\"",
            "\"RMB\"",
            "sale.toml, line 3: currency is not an ISO 4217 currency code such as CNY",
        ),
        (
            "\"CNY\"",
            "\"\"",
            "sale.toml, line 3: currency is missing: it must be an ISO 4217 code such as CNY",
        ),
        (
            "2026-11-11T00:00:00+08:00",
            "2026-11-11T00:00:00",
            "sale.toml, line 4: opens_at has no offset from UTC: write for example 2026-11-11T00:00:00+08:00",
        ),
        (
            "2026-11-11T00:00:00+08:00",
            "\"tomorrow\"",
            "sale.toml, line 4: opens_at is not a time such as 2026-11-11T00:00:00+08:00 (RFC 3339)",
        ),
        (
            "2026-11-11T00:00:00+08:00",
            "\"+10 min\"",
            "sale.toml, line 4: opens_at must be a span such as +30s, +10m, +2h or +1d",
        ),
        (
            "2026-11-11T00:00:00+08:00",
            "1969-11-11T00:00:00Z",
            "sale.toml, line 4: opens_at must lie between the years 1970 and 9999",
        ),
        (
            "2026-11-11T00:00:00+08:00",
            "20261111",
            "sale.toml, line 4: opens_at must be a time, not a whole number",
        ),
        (
            "2026-11-12T00:00:00+08:00",
            "2026-11-10T00:00:00+08:00",
            "sale.toml, line 5: closes_at makes the window end (2026-11-09T16:00:00.000Z) before it starts (2026-11-10T16:00:00.000Z)",
        ),
        (
            "[[items]]",
            "[[article]]",
            "sale.toml has 2 problems:\n  line 7: article is not a known key: known are name, currency, opens_at, closes_at, items, goals, curve, alerts, regions, audience, coupons, limit_per_buyer, rewards\n  line 13: items must be a list of tables, not a table",
        ),
        ("[[items]]", "[items]", "sale.toml, line 7: items must be a list of tables, not a table"),
        ("\"PHONE\"", "\"\"", "sale.toml, line 8: items[0].sku is missing"),
        ("sku = \"PHONE\"\n", "", "sale.toml, line 7: items[0].sku is missing"),
        (
            "\"Phone\"",
            "\" Phone\"",
            "sale.toml, line 9: items[0].title must not start or end with white space",
        ),
        ("199900", "0", "sale.toml, line 10: items[0].unit_price_minor must be at least 1, not 0"),
        (
            "199900",
            "-5",
            "sale.toml, line 10: items[0].unit_price_minor must be at least 1, not -5",
        ),
        (
            "199900",
            "1999.00",
            "sale.toml, line 10: items[0].unit_price_minor must be a whole number, not a number with a fraction",
        ),
        (
            "199900",
            "1000000000001",
            "sale.toml, line 10: items[0].unit_price_minor must be at most 1000000000000, not 1000000000001",
        ),
        (
            "199900",
            "99999999999999999999",
            "sale.toml, line 10: items[0].unit_price_minor is too large a number",
        ),
        (
            "limit_per_buyer = 2",
            "limit_per_buyer = 0",
            "sale.toml, line 11: items[0].limit_per_buyer must be at least 1, not 0",
        ),
        (
            "limit_per_buyer = 2",
            "limit_per_order = -1",
            "sale.toml, line 11: items[0].limit_per_order must be at least 1, not -1",
        ),
        (
            "limit_per_buyer",
            "limit_per_byer",
            "sale.toml, line 11: items[0].limit_per_byer is not a known key: did you mean limit_per_buyer?",
        ),
        (
            "limit_per_buyer = 2",
            "closes_at = 2026-11-10T00:00:00Z",
            "sale.toml, line 11: items[0].closes_at makes the window end (2026-11-10T00:00:00.000Z) before it starts (2026-11-10T16:00:00.000Z)",
        ),
        (
            "limit_per_buyer = 2",
            "opens_at = 2026-11-10T23:59:59+08:00",
            "sale.toml, line 11: items[0].opens_at is 2026-11-10T15:59:59.000Z, before the sale opens (2026-11-10T16:00:00.000Z)",
        ),
        (
            "limit_per_buyer = 2",
            "closes_at = 2026-11-12T00:00:01+08:00",
            "sale.toml, line 11: items[0].closes_at is 2026-11-11T16:00:01.000Z, after the sale closes (2026-11-11T16:00:00.000Z)",
        ),
        (
            "\"PHONE\"",
            "\"PHO\\u061cNE\"",
            "sale.toml, line 8: items[0].sku must not contain marks that change the direction of writing: it has U+061C ARABIC LETTER MARK",
        ),
        (
            "east = 40",
            "\"ｗｅｓｔ\" = 40",
            "sale.toml, line 15: items[0].units.ｗｅｓｔ is \"ｗｅｓｔ\", which looks like \"west\": under NFKC both are the same",
        ),
        (
            "= 900",
            "= 0",
            "sale.toml, line 12: items[0].time_to_pay_seconds must be 1 second to 30 days",
        ),
        (
            "= 900",
            "= 2592001",
            "sale.toml, line 12: items[0].time_to_pay_seconds must be 1 second to 30 days",
        ),
        (
            "= 900",
            "= 9223372036854775807",
            "sale.toml, line 12: items[0].time_to_pay_seconds must be 1 second to 30 days",
        ),
        (
            "time_to_pay_seconds = 900\n",
            "",
            "sale.toml, line 7: items[0].time_to_pay_seconds is missing",
        ),
        (
            "west = 60\neast = 40\n",
            "",
            "sale.toml, line 13: items[0].units is missing: an item needs units in some warehouse",
        ),
        (
            "east = 40",
            "east = 0",
            "sale.toml, line 15: items[0].units.east must be at least 1, not 0",
        ),
        (
            "east = 40",
            "east = -40",
            "sale.toml, line 15: items[0].units.east must be at least 1, not -40",
        ),
        (
            "east = 40",
            "east = 1000000001",
            "sale.toml, line 15: items[0].units.east must be at most 1000000000, not 1000000001",
        ),
        (
            "east = 40",
            "east = \"40\"",
            "sale.toml, line 15: items[0].units.east must be a whole number, not a text",
        ),
        ("east = 40", "\"\" = 40", "sale.toml, line 15: items[0].units. is missing"),
    ];
    for (from, to, message) in table {
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{from} is not in the file");
        let complaint = sale_file::parse("sale.toml", &text, NOW).unwrap_err();
        assert_eq!(complaint.to_string(), message);
    }
    let (head, item) = GOOD.split_once("[[items]]").unwrap();
    let complaint = |text: &str| sale_file::parse("sale.toml", text, NOW).unwrap_err().to_string();
    assert_eq!(complaint(head), "sale.toml: items is missing: a sale needs at least one item");
    assert_eq!(
        complaint(&format!("{GOOD}[[items]]{item}")),
        "sale.toml, line 17: items[1].sku is \"PHONE\", as for an earlier item"
    );
    let wide = item.replace("PHONE", "ＰＨＯＮＥ");
    assert_eq!(
        complaint(&format!("{GOOD}[[items]]{wide}")),
        "sale.toml, line 17: items[1].sku is \"ＰＨＯＮＥ\", which looks like \"PHONE\": under NFKC both are \
         the same"
    );
    let places = |from: usize| (from..from + 60).map(|nth| format!("w{nth} = 1\n"));
    let (units, reserve): (String, String) = (places(0).collect(), places(50).collect());
    let text = GOOD.replace("west = 60\neast = 40\n", &units);
    assert_eq!(
        complaint(&format!("{text}[items.reserve]\n{reserve}")),
        "sale.toml, line 74: items[0].reserve and units together name 110 warehouses, more than 100"
    );
    assert_eq!(
        complaint(&GOOD.replace("199900", "1000000000000").replace("= 60", "= 1000000")),
        "sale.toml, line 10: items[0].unit_price_minor makes all units of the sale together worth \
         more than 10^18 minor units"
    );
}

#[test]
fn all_problems_of_a_file_are_told_at_once_each_with_its_line() {
    let bad = r#"
nam = "Night sale"
currency = "RMB"
opens_at = 2026-11-11T00:00:00
closes_at = 2026-11-12T00:00:00+08:00
[goals]
units = 0
new_buyers = "many"
[[alerts]]
name = "Low Stock"
when = "availble_units < 3"
for = "soon"
[[items]]
sku = ""
title = "Phone"
unit_price_minor = 1999.00
limit_per_buyer = 0
time_to_pay_seconds = 0
[items.units]
west = 0
east = "40"
[[items]]
sku = "CASE"
title = " Case"
unit_price_minor = -1
time_to_pay_seconds = 900
units = 4
"#;
    let told = sale_file::parse("sale.toml", bad, NOW).unwrap_err().to_string();
    let expected = "sale.toml has 17 problems:
  line 2: nam is not a known key: did you mean name?
  line 3: currency is not an ISO 4217 currency code such as CNY
  line 4: opens_at has no offset from UTC: write for example 2026-11-11T00:00:00+08:00
  line 7: goals.units must be at least 1, not 0
  line 8: goals.new_buyers must be a whole number, not a text
  line 10: alerts[0].name must have small letters, digits and _ only, such as low_stock
  line 11: alerts[0].when names availble_units at character 1, which is not a figure; did you mean available_units?
  line 12: alerts[0].for must be a span such as \"10s\", \"2m\" or \"1h\"
  line 14: items[0].sku is missing
  line 16: items[0].unit_price_minor must be a whole number, not a number with a fraction
  line 17: items[0].limit_per_buyer must be at least 1, not 0
  line 18: items[0].time_to_pay_seconds must be 1 second to 30 days
  line 20: items[0].units.west must be at least 1, not 0
  line 21: items[0].units.east must be a whole number, not a text
  line 24: items[1].title must not start or end with white space
  line 25: items[1].unit_price_minor must be at least 1, not -1
  line 27: items[1].units must be a table, not a whole number";
    assert_eq!(told, expected);
}

#[test]
fn a_plan_tells_every_field_apart_and_derives_ids_from_the_request() {
    let request = RequestId(uuid::Uuid::from_u128(7));
    let draft = sale_file::parse("sale.toml", GOOD, NOW).unwrap().draft;
    let planned = |draft: &Draft, operator: &str| {
        plan(request, draft.clone(), operator.to_owned()).unwrap().act.fingerprint
    };
    let first = plan(request, draft.clone(), "ann".to_owned()).unwrap();
    assert_eq!(first, plan(request, draft.clone(), "ann".to_owned()).unwrap());
    assert_eq!(first.items[0].item_id, SaleId::of_request(request).item_id("PHONE"));
    assert_eq!(first.items[0].opens_at_ms, first.opens_at_ms);

    let changes: [fn(&mut Draft); 14] = [
        |draft| draft.name.push('!'),
        |draft| draft.currency_code = "EUR".to_owned(),
        |draft| draft.opens_at = draft.opens_at.map(|at| at.plus(1)),
        |draft| draft.closes_at = draft.closes_at.map(|at| at.plus(1)),
        |draft| draft.items[0].sku.push('!'),
        |draft| draft.items[0].title.push('!'),
        |draft| draft.items[0].unit_price_minor += 1,
        |draft| draft.items[0].opens_at = draft.opens_at,
        |draft| draft.items[0].closes_at = draft.closes_at,
        |draft| draft.items[0].limit_per_buyer = None,
        |draft| draft.items[0].limit_per_order = Some(2),
        |draft| draft.items[0].time_to_pay_ms = Some(1_000),
        |draft| draft.items[0].units[0].1 += 1,
        |draft| draft.items[0].units.reverse(),
    ];
    let usual = planned(&draft, "ann");
    assert_ne!(usual, planned(&draft, "bob"));
    for (index, change) in changes.iter().enumerate() {
        let mut changed = draft.clone();
        change(&mut changed);
        assert_ne!(usual, planned(&changed, "ann"), "change {index}");
    }
}

#[test]
fn a_plan_names_fields_as_the_api_does() {
    let request = RequestId(uuid::Uuid::from_u128(7));
    let draft = sale_file::parse("sale.toml", GOOD, NOW).unwrap().draft;
    let complaint = |draft: Draft, operator: &str| {
        plan(request, draft, operator.to_owned()).unwrap_err().to_string()
    };
    assert_eq!(complaint(draft.clone(), ""), "operator is missing");
    assert_eq!(
        complaint(Draft { opens_at: None, ..draft.clone() }, "ann"),
        "sale.open_time is missing"
    );
    let mut long = draft.clone();
    let item = long.items[0].clone();
    let more = (0..10_000).map(|n| DraftItem { sku: format!("PHONE-{n:05}"), ..item.clone() });
    long.items = more.collect();
    assert_eq!(
        complaint(long.clone(), "ann"),
        "sale.items make the sale 2880252 bytes long in the log, more than 1000000: split it"
    );
    long.items.push(item);
    assert_eq!(complaint(long, "ann"), "sale.items must have at most 10000 items");
    let mut twice = draft;
    twice.items[0].units.push(("west".to_owned(), 1));
    assert_eq!(
        complaint(twice, "ann"),
        "sale.items[0].units[2].warehouse is \"west\", which was named before"
    );
}

#[test]
fn goals_are_read_exactly_and_wrong_ones_are_named() {
    let read = |goals: &str| {
        let text = format!("{GOOD}\n[goals]\n{goals}\n");
        sale_file::parse("sale.toml", &text, NOW).map_err(|complaint| complaint.to_string())
    };
    let goals = |text: &str| read(text).unwrap().draft.goals.unwrap();
    assert_eq!(goals("conversion = \"12.5%\"").conversion_ppm, Some(125_000));
    assert_eq!(goals("conversion = \"0.0001 %\"").conversion_ppm, Some(1));
    assert_eq!(goals("conversion_ppm = 125000").conversion_ppm, Some(125_000));
    let all = goals("units = 900\nrevenue_minor = 5\nnew_buyers = 1");
    assert_eq!((all.units, all.revenue_minor, all.new_buyers), (Some(900), Some(5), Some(1)));
    let wrong = [
        ("units = 0", "goals.units must be at least 1, not 0"),
        ("", "goals.units is missing, as is every other goal"),
        ("conversion = \"101%\"", "goals.conversion_ppm must be at most 1000000, not 1010000"),
        ("conversion = \"12,5%\"", "goals.conversion must be a percentage such as \"12.5%\""),
        ("conversion = \"1.00001%\"", "goals.conversion must be a percentage"),
        ("conversion = \"1%\"\nconversion_ppm = 1", "goals.conversion_ppm must not be given with"),
        ("profit = 1", "goals.profit is not a known key"),
    ];
    for (text, problem) in wrong {
        let complaint = read(text).unwrap_err();
        assert!(complaint.contains(problem), "{text}: {complaint}");
    }
}
