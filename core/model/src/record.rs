//! One row: a session, a client, a tunnel, a configured machine.

use crate::field::{Field, Known};
use crate::value::{Missing, Value};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One record, with every value it has. A field that is not in the map was not asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The values by field.
    #[serde(default)]
    pub fields: BTreeMap<Field, Value>,
}

impl Record {
    /// A record of this session type, with nothing else.
    pub fn new(session_type: &str) -> Record {
        Record::default().with(Known::SessionType, session_type)
    }

    /// The record with one more value.
    pub fn with(mut self, field: impl Into<Field>, value: impl Into<Value>) -> Record {
        self.set(field, value);
        self
    }

    /// Sets one value.
    pub fn set(&mut self, field: impl Into<Field>, value: impl Into<Value>) {
        self.fields.insert(field.into(), value.into());
    }

    /// The value of a field; one that was never set is [`Missing::NotAsked`].
    pub fn get(&self, field: impl Into<Field>) -> &Value {
        static NOT_ASKED: Value = Value::Missing(Missing::NotAsked);
        self.fields.get(&field.into()).unwrap_or(&NOT_ASKED)
    }
}
