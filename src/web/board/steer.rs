//! Steering from the board: JSON in, what came of it out.
//!
//! Every write names its request, its reason and a token; the operator on the record is whose token
//! it is. A server without a file of operators cannot be steered from here, because clients would
//! be unauthenticated. Tokens are never in cookies, so no other page can make a browser send one.

use std::{fmt, sync::Arc};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::{get, post},
};
use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value, json};

use super::Board;
use crate::{
    actors::Fault,
    admission::TokenRefused,
    domain::{
        Misdirected,
        item::{self, ItemCommand, ItemOutcome, ItemView, Steer, SteerAction},
        sale::{SaleOutcome, SteerSale},
        service_level::{ServiceLevelOutcome, SetServiceLevel},
    },
    events::Position,
    values::{Invalid, ItemId, RequestId, SaleId, ServiceLevel, bounded_prose},
    web::json::say,
};

/// Bytes of a body.
const BODY_BYTES_MAX: usize = 16 * 1024;

/// Longest reason, in characters, as over gRPC.
const REASON_CHARS_MAX: usize = 500;

/// What changes something.
pub(super) fn routes() -> Router<Arc<Board>> {
    Router::new()
        .route("/whoami", get(whoami))
        .route("/sales/{sale_id}/steer", post(steer_sale))
        .route("/items/{item_id}/steer", post(steer_item))
        .route("/items/{item_id}/warehouses", get(warehouses))
        .route("/level", post(set_level))
}

/// Why nothing was done, as it is answered.
type Refused = Box<Response>;

/// The fields of a write that are not taken yet.
pub(super) struct Fields(Map<String, Value>);

/// What every write says.
pub(super) struct Written {
    pub(super) request_id: RequestId,
    pub(super) operator: String,
    pub(super) reason: String,
}

/// Whose token it is.
async fn whoami(State(board): State<Arc<Board>>, headers: HeaderMap) -> Response {
    match operator(&board, &headers) {
        Ok(operator) => say(StatusCode::OK, &json!({ "operator": operator })),
        Err(refused) => *refused,
    }
}

async fn steer_item(
    State(board): State<Arc<Board>>,
    Path(item_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let steered = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let item = ItemId::parse("item_id", &item_id)?;
        let action = SteerAction::named(&fields.text("action")?, &mut fields)?;
        let new_warehouse = fields.flag("new_warehouse")?;
        fields.done()?;
        let Written { request_id, operator, reason } = written;
        let steer = Steer { request_id, operator, reason, action, new_warehouse };
        let asked = board.parts.items.ask(item.0, ItemCommand::Steer(steer), None).await?;
        match asked.outcome {
            ItemOutcome::Item(_) => Ok(done(asked.revision, asked.position)),
            ItemOutcome::Refused { refusal, .. } => Ok(refused(refusal.sentence())),
            ItemOutcome::Misdirected(why) => Err(NotDone::Misdirected(why)),
            ItemOutcome::Order(_) => Err(NotDone::Fault(Fault::Stopping)),
        }
    };
    steered.await.unwrap_or_else(NotDone::answer)
}

