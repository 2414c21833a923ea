//! JSON Schemas of the messages and enums of the contract, with the comments of the proto files.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost_reflect::{
    DescriptorPool, EnumDescriptor, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor,
};
use serde_json::{Map, Value, json};

/// How the comment of a field begins that a request must have.
const REQUIRED: &str = "Required.";

/// Comments by file and path of what they stand in front of.
pub(super) struct Comments(HashMap<(String, Vec<i32>), String>);

impl Comments {
    pub(super) fn of(pool: &DescriptorPool) -> Self {
        let mut comments = HashMap::new();
        for file in pool.files() {
            let source = file.file_descriptor_proto().source_code_info.as_ref();
            for location in source.into_iter().flat_map(|source| &source.location) {
                if let Some(comment) = &location.leading_comments {
                    let lines: Vec<_> = comment.lines().map(str::trim).collect();
                    let text = lines.join("\n").trim().to_owned();
                    comments.insert((file.name().to_owned(), location.path.clone()), text);
                }
            }
        }
        Self(comments)
    }

    /// The comment of what stands at that path; empty where it has none.
    pub(super) fn at(&self, file: &FileDescriptor, path: &[i32]) -> &str {
        self.0.get(&(file.name().to_owned(), path.to_vec())).map_or("", String::as_str)
    }
}

/// Schemas by the full names of their messages and enums.
pub(super) struct Schemas<'a> {
    comments: &'a Comments,
    /// Messages that only requests hold: what is not set of others is not sent.
    of_requests: BTreeSet<String>,
    pub(super) found: BTreeMap<String, Value>,
}

impl<'a> Schemas<'a> {
    /// Of all messages that methods take or give.
    pub(super) fn of(pool: &DescriptorPool, comments: &'a Comments) -> Self {
        let (mut inputs, mut outputs) = (BTreeMap::new(), BTreeMap::new());
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            reach(&method.input(), &mut inputs);
            reach(&method.output(), &mut outputs);
        }
        let only_in = inputs.keys().filter(|name| !outputs.contains_key(*name)).cloned();
        let of_requests = only_in.collect();
        let mut schemas = Self { comments, of_requests, found: BTreeMap::new() };
        inputs.extend(outputs);
        for message in inputs.values() {
            schemas.add(message);
        }
        schemas
    }

    fn add(&mut self, message: &MessageDescriptor) {
        if let Some(special) = special(message.full_name()) {
            self.found.insert(message.full_name().to_owned(), special);
            return;
        }
        let file = message.parent_file();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "object".into());
        schema.insert("title".to_owned(), message.name().into());
        describe(&mut schema, self.comments.at(&file, message.path()));
        let (mut properties, mut required) = (Map::new(), Vec::new());
        for field in message.fields() {
            let comment = self.comments.at(&file, field.path());
            // A request without the field is refused.
            let (comment, is_required) = match comment.strip_prefix(REQUIRED) {
                Some(rest) => (rest.trim_start(), true),
                None => (comment, false),
            };
            if self.of_requests.contains(message.full_name()) && is_required {
                required.push(field.json_name().to_owned());
            }
            properties.insert(field.json_name().to_owned(), self.field(&field, comment));
        }
        schema.insert("properties".to_owned(), properties.into());
        if !required.is_empty() {
            schema.insert("required".to_owned(), required.into());
        }
        schema.insert("additionalProperties".to_owned(), false.into());
        if let Some(not) = exclusive(message) {
            schema.insert("not".to_owned(), not);
        }
        self.found.insert(message.full_name().to_owned(), schema.into());
    }

    fn field(&mut self, field: &FieldDescriptor, comment: &str) -> Value {
        let kind = field.kind();
        let mut schema = match kind.as_message().filter(|_| field.is_map()) {
            Some(entry) => {
                let values = self.kind(&entry.map_entry_value_field().kind());
                json!({ "type": "object", "additionalProperties": values })
            }
            None if field.is_list() => json!({ "type": "array", "items": self.kind(&kind) }),
            None => self.kind(&kind),
        };
        if let Some(schema) = schema.as_object_mut() {
            describe(schema, comment);
        }
        schema
    }

    fn kind(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Message(message) => reference(message.full_name()),
            Kind::Enum(one) => {
                self.add_enum(one);
                reference(one.full_name())
            }
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                json!({ "type": "integer", "format": "int32" })
            }
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0 }),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": "string", "format": "int64", "pattern": "^-?[0-9]+$" })
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({ "type": "string", "format": "uint64", "pattern": "^[0-9]+$" })
            }
            Kind::Float | Kind::Double => json!({ "type": "number" }),
        }
    }

    fn add_enum(&mut self, one: &EnumDescriptor) {
        if self.found.contains_key(one.full_name()) {
            return;
        }
        let file = one.parent_file();
        let mut text = self.comments.at(&file, one.path()).to_owned();
        for value in one.values() {
            let comment = self.comments.at(&file, value.path());
            if !comment.is_empty() {
                text.push_str(&format!("\n- `{}`: {comment}", value.name()));
            }
        }
        let names: Vec<_> = one.values().map(|value| value.name().to_owned()).collect();
        let mut schema = Map::new();
        schema.insert("type".to_owned(), "string".into());
        schema.insert("title".to_owned(), one.name().into());
        describe(&mut schema, text.trim());
        schema.insert("enum".to_owned(), names.into());
        self.found.insert(one.full_name().to_owned(), schema.into());
    }
}

/// Where a schema of that name stands.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn describe(schema: &mut Map<String, Value>, comment: &str) {
    if !comment.is_empty() {
        schema.insert("description".to_owned(), comment.into());
    }
}

/// The message and all messages in it.
fn reach(message: &MessageDescriptor, reached: &mut BTreeMap<String, MessageDescriptor>) {
    if message.is_map_entry() {
        for field in message.fields() {
            field.kind().as_message().iter().for_each(|inner| reach(inner, reached));
        }
        return;
    }
    if reached.insert(message.full_name().to_owned(), message.clone()).is_none() {
        for field in message.fields() {
            field.kind().as_message().iter().for_each(|inner| reach(inner, reached));
        }
    }
}

/// Messages that ProtoJSON writes as text.
fn special(name: &str) -> Option<Value> {
    match name {
        "google.protobuf.Timestamp" => Some(json!({
            "type": "string",
            "format": "date-time",
            "description": "A moment as RFC 3339 in UTC, for example 2026-11-11T00:00:00Z.",
        })),
        "google.protobuf.Duration" => Some(json!({
            "type": "string",
            "pattern": r"^-?[0-9]+(\.[0-9]{1,9})?s$",
            "description": "Seconds with up to nine decimals and the suffix s, for example 900s.",
        })),
        _ => None,
    }
}

/// What excludes two fields of one oneof in one message.
fn exclusive(message: &MessageDescriptor) -> Option<Value> {
    let mut pairs = Vec::new();
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let names: Vec<_> = oneof.fields().map(|field| field.json_name().to_owned()).collect();
        for (index, one) in names.iter().enumerate() {
            for other in &names[index + 1..] {
                pairs.push(json!({ "required": [one, other] }));
            }
        }
    }
    (!pairs.is_empty()).then(|| json!({ "anyOf": pairs }))
}
