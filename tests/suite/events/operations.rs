//! Samples of what happens around the sales: alerts, incidents, wordings, levels.

use doorbuster::{
    events::{
        AlertCleared, AlertEvent, AlertRaised, ClearedBecause, DetectedBy, GivenUp,
        IncidentActionTaken, IncidentAssessed, IncidentDetected, IncidentEvent, IncidentResolved,
        IncidentReviewed, LevelSet, LossAccepted, NodeAnnounced, NodeEvent, NodeLeft, Position,
        ScriptEvent, ScriptPublished, ScriptWithdrawn, Signal,
    },
    values::{AlertId, AlertSeverity, IncidentSeverity, NodeId, ServiceLevel},
};

use super::{AT, ITEM, ORDER, SALE, act};

pub fn level() -> LevelSet {
    LevelSet {
        level: ServiceLevel::NoTraffic,
        before: ServiceLevel::Full,
        alert_id: Some(AlertId(ORDER.0)),
        act: act(),
        set_at_ms: AT,
    }
}

pub fn node_samples() -> Vec<NodeEvent> {
    let announced = NodeAnnounced {
        node_id: NodeId(ORDER.0),
        address: "node-1.example:7430".to_owned(),
        version: "0.1.0".to_owned(),
        wire: 1,
        started_at_ms: AT.plus(-1),
        announced_at_ms: AT,
    };
    let left = NodeLeft { node_id: announced.node_id, left_at_ms: AT };
    vec![NodeEvent::Announced(announced), NodeEvent::Left(left)]
}

pub fn loss() -> LossAccepted {
    LossAccepted {
        end: Position(40),
        known: Position(50),
        settles: vec![
            GivenUp {
                source: "log.witness".to_owned(),
                position: Position(50),
                event_id: Some(ORDER.0),
            },
            GivenUp { source: "log.witness".to_owned(), position: Position(40), event_id: None },
        ],
        reason: "\"磁盘\" – it broke".to_owned(),
        accepted_at_ms: AT,
    }
}

pub fn alert_samples() -> Vec<AlertEvent> {
    let signals = || vec![Signal { name: "available_units".to_owned(), millionths: 42_000_000 }];
    let raised = AlertRaised {
        alert_id: AlertId(ORDER.0),
        rule: "low_stock".to_owned(),
        severity: AlertSeverity::Warning,
        sale_id: Some(SALE),
        item_id: Some(ITEM),
        sku: "PHONE-256".to_owned(),
        when: "available_units < 0.1 * allocated_units".to_owned(),
        signals: signals(),
        since_ms: AT,
        raised_at_ms: AT,
    };
    let cleared = AlertCleared {
        alert_id: raised.alert_id,
        rule: raised.rule.clone(),
        sale_id: Some(SALE),
        item_id: Some(ITEM),
        because: ClearedBecause::Recovered,
        signals: signals(),
        cleared_at_ms: AT,
    };
    vec![AlertEvent::Raised(raised), AlertEvent::Cleared(cleared)]
}

pub fn incident_samples() -> Vec<IncidentEvent> {
    vec![
        IncidentEvent::Detected(IncidentDetected {
            sale_id: SALE,
            items: vec![ITEM],
            title: "付款变慢".to_owned(),
            detected_by: DetectedBy::Alert {
                alert_id: AlertId(ORDER.0),
                rule: "payments_late".to_owned(),
            },
            began_at_ms: AT,
            act: act(),
            detected_at_ms: AT,
        }),
        IncidentEvent::Assessed(IncidentAssessed {
            severity: IncidentSeverity::Major,
            impact: "buyers wait for their payments".to_owned(),
            owner: "li".to_owned(),
            act: act(),
            assessed_at_ms: AT,
        }),
        IncidentEvent::ActionTaken(IncidentActionTaken {
            action: "switched to the second provider".to_owned(),
            act: act(),
            taken_at_ms: AT,
        }),
        IncidentEvent::Resolved(IncidentResolved {
            ended_at_ms: AT,
            act: act(),
            resolved_at_ms: AT,
        }),
        IncidentEvent::Reviewed(IncidentReviewed {
            cause: "one provider only".to_owned(),
            lessons: "two from now on".to_owned(),
            act: act(),
            reviewed_at_ms: AT,
        }),
    ]
}

pub fn script_samples() -> Vec<ScriptEvent> {
    let (situation, language) = ("refusal.sold_out".to_owned(), "zh".to_owned());
    let published = ScriptPublished {
        situation: situation.clone(),
        language: language.clone(),
        version: 1,
        text: "很抱歉，{item_title} 已售罄。".to_owned(),
        act: act(),
        published_at_ms: AT,
    };
    let withdrawn =
        ScriptWithdrawn { situation, language, version: 2, act: act(), withdrawn_at_ms: AT };
    vec![ScriptEvent::Published(published), ScriptEvent::Withdrawn(withdrawn)]
}
