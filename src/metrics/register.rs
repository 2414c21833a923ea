//! Registers gauges and families of counters.

use std::sync::atomic::AtomicU64;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::Label;

/// One label and its value.
pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A gauge of seconds.
pub(super) type Seconds = Gauge<f64, AtomicU64>;

pub(super) fn gauge(registry: &mut Registry, name: &str, about: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, about, gauge.clone());
    gauge
}

/// One counter for each value of that label.
pub(super) fn series<L: Label>(
    registry: &mut Registry,
    label: &'static str,
    name: &str,
    about: &str,
) -> Vec<Counter> {
    let family: Family<Labels<1>, Counter> = Family::default();
    let values = L::ALL.iter().map(|value| [(label, value.name())]);
    let counters = values.map(|labels| family.get_or_create_owned(&labels)).collect();
    registry.register(name, about, family);
    counters
}
