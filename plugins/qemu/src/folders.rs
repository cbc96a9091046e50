//! Where the sockets, the log and the saved state of a machine of ours are.
//!
//! ```text
//! root's      /run/ctys/qemu/KEY/             qmp  serial  pid
//!             /var/lib/ctys/qemu/KEY/         serial.log  qemu.log  state
//! others'     ~/.local/state/ctys/qemu/KEY/   all of them
//! ```
//!
//! KEY is the uuid of the machine; where its configuration names none, a number made of the path of that file, so that it
//! is the same in every call. The folders are their owner's alone: whoever enters them can type into the machine and
//! read its memory. The settings RUN_DIR and STATE_DIR name other ones.
//!
//! A state is good once: memory that is older than its disks destroys them. So RESUME renames the file before it reads it
//! and removes it afterwards, and a start without RESUME renames one that it finds.

use ctys_plugin::model::{HostFacts, Phase, Problem, Request};

const ROOTS_RUN: &str = "/run/ctys/qemu";
const ROOTS_STATE: &str = "/var/lib/ctys/qemu";
/// Below the home.
const USERS: &str = ".local/state/ctys/qemu";

/// The longest path of a UNIX socket in bytes: `sun_path` without its last NUL.
const SOCKET_PATH: usize = 107;

/// The folders of one machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Of its sockets.
    pub run: String,
    /// Of what outlives the machine.
    pub state: String,
}

impl Folders {
    /// Where it listens for QMP.
    pub fn qmp(&self) -> String {
        format!("{}/qmp", self.run)
    }

    /// Its first serial line.
    pub fn serial(&self) -> String {
        format!("{}/serial", self.run)
    }

    /// The number of its process.
    pub fn pid(&self) -> String {
        format!("{}/pid", self.run)
    }

    /// What its first serial line said, from the first byte on.
    pub fn serial_log(&self) -> String {
        format!("{}/serial.log", self.state)
    }

    /// What QEMU itself complains of once it is in the background.
    pub fn qemu_log(&self) -> String {
        format!("{}/qemu.log", self.state)
    }

    /// Memory and devices of a suspended machine.
    pub fn saved(&self) -> String {
        format!("{}/state", self.state)
    }

    /// The same while it is read.
    pub fn saved_in_use(&self) -> String {
        format!("{}/state.resuming", self.state)
    }

    /// The same when it is out of date.
    pub fn saved_outdated(&self) -> String {
        format!("{}/state.old", self.state)
    }
}

/// A setting that names a folder.
fn setting<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let folder = request.settings.get(name)?.trim_end_matches('/');
    // A star would be a pattern where sockets are looked for.
    (folder.starts_with('/') && !folder.contains(['*', '?'])).then_some(folder)
}

/// Below which folders our sockets are looked for.
pub fn run_bases(request: &Request) -> Vec<String> {
    match setting(request, "RUN_DIR") {
        Some(folder) => vec![folder.to_string()],
        None => vec![ROOTS_RUN.to_string(), format!("~/{USERS}")],
    }
}

fn users_base(host: &HostFacts) -> String {
    format!("{}/{USERS}", host.home.to_text().trim_end_matches('/'))
}

/// The folders of a machine that this account starts.
pub fn of(request: &Request, host: &HostFacts, key: &str) -> Result<Folders, Problem> {
    let is_root = host.uid == 0;
    let run = match setting(request, "RUN_DIR") {
        Some(folder) => folder.to_string(),
        None if is_root => ROOTS_RUN.to_string(),
        None => users_base(host),
    };
    let folders = Folders { run: format!("{run}/{key}"), state: format!("{}/{key}", state_base(request, host, &run)) };
    let longest = folders.serial().len();
    if longest > SOCKET_PATH {
        let message = format!(
            "the sockets of a machine in {run} would have a path of {longest} bytes, and no system takes more than \
             {SOCKET_PATH}"
        );
        return Err(Problem::new(Phase::Run, message).hint("the setting RUN_DIR names a shorter folder"));
    }
    Ok(folders)
}

/// Where the state of machines is that have their sockets below this folder.
fn state_base(request: &Request, host: &HostFacts, run: &str) -> String {
    match setting(request, "STATE_DIR") {
        Some(folder) => folder.to_string(),
        None if run == ROOTS_RUN => ROOTS_STATE.to_string(),
        None if run == users_base(host) => run.to_string(),
        None if host.uid == 0 => ROOTS_STATE.to_string(),
        None => users_base(host),
    }
}

