//! What of this process and machine decides how a host is reached, as data.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The caller's side. Tests make their own; the program takes [`Environment::of_this_process`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// The account's name (`%u`).
    pub user: String,
    /// The account's number (`%i`).
    pub uid: u32,
    /// The home folder (`%d`, `~`).
    pub home: PathBuf,
    /// The full name of this machine (`%l`).
    pub machine: String,
    /// The user's configuration, as with `ssh -F FILE`: it replaces both usual files. None means
    /// `<home>/.ssh/config`, then [`system_config`](Self::system_config).
    pub config: Option<PathBuf>,
    /// Usually `/etc/ssh/ssh_config`.
    pub system_config: PathBuf,
    /// The `ssh` program; a bare name is looked up in PATH.
    pub ssh: PathBuf,
    /// Environment variables: `SSH_AUTH_SOCK`, `KRB5CCNAME`, and what `${NAME}` in the files may ask for.
    pub variables: BTreeMap<String, OsString>,
    /// A Kerberos credential cache may exist, so GSSAPI could log in.
    pub kerberos: bool,
}

impl Environment {
    /// That of the running process. The home is that of the account database, for `ssh` reads it there as well and
    /// passes over `$HOME`; both transports must see the same files.
    pub fn of_this_process() -> Environment {
        // SAFETY: getuid cannot fail.
        let uid = unsafe { libc::getuid() };
        let (user, home) = account(uid).unwrap_or_else(|| {
            let user = std::env::var("USER").unwrap_or_default();
            (user, std::env::var_os("HOME").map_or_else(|| "/".into(), PathBuf::from))
        });
        Environment {
            user,
            uid,
            home,
            machine: machine_name(),
            config: None,
            system_config: "/etc/ssh/ssh_config".into(),
            ssh: "ssh".into(),
            kerberos: may_have_credentials(uid),
            variables: std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
        }
    }
}

fn account(uid: u32) -> Option<(String, PathBuf)> {
    let mut buffer = vec![0 as libc::c_char; 16 * 1024];
    // SAFETY: passwd is plain data; getpwuid_r fills it with pointers into the buffer, which outlives their use.
    unsafe {
        let mut entry: libc::passwd = std::mem::zeroed();
        let mut found = std::ptr::null_mut();
        if libc::getpwuid_r(uid, &mut entry, buffer.as_mut_ptr(), buffer.len(), &mut found) != 0 || found.is_null() {
            return None;
        }
        let name = CStr::from_ptr(entry.pw_name).to_string_lossy().into_owned();
        let home = CStr::from_ptr(entry.pw_dir).to_bytes().to_vec();
        Some((name, PathBuf::from(OsString::from_vec(home))))
    }
}

fn machine_name() -> String {
    let mut buffer = [0u8; 256];
    // SAFETY: the length given is that of the buffer, and the last byte stays zero.
    unsafe { libc::gethostname(buffer.as_mut_ptr().cast(), buffer.len() - 1) };
    CStr::from_bytes_until_nul(&buffer).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Where nothing names another place, the cache is a file in /tmp; KCM and keyrings are named by the configuration.
fn may_have_credentials(uid: u32) -> bool {
    let names_a_cache =
        |path: &std::path::Path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("default_ccache_name"));
    std::env::var_os("KRB5CCNAME").is_some_and(|name| !name.is_empty())
        || std::path::Path::new(&format!("/tmp/krb5cc_{uid}")).exists()
        || names_a_cache(std::path::Path::new("/etc/krb5.conf"))
        || std::fs::read_dir("/etc/krb5.conf.d")
            .is_ok_and(|folder| folder.flatten().any(|entry| names_a_cache(&entry.path())))
}
