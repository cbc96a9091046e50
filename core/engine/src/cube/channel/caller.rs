//! Who asks. The socket says which cube is meant; the kernel says which process connected; both have to be the same cube.

use std::fs;
use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Where a cube's first process is written down, and what its cgroup is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cubes {
    /// The folder of the cubes; the runtime writes `.cube.pid` in each.
    pub containers: std::path::PathBuf,
    /// What stands before a cube's name in the path of its cgroup.
    pub cgroups: String,
}

/// The file of the first process's number.
const PID: &str = ".cube.pid";

/// `SO_PEERPIDFD`, which libc does not name for every target.
const PEER_PIDFD: libc::c_int = 77;

/// The process that connected, if it is one of this cube. The error says why it is not.
pub fn known(stream: &UnixStream, name: &str, cubes: &Cubes) -> Result<u32, String> {
    let peer = peer(stream).map_err(|error| format!("the kernel does not say who it is: {error}"))?;
    if peer == 0 {
        return Err("its process cannot be seen from here".into());
    }
    // From here on the number cannot come to mean another process without our noticing.
    let held = held(stream, peer).map_err(|error| format!("its process {peer} is gone: {error}"))?;
    let file = cubes.containers.join(name).join(PID);
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let first: u32 = text.trim().parse().map_err(|_| format!("{} holds no number", file.display()))?;
    let space = |pid: &str| fs::read_link(Path::new("/proc").join(pid).join("ns/pid"));
    let of = |pid: u32| space(&pid.to_string()).map_err(|error| format!("the namespace of process {pid}: {error}"));
    let ours = space("self").map_err(|error| format!("our own namespace: {error}"))?;
    let status = fs::read_to_string(format!("/proc/{first}/status")).unwrap_or_default();
    // After a restart of the machine the number may be anybody's.
    if of(first)? == ours || !is_first(&status) {
        return Err(format!("process {first} is not the first one of a container"));
    }
    if of(peer)? != of(first)? {
        return Err(format!("process {peer} is not in its namespace"));
    }
    let groups = fs::read_to_string(format!("/proc/{peer}/cgroup")).unwrap_or_default();
    if !is_in_group(&groups, &format!("{}{name}", cubes.cgroups)) {
        return Err(format!("process {peer} is not in its cgroup"));
    }
    if has_ended(&held) {
        return Err(format!("process {peer} has ended"));
    }
    Ok(peer)
}

/// Whether the process of this status is the first one of the innermost namespace it is in.
fn is_first(status: &str) -> bool {
    let line = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    line.is_some_and(|line| line.split_ascii_whitespace().next_back() == Some("1"))
}

/// Whether one of the lines of `/proc/PID/cgroup` names this group or one below it.
fn is_in_group(lines: &str, group: &str) -> bool {
    lines.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| {
        let below = path.strip_prefix(group);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) && !path.contains("/../")
    })
}

/// The number of the process that connected.
fn peer(stream: &UnixStream) -> Result<u32, Error> {
    // SAFETY: ucred is plain data, the length is its own.
    unsafe {
        let mut credentials: libc::ucred = std::mem::zeroed();
        let mut length = size_of::<libc::ucred>() as libc::socklen_t;
        let into = (&raw mut credentials).cast();
        match libc::getsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, libc::SO_PEERCRED, into, &mut length) {
            0 => Ok(u32::try_from(credentials.pid).unwrap_or(0)),
            _ => Err(Error::last_os_error()),
        }
    }
}

/// A descriptor of that process: of the very one that connected where the kernel can give it (Linux 6.5), else of the one
/// that has its number.
fn held(stream: &UnixStream, peer: u32) -> Result<OwnedFd, Error> {
    let mut fd: libc::c_int = -1;
    let mut length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option gives one number, and the length is its own; pidfd_open takes two numbers. What is given is open, and
    // nobody else's.
    unsafe {
        let into = (&raw mut fd).cast();
        if libc::getsockopt(stream.as_raw_fd(), libc::SOL_SOCKET, PEER_PIDFD, into, &mut length) != 0 {
            let error = Error::last_os_error();
            if error.raw_os_error() != Some(libc::ENOPROTOOPT) {
                return Err(error);
            }
            fd = libc::syscall(libc::SYS_pidfd_open, peer as libc::pid_t, 0) as libc::c_int;
            if fd < 0 {
                return Err(Error::last_os_error());
            }
        }
        Ok(OwnedFd::from_raw_fd(fd))
    }
}

fn has_ended(held: &OwnedFd) -> bool {
    super::super::poll(&[(held.as_raw_fd(), true, false)], 0).is_ok_and(|ready| ready[0].0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cgroup_is_the_cubes_or_one_below_it() {
        let lines = "11:memory:/runc/web\n10:devices:/runc/web/system.slice\n0::/\n";
        assert!(is_in_group(lines, "/runc/web"));
        assert!(is_in_group("0::/runc/web/init.scope\n", "/runc/web"));
        for (lines, group) in [
            ("0::/runc/web2\n", "/runc/web"),
            ("0::/\n", "/runc/web"),
            ("0::/runc/web/../db\n", "/runc/web"),
            ("", "/x"),
        ] {
            assert!(!is_in_group(lines, group), "{lines}");
        }
    }

    #[test]
    fn the_first_process_of_a_namespace_is_number_one_there() {
        assert!(is_first("Name:\tinit\nNSpid:\t4711\t1\n"));
        assert!(!is_first("Name:\tsh\nNSpid:\t4711\t12\n"));
        assert!(!is_first("Name:\tsh\nNSpid:\t4711\n"));
        assert!(!is_first(""));
    }

    #[test]
    fn a_process_of_the_host_is_of_no_cube() {
        let folder = std::env::temp_dir().join(format!("ctys-caller-{}", std::process::id()));
        fs::create_dir_all(folder.join("web")).unwrap();
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let cubes = Cubes { containers: folder.clone(), cgroups: "/".into() };
        let why = |pid: &str| {
            fs::write(folder.join("web").join(PID), pid).unwrap();
            known(&ours, "web", &cubes).unwrap_err()
        };
        assert!(why(&std::process::id().to_string()).contains("not the first one of a container"));
        assert!(why("no").contains("holds no number"));
        assert!(why("").contains("holds no number"));
        assert!(known(&ours, "db", &cubes).unwrap_err().contains("No such file"));
        fs::remove_dir_all(&folder).unwrap();
    }
}
