//! Events around the sales: alerts, incidents, wordings of customer service, the service level, nodes. The
//! events of each stream have a required order.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{
    auditor::Event,
    bodies::{
        AlertCleared, AlertRaised, IncidentActionTaken, IncidentAssessed, IncidentDetected,
        IncidentResolved, IncidentReviewed, LevelSet, LossAccepted, ScriptPublished,
        ScriptWithdrawn,
    },
    chain, nodes,
};

/// The id of streams that there is one of for the whole service.
const SERVICE: Uuid = Uuid::from_u128(0x2247887c_52f15f68_a2fbcd4d_b1f239f8);

const LEVELS: [&str; 5] = ["full", "no_traffic", "no_board_detail", "core_only", "closed"];

type Say<'a> = &'a mut dyn FnMut(String);

/// What is remembered of one of these streams.
pub(super) struct OperationsBook {
    id: Uuid,
    kind: Kind,
    /// Requests that made an event here.
    requests: HashSet<Uuid>,
    last_at_ms: i64,
}

enum Kind {
    /// Alerts by id; whether each is still raised, and which rule raised it.
    Alerts(HashMap<Uuid, (bool, String)>),
    Incident(Stage),
    /// The version in force, and whether it was published rather than withdrawn.
    Script(i64, bool),
    Level(String),
    /// What happened to the log itself.
    Log,
    /// The nodes that are announced.
    Nodes(nodes::Nodes),
}

/// How far an incident has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Nothing,
    Detected { began_ms: i64 },
    Resolved,
    Reviewed,
}

/// The book of a stream of that category, if it is one of these.
pub(super) fn book(category: &str, id: Uuid) -> Option<OperationsBook> {
    let kind = match category {
        "alert" => Kind::Alerts(HashMap::new()),
        "incident" => Kind::Incident(Stage::Nothing),
        "script" => Kind::Script(0, false),
        "level" => Kind::Level(LEVELS[0].to_owned()),
        "log" => Kind::Log,
        "node" => Kind::Nodes(nodes::Nodes::default()),
        _ => return None,
    };
    Some(OperationsBook { id, kind, requests: HashSet::new(), last_at_ms: 0 })
}

impl OperationsBook {
    /// Applies an event; `say` is told what is wrong with it.
    pub(super) fn apply(
        &mut self,
        event: &Event<'_>,
        say: Say<'_>,
    ) -> Result<(), serde_json::Error> {
        match &self.kind {
            Kind::Alerts(_) => self.alert(event, say),
            Kind::Incident(stage) => {
                let stage = *stage;
                self.incident(event, stage, say)
            }
            Kind::Script(version, published) => {
                let before = (*version, *published);
                self.script(event, before, say)
            }
            Kind::Level(_) => self.level(event, say),
            Kind::Log => self.log(event, say),
            Kind::Nodes(_) => self.node(event, say),
        }
    }

    fn alert(&mut self, event: &Event<'_>, say: Say<'_>) -> Result<(), serde_json::Error> {
        let (alert, rule, sale, raised, at_ms) = match event.kind {
            "AlertRaised" => {
                let raised: AlertRaised<'_> = serde_json::from_slice(event.data)?;
                // The revision tells this time from all earlier ones.
                let item = raised.item_id.map_or_else(String::new, |item| item.0.to_string());
                let name = format!("{}/{item}/{}", raised.rule, event.revision);
                if raised.alert_id.0 != Uuid::new_v5(&self.id, name.as_bytes()) {
                    say("the alert does not have the id of its rule and place".to_owned());
                }
                if raised.since_ms > raised.raised_at_ms {
                    say("an alert is raised before its condition began to hold".to_owned());
                }
                let sale = raised.sale_id.map(|id| id.0);
                (raised.alert_id.0, raised.rule, sale, true, raised.raised_at_ms)
            }
            "AlertCleared" => {
                let cleared: AlertCleared<'_> = serde_json::from_slice(event.data)?;
                let sale = cleared.sale_id.map(|id| id.0);
                (cleared.alert_id.0, cleared.rule, sale, false, cleared.cleared_at_ms)
            }
            kind => {
                say(format!("no event of alerts is called {kind:?}"));
                return Ok(());
            }
        };
        self.time(event, at_ms, say);
        let made = if raised { alert } else { Uuid::new_v5(&alert, b"cleared") };
        if !event.has_id(made) {
            say(format!("the event id is not the one that alert {alert} makes"));
        }
        event.check_story(self.id, alert, say);
        if sale.unwrap_or(SERVICE) != self.id {
            say(format!("alert {alert} stands in the stream of another sale"));
        }
        let Kind::Alerts(alerts) = &mut self.kind else { return Ok(()) };
        match (alerts.get_mut(&alert), raised) {
            (None, true) => {
                alerts.insert(alert, (true, rule.into_owned()));
            }
            (Some(_), true) => say(format!("alert {alert} is raised twice")),
            (Some((up, by)), false) => {
                if !*up {
                    say(format!("alert {alert} is cleared twice"));
                }
                if *by != rule {
                    say(format!("alert {alert} of rule {by:?} is cleared by rule {rule:?}"));
                }
                *up = false;
            }
            (None, false) => say(format!("alert {alert} is cleared but was never raised")),
        }
        Ok(())
    }

