//! Who started a machine, by the marks that each leaves in the arguments.

use crate::parse::command_line::CommandLine;

/// What tells one: a word, and where it stands.
enum Mark {
    /// In the path of the program.
    Program(&'static str),
    /// In any argument.
    Text(&'static str),
    /// In the name, in front.
    Name(&'static str),
    /// An option of this name.
    Option(&'static str),
    /// The number of the process is kept in a folder that is called as the machine is: `x/x.pid`.
    OwnFolder,
}

/// The first that fits.
const OWNERS: &[(&str, &[Mark])] = &[
    ("Proxmox", &[Mark::Text("/run/qemu-server/")]),
    ("Ganeti", &[Mark::Text("/run/ganeti/kvm-hypervisor/")]),
    ("Incus", &[Mark::Text("/run/incus/"), Mark::Text("/log/incus/"), Mark::Program("/opt/incus/")]),
    ("LXD", &[Mark::Text("/lxd/logs/"), Mark::Program("/snap/lxd/")]),
    ("Kata", &[Mark::Text("/run/vc/vm/"), Mark::Name("sandbox-")]),
    ("KubeVirt", &[Mark::Text("/run/kubevirt-private/")]),
    // Its secret key, its monitor, its folders: system's, a user's session, and those of GNOME Boxes.
    (
        "libvirt",
        &[
            Mark::Text("charmonitor"),
            Mark::Text("/lib/libvirt/qemu/"),
            Mark::Text("/run/libvirt/qemu/"),
            Mark::Text("/.config/libvirt/"),
            Mark::Text("/libvirt/qemu/lib/"),
        ],
    ),
    ("Lima", &[Mark::Text("/.lima/"), Mark::Name("lima-")]),
    ("Podman", &[Mark::Text("/podman/qmp_"), Mark::Text("/containers/podman/machine/")]),
    ("minikube", &[Mark::Text("/.minikube/machines/")]),
    ("Multipass", &[Mark::Text("/multipassd/"), Mark::Program("/snap/multipass/")]),
    ("UTM", &[Mark::Text("com.utmapp."), Mark::Text("/UTM.app/"), Mark::Program("/UTM.app/")]),
    ("Android", &[Mark::Option("avd"), Mark::Program("/emulator/qemu/")]),
    ("GNS3", &[Mark::Text("/GNS3/")]),
    ("Vagrant", &[Mark::Text("/vagrant-qemu/")]),
    ("quickemu", &[Mark::Text("-monitor.socket"), Mark::OwnFolder]),
];

/// Who started it; none for one that was started by hand, as far as can be told.
pub fn of(line: &CommandLine) -> Option<&'static str> {
    let has = |mark: &Mark| match mark {
        Mark::Program(part) => line.program.contains(part),
        // The words of a kernel's command line are the guest's, not the owner's.
        Mark::Text(part) => {
            let told = line.options.iter().filter(|option| !matches!(option.name.as_str(), "append" | "name"));
            told.filter_map(|option| option.text.as_deref()).any(|text| text.contains(part))
        }
        Mark::Name(start) => line.name().is_some_and(|name| name.starts_with(start)),
        Mark::Option(name) => line.has(name),
        Mark::OwnFolder => line.name().is_some_and(|name| line.text("pidfile") == Some(&format!("{name}/{name}.pid"))),
    };
    OWNERS.iter().find(|(_, marks)| marks.iter().any(has)).map(|(owner, _)| *owner)
}

/// Whether the monitor of its machines is taken: whoever connects there waits for ever.
pub fn holds_monitor(owner: &str) -> bool {
    matches!(owner, "libvirt" | "KubeVirt" | "Kata" | "Incus" | "LXD")
}

/// How the owner is asked to do it, for a hint.
pub fn tool(owner: &str) -> Option<&'static str> {
    match owner {
        "libvirt" => Some("virsh"),
        "Proxmox" => Some("qm"),
        "Ganeti" => Some("gnt-instance"),
        "Incus" => Some("incus"),
        "LXD" => Some("lxc"),
        "Podman" => Some("podman machine"),
        "Lima" => Some("limactl"),
        "minikube" => Some("minikube"),
        "Multipass" => Some("multipass"),
        _ => None,
    }
}
