//! What a command line, or a configuration, tells of a machine.

use crate::parse::command_line::{CommandLine, Opt};
use crate::parse::values::{Pairs, mebibytes};
use ctys_plugin::magic::{plain_mac, plain_uuid};
use std::borrow::Cow;

/// The port of VNC display 0.
pub const VNC_BASE: u16 = 5900;

/// One network card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Card {
    /// Its id, or that of its network.
    pub name: Option<String>,
    /// Its hardware address, where the arguments fix it.
    pub mac: Option<String>,
}

/// Where a VNC server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Vnc {
    /// At this port.
    Port(u16),
    /// At the first free port from this one on.
    From(u16),
    /// At a UNIX socket.
    Socket(String),
}

/// A device for a terminal or a monitor: what stands behind `-serial`, `-qmp` or `chardev=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// `unix:/run/x`, `pty`, `stdio`, `tcp:...` in short.
    pub shown: String,
    /// The UNIX socket at which QEMU listens.
    pub socket: Option<String>,
    /// The file that keeps what was said.
    pub log: Option<String>,
}

/// What stands behind `-vnc`, or behind `vnc=` of `-display`.
fn vnc_place(pairs: &Pairs) -> Option<&str> {
    pairs.get("vnc").or_else(|| pairs.get("value"))
}

impl CommandLine {
    /// The name.
    pub fn name(&self) -> Option<&str> {
        // The emulator of Android names its virtual device in its own way, `-avd x` or `@x`.
        let android = || self.images.first().and_then(|word| word.strip_prefix('@'));
        self.key(&["name"], "guest").or_else(|| self.text("avd")).or_else(android).filter(|name| !name.is_empty())
    }

    /// The uuid as 32 lower-case digits: `-uuid`, or that of the system table, which is how Proxmox gives it.
    pub fn uuid(&self) -> Option<String> {
        let table = || self.all(&["smbios"]).rev().find_map(|option| option.pairs.get("uuid"));
        self.text("uuid").or_else(table).and_then(plain_uuid)
    }

    /// The architecture of the guest; none where the program does not name it.
    pub fn arch(&self) -> Option<&str> {
        let name = self.program_name();
        // UTM: qemu-aarch64-softmmu
        if let Some(arch) = name.strip_prefix("qemu-").and_then(|name| name.strip_suffix("-softmmu")) {
            return Some(arch);
        }
        // Those of Android and Kata: qemu-system-x86_64-headless, qemu-vanilla-system-x86_64
        let (_, arch) = name.split_once("system-").filter(|_| name.starts_with("qemu-"))?;
        Some(arch.split('-').next().unwrap_or(arch)).filter(|arch| !arch.is_empty())
    }

    /// Whether what is not said is QEMU's default: nothing more stands in a file, and it is QEMU that reads the arguments.
    fn tells_all(&self) -> bool {
        let is_android = self.has("avd") || self.images.first().is_some_and(|word| word.starts_with('@'));
        !(self.has("readconfig") || is_android || self.options.is_empty() && self.images.is_empty())
    }

