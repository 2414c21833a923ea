//! Lines of the server's log: as text, or one JSON object per line for programs. Both contain the
//! trace id of the call.
//!
//! Messages come from our own code and from errors of libraries; JSON escapes them, and the text
//! form is for trusted terminals.

use std::fmt::{self, Debug};

use serde_json::{Map, Value, json};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{DefaultFields, Writer},
        time::{FormatTime, SystemTime},
    },
    registry::LookupSpan,
};

use crate::trace;

/// The key of the trace id in a line.
const TRACE_ID: &str = "trace_id";

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line: timestamp, level, target, message, trace_id, fields.
    Json,
}

/// Fields as they are usually shown, and the trace id after them.
pub struct FieldsAndTrace(pub DefaultFields);

impl<'writer> FormatFields<'writer> for FieldsAndTrace {
    fn format_fields<R: RecordFields>(&self, mut to: Writer<'writer>, fields: R) -> fmt::Result {
        self.0.format_fields(to.by_ref(), fields)?;
        match trace::current() {
            Some(id) => write!(to, " {TRACE_ID}={id}"),
            None => Ok(()),
        }
    }
}

/// One JSON object a line.
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut said = Fields::default();
        event.record(&mut said);
        let metadata = event.metadata();
        let mut line = Map::new();
        line.insert("timestamp".to_owned(), json!(timestamp));
        line.insert("level".to_owned(), json!(metadata.level().as_str()));
        line.insert("target".to_owned(), json!(metadata.target()));
        line.insert("message".to_owned(), said.message.unwrap_or_default());
        if let Some(id) = trace::current() {
            line.insert(TRACE_ID.to_owned(), json!(id.to_string()));
        }
        if !said.fields.is_empty() {
            line.insert("fields".to_owned(), Value::Object(said.fields));
        }
        writeln!(to, "{}", Value::Object(line))
    }
}

/// What an event says: its sentence, and its fields by name.
#[derive(Default)]
struct Fields {
    message: Option<Value>,
    fields: Map<String, Value>,
}

impl Fields {
    fn add(&mut self, field: &Field, value: Value) {
        if field.name() == "message" {
            self.message = Some(value);
        } else {
            self.fields.insert(field.name().to_owned(), value);
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, json!(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, json!(format!("{value:?}")));
    }
}
