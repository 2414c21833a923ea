//! Rules and planned curves as the API takes them.

use prost_types::Duration;

use crate::{
    events::{AlertRule, PlannedUnits},
    grpc::proto,
    values::{AlertSeverity, ServiceLevel},
};

pub(super) fn planned_units(point: PlannedUnits) -> proto::PlannedUnits {
    proto::PlannedUnits { after: Some(span(point.after_ms)), units: point.units }
}

pub(super) fn written(rule: AlertRule) -> proto::AlertRule {
    let severity = match rule.severity {
        AlertSeverity::Info => proto::AlertSeverity::Info,
        AlertSeverity::Warning => proto::AlertSeverity::Warning,
        AlertSeverity::Critical => proto::AlertSeverity::Critical,
    };
    proto::AlertRule {
        name: rule.name,
        when: rule.when,
        r#for: Some(span(rule.for_ms)),
        clear_when: rule.clear_when,
        clear_for: Some(span(rule.clear_for_ms)),
        severity: severity.into(),
        each_item: rule.each_item,
        opens_incident: rule.opens_incident,
        sets_level: rule.sets_level.map_or("", ServiceLevel::name).to_owned(),
        off: rule.off,
    }
}

/// Files say whole seconds.
fn span(ms: i64) -> Duration {
    Duration { seconds: ms / 1000, nanos: 0 }
}