    /// The accelerator: KVM, TCG, HVF and so on. None where QEMU chooses among several.
    pub fn accelerator(&self) -> Option<Cow<'static, str>> {
        let option = self
            .options
            .iter()
            .rev()
            .find(|option| match option.name.as_str() {
                "enable-kvm" | "no-kvm" | "enable-hax" => true,
                "accel" => true,
                "machine" | "M" => option.pairs.get("accel").is_some(),
                _ => false,
            })
            .map(|option| match option.name.as_str() {
                "enable-kvm" => "kvm",
                "no-kvm" => "tcg",
                "enable-hax" => "hax",
                _ => option.pairs.get("accel").unwrap_or_default(),
            });
        let several = self.all(&["accel"]).count() > 1 || option.is_some_and(|words| words.contains(':'));
        match option {
            _ if several => None,
            Some("") => None,
            Some(word) => Some(Cow::Owned(word.to_ascii_uppercase())),
            // Called by such a name QEMU tries KVM and then TCG by itself; hosts that call it so have KVM.
            None if self.program_name().ends_with("kvm") => Some(Cow::Borrowed("KVM")),
            None if self.tells_all() => Some(Cow::Borrowed("TCG")),
            None => None,
        }
    }

    /// The type of the virtual board.
    pub fn board(&self) -> Option<&str> {
        self.key(&["machine", "M"], "type")
    }

    /// Memory in MiB; QEMU's own default where nothing is said.
    pub fn memory(&self) -> Option<i64> {
        match self.key(&["m"], "size") {
            Some(size) => mebibytes(size),
            None => self.tells_all().then_some(128),
        }
    }

    /// Processors: `-smp 4`, or sockets times dies times cores times threads.
    pub fn processors(&self) -> Option<i64> {
        let get = |key: &str| self.key(&["smp"], key);
        let count = |text: &str| text.parse::<i64>().ok().filter(|n| (1..=65_536).contains(n));
        match get("cpus") {
            Some(cpus) => count(cpus),
            None if self.has("smp") => {
                let parts = ["sockets", "dies", "clusters", "cores", "threads"];
                parts.iter().try_fold(1_i64, |all, part| get(part).map_or(Some(all), |n| all.checked_mul(count(n)?)))
            }
            None => self.tells_all().then_some(1),
        }
    }

    /// The network cards, in order.
    pub fn cards(&self) -> Vec<Card> {
        let mut cards = Vec::new();
        for option in &self.options {
            let pairs = &option.pairs;
            let mac = pairs.get("mac").or_else(|| pairs.get("macaddr")).and_then(plain_mac);
            let is_card = match option.name.as_str() {
                "device" => mac.is_some() || pairs.get("netdev").is_some(),
                "net" => pairs.get("type") == Some("nic"),
                "nic" => pairs.get("type") != Some("none"),
                _ => false,
            };
            if is_card {
                let name = pairs.get("id").or_else(|| pairs.get("netdev")).map(str::to_string);
                cards.push(Card { name, mac });
            }
        }
        cards
    }

    /// The rules by which ports of the host lead into the guest.
    pub fn forwards(&self) -> Vec<&str> {
        let networks = self.options.iter().filter(|option| matches!(option.name.as_str(), "netdev" | "nic" | "net"));
        let rules = networks.flat_map(|option| option.pairs.all("hostfwd"));
        // Old ones: -redir tcp:2222::22
        rules.chain(self.all(&["redir"]).filter_map(|option| option.text.as_deref())).collect()
    }

    fn vnc_option(&self) -> Option<&Opt> {
        self.last(&["vnc"]).or_else(|| {
            self.all(&["display"])
                .rev()
                .find(|option| matches!(option.pairs.get("type"), Some("vnc")) || option.pairs.get("vnc").is_some())
        })
    }

    /// The one address at which its VNC server listens, where that is not this machine's own loopback: `-vnc 10.0.0.1:1`.
    pub fn vnc_elsewhere(&self) -> Option<&str> {
        let place = vnc_place(&self.vnc_option()?.pairs)?;
        let address = place.rsplit_once(':')?.0.trim_matches(['[', ']']);
        let is_here =
            matches!(address, "" | "0.0.0.0" | "::" | "::1" | "localhost" | "unix") || address.starts_with("127.");
        (!is_here && !place.starts_with("unix:")).then_some(address)
    }

    /// Its VNC server.
    pub fn vnc(&self) -> Option<Vnc> {
        let option = self.vnc_option()?;
        let pairs = &option.pairs;
        let place = vnc_place(pairs)?;
        if place == "none" || pairs.is_on("reverse") {
            return None;
        }
        if let Some(path) = place.strip_prefix("unix:") {
            return Some(Vnc::Socket(path.to_string()));
        }
        let display: u16 = place.rsplit(':').next()?.parse().ok()?;
        let port = VNC_BASE.checked_add(display)?;
        match pairs.get("to") {
            Some(_) => Some(Vnc::From(port)),
            None => Some(Vnc::Port(port)),
        }
    }

    /// The port or socket of its SPICE server.
    pub fn spice(&self) -> Option<String> {
        let option = self.last(&["spice"])?;
        let get = |key: &str| option.pairs.get(key).map(str::to_string);
        match option.pairs.is_on("unix") {
            true => get("addr"),
            false => get("port").filter(|port| port != "0").or_else(|| get("tls-port")),
        }
    }

    /// The UNIX sockets at which it listens for QMP.
    pub fn qmp_sockets(&self) -> Vec<String> {
        self.monitors(&["qmp", "qmp-pretty"], |_| true)
    }

    /// Those whose answers are a line each; a pretty one spreads its answers over many, for people to read.
    pub fn plain_qmp_sockets(&self) -> Vec<String> {
        self.monitors(&["qmp"], |monitor| !monitor.pairs.is_on("pretty"))
    }

    fn monitors(&self, options: &[&str], counts: impl Fn(&Opt) -> bool) -> Vec<String> {
        let named = self.all(options).filter_map(|option| option.text.as_deref());
        let monitors =
            self.all(&["mon"]).filter(|option| option.pairs.get("mode") == Some("control") && counts(option));
        let by_device = monitors.filter_map(|option| self.device(option.pairs.get("chardev")?));
        let lines = named.filter_map(|text| self.line(text)).chain(by_device);
        lines.filter_map(|line| line.socket).collect()
    }

    /// The first serial line.
    pub fn serial(&self) -> Option<Line> {
        if let Some(text) = self.all(&["serial"]).find_map(|option| option.text.as_deref()) {
            return self.line(text);
        }
        let is_terminal = |option: &&Opt| {
            let driver = option.pairs.get("driver").unwrap_or_default();
            driver.contains("serial") && driver != "virtserialport" || driver == "virtconsole"
        };
        let device = self.all(&["device"]).filter(is_terminal).find_map(|option| option.pairs.get("chardev"))?;
        self.device(device)
    }

    /// What stands behind `-serial` or `-qmp`.
    fn line(&self, text: &str) -> Option<Line> {
        let text = text.strip_prefix("mon:").unwrap_or(text);
        if let Some(id) = text.strip_prefix("chardev:") {
            return self.device(id);
        }
        let pairs = Pairs::parse(text, "value");
        let place = pairs.get("value")?;
        // A QEMU that connects itself listens nowhere.
        let path = place.strip_prefix("unix:").filter(|_| pairs.is_on("server"));
        let log = pairs.get("logfile").map(str::to_string);
        Some(Line { shown: place.to_string(), socket: path.and_then(absolute), log })
    }

    /// What stands behind the id of a `-chardev`.
    fn device(&self, id: &str) -> Option<Line> {
        let option = self.all(&["chardev"]).find(|option| option.pairs.get("id") == Some(id))?;
        let get = |key: &str| option.pairs.get(key);
        let backend = get("backend").unwrap_or_default();
        let path = get("path").or_else(|| get("addr.path"));
        let shown = match (backend, path) {
            ("socket", Some(path)) => format!("unix:{path}"),
            (backend, Some(path)) => format!("{backend}:{path}"),
            (backend, None) => backend.to_string(),
        };
        let listens = backend == "socket" && option.pairs.is_on("server");
        let socket = path.filter(|_| listens).and_then(absolute);
        Some(Line { shown, socket, log: get("logfile").map(str::to_string) })
    }

    /// The first disk, or the kernel.
    pub fn image(&self) -> Option<&str> {
        let disk = self.options.iter().find_map(|option| {
            let get = |key: &str| option.pairs.get(key).unwrap_or_default();
            match option.name.as_str() {
                "hda" | "hdb" | "hdc" | "hdd" | "sd" | "mtdblock" => option.text.as_deref(),
                // Firmware, floppies and CDs are no disks.
                "drive" if matches!(get("if"), "pflash" | "floppy" | "mtd") || get("media") == "cdrom" => None,
                "drive" => option.pairs.get("file").or_else(|| option.pairs.get("file.filename")),
                "blockdev" if get("node-name").contains("pflash") => None,
                "blockdev" => option.pairs.get("filename").or_else(|| option.pairs.get("file.filename")),
                _ => None,
            }
        });
        let bare = || self.images.iter().map(String::as_str).find(|word| !word.starts_with('@'));
        disk.filter(|file| !file.is_empty())
            .or_else(bare)
            .or_else(|| self.text("kernel"))
            .or_else(|| self.text("cdrom"))
    }

    /// Whether it is the device model of a Xen guest, which is a machine of Xen's.
    pub fn is_xens(&self) -> bool {
        self.has("xen-domid")
            || self.has("xen-attach")
            || self.has("xen-create")
            || self.board().is_some_and(|board| matches!(board, "xenpv" | "xenfv" | "xenpvh"))
            || self.accelerator().as_deref() == Some("XEN")
    }

    /// Whether it only tells of itself: a version, a list of devices, what libvirt wants to know of each QEMU.
    pub fn is_a_question(&self) -> bool {
        let asks = |option: &Opt| {
            matches!(option.name.as_str(), "version" | "help" | "h" | "?")
                || matches!(option.text.as_deref(), Some("help" | "?"))
        };
        let probes =
            |socket: &String| socket.ends_with("/qmp.monitor") || socket.ends_with("/capabilities.monitor.sock");
        self.options.iter().any(asks) || (self.board() == Some("none") && self.qmp_sockets().iter().any(probes))
    }
}

