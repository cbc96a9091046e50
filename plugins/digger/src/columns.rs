//! A column knows its price: all of a row comes from one look at the processes, so none costs more. The plugin has no fields
//! of its own.

use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Missing, Record, Value};

/// The fields a tunnel has not.
pub fn not_applicable(record: &mut Record) {
    const NEVER: [Known; 8] = [
        Known::Uuid,
        Known::Mac,
        Known::Tcp,
        Known::Display,
        Known::Interface,
        Known::HyperRun,
        Known::Accelerator,
        Known::JobId,
    ];
    for known in NEVER {
        record.set(known, Value::Missing(Missing::NotApplicable));
    }
}
