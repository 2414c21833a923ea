//! The methods of the contract, by their paths, and what a call of each may take.

use std::{collections::HashMap, sync::Arc};

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::Code;

use super::{
    proto,
    rpcs::{Rpc, Size, Weight},
    status::code_name,
};
use crate::{
    admission::{Roles, ServicePart},
    metrics::{MethodCalls, Metrics},
    values::narrow,
};

/// One method: its calls, and the part of the service without which it is not answered.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: String,
    /// None where calls are not counted.
    calls: Option<MethodCalls>,
    pub(super) part: Option<ServicePart>,
    /// The roles that may call it; `None` where everybody may.
    pub(super) roles: Option<Roles>,
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

impl Method {
    /// Counts a call whose answer began with that code.
    pub(super) fn answered(&self, code: Code) {
        if let Some(calls) = &self.calls {
            let place = narrow(i32::from(code).unsigned_abs().into());
            calls.answered(place, code_name(code));
        }
    }
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
                    // A test finds an RPC without a row; until then it is served like a command that
                    // no role may call.
                    let row = Rpc::named(&name);
                    let takes_stream = method.client_streaming();
                    let method = Method {
                        calls: Some(metrics.calls_of(name.clone())),
                        // A stream outlasts a level: its messages are judged one by one.
                        part: row.and_then(|row| row.part).filter(|_| !takes_stream),
                        roles: Some(row.map_or(Roles::NONE, |row| row.roles)),
                        weight: row.map_or(Weight::Light, |row| row.weight),
                        takes_much: row.is_some_and(|row| row.size != Size::Command),
                        is_known: true,
                        streams: method.server_streaming(),
                        takes_stream,
                        name: name.clone(),
                    };
                    known.insert(format!("/{name}"), Arc::new(method));
                }
            }
        }
        let unknown = metrics.calls_of("unknown".to_owned());
        Ok(Self {
            known: Arc::new(known),
            unknown: Arc::new(plain("unknown", Weight::Light, Some(unknown), Some(Roles::ANY))),
        })
    }

    /// Of services that are not counted.
    pub(super) fn uncounted(roles: Option<Roles>) -> Self {
        let any = plain("uncounted", Weight::Beside, None, roles);
        Self { known: Arc::default(), unknown: Arc::new(any) }
    }

    /// The method with that path.
    pub(super) fn at(&self, path: &str) -> Arc<Method> {
        Arc::clone(self.known.get(path).unwrap_or(&self.unknown))
    }
}

fn plain(name: &str, weight: Weight, calls: Option<MethodCalls>, roles: Option<Roles>) -> Method {
    let name = name.to_owned();
    let beside = weight == Weight::Beside;
    Method {
        name,
        calls,
        part: None,
        roles,
        weight,
        takes_much: false,
        is_known: beside,
        streams: beside,
        takes_stream: false,
    }
}
