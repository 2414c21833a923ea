//! Metrics of observation: raised alerts and webhook deliveries.

use prometheus_client::{
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use super::{
    DeliveryResult, Label, Severity,
    register::{Labels, series},
};
use crate::values::number_of;

/// What is counted of alerts.
pub(super) struct Watch {
    firing: Vec<Gauge>,
    deliveries: Vec<Counter>,
}

impl Watch {
    pub(super) fn new(registry: &mut Registry) -> Self {
        let family: Family<Labels<1>, Gauge> = Family::default();
        let of = |severity: &Severity| family.get_or_create_owned(&[("severity", severity.name())]);
        let firing = Severity::ALL.iter().map(of).collect();
        registry.register(
            "doorbuster_alerts_firing",
            "Alerts that are raised, as this node sees it",
            family,
        );
        let deliveries = series::<DeliveryResult>(
            registry,
            "result",
            "doorbuster_webhook_deliveries",
            "Deliveries to the webhook that were tried, by what became of them",
        );
        Self { firing, deliveries }
    }

    pub(super) fn alerts_firing(&self, severity: Severity, alerts: usize) {
        self.firing[severity.place()].set(number_of(alerts));
    }

    pub(super) fn delivery(&self, result: DeliveryResult) {
        self.deliveries[result.place()].inc();
    }
}
