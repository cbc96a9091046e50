//! The control socket of a tunnel's ssh: through it the port is asked for, then it goes.

use ctys_model::{Phase, Problem};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The longest path that leaves room for what ssh adds to it while it makes the socket (17 bytes of 108).
const LONGEST: usize = 88;

/// Where the control socket of this process goes: in a folder of the user's own. A socket that an earlier process of the same
/// number left there is removed.
pub fn place() -> Result<PathBuf, Problem> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    let folders = runtime.map(|folder| folder.join("ctys")).into_iter().chain(crate::files::state_folder());
    let mut why = "neither XDG_RUNTIME_DIR nor HOME is set".to_string();
    for folder in folders {
        let socket = folder.join(format!("t{}", std::process::id()));
        if socket.as_os_str().len() > LONGEST {
            why = format!("the path {} is too long for a socket", socket.display());
            continue;
        }
        match crate::files::private_folder(&folder) {
            Ok(()) => {
                let _ = std::fs::remove_file(&socket);
                return Ok(socket);
            }
            Err(error) => why = format!("{}: {error}", folder.display()),
        }
    }
    let problem = Problem::new(Phase::Here, format!("there is no place for the control socket of a tunnel: {why}"));
    Err(problem.hint("XDG_RUNTIME_DIR names a folder for it"))
}

/// Whether a port of 127.0.0.1 is free, as `ssh` would find it: it takes ports that only wait for their old connections.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// Makes the ssh behind this socket listen on 127.0.0.1 and lead to a port of the host. The error is its own words.
pub fn forward(program: &Path, socket: &Path, local: u16, remote: u16) -> Result<(), String> {
    let mut call = Command::new(program);
    // No configuration: what it says of the host has been heard by the ssh behind the socket, and forwards of its own would be
    // opened as well.
    call.args(["-F", "/dev/null", "-O", "forward", "-L", &format!("127.0.0.1:{local}:localhost:{remote}"), "-S"]);
    let output = call.arg(socket).arg("tunnel").stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = crate::ssh::ready::last_line(&output.stderr);
    Err(said.unwrap_or_else(|| format!("ssh ended with {}", output.status)))
}