/// The folders of a machine that listens at this socket, and its key, if it is one of ours: of this account, or of root.
pub fn of_socket(request: &Request, host: &HostFacts, user: &str, socket: &str) -> Option<(Folders, String)> {
    let (base, key) = socket.strip_suffix("/qmp")?.rsplit_once('/')?;
    let is_key = key.len() == 32 && key.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'));
    // Whoever runs a process chooses its arguments: only whom the folder belongs to can have a machine in it.
    let is_theirs = match setting(request, "RUN_DIR") {
        Some(folder) => base == folder && (user == host.user || user == "root"),
        None => (base == ROOTS_RUN && user == "root") || (base == users_base(host) && user == host.user),
    };
    if !is_key || !is_theirs {
        return None;
    }
    let state = state_base(request, host, base);
    Some((Folders { run: format!("{base}/{key}"), state: format!("{state}/{key}") }, key.to_string()))
}

/// A key for a machine whose configuration names no uuid: FNV-1a of 128 bits over the path of that file.
pub fn key_of_path(path: &[u8]) -> String {
    const START: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let hash = path.iter().fold(START, |hash, byte| (hash ^ u128::from(*byte)).wrapping_mul(PRIME));
    format!("{hash:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::testing;

    const KEY: &str = "6842caf91e3e43249ed596b8b9f2c5c2";

    fn request(settings: &[(&str, &str)]) -> Request {
        let mut request = testing::request(ctys_plugin::model::Action::Info);
        request.settings = settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        request
    }

    #[test]
    fn every_account_has_a_place_of_its_own() {
        let root = HostFacts { uid: 0, user: "root".into(), home: "/root".into(), ..testing::host() };
        let check = |settings: &[(&str, &str)], host: &HostFacts, run: &str, state: &str| {
            let folders = of(&request(settings), host, KEY).unwrap();
            assert_eq!(folders.run, format!("{run}/{KEY}"));
            assert_eq!(folders.state, format!("{state}/{KEY}"));
            let found = of_socket(&request(settings), host, &host.user, &folders.qmp()).unwrap();
            assert_eq!(found, (folders, KEY.to_string()));
        };
        let mia = testing::host();
        let below_home = "/home/mia/.local/state/ctys/qemu";
        check(&[], &root, "/run/ctys/qemu", "/var/lib/ctys/qemu");
        check(&[], &mia, below_home, below_home);
        check(&[("RUN_DIR", "/srv/run/")], &mia, "/srv/run", below_home);
        check(&[("RUN_DIR", "/srv/run"), ("STATE_DIR", "/srv/state")], &root, "/srv/run", "/srv/state");
        check(&[("RUN_DIR", "relative"), ("STATE_DIR", "/a*")], &mia, below_home, below_home);
    }

    #[test]
    fn a_stranger_cannot_claim_a_folder_of_ours() {
        let check = |user: &str, socket: &str, want: bool| {
            let found = of_socket(&request(&[]), &testing::host(), user, socket);
            assert_eq!(found.is_some(), want, "{user} {socket}");
        };
        let roots = format!("/run/ctys/qemu/{KEY}/qmp");
        let mias = format!("/home/mia/.local/state/ctys/qemu/{KEY}/qmp");
        check("root", &roots, true);
        check("mia", &mias, true);
        check("eve", &roots, false);
        check("eve", &mias, false);
        check("mia", &roots, false);
        check("mia", &format!("/tmp/{KEY}/qmp"), false);
        check("mia", &mias.replace(KEY, ".."), false);
        check("mia", &mias.replace("/qmp", "/serial"), false);
    }

    #[test]
    fn a_path_that_is_too_long_for_a_socket_is_told() {
        let host = HostFacts { home: format!("/home/{}", "m".repeat(39)).into(), ..testing::host() };
        let problem = of(&request(&[]), &host, KEY).unwrap_err();
        assert!(problem.message.contains("108 bytes"), "{}", problem.message);
        let host = HostFacts { home: format!("/home/{}", "m".repeat(38)).into(), ..testing::host() };
        assert_eq!(of(&request(&[]), &host, KEY).unwrap().serial().len(), 107);
    }

    #[test]
    fn a_path_gives_a_key() {
        assert_eq!(key_of_path(b""), "6c62272e07bb014262b821756295c58d");
        assert_eq!(key_of_path(b"a"), "d228cb696f1a8caf78912b704e4a8964");
        assert_ne!(key_of_path(b"/a/b.ctys"), key_of_path(b"/a/c.ctys"));
    }
}
