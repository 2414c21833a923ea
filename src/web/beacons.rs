//! `POST /traffic`: beacons as JSON, from a shop's pages or from its servers.
//!
//! A page sends them with `navigator.sendBeacon` as `text/plain`, which every browser does without
//! asking first; so nothing here answers a preflight, and nothing needs a header of its own. The
//! form is in `docs/traffic.md`.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::{Value, json, value::RawValue};
use tokio::sync::Semaphore;

use super::{
    Limits,
    fields::{Fields, readable},
    json::say,
};
use crate::{
    actors::TrafficDesk,
    domain::beacon::{BEACONS_PER_MESSAGE_MAX, BeaconDraft, TrafficReceipt},
    events::TrafficAction,
    values::{Invalid, UnixMs},
};

/// Seconds after which beacons that were shed may be sent again.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// Where beacons come in.
pub(super) struct Inlet {
    desk: Arc<TrafficDesk>,
    /// Requests with beacons that are read or answered at a time.
    places: Semaphore,
    bytes_max: usize,
}

impl Inlet {
    pub(super) fn new(desk: Arc<TrafficDesk>, limits: Limits) -> Arc<Self> {
        let places = Semaphore::new(limits.beacons_at_once);
        Arc::new(Self { desk, places, bytes_max: limits.beacons_bytes_max })
    }
}

/// Takes the beacons of one request, and answers when those that were accepted are in the log.
pub(super) async fn take(
    State(inlet): State<Arc<Inlet>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let mut answer = match inlet.places.try_acquire() {
        Err(_) => later("too many at once"),
        Ok(_place) => taken(&inlet, &headers, body).await,
    };
    // There is nothing to read here that a page of another origin must not see.
    let anyone = HeaderValue::from_static("*");
    answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anyone);
    answer
}

async fn taken(inlet: &Inlet, headers: &HeaderMap, body: Body) -> Response {
    if !is_text_or_json(headers) {
        let why = json!({ "error": "content-type must be text/plain or application/json" });
        return say(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why);
    }
    let max = inlet.bytes_max;
    let said = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let said: Option<usize> = said.and_then(|length| length.parse().ok());
    if said.is_some_and(|length| length > max) {
        return too_large(max);
    }
    let Ok(bytes) = to_bytes(body, max).await else { return too_large(max) };
    let drafts = match drafts(&bytes) {
        Ok(drafts) => drafts,
        Err(invalid) => {
            let why = json!({ "error": invalid.to_string(), "field": invalid.field });
            return say(StatusCode::BAD_REQUEST, &why);
        }
    };
    let came = drafts.len() as u64;
    match inlet.desk.record(drafts).await {
        Ok(receipt) if receipt.switched_off == came && came > 0 => {
            later("no traffic is taken at the level of the service; selling goes on")
        }
        Ok(receipt) if receipt.shed == came && came > 0 => later("orders come first"),
        Ok(receipt) => say(StatusCode::OK, &counts(&receipt)),
        // The cause is in the server's log: it may name machines, which must not be disclosed here.
        Err(_fault) => later("the store is unavailable"),
    }
}

/// The content type of a page's simple request, or the proper one of other clients.
fn is_text_or_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return true };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    ["text/plain", "application/json"].iter().any(|known| kind.eq_ignore_ascii_case(known))
}

fn later(why: &str) -> Response {
    let mut answer = say(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": why }));
    answer.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
    answer
}

fn too_large(max: usize) -> Response {
    let why = json!({ "error": format!("the body must have at most {max} bytes") });
    say(StatusCode::PAYLOAD_TOO_LARGE, &why)
}

fn counts(receipt: &TrafficReceipt) -> Value {
    let refused = receipt.reasons().map(|(reason, refused)| {
        let problem = refused.problem.clone().within(&format!("beacons[{}]", refused.first));
        json!({
            "reason": reason.name(),
            "beacons": refused.beacons,
            "field": problem.field,
            "message": problem.to_string(),
        })
    });
    json!({
        "accepted": receipt.accepted,
        "duplicates": receipt.duplicates,
        "shed": receipt.shed,
        "switched_off": receipt.switched_off,
        "refused": refused.collect::<Vec<_>>(),
    })
}

/// The beacons of a body; one that is wrong is an error of its own.
fn drafts(body: &[u8]) -> Result<Vec<Result<BeaconDraft, Invalid>>, Invalid> {
    if body.starts_with(&[0xff, 0xfe]) || body.starts_with(&[0xfe, 0xff]) {
        return Err(Invalid::new("body", "is UTF-16, but JSON is sent as UTF-8"));
    }
    let body = readable(body);
    let body: &RawValue = serde_json::from_str(body.trim_start_matches('\u{feff}'))
        .map_err(|error| Invalid::new("body", format!("is not JSON: {error}")))?;
    let mut body = Fields::of(body, "body")?;
    let beacons = body.take("beacons").map(RawValue::get).unwrap_or_default();
    let beacons: Vec<&RawValue> =
        serde_json::from_str(beacons).map_err(|_| Invalid::new("beacons", "must be a list"))?;
    body.end()?;
    if beacons.len() > BEACONS_PER_MESSAGE_MAX {
        let problem = format!("must be at most {BEACONS_PER_MESSAGE_MAX}");
        return Err(Invalid::new("beacons", problem));
    }
    Ok(beacons.into_iter().map(draft).collect())
}

fn draft(beacon: &RawValue) -> Result<BeaconDraft, Invalid> {
    let mut fields = Fields::of(beacon, "beacon")?;
    let action = fields.text("action")?;
    let draft = BeaconDraft {
        beacon_id: fields.text("beacon_id")?,
        sale_id: fields.text("sale_id")?,
        item_id: fields.text("item_id")?,
        action: TrafficAction::ALL.into_iter().find(|known| known.name() == action),
        visitor: fields.text("visitor")?,
        channel: fields.text("channel")?,
        page: fields.text("page")?,
        age_band: fields.text("age_band")?,
        gender: fields.text("gender")?,
        region: fields.text("region")?,
        spending_tier: fields.text("spending_tier")?,
        time: time(fields.value("time")?)?,
    };
    fields.end()?;
    Ok(draft)
}

/// RFC 3339, or milliseconds since the Unix epoch as pages have them.
fn time(value: Option<Value>) -> Result<Option<UnixMs>, Invalid> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => UnixMs::parse("time", &text).map(Some),
        Some(Value::Number(number)) => {
            let ms = number.as_i64().ok_or_else(|| {
                Invalid::new("time", "must be whole milliseconds since 1970, or RFC 3339")
            })?;
            UnixMs(ms).checked("time").map(Some)
        }
        Some(Value::Bool(_) | Value::Array(_) | Value::Object(_)) => {
            Err(Invalid::new("time", "must be milliseconds since 1970, or RFC 3339"))
        }
    }
}
