//! Rules and planned curves between protobuf and events. They are validated with their sale.

use crate::{
    events::{AlertRule, PlannedUnits},
    grpc::{convert, proto},
    values::{AlertSeverity, Invalid, ServiceLevel},
};

pub(in crate::grpc) fn curve(
    points: Vec<proto::PlannedUnits>,
) -> Result<Vec<PlannedUnits>, Invalid> {
    let point = |(index, point): (usize, proto::PlannedUnits)| {
        let field = format!("sale.curve[{index}].after");
        let after = convert::span_ms(&field, point.after)?;
        let after_ms = after.ok_or_else(|| Invalid::new(field, "is missing"))?;
        Ok(PlannedUnits { after_ms, units: point.units })
    };
    points.into_iter().enumerate().map(point).collect()
}

pub(in crate::grpc) fn planned_units(point: PlannedUnits) -> proto::PlannedUnits {
    proto::PlannedUnits { after: Some(convert::duration(point.after_ms)), units: point.units }
}

pub(in crate::grpc) fn rules(rules: Vec<proto::AlertRule>) -> Result<Vec<AlertRule>, Invalid> {
    let read = |(index, written): (usize, proto::AlertRule)| {
        rule(written).map_err(|invalid| invalid.within(&format!("sale.alerts[{index}]")))
    };
    rules.into_iter().enumerate().map(read).collect()
}

fn rule(rule: proto::AlertRule) -> Result<AlertRule, Invalid> {
    let severity = match rule.severity() {
        _ if proto::AlertSeverity::try_from(rule.severity).is_err() => {
            return Err(Invalid::new("severity", "is not one that this server knows"));
        }
        proto::AlertSeverity::Info => AlertSeverity::Info,
        proto::AlertSeverity::Unspecified | proto::AlertSeverity::Warning => AlertSeverity::Warning,
        proto::AlertSeverity::Critical => AlertSeverity::Critical,
    };
    let level = Some(rule.sets_level.as_str()).filter(|level| !level.is_empty());
    Ok(AlertRule {
        for_ms: convert::span_ms("for", rule.r#for)?.unwrap_or(0),
        clear_for_ms: convert::span_ms("clear_for", rule.clear_for)?.unwrap_or(0),
        sets_level: level.map(|level| ServiceLevel::parse("sets_level", level)).transpose()?,
        name: rule.name,
        when: rule.when,
        clear_when: rule.clear_when,
        severity,
        each_item: rule.each_item,
        opens_incident: rule.opens_incident,
        off: rule.off,
    })
}

pub(in crate::grpc) fn written(rule: AlertRule) -> proto::AlertRule {
    proto::AlertRule {
        name: rule.name,
        when: rule.when,
        r#for: Some(convert::duration(rule.for_ms)),
        clear_when: rule.clear_when,
        clear_for: Some(convert::duration(rule.clear_for_ms)),
        severity: severity(rule.severity).into(),
        each_item: rule.each_item,
        opens_incident: rule.opens_incident,
        sets_level: rule.sets_level.map_or("", ServiceLevel::name).to_owned(),
        off: rule.off,
    }
}

pub(in crate::grpc) fn severity(severity: AlertSeverity) -> proto::AlertSeverity {
    match severity {
        AlertSeverity::Info => proto::AlertSeverity::Info,
        AlertSeverity::Warning => proto::AlertSeverity::Warning,
        AlertSeverity::Critical => proto::AlertSeverity::Critical,
    }
}