/// A socket by a relative path is below a folder that nobody tells.
fn absolute(path: &str) -> Option<String> {
    path.starts_with('/').then(|| path.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::model::Bytes;

    fn line(text: &str) -> CommandLine {
        let args: Vec<Bytes> = text.split(' ').map(Bytes::from).collect();
        CommandLine::parse(&args, true)
    }

    #[test]
    fn a_screen_that_is_not_at_the_loopback_is_elsewhere() {
        let elsewhere = |place: &str| line(&format!("qemu-system-x86_64 {place}")).vnc_elsewhere().map(str::to_string);
        for here in [
            "-m 1",
            "-vnc :1",
            "-vnc 127.0.0.1:1,to=99",
            "-vnc localhost:1",
            "-vnc 0.0.0.0:1",
            "-vnc [::]:1",
            "-vnc [::1]:1",
            "-vnc unix:/run/x.sock",
            "-vnc none",
            "-display vnc=127.0.0.1:2",
        ] {
            assert_eq!(elsewhere(here), None, "{here}");
        }
        for (there, address) in [
            ("-vnc 192.168.1.71:1", "192.168.1.71"),
            ("-vnc [fd00::71]:1,password=on", "fd00::71"),
            ("-vnc lab00:1", "lab00"),
            ("-display vnc=10.0.0.1:2", "10.0.0.1"),
        ] {
            assert_eq!(elsewhere(there).as_deref(), Some(address), "{there}");
        }
    }

    #[test]
    fn a_monitor_for_people_is_not_spoken_with() {
        for (text, plain) in [
            ("-qmp unix:/a,server=on,wait=off", true),
            ("-qmp-pretty unix:/a,server=on,wait=off", false),
            ("-chardev socket,id=m,path=/a,server=on,wait=off -mon chardev=m,mode=control", true),
            ("-chardev socket,id=m,path=/a,server=on,wait=off -mon chardev=m,mode=control,pretty=on", false),
        ] {
            let line = line(&format!("qemu-system-x86_64 {text}"));
            assert_eq!(line.qmp_sockets(), ["/a"], "{text}");
            assert_eq!(!line.plain_qmp_sockets().is_empty(), plain, "{text}");
        }
    }
}
