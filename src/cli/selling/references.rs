//! What a shop calls an order: flags, and how it is shown.

use std::str::FromStr;

use crate::{
    cli::failure::Failure,
    domain::references,
    grpc::proto::{Order, OrderLabel},
};

#[derive(Debug, clap::Args)]
pub struct References {
    /// The shop's own id of the order, at most 64 characters; it can be found by it
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    shop_order_id: String,
    /// What the order can be found by, too; may be given up to 10 times. Name and value have 1 to 64
    /// characters
    #[arg(long = "label", value_name = "NAME=VALUE")]
    labels: Vec<Label>,
}

/// A label as it is written: the name ends at the first `=`.
#[derive(Debug, Clone)]
pub struct Label(pub OrderLabel);

impl FromStr for Label {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
        Ok(Self(OrderLabel { name: name.to_owned(), value: value.to_owned() }))
    }
}

impl References {
    /// The id and the labels, checked as the server does.
    pub fn checked(&self) -> Result<(String, Vec<OrderLabel>), Failure> {
        let given = || self.labels.iter().map(|Label(label)| label.clone());
        let labels = given().map(|OrderLabel { name, value }| (name, value)).collect();
        let flag = |mut invalid: crate::values::Invalid| {
            invalid.field = match invalid.field.as_str() {
                "shop_order_id" => "--shop-order-id".to_owned(),
                field => field.replace("labels", "--label"),
            };
            invalid
        };
        references::checked(self.shop_order_id.clone(), labels).map_err(flag)?;
        Ok((self.shop_order_id.clone(), given().collect()))
    }
}

/// Labels on one line.
pub fn label_text(labels: &[OrderLabel]) -> String {
    let each = labels.iter().map(|label| format!("{}={}", label.name, label.value));
    each.collect::<Vec<_>>().join("; ")
}

/// What the shop calls an order; nothing where it gave no references.
pub fn rows(order: &Order) -> Vec<(&'static str, String)> {
    let rows = [("shop order", order.shop_order_id.clone()), ("labels", label_text(&order.labels))];
    rows.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}
