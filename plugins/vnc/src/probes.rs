//! What this plugin wants to know of a host. Each function is one question; the verbs pick the ones they need.

use ctys_plugin::model::{Command, Place, Probe, ProcessTable};

/// The password file of TigerVNC and TightVNC, below the home folder.
pub const PASSWORD_FILE: &str = "~/.vnc/passwd";

/// The servers by their names (`Xvnc`, `Xtigervnc`, `Xtightvnc`, `Xrealvnc`, `Xvnc4`; `X0tigervnc` and `x0vncserver`, which
/// show a screen that is there), the viewers (`vncviewer`, `xtigervncviewer` and so on), and those that ctys started.
const NAMES: [&str; 4] = ["X*vnc*", "x0vncserver", "*vncviewer", "ctys-viewer*"];

/// The look at the processes of a place.
pub fn table(place: Place) -> ProcessTable {
    ProcessTable { place, names: NAMES.map(String::from).to_vec() }
}

/// Every server and viewer of the target.
pub fn processes() -> Probe {
    Probe::Processes(table(Place::Target))
}

/// Every server and viewer of the caller's machine.
pub fn processes_here() -> Probe {
    Probe::Processes(table(Place::Caller))
}

/// Whether there is a password file. What is in it is nobody's business.
pub fn password() -> Probe {
    Probe::run(password_test())
}

/// The same as a command.
pub fn password_test() -> Command {
    let path = PASSWORD_FILE.strip_prefix("~/").unwrap_or(PASSWORD_FILE);
    Command::new("test").args(["-s", path])
}

/// The displays of all X servers, `X0` and so on, also of those that are no VNC servers or have left theirs behind:
/// vncserver refuses a display whose socket is there.
pub fn displays() -> Probe {
    Probe::run(Command::new("ls").arg("/tmp/.X11-unix"))
}

/// What the server says of itself: `Xvnc TigerVNC 1.12.0 - built 2023-01-06 16:01`, `Xvnc version TightVNC-1.3.10`.
pub fn server_version() -> Probe {
    Probe::run_first(["Xvnc", "Xtigervnc", "Xtightvnc"].map(|name| Command::new(name).arg("-version")).to_vec())
}

/// What the viewer says of itself: `TigerVNC Viewer 64-bit v1.12.0`.
pub fn viewer_version() -> Probe {
    let names = ["vncviewer", "xtigervncviewer", "xtightvncviewer"];
    Probe::run_first(names.map(|name| Command::new(name).arg("-h")).to_vec())
}
