//! An alert as it is told: in a list, and to a follower.

use crate::{
    events::{ClearedBecause, Signal},
    grpc::{alerts, convert, proto},
    reports::AlertLine,
};

pub(super) fn alert(line: AlertLine) -> proto::Alert {
    let because = |because| match because {
        ClearedBecause::Recovered => proto::ClearedBecause::Recovered,
        ClearedBecause::SaleOver => proto::ClearedBecause::SaleOver,
    };
    let end = line.cleared.as_ref();
    proto::Alert {
        alert_id: line.alert_id.to_string(),
        rule: line.rule,
        severity: alerts::severity(line.severity).into(),
        sale_id: line.sale_id.map(|id| id.to_string()).unwrap_or_default(),
        item_id: line.item_id.map(|id| id.to_string()).unwrap_or_default(),
        sku: line.sku,
        when: line.when,
        signals: line.signals.into_iter().map(signal).collect(),
        since_time: Some(convert::timestamp(line.since)),
        raised_time: Some(convert::timestamp(line.raised_at)),
        cleared_time: end.map(|end| convert::timestamp(end.at)),
        cleared_because: end
            .map_or(proto::ClearedBecause::Unspecified, |end| because(end.because))
            .into(),
        position: line.position.0,
        cleared_signals: line
            .cleared
            .map_or_else(Vec::new, |end| end.signals.into_iter().map(signal).collect()),
    }
}

fn signal(signal: Signal) -> proto::AlertSignal {
    proto::AlertSignal { name: signal.name, millionths: signal.millionths }
}