    fn incident(
        &mut self,
        event: &Event<'_>,
        stage: Stage,
        say: Say<'_>,
    ) -> Result<(), serde_json::Error> {
        let (request, at_ms, next) = match event.kind {
            "IncidentDetected" => {
                let detected: IncidentDetected<'_> = serde_json::from_slice(event.data)?;
                let request = detected.act.request_id.0;
                if self.id != Uuid::new_v5(&request, b"incident") {
                    let made = "the incident's id is not the one that request";
                    say(format!("{made} {request} makes"));
                }
                if detected.began_at_ms > detected.detected_at_ms {
                    say("an incident is detected before it began".to_owned());
                }
                let next = Stage::Detected { began_ms: detected.began_at_ms };
                (request, detected.detected_at_ms, next)
            }
            "IncidentAssessed" => {
                let assessed: IncidentAssessed<'_> = serde_json::from_slice(event.data)?;
                if !["minor", "major", "critical"].contains(&assessed.severity.as_ref()) {
                    say(format!("no incident is {:?}", assessed.severity));
                }
                (assessed.act.request_id.0, assessed.assessed_at_ms, stage)
            }
            "IncidentActionTaken" => {
                let taken: IncidentActionTaken<'_> = serde_json::from_slice(event.data)?;
                (taken.act.request_id.0, taken.taken_at_ms, stage)
            }
            "IncidentResolved" => {
                let resolved: IncidentResolved = serde_json::from_slice(event.data)?;
                if resolved.ended_at_ms > resolved.resolved_at_ms {
                    say("an incident is resolved before it ended".to_owned());
                }
                if matches!(stage, Stage::Detected { began_ms } if resolved.ended_at_ms < began_ms)
                {
                    say("an incident ends before it began".to_owned());
                }
                (resolved.act.request_id.0, resolved.resolved_at_ms, Stage::Resolved)
            }
            "IncidentReviewed" => {
                let reviewed: IncidentReviewed<'_> = serde_json::from_slice(event.data)?;
                (reviewed.act.request_id.0, reviewed.reviewed_at_ms, Stage::Reviewed)
            }
            kind => {
                say(format!("no event of an incident is called {kind:?}"));
                return Ok(());
            }
        };
        self.act(event, request, self.id, at_ms, say);
        if let Some(problem) = misplaced(event.kind, stage) {
            say(problem.to_owned());
        }
        self.kind = Kind::Incident(next.max(stage));
        Ok(())
    }

    fn script(
        &mut self,
        event: &Event<'_>,
        (before, was_published): (i64, bool),
        say: Say<'_>,
    ) -> Result<(), serde_json::Error> {
        let (situation, language, version, request, at_ms, published) = match event.kind {
            "ScriptPublished" => {
                let e: ScriptPublished<'_> = serde_json::from_slice(event.data)?;
                let request = e.act.request_id.0;
                (e.situation, e.language, e.version, request, e.published_at_ms, true)
            }
            "ScriptWithdrawn" => {
                let e: ScriptWithdrawn<'_> = serde_json::from_slice(event.data)?;
                let request = e.act.request_id.0;
                (e.situation, e.language, e.version, request, e.withdrawn_at_ms, false)
            }
            kind => {
                say(format!("no event of a wording is called {kind:?}"));
                return Ok(());
            }
        };
        self.act(event, request, self.id, at_ms, say);
        let name = format!("{situation}/{language}");
        if self.id != Uuid::new_v5(&SERVICE, name.as_bytes()) {
            say(format!("the wording for {name} stands in the stream of another"));
        }
        if Some(version) != before.checked_add(1) {
            say(format!("version {version} follows version {before}"));
        }
        if !published && !was_published {
            say("a wording is withdrawn that was not published".to_owned());
        }
        self.kind = Kind::Script(version, published);
        Ok(())
    }

