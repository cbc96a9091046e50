//! The fields of a record: names, classic numbers, titles (ctys.md 4.1 and 4.2).

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;

/// A field of a record. The classic ones have numbers in LIST (1-22) and in ENUMERATE/vhost (1-47); those from 1 to 10
/// are the same in both. A plugin may add fields of its own: [`Field::Other`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// A field this table knows.
    Known(Known),
    /// A field a plugin declared in its manifest, by its key.
    Other(String),
}

macro_rules! fields {
    ($($variant:ident $key:literal $list:tt $list_title:literal $enumerate:tt $enum_title:literal $doc:literal;)*) => {
        /// The fields the program itself knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Known { $(#[doc = $doc] $variant,)* }

        /// [`Known::ALL`] as fields.
        pub(crate) static KNOWN: [Field; Known::ALL.len()] = [$(Field::Known(Known::$variant)),*];

        impl Known {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Known] = &[$(Known::$variant),*];

            /// The name in JSON, CSV and on the wire.
            pub fn key(self) -> &'static str {
                match self { $(Known::$variant => $key),* }
            }

            /// One line of help.
            pub fn help(self) -> &'static str {
                match self { $(Known::$variant => $doc.trim_ascii()),* }
            }

            /// The number in a LIST record, from 1.
            pub fn list_index(self) -> Option<u8> {
                match self { $(Known::$variant => fields!(@number $list)),* }
            }

            /// The number in an ENUMERATE, vhost or enum.fdb record, from 1.
            pub fn enum_index(self) -> Option<u8> {
                match self { $(Known::$variant => fields!(@number $enumerate)),* }
            }

            /// The name that TITLE prints for LIST.
            pub fn list_title(self) -> &'static str {
                match self { $(Known::$variant => $list_title),* }
            }

            /// The name that TITLE prints for ENUMERATE and vhost.
            pub fn enum_title(self) -> &'static str {
                match self { $(Known::$variant => $enum_title),* }
            }
        }
    };
    (@number -) => { None };
    (@number $n:literal) => { Some($n) };
}

// One line per field. variant, key, LIST number and title, ENUMERATE number and title, help.
fields! {
    Pm           "pm"            1 "ContainingMachine"  1 "ContainingMachine"  "the machine the session runs on";
    SessionType  "session_type"  2 "SessionType"        2 "SessionType"        "the kind of session: PM, XEN, VNC, SSH(XEN) and so on";
    Label        "label"         3 "Label"              3 "Label"              "the name given by the user";
    Id           "id"            4 "ID"                 4 "ID"                 "configuration file of a machine, display or process id of a desktop";
    Uuid         "uuid"          5 "UUID"               5 "UUID"               "the universally unique identifier";
    Mac          "mac"           6 "MAC"                6 "MAC"                "the hardware address of one interface";
    Tcp          "tcp"           7 "TCP"                7 "TCP"                "the address or name of one interface";
    Display      "display"       8 "DISPLAY"            8 "DISPLAY"            "the display number, port minus base";
    Cport        "cport"         9 "ClientAccessPort"   9 "ClientAccessPort"   "the port a client connects to";
    Sport       "sport"         10 "ServerAccessPort"  10 "ServerAccessPort"   "the port or socket that controls the server";
    Pid          "pid"          11 "PID"                - ""                   "the process id of the server or client";
    User         "user"         12 "UID"               44 "UID"                "the owner, by name";
    Group        "group"        13 "GUID"              45 "GID"                "the owner's group, by name";
    Side         "side"         14 "C/S-Type"           - ""                   "SERVER, CLIENT or TUNNEL";
    JobId        "job_id"       15 "JobID"              - ""                   "the call that started it";
    Interface    "interface"    16 "IFNAME"            33 "IFname"             "the name of the network interface";
    Reserved1    "reserved1"    17 "RESERVED1"          - ""                   "always empty, kept for the classic count";
    Context      "context"      18 "CONTEXTSTRG"       42 "ContextStg"         "private text of the plugin";
    ExecPath     "exec_path"    19 "EXECPATH"          31 "Exepath"            "the program that runs the session";
    HyperRun     "hyper_run"    20 "HYPERRELRUN"       29 "Hyperrelrun"        "release of the running hypervisor";
    Accelerator  "accelerator"  21 "ACCELERATOR"       30 "Accellerator"       "HVM, PARA, KVM, TCG and so on";
    Arch         "arch"         22 "ARCH"              38 "Arch"               "the processor architecture";
    VncBase      "vnc_base"      - ""                  11 "VNCbasePort"        "the port of display 0";
    Dist         "dist"          - ""                  12 "Distro"             "distribution inside the machine";
    DistRel      "dist_rel"      - ""                  13 "Distrorel"          "release of that distribution";
    Os           "os"            - ""                  14 "OS"                 "operating system inside the machine";
    OsRel        "os_rel"        - ""                  15 "OSREL"              "release of that operating system";
    Version      "version"       - ""                  16 "VersNo"             "version of the configuration";
    Serial       "serial"        - ""                  17 "SerialNo"           "serial number of the configuration";
    Category     "category"      - ""                  18 "Category"           "VM or PM";
    VmState      "vm_state"      - ""                  19 "VMstate"            "ACTIVE, BACKUP, TEMPLATE and so on, as configured";
    HyperRel     "hyper_rel"     - ""                  20 "hyperrel"           "hypervisor release it was installed with";
    StackCap     "stack_cap"     - ""                  21 "StackCap"           "what it offers to nested machines";
    StackReq     "stack_req"     - ""                  22 "StackReq"           "what it needs from the machine below";
    HwCap        "hw_cap"        - ""                  23 "HWCAP"              "hardware it offers";
    HwReq        "hw_req"        - ""                  24 "HWREQ"              "hardware it needs";
    ExecLocation "exec_location" - ""                  25 "ExecLocation"       "where it may run";
    RelocCap     "reloc_cap"     - ""                  26 "RelocationCapacity" "whether it may move";
    SshPort      "ssh_port"      - ""                  27 "SSHport"            "the port of its sshd";
    NetName      "net_name"      - ""                  28 "Netname"            "the name its address resolves to";
    Index        "index"         - ""                  32 "rsrv"               "record number in the database";
    CtysRelease  "ctys_release"  - ""                  34 "CTYSRelease"        "release that wrote the configuration";
    Netmask      "netmask"       - ""                  35 "netmask"            "the netmask of the interface";
    Gateway      "gateway"       - ""                  36 "gateway"            "the gateway of the guest";
    Relay        "relay"         - ""                  37 "relay"              "the machine or interface it is reached through";
    Platform     "platform"      - ""                  39 "Platform"           "the virtual hardware";
    Vram         "vram"          - ""                  40 "VRAM"               "memory, in MiB";
    Vcpu         "vcpu"          - ""                  41 "VCPU"               "number of virtual processors";
    UserString   "user_string"   - ""                  43 "UserStrg"           "free text of the user";
    DefaultHosts "default_hosts" - ""                  46 "DefHOSTs"           "default targets";
    DefaultConsole "default_console" - ""              47 "DefCONSOLE"         "default console";
    State        "state"         - ""                   - ""                   "running, paused, crashed and so on, as the host says now";
    Owner        "owner"         - ""                   - ""                   "the system that manages it: libvirt, Proxmox and so on";
    Target       "target"        - ""                   - ""                   "the target as it was typed in the call";
    Node         "node"          - ""                   - ""                   "the name the host gives itself";
    Source       "source"        - ""                   - ""                   "live, or the cache it came from";
    Observed     "observed"      - ""                   - ""                   "when it was seen";
    Text         "text"          - ""                   - ""                   "a line of what SHOW and INFO say";
}

