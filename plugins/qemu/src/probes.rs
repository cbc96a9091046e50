//! What this plugin wants to know of a host. Each function is one question; the verbs pick the ones they need.

use crate::folders;
use crate::parse::qmp;
use ctys_plugin::machines;
use ctys_plugin::model::command::Talk;
use ctys_plugin::model::probe::ProcessTable;
use ctys_plugin::model::{Access, Bytes, Command, Place, Privilege, Probe, Request};

/// How QEMU is called: by architecture, by Kata, by Red Hat, by Debian and Proxmox, by old releases, and by UTM.
const PROGRAMS: [&str; 8] =
    ["qemu-system-*", "qemu-*-system-*", "qemu-kvm", "kvm", "kvm-spice", "qemu", "QEMULauncher", "qemu-*-softmmu"];

/// Which files may be configurations; the same names as those of other plugins, so that their walks are one.
const FILES: [&str; 2] = ["*.conf", "*.ctys"];

/// How long a QMP socket has for its answers, in milliseconds. All are asked at the same time.
pub const TALK_MS: u32 = 2_000;

/// No answer to what is asked here is as long; the greeting and the events of a minute fit as well.
const TALK_LIMIT: u32 = 64 * 1024;

/// Which QEMUs run.
pub fn processes() -> Probe {
    Probe::Processes(table())
}

/// How QEMUs are found among all processes.
pub fn table() -> ProcessTable {
    ProcessTable { place: Place::Target, names: PROGRAMS.map(String::from).to_vec() }
}

/// What may carry a console: the programs that the engine starts where a socket is one.
pub fn carriers() -> Probe {
    Probe::Processes(ProcessTable {
        place: Place::Target,
        names: ["perl", "python3", "ctys"].map(String::from).to_vec(),
    })
}

/// The QMP sockets of our own machines, wherever they are: root may speak with all of them, the account with its own.
pub fn own_sockets(request: &Request) -> Probe {
    let sockets = folders::run_bases(request).into_iter().map(|base| format!("{base}/*/qmp"));
    Probe::Talk(ask(sockets, true))
}

/// The dialogue that asks what is asked of every machine.
pub fn ask<A: Into<Bytes>>(sockets: impl IntoIterator<Item = A>, root: bool) -> Talk {
    Talk { lines: qmp::questions().collect(), ..talk(sockets, [], root) }
}

/// A dialogue that only asks.
pub fn talk<A: Into<Bytes>>(
    sockets: impl IntoIterator<Item = A>,
    commands: impl IntoIterator<Item = Bytes>,
    root: bool,
) -> Talk {
    let negotiate = qmp::command(qmp::NEGOTIATE);
    Talk {
        place: Place::Target,
        privilege: if root { Privilege::Root } else { Privilege::None },
        access: Access::Reads,
        sockets: sockets.into_iter().map(Into::into).collect(),
        lines: std::iter::once(negotiate).chain(commands).collect(),
        answers: qmp::ANSWERS.map(Bytes::from).to_vec(),
        limit_ms: TALK_MS,
        limit: TALK_LIMIT,
    }
}

/// One configuration by its path.
pub fn configuration(path: &str) -> Probe {
    Probe::file(path)
}

/// All configurations below these folders, or below the default ones.
pub fn configurations(base: &[String]) -> Vec<Probe> {
    machines::walks(base, &FILES, &[])
}

/// Which emulators the host has, what release they are and what carries them. One program for all of them: a host with every
/// architecture has thirty. Each release is asked of the program itself.
///
/// ```text
/// program /usr/bin/qemu-system-x86_64
/// QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)
/// kvm crw-rw---- 1 root kvm 10, 232 Nov 22 00:38 /dev/kvm
/// kvm usable
/// ```
const EMULATORS: &str = r#"
seen=:
IFS=:
for folder in $PATH /usr/libexec; do
  for program in "$folder"/qemu-system-* "$folder"/qemu-kvm; do
    case $seen in *":${program##*/}:"*) continue;; esac
    [ -f "$program" ] && [ -x "$program" ] || continue
    seen=$seen${program##*/}:
    printf 'program %s\n' "$program"
    [ "$1" = names ] || "$program" --version 2>/dev/null | head -n 1
  done
done
[ "$1" = names ] && exit 0
[ -e /dev/kvm ] || exit 0
printf 'kvm %s\n' "$(ls -l /dev/kvm)"
if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then echo 'kvm usable'; else echo 'kvm forbidden'; fi
"#;

/// The emulators with their releases, and KVM.
pub fn emulators() -> Probe {
    Probe::run(Command::new("sh").args(["-c", EMULATORS, "sh", "all"]).limit_ms(30_000))
}

/// Only which emulators there are: that starts none of them.
pub fn emulator_names() -> Probe {
    Probe::run(Command::new("sh").args(["-c", EMULATORS, "sh", "names"]).limit_ms(10_000))
}