    fn level(&mut self, event: &Event<'_>, say: Say<'_>) -> Result<(), serde_json::Error> {
        if event.kind != "LevelSet" {
            say(format!("no event of the level is called {:?}", event.kind));
            return Ok(());
        }
        let set: LevelSet<'_> = serde_json::from_slice(event.data)?;
        if self.id != SERVICE {
            say("there is one stream of levels, and this is another".to_owned());
        }
        let story = set.alert_id.map_or(self.id, |alert| alert.0);
        self.act(event, set.act.request_id.0, story, set.set_at_ms, say);
        for level in [&set.level, &set.before] {
            if !LEVELS.contains(&level.as_ref()) {
                say(format!("no level is called {level:?}"));
            }
        }
        let Kind::Level(last) = &mut self.kind else { return Ok(()) };
        if *last != set.before {
            say(format!("the level before was {last:?}, not {:?}", set.before));
        }
        *last = set.level.into_owned();
        Ok(())
    }

    fn log(&mut self, event: &Event<'_>, say: Say<'_>) -> Result<(), serde_json::Error> {
        if event.kind != "LossAccepted" {
            say(format!("no event of the log itself is called {:?}", event.kind));
            return Ok(());
        }
        let accepted: LossAccepted<'_> = serde_json::from_slice(event.data)?;
        let (end, known) = (accepted.end, accepted.known);
        let name = format!("loss/{}/{end}/{known}", event.revision);
        let made = Uuid::new_v5(&SERVICE, name.as_bytes());
        if !event.has_id(made) {
            say("the event id is not the one of the loss that was accepted".to_owned());
        }
        event.check_story(SERVICE, made, say);
        if self.id != SERVICE {
            say("there is one stream of the log itself, and this is another".to_owned());
        }
        if accepted.settles.is_empty() || accepted.reason.is_empty() {
            say("a loss is accepted without saying which, or why".to_owned());
        }
        let beyond = accepted.settles.iter().map(|given_up| given_up.position).max();
        if beyond.is_some_and(|position| position > known) {
            say(format!("more is given up than the {known} that was known"));
        }
        self.time(event, accepted.accepted_at_ms, say);
        Ok(())
    }

    fn node(&mut self, event: &Event<'_>, say: Say<'_>) -> Result<(), serde_json::Error> {
        let Kind::Nodes(nodes) = &mut self.kind else { return Ok(()) };
        let Some((node, at_ms)) = nodes.apply(event, say)? else { return Ok(()) };
        if self.id != SERVICE {
            say("there is one stream of nodes, and this is another".to_owned());
        }
        let name = format!("roll/{}", event.revision);
        if !event.has_id(Uuid::new_v5(&node, name.as_bytes())) {
            say(format!("the event id is not the one that node {node} makes"));
        }
        event.check_story(node, node, say);
        self.time(event, at_ms, say);
        Ok(())
    }

    /// Checks for every event that was caused by a request.
    fn act(&mut self, event: &Event<'_>, request: Uuid, story: Uuid, at_ms: i64, say: Say<'_>) {
        if !event.has_id(chain::sale_event_id(self.id, request)) {
            say(format!("the event id is not the one that request {request} makes"));
        }
        event.check_story(story, request, say);
        if !self.requests.insert(request) {
            say(format!("request id {request} is used twice"));
        }
        self.time(event, at_ms, say);
    }

    fn time(&mut self, event: &Event<'_>, at_ms: i64, say: Say<'_>) {
        self.last_at_ms = event.check_time(at_ms, self.last_at_ms, false, say);
    }
}

/// Why a step of an incident cannot stand there.
fn misplaced(kind: &str, stage: Stage) -> Option<&'static str> {
    match (kind, stage) {
        ("IncidentDetected", Stage::Nothing) => None,
        ("IncidentDetected", _) => Some("the incident is detected twice"),
        (_, Stage::Nothing) => Some("the incident does not begin with its detection"),
        (_, Stage::Reviewed) => Some("the incident goes on after its review"),
        ("IncidentResolved", Stage::Resolved) => Some("the incident is resolved twice"),
        ("IncidentReviewed", Stage::Detected { .. }) => {
            Some("the incident is reviewed before it is resolved")
        }
        (_, _) => None,
    }
}