impl Field {
    /// The name in JSON, CSV and on the wire.
    pub fn key(&self) -> &str {
        match self {
            Field::Known(known) => known.key(),
            Field::Other(key) => key,
        }
    }

    /// The field of a key; keys nobody knows become [`Field::Other`].
    pub fn from_key(key: &str) -> Field {
        Known::ALL
            .iter()
            .find(|known| known.key() == key)
            .map(|&known| Field::Known(known))
            .unwrap_or_else(|| Field::Other(key.to_string()))
    }

    /// The field with this number in a LIST record (1-22).
    pub fn from_list_index(index: u8) -> Option<Known> {
        Known::ALL.iter().copied().find(|known| known.list_index() == Some(index))
    }

    /// The field with this number in an ENUMERATE or vhost record (1-47).
    pub fn from_enum_index(index: u8) -> Option<Known> {
        Known::ALL.iter().copied().find(|known| known.enum_index() == Some(index))
    }
}

impl From<Known> for Field {
    fn from(known: Known) -> Self {
        Field::Known(known)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Field::from_key(&Cow::<'de, str>::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_are_complete_and_unique() {
        for n in 1..=22 {
            assert!(Field::from_list_index(n).is_some(), "LIST field {n} is missing");
        }
        for n in 1..=47 {
            assert!(Field::from_enum_index(n).is_some(), "ENUMERATE field {n} is missing");
        }
        let mut list: Vec<_> = Known::ALL.iter().filter_map(|k| k.list_index()).collect();
        let mut enumerate: Vec<_> = Known::ALL.iter().filter_map(|k| k.enum_index()).collect();
        list.sort();
        enumerate.sort();
        assert_eq!(list, (1..=22).collect::<Vec<_>>());
        assert_eq!(enumerate, (1..=47).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_ten_are_common_to_both_records() {
        for n in 1..=10 {
            assert_eq!(Field::from_list_index(n), Field::from_enum_index(n));
        }
    }

    #[test]
    fn keys_are_unique_and_come_back() {
        let keys: BTreeSet<_> = Known::ALL.iter().map(|k| k.key()).collect();
        assert_eq!(keys.len(), Known::ALL.len());
        for &known in Known::ALL {
            assert_eq!(Field::from_key(known.key()), Field::Known(known));
        }
        assert_eq!(Field::from_key("cube.role"), Field::Other("cube.role".into()));
    }
}
