//! A column knows its price: all of them come from the one look at a host, so none costs more. The plugin has no fields of its own.

use crate::SESSION_TYPE;
use crate::cube::Cube;
use ctys_plugin::magic::plain_uuid;
use ctys_plugin::model::field::Known;
use ctys_plugin::model::{HostFacts, Missing, Record, Side, Value};

use crate::places::Places;

/// The row of a cube that has a record, or of one that is configured.
pub fn row(host: &HostFacts, places: &Places, cube: &Cube<'_>) -> Record {
    let alive = cube.record.filter(|_| cube.is_alive());
    let text =
        |text: Option<String>| text.filter(|text| !text.is_empty()).map_or(Value::Missing(Missing::None), Value::text);
    let addresses = cube.addresses();
    let bundle = match (cube.folder, cube.record) {
        (Some(_), _) => Some(places.cube(cube.name)),
        (None, Some(record)) => Some(record.bundle.clone()),
        (None, None) => None,
    };
    let mut record = Record::new(SESSION_TYPE)
        .with(Known::Pm, host.node.as_str())
        .with(Known::Node, host.node.as_str())
        .with(Known::Label, cube.name)
        .with(Known::Id, text(bundle.map(|bundle| format!("{bundle}/config.json"))))
        .with(Known::Uuid, text(uuid(cube)))
        .with(Known::Tcp, text(addresses.first().map(|address| address.to_string())))
        .with(Known::Mac, text(cube.lines("cube.network.mac").next().map(str::to_ascii_uppercase)))
        .with(Known::Pid, alive.map_or(Value::Missing(Missing::None), |record| Value::Number(record.pid.into())))
        .with(Known::Side, Side::Server.word())
        .with(Known::User, "root")
        .with(Known::State, cube.status())
        .with(Known::Arch, host.machine.as_str())
        .with(Known::ExecPath, cube.manager())
        .with(Known::Category, "VM");
    for known in [Known::Display, Known::Cport, Known::Sport] {
        record.set(known, Value::Missing(Missing::NotApplicable));
    }
    record
}

/// The uuid that was given to it when it was added.
pub fn uuid(cube: &Cube<'_>) -> Option<String> {
    cube.lines("cube.env").find_map(|line| line.strip_prefix("container_uuid=")).and_then(plain_uuid)
}
