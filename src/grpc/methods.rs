//! The methods of the contract, by their paths, and what a call of each may take.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};

use super::{level::part_of, proto};
use crate::{
    admission::Part,
    metrics::{MethodCalls, Metrics},
};

/// How the calls of a method hold what is kept for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// A few hundred bytes, or a stream with a window of its own.
    Light,
    /// A page of something: its answer holds a place until it was taken.
    Answer,
    /// Not of the contract: health and reflection.
    Beside,
    /// It goes on for as long as its caller likes.
    Following,
}

/// One method: its calls, and the part of the service without which it is not answered.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    /// None where calls are not counted.
    pub(super) calls: Option<MethodCalls>,
    pub(super) part: Option<Part>,
    pub(super) weight: Weight,
    /// Its messages may be larger than a command.
    pub(super) takes_much: bool,
    /// It exists, as far as that is known here.
    pub(super) is_known: bool,
    /// Its answer is a stream.
    pub(super) streams: bool,
    /// Its caller sends a stream.
    pub(super) takes_stream: bool,
}

/// All methods.
#[derive(Debug, Clone)]
pub(super) struct Methods {
    known: Arc<HashMap<String, Arc<Method>>>,
    unknown: Arc<Method>,
}

impl Methods {
    /// # Errors
    /// When the descriptors in this program cannot be read.
    pub(super) fn of_the_contract(metrics: &Metrics) -> Result<Self, prost::DecodeError> {
        let files = FileDescriptorSet::decode(proto::DESCRIPTORS)?.file;
        let mut known = HashMap::new();
        for file in &files {
            for service in &file.service {
                for method in &service.method {
                    let name = format!("{}.{}/{}", file.package(), service.name(), method.name());
                    let method = Method {
                        calls: Some(metrics.calls_of(name.clone())),
                        part: part_of(&name),
                        weight: weight(service.name(), method),
                        takes_much: ["SaleService", "TrafficService"].contains(&service.name()),
                        is_known: true,
                        streams: method.server_streaming(),
                        takes_stream: method.client_streaming(),
                        name: name.clone(),
                    };
                    known.insert(format!("/{name}"), Arc::new(method));
                }
            }
        }
        let unknown = metrics.calls_of("unknown".to_owned());
        Ok(Self {
            known: Arc::new(known),
            unknown: Arc::new(plain("unknown", Weight::Light, Some(unknown))),
        })
    }

    /// Of services that are not counted.
    pub(super) fn uncounted() -> Self {
        Self { known: Arc::default(), unknown: Arc::new(plain("uncounted", Weight::Beside, None)) }
    }

    /// The method with that path.
    pub(super) fn at(&self, path: &str) -> Arc<Method> {
        Arc::clone(self.known.get(path).unwrap_or(&self.unknown))
    }
}

/// Commands and questions about one thing never wait behind reports.
fn weight(service: &str, method: &MethodDescriptorProto) -> Weight {
    match service {
        "PurchaseService" | "TrafficService" => Weight::Light,
        _ if method.server_streaming() => Weight::Following,
        "ReportService" | "ReplayService" => Weight::Answer,
        _ if method.name().starts_with("List") => Weight::Answer,
        _ => Weight::Light,
    }
}

fn plain(name: &str, weight: Weight, calls: Option<MethodCalls>) -> Method {
    let name = name.to_owned();
    let beside = weight == Weight::Beside;
    Method {
        name,
        calls,
        part: None,
        weight,
        takes_much: false,
        is_known: beside,
        streams: beside,
        takes_stream: false,
    }
}
