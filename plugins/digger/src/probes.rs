//! What this plugin wants to know of a host: one look at the processes.

use ctys_plugin::model::{Place, Probe, ProcessTable};

/// The processes that keep tunnels, on the target.
pub fn table() -> ProcessTable {
    ProcessTable { place: Place::Target, names: vec![crate::parse::keeper::PROGRAM.to_string()] }
}

/// The look.
pub fn keepers() -> Probe {
    Probe::Processes(table())
}
