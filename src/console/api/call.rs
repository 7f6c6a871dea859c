//! A request that passed the gate, and what is answered to it.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::problem::Problem;
use super::query::Query;
use crate::console::command::{Actor, Role};
use crate::console::service::Service;

/// The smallest role that may use a route. A viewer sees, an operator handles incidents, an admin does all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// viewer, operator, admin
    Viewer,
    /// security, and whoever owns the machine
    Security,
    /// operator, admin
    Operator,
    /// admin
    Admin,
}

impl Needs {
    /// Whether a role is enough. `metrics` reads the metrics endpoints and nothing else.
    pub const fn met_by(self, role: Role) -> bool {
        match role {
            Role::Admin => !matches!(self, Self::Security),
            Role::Security => matches!(self, Self::Viewer | Self::Security),
            Role::Operator => matches!(self, Self::Viewer | Self::Operator),
            Role::Viewer => matches!(self, Self::Viewer),
            Role::Metrics => false,
        }
    }
    /// Whether somebody may: by his role, or because he can do anything anyway.
    pub fn lets(self, actor: &Actor) -> bool {
        self.met_by(actor.role) || (self == Self::Security && actor.owns_machine())
    }
    /// The word for messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Security => "security",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

/// A request that passed the gate.
pub struct Call {
    /// The console.
    pub service: Service,
    /// Who asks.
    pub actor: Actor,
    /// Parts of the path, decoded.
    pub path: BTreeMap<String, String>,
    /// Query.
    pub query: Query,
    /// Body.
    pub body: Bytes,
    /// True if the reader asked for TOML.
    pub wants_toml: bool,
    /// True if the reader's first language is Chinese.
    pub wants_chinese: bool,
}

impl Call {
    /// A part of the path.
    pub fn part(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// The body as JSON; unknown keys are refused by the types.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        // No body at all is an empty object: most actions have nothing that must be said.
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { &self.body };
        serde_json::from_slice(body).map_err(|e| {
            Problem::wrong(
                format!("请求体不是所需的 JSON：{e}；格式见 /api/v1/openapi.json"),
                format!("the body is not the JSON that is needed: {e}; see /api/v1/openapi.json"),
            )
        })
    }
}

/// What a route answers.
#[derive(Debug)]
pub enum Reply {
    /// JSON.
    Json(Value),
    /// Text of a type.
    Text(&'static str, String),
    /// A file to save.
    File {
        /// Media type.
        kind: &'static str,
        /// Its name, ASCII.
        name: &'static str,
        /// Its bytes.
        bytes: Vec<u8>,
    },
}
