//! A column knows its price: all of a row comes from one look at the processes, so none costs more. The plugin has no fields
//! of its own.

use ctys_plugin::model::field::Known;
use ctys_plugin::model::{Missing, Record, Value};

/// The fields a desktop or a viewer has not: it has no machine of its own.
pub fn not_applicable(record: &mut Record) {
    const NEVER: [Known; 7] =
        [Known::Uuid, Known::Mac, Known::Tcp, Known::Interface, Known::HyperRun, Known::Accelerator, Known::Sport];
    for known in NEVER {
        record.set(known, Value::Missing(Missing::NotApplicable));
    }
}
