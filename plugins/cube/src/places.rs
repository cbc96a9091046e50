//! Where things are, by the settings of the plugin (`CTYS_CUBE_CONTAINERS=/srv/cubes`), and what a name may look like.

use ctys_plugin::model::{Bytes, Command, Request};

/// How long a command of the runtime may take; `runc create` unpacks nothing, it only makes namespaces.
const RUNTIME_MS: u32 = 60_000;

/// The folders and programs of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// The cubes: one folder each, which is also the OCI bundle.
    pub containers: String,
    /// What cubes and the tools share: `/var/lib/cube`.
    pub state: String,
    /// The records of the runtime: `/run/runc`.
    pub records: String,
    /// How long a cube may take to end by itself, in seconds.
    pub grace: u32,
    /// How long a hook may take, in seconds.
    pub hook: u32,
    /// How long a start may take, in seconds: the channel, the runtime with its hooks twice, the network with its locks.
    pub start: u32,
    /// Cubes get a network; not with `CTYS_CUBE_NETWORK=off`.
    pub network: bool,
    /// The network namespace of the segment.
    pub namespace: String,
    /// Cubes can ask the host for something; not with `CTYS_CUBE_CHANNEL=off`.
    pub channel: bool,
    /// The access list of the cubes.
    pub access: String,
    /// The cube for which this is done. The server of the channel says so; whoever says it himself gives rights away.
    pub caller: Option<String>,
}

impl Places {
    /// Those of this request. Relative paths in settings are left out: they would mean another place for each caller.
    pub fn of(request: &Request) -> Places {
        let set = |name: &str| request.settings.get(name).map(String::as_str);
        let path = |name: &str, default: &str| match set(name) {
            Some(path) if path.starts_with('/') && !path.contains('\0') => {
                let trimmed = path.trim_end_matches('/');
                if trimmed.is_empty() { default.into() } else { trimmed.to_string() }
            }
            _ => default.to_string(),
        };
        Places {
            containers: path("CONTAINERS", "/opt/container"),
            state: path("STATE", "/var/lib/cube"),
            records: path("ROOT", "/run/runc"),
            grace: set("GRACE").and_then(|seconds| seconds.parse().ok()).unwrap_or(10),
            hook: set("HOOK").and_then(|seconds| seconds.parse().ok()).filter(|s| *s > 0).unwrap_or(30),
            start: set("START").and_then(|seconds| seconds.parse().ok()).filter(|s| *s > 0).unwrap_or(240),
            network: set("NETWORK") != Some("off"),
            namespace: set("NAMESPACE").filter(|name| is_id(name)).unwrap_or("cube-vrf").to_string(),
            channel: set("CHANNEL") != Some("off"),
            access: path("ACCESS", "/etc/cube-cmd-server.conf"),
            caller: set("CALLER").map(String::from),
        }
    }

    /// The folder of a cube.
    pub fn cube(&self, name: &str) -> String {
        format!("{}/{name}", self.containers)
    }

    /// A file of a cube.
    pub fn file(&self, name: &str, file: &str) -> String {
        format!("{}/{name}/{file}", self.containers)
    }

    /// Where the cubes' sockets are; no cube has a name with a dot in front.
    pub fn channels(&self) -> String {
        format!("{}/.channel", self.state)
    }

    /// What the segment's daemon needs.
    pub fn daemon(&self) -> String {
        format!("{}/.network", self.state)
    }

    /// The cgroup of a cube. Containers of other records may have the same names, and must not share it: who freezes one or
    /// removes one would have the other.
    pub fn cgroup(&self, name: &str) -> String {
        format!("{}{name}", self.cgroups())
    }

    /// What stands before the name of a cube in the path of its cgroup.
    pub fn cgroups(&self) -> String {
        match self.records.as_str() {
            "/run/runc" => "/runc/".into(),
            records => format!("/runc/{}/", records.trim_matches('/').replace('/', "-")),
        }
    }

    /// The place of the records, where it is not the runtime's own and so has to be named.
    pub fn own_records(&self) -> Option<&str> {
        (!self.is_usual()).then_some(self.records.as_str())
    }

    /// Whether the records of the runtime are where it has them by itself.
    pub fn is_usual(&self) -> bool {
        self.records == "/run/runc"
    }

    /// A call of the runtime.
    pub fn runtime<A: Into<Bytes>>(&self, manager: &str, words: impl IntoIterator<Item = A>) -> Command {
        let root = self.own_records().map(|records| ["--root", records].map(Bytes::from));
        Command::new(manager).args(root.into_iter().flatten()).args(words).as_root().limit_ms(RUNTIME_MS)
    }
}

/// The longest name: a folder, a host name, a label of DNS.
const LONGEST: usize = 63;

/// Whether this can be the name of a cube: what runc takes for an id, and no name that means something else.
pub fn is_name(name: &str) -> bool {
    is_id(name) && name.len() <= LONGEST && !matches!(name, "host" | "essential" | "all" | "data")
}

/// Whether runc could have a container of this id. A leading dot would hide it, a dash would be an option.
pub fn is_id(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_+-.".contains(&b);
    name.bytes().all(plain) && name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_folder_and_mean_nothing_else() {
        for good in ["web", "cube-server", "dom0", "a.b_c+d", "9"] {
            assert!(is_name(good), "{good}");
        }
        let long = "x".repeat(64);
        for bad in ["", "a b", "../x", "a/b", ".", "..", ".web", "-f", "host", "essential", "a\n", "ü", "a:b", &long] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
