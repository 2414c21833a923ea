//! What a shop calls its orders, between protobuf and the domain.

use crate::{
    domain::references, events::OrderReferences, grpc::proto::OrderLabel, values::Invalid,
};

pub(in crate::grpc) fn references(
    shop_order_id: String,
    labels: Vec<OrderLabel>,
) -> Result<OrderReferences, Invalid> {
    let labels = labels.into_iter().map(|OrderLabel { name, value }| (name, value)).collect();
    references::checked(shop_order_id, labels)
}

pub(in crate::grpc) fn shown_references(references: OrderReferences) -> (String, Vec<OrderLabel>) {
    let OrderReferences { shop_order_id, labels } = references;
    let labels = labels.into_iter().map(|(name, value)| OrderLabel { name, value }).collect();
    (shop_order_id, labels)
}
