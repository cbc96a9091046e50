//! The command channel of a cube (see `core/engine/src/cube/channel`): the folder it is given, and the server behind it, which is
//! a process of this program on the machine of the cubes. On other hosts there is the folder alone: a server that is started
//! there by hand serves it.

use crate::cube::Cube;
use crate::flow::Flow;
use crate::places::Places;
use ctys_plugin::json::{Value, json};
use ctys_plugin::model::{Bytes, Command, Console, ConsoleKind, Step};

/// Where a cube sees its folder. On the host there are only folders of cubes in that place, so that what is looked for in a cube is
/// not found there.
pub const INSIDE: &str = "/var/lib/cube/.channel";

/// Its socket.
pub const SOCKET: &str = "/var/lib/cube/.channel/command";

/// The file by which a process knows that it is in a cube.
pub const MARK: &str = "/var/lib/cube/.channel/name";

/// The start of this program that serves.
const SERVER: &str = "__cube_channel";

/// The mount of a cube.
pub fn mount(places: &Places, name: &str) -> Option<Value> {
    let source = folder(places, name);
    places.channel.then(|| {
        json!({
            "destination": INSIDE, "type": "bind", "source": source,
            "options": ["bind", "ro", "nosuid", "nodev", "noexec"]
        })
    })
}

/// The folder of a cube on the host.
pub fn folder(places: &Places, name: &str) -> String {
    format!("{}/{name}", places.channels())
}

/// Makes the folder, and sees to it that it is served.
pub fn command(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Command> {
    flow.places.channel.then(|| match is_possible(flow) {
        true => server(flow, cube.name),
        false => {
            let script = "umask 022; mkdir -p -m 711 \"$1\" && mkdir -p \"$1/$2\" && printf %s \"$2\" >\"$1/$2/name\"";
            Command::new("sh").args(["-c", script, "sh", &flow.places.channels(), cube.name])
        }
    })
}

/// The same as a step.
pub fn step(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Step> {
    command(flow, cube).map(|command| Step::run("channel", command.as_root().changes()))
}

/// Closes the folder of a cube that has ended; its server goes with the last one. The folder itself stays, as what `config.json`
/// mounts: whoever calls the runtime by hand finds it.
pub fn close(flow: &Flow<'_>, cube: &Cube<'_>) -> Option<Step> {
    let files = ["name", "command"].map(|file| format!("{}/{file}", folder(&flow.places, cube.name)));
    let command = Command::new("rm").args(["-f", "--"]).args(files.iter().map(String::as_str)).as_root().changes();
    (flow.places.channel && cube.folder.is_some()).then(|| Step::run("channel", command).go_on())
}

/// Whether a process of ours can serve it.
pub fn is_possible(flow: &Flow<'_>) -> bool {
    flow.request.target.local && !flow.request.caller.program.is_empty()
}

/// The server in the foreground.
pub fn console(flow: &Flow<'_>) -> Console {
    Console {
        command: Some(server(flow, "").as_root().changes()),
        streams: true,
        ..Console::new(ConsoleKind::Cli, "the command channel", crate::SESSION_TYPE)
    }
}

/// The call of the server: in the background for this cube, or in the foreground.
fn server(flow: &Flow<'_>, cube: &str) -> Command {
    let places = &flow.places;
    let settings = [
        ("CONTAINERS", places.containers.as_str()),
        ("STATE", &places.state),
        ("ROOT", &places.records),
        ("GRACE", &places.grace.to_string()),
        ("NETWORK", if places.network { "on" } else { "off" }),
        ("NAMESPACE", &places.namespace),
        ("ACCESS", &places.access),
    ]
    .map(|(name, value)| format!("CTYS_CUBE_{name}={value}"));
    let words = [SERVER, &places.channels(), &places.containers, &places.cgroups(), cube].map(Bytes::from);
    Command::new(&flow.request.caller.program.to_text()).args(words).args(settings.iter().map(String::as_str))
}