/// The warehouses that an act can name, as the item knows them now. To ask wakes the item, so it
/// takes a token.
async fn warehouses(
    State(board): State<Arc<Board>>,
    Path(item_id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let asked = async {
        operator(&board, &headers).map_err(NotDone::Refused)?;
        let item = ItemId::parse("item_id", &item_id)?;
        let asked = board.parts.items.ask(item.0, ItemCommand::Show, None).await?;
        match asked.outcome {
            ItemOutcome::Item(view) => Ok(say(StatusCode::OK, &places(&view))),
            ItemOutcome::Misdirected(why) => Err(NotDone::Misdirected(why)),
            ItemOutcome::Refused { .. } | ItemOutcome::Order(_) => {
                Err(NotDone::Fault(Fault::Stopping))
            }
        }
    };
    asked.await.unwrap_or_else(NotDone::answer)
}

/// Name, available units and reserve of each warehouse, in the order in which orders draw from them.
fn places(view: &ItemView) -> Value {
    let reserve = |warehouse: &str| {
        let found = view.reserve_by_warehouse.iter().find(|at| at.warehouse == warehouse);
        found.map_or(0, |at| at.units)
    };
    let places = view.available_by_warehouse.iter().map(|at| {
        json!({
            "warehouse": at.warehouse,
            "available": at.units,
            "reserve": reserve(&at.warehouse),
        })
    });
    json!({ "warehouses": places.collect::<Value>() })
}

async fn steer_sale(
    State(board): State<Arc<Board>>,
    Path(sale_id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let steered = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let sale = SaleId::parse("sale_id", &sale_id)?;
        let action = fields.text("action")?;
        fields.done()?;
        let Written { request_id, operator, reason } = written;
        let sales = &board.parts.sales;
        let steer = SteerSale { request_id, operator, reason };
        let asked = match action.as_str() {
            "pause" => sales.pause(sale, steer, None).await?,
            "resume" => sales.resume(sale, steer, None).await?,
            "close" => sales.close(sale, steer, None).await?,
            _ => return Err(Invalid::new("action", "must be one of pause, resume, close").into()),
        };
        match asked.outcome {
            SaleOutcome::Sale(_) => Ok(done(asked.revision, asked.position)),
            SaleOutcome::Refused(refusal) => Ok(refused(refusal.sentence())),
            SaleOutcome::Misdirected(why) => Err(NotDone::Misdirected(why)),
        }
    };
    steered.await.unwrap_or_else(NotDone::answer)
}

async fn set_level(State(board): State<Arc<Board>>, headers: HeaderMap, body: Body) -> Response {
    let set = async {
        let (written, mut fields) = read(&board, &headers, body).await?;
        let level = ServiceLevel::parse("level", &fields.text("level")?)?;
        fields.done()?;
        let Written { request_id, operator, reason } = written;
        let set =
            SetServiceLevel { request_id, level, expected: None, by_alert: None, operator, reason };
        let asked = board.parts.levels.set(set, None).await?;
        match asked.outcome {
            ServiceLevelOutcome::Level(_) => Ok(done(asked.revision, asked.position)),
            ServiceLevelOutcome::NotExpected(view) => {
                Ok(refused(&format!("the level is {} by now", view.level)))
            }
            ServiceLevelOutcome::Misdirected(why) => Err(NotDone::Misdirected(why)),
        }
    };
    set.await.unwrap_or_else(NotDone::answer)
}

/// Reads a write: who, why, under which request, and what else it says.
pub(super) async fn read(
    board: &Board,
    headers: &HeaderMap,
    body: Body,
) -> Result<(Written, Fields), NotDone> {
    comes_from_here(headers).map_err(NotDone::Refused)?;
    let operator = operator(board, headers).map_err(NotDone::Refused)?;
    let Ok(bytes) = to_bytes(body, BODY_BYTES_MAX).await else {
        let why = format!("the body must have at most {BODY_BYTES_MAX} bytes");
        let answer = say(StatusCode::PAYLOAD_TOO_LARGE, &json!({ "error": why }));
        return Err(NotDone::Refused(Box::new(answer)));
    };
    let mut fields = Fields::parse(&bytes)?;
    let request_id = RequestId::parse("request_id", &fields.text("request_id")?)?;
    let reason = fields.text("reason")?;
    bounded_prose("reason", &reason, REASON_CHARS_MAX)?;
    Ok((Written { request_id, operator, reason }, fields))
}

/// Whose token a request carries.
fn operator(board: &Board, headers: &HeaderMap) -> Result<String, Refused> {
    let operators = &board.parts.operators;
    if operators.is_empty() {
        return Err(unknown(
            "this board is read-only: its server has no operators_file, so there are no tokens",
        ));
    }
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let announced = operators.announced(authorization, board.parts.clock.now());
    announced.map(str::to_owned).map_err(|why| {
        board.parts.metrics.token_refused(why.into());
        unknown(match why {
            TokenRefused::Missing => {
                "steering needs a token: authorization: Bearer TOKEN; without one the board is \
                 read-only"
            }
            TokenRefused::Wrong => {
                "this token is no operator's: the server's operators_file does not name it"
            }
        })
    })
}

fn unknown(why: &str) -> Refused {
    let mut answer = say(StatusCode::UNAUTHORIZED, &json!({ "error": why }));
    answer.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    Box::new(answer)
}

/// Refuses what another page makes a browser send, and what is not JSON.
fn comes_from_here(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if let Some(origin) = headers.get(header::ORIGIN) {
        // A proxy may terminate TLS; name and port are the same nevertheless.
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
        let same = origin.zip(text(header::HOST)).is_some_and(|((_, origin), host)| origin == host);
        if !same {
            let why = "a page of another origin cannot steer";
            return Err(Box::new(say(StatusCode::FORBIDDEN, &json!({ "error": why }))));
        }
    }
    let kind = text(header::CONTENT_TYPE).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if kind.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let why = json!({ "error": "content-type must be application/json" });
    Err(Box::new(say(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why)))
}

pub(super) fn done(revision: u64, position: Position) -> Response {
    say(StatusCode::OK, &json!({ "revision": revision, "position": position.0 }))
}

/// A business "no".
pub(super) fn refused(sentence: &str) -> Response {
    say(StatusCode::CONFLICT, &json!({ "error": sentence }))
}

/// Why a write came to nothing.
pub(super) enum NotDone {
    Invalid(Invalid),
    Misdirected(Misdirected),
    Fault(Fault),
    Refused(Refused),
}

impl NotDone {
    pub(super) fn answer(self) -> Response {
        match self {
            Self::Invalid(invalid) => {
                let why = json!({ "error": invalid.to_string(), "field": invalid.field });
                say(StatusCode::BAD_REQUEST, &why)
            }
            Self::Misdirected(why) => match why {
                Misdirected::NotFound(field) => {
                    let why = json!({ "error": why.to_string(), "field": field });
                    say(StatusCode::NOT_FOUND, &why)
                }
                Misdirected::RequestIdReused(_) => {
                    let why = json!({ "error": why.to_string(), "field": "request_id" });
                    say(StatusCode::CONFLICT, &why)
                }
                Misdirected::Invalid(invalid) => Self::Invalid(invalid).answer(),
            },
            Self::Fault(fault) => fault_answer(&fault),
            Self::Refused(answer) => *answer,
        }
    }
}

/// A fault as it is answered. Where the store is stands in the server's log alone.
fn fault_answer(fault: &Fault) -> Response {
    let (status, why) = match fault {
        Fault::Overloaded | Fault::LostOwnership | Fault::Stopping | Fault::DeadlineExceeded => {
            (StatusCode::SERVICE_UNAVAILABLE, fault.to_string())
        }
        Fault::StoreUnavailable(_) => {
            let why = "the store is unavailable; send the same request again";
            (StatusCode::SERVICE_UNAVAILABLE, why.to_owned())
        }
        Fault::Unreadable(_) => {
            let why = "the log cannot be read; the server's log says where";
            (StatusCode::INTERNAL_SERVER_ERROR, why.to_owned())
        }
    };
    let mut answer = say(status, &json!({ "error": why }));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    answer
}

impl From<Invalid> for NotDone {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<Fault> for NotDone {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl item::Fields for Fields {
    fn text(&mut self, name: &str) -> Result<String, Invalid> {
        self.text(name)
    }

    fn whole(&mut self, name: &str) -> Result<Option<i64>, Invalid> {
        self.whole(name)
    }
}

impl Fields {
    /// Reads an object that names each field once: of two values one would be lost unseen.
    fn parse(bytes: &[u8]) -> Result<Self, Invalid> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| Invalid::new("body", format!("is not JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(Invalid::new("body", "must be an object"));
        };
        let Keys(mut keys) = serde_json::from_slice(bytes)
            .map_err(|error| Invalid::new("body", format!("is not JSON: {error}")))?;
        keys.sort_unstable();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            None => Ok(Self(fields)),
            Some(pair) => Err(Invalid::new(shown_key(&pair[0]), "is given twice")),
        }
    }

    /// A text, which may be absent: then it is empty.
    pub(super) fn text(&mut self, name: &str) -> Result<String, Invalid> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Invalid::new(name, "must be a text"))
            }
        }
    }

    /// A whole number, which may be absent.
    pub(super) fn whole(&mut self, name: &str) -> Result<Option<i64>, Invalid> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) if number.is_i64() => Ok(number.as_i64()),
            Some(
                Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Array(_)
                | Value::Object(_),
            ) => Err(Invalid::new(name, "must be a whole number")),
        }
    }

    /// Whether something is so; it is not where nothing is said.
    fn flag(&mut self, name: &str) -> Result<bool, Invalid> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_)) => {
                Err(Invalid::new(name, "must be true or false"))
            }
        }
    }

    /// Refuses fields that were not read.
    pub(super) fn done(&self) -> Result<(), Invalid> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(unknown) => Err(Invalid::new(shown_key(unknown), "is not a known field")),
        }
    }
}

/// An unknown key, shortened for display.
fn shown_key(key: &str) -> String {
    key.chars().filter(|letter| !letter.is_control()).take(64).collect()
}

/// The keys of an object, each as often as it stands there.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(object: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = Keys;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = object.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        object.deserialize_map(Reader)
    }
}
