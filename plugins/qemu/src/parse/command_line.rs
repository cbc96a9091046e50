//! The command line of a QEMU: its program, its options, its images.
//!
//! Every option of QEMU has one argument or none. Which of the two is known for those that are listed here; of any other
//! a word that does not begin with a dash is taken for its argument.
//!
//! ```text
//! qemu-system-x86_64 -enable-kvm -m 2G -name tst100,process=tst100 -drive file=/srv/a b.qcow2,if=virtio disk.img
//! ```
//!
//! Where only `ps` could be asked, blanks inside arguments are lost: then an argument goes on up to the next word with
//! a dash.

use crate::parse::values::Pairs;
use ctys_plugin::model::Bytes;
use ctys_plugin::model::bytes::escape;

/// One option, without its dash.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opt {
    /// `name` for `-name` and `--name`.
    pub name: String,
    /// Its argument.
    pub text: Option<String>,
    /// The argument in parts.
    pub pairs: Pairs,
}

/// A command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The program as it was called.
    pub program: String,
    /// The options, in order.
    pub options: Vec<Opt>,
    /// Words without an option: images of disks.
    pub images: Vec<String>,
}

/// Options without an argument.
const SWITCHES: &[&str] = &[
    "S",
    "alt-grab",
    "async-teardown",
    "audio-help",
    "cirrusvga",
    "ctrl-grab",
    "curses",
    "daemonize",
    "enable-fips",
    "enable-hax",
    "enable-kvm",
    "enable-sync-profile",
    "full-screen",
    "h",
    "help",
    "jitdump",
    "localtime",
    "mem-prealloc",
    "no-acpi",
    "no-fd-bootchk",
    "no-frame",
    "no-hpet",
    "no-kvm",
    "no-kvm-irqchip",
    "no-kvm-pit",
    "no-kvm-pit-reinjection",
    "no-quit",
    "no-reboot",
    "no-shutdown",
    "no-user-config",
    "nodefaults",
    "nodefconfig",
    "nographic",
    "old-param",
    "one-insn-per-tb",
    "only-migratable",
    "perfmap",
    "portrait",
    "preconfig",
    "rtc-td-hack",
    "s",
    "sdl",
    "semihosting",
    "singlestep",
    "snapshot",
    "std-vga",
    "tdf",
    "usb",
    "version",
    "win2k-hack",
    "xen-attach",
    "xen-create",
];

/// Options whose argument is taken whatever it begins with.
const WITH_ARGUMENT: &[&str] = &[
    "D",
    "L",
    "M",
    "accel",
    "append",
    "audiodev",
    "avd",
    "blockdev",
    "boot",
    "cdrom",
    "chardev",
    "cpu",
    "device",
    "display",
    "drive",
    "fda",
    "fdb",
    "fw_cfg",
    "global",
    "hda",
    "hdb",
    "hdc",
    "hdd",
    "id",
    "incoming",
    "initrd",
    "k",
    "kernel",
    "loadvm",
    "m",
    "machine",
    "mon",
    "monitor",
    "mtdblock",
    "name",
    "net",
    "netdev",
    "nic",
    "numa",
    "object",
    "pidfile",
    "qmp",
    "qmp-pretty",
    "readconfig",
    "rtc",
    "sandbox",
    "sd",
    "serial",
    "set",
    "smbios",
    "smp",
    "spice",
    "trace",
    "usbdevice",
    "uuid",
    "vga",
    "vnc",
    "xen-domid",
];

/// The key that the first part of an option's argument may lack.
fn implied(option: &str) -> &'static str {
    match option {
        "name" => "guest",
        "machine" | "M" | "net" | "netdev" | "nic" | "display" => "type",
        "accel" => "accel",
        "device" | "blockdev" => "driver",
        "chardev" => "backend",
        "mon" => "chardev",
        "vnc" => "vnc",
        "m" => "size",
        "smp" => "cpus",
        "cpu" => "model",
        "object" => "qom-type",
        _ => "value",
    }
}

impl Opt {
    /// An option with its argument.
    pub fn new(name: &str, text: Option<String>) -> Opt {
        let pairs = text.as_deref().map(|text| Pairs::parse(text, implied(name))).unwrap_or_default();
        Opt { name: name.to_string(), text, pairs }
    }
}

impl CommandLine {
    /// Reads the arguments, the program first.
    pub fn parse(args: &[Bytes], exact: bool) -> CommandLine {
        let words: Vec<String> = args.iter().map(|arg| text(arg.as_slice())).collect();
        let Some((mut program, mut words)) = words.split_first() else { return CommandLine::default() };
        // UTM starts the emulator inside a launcher, which is told what to load.
        if let (true, Some((loaded, rest))) = (program.ends_with("/QEMULauncher"), words.split_first())
            && loaded.ends_with("-softmmu")
        {
            (program, words) = (loaded, rest);
        }
        let mut line = CommandLine { program: program.clone(), ..CommandLine::default() };
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            let Some(name) = option_name(word) else {
                if !matches!(word.as_str(), "" | "--") {
                    line.images.push(word.clone());
                }
                continue;
            };
            let has_argument = match words.get(at) {
                None => false,
                Some(_) if SWITCHES.contains(&name) => false,
                Some(_) if WITH_ARGUMENT.contains(&name) && exact => true,
                Some(next) => option_name(next).is_none(),
            };
            let argument = has_argument.then(|| {
                let mut argument = words[at].clone();
                at += 1;
                while !exact && words.get(at).is_some_and(|next| option_name(next).is_none()) {
                    argument = format!("{argument} {}", words[at]);
                    at += 1;
                }
                argument
            });
            line.options.push(Opt::new(name, argument));
        }
        line
    }

    /// The last part of the program's path.
    pub fn program_name(&self) -> &str {
        self.program.rsplit('/').next().unwrap_or_default()
    }

    /// All options of these names, in order.
    pub fn all<'a>(&'a self, names: &'a [&'a str]) -> impl DoubleEndedIterator<Item = &'a Opt> {
        self.options.iter().filter(move |option| names.contains(&option.name.as_str()))
    }

    /// The last option of these names: QEMU lets it win.
    pub fn last(&self, names: &[&str]) -> Option<&Opt> {
        self.options.iter().rev().find(|option| names.contains(&option.name.as_str()))
    }

    /// The argument of the last option of this name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.last(&[name])?.text.as_deref()
    }

    /// A key in the last of these options that has it.
    pub fn key(&self, names: &[&str], key: &str) -> Option<&str> {
        self.options
            .iter()
            .rev()
            .filter(|option| names.contains(&option.name.as_str()))
            .find_map(|option| option.pairs.get(key))
    }

    /// Whether an option is there.
    pub fn has(&self, name: &str) -> bool {
        self.last(&[name]).is_some()
    }
}

/// `name` for `-name` and `--name`; a lone dash and a negative number are none.
fn option_name(word: &str) -> Option<&str> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '?').then_some(name)
}

/// An argument as text; bytes that are not UTF-8 as `\xNN`.
fn text(raw: &[u8]) -> String {
    std::str::from_utf8(raw).map_or_else(|_| escape(raw), str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(args: &[&str], exact: bool) -> CommandLine {
        let args: Vec<Bytes> = args.iter().map(|arg| Bytes::from(*arg)).collect();
        CommandLine::parse(&args, exact)
    }

    #[test]
    fn words_become_options() {
        let check = |words: &[&str], exact: bool, want: &[(&str, Option<&str>)], images: &[&str]| {
            let line = line(&[&["qemu-system-x86_64"], words].concat(), exact);
            let got: Vec<_> = line.options.iter().map(|o| (o.name.as_str(), o.text.as_deref())).collect();
            assert_eq!(got, want, "{words:?}");
            assert_eq!(line.images, images, "{words:?}");
        };
        check(&["-m", "512", "-S"], true, &[("m", Some("512")), ("S", None)], &[]);
        check(&["--enable-kvm", "disk.img"], true, &[("enable-kvm", None)], &["disk.img"]);
        check(&["-append", "-x"], true, &[("append", Some("-x"))], &[]);
        check(&["-new-thing", "-m", "1"], true, &[("new-thing", None), ("m", Some("1"))], &[]);
        check(&["-new-thing", "value", "-m", "1"], true, &[("new-thing", Some("value")), ("m", Some("1"))], &[]);
        check(&["-m"], true, &[("m", None)], &[]);
        check(&["-name", ""], true, &[("name", Some(""))], &[]);
        check(&["-", "-1"], true, &[], &["-", "-1"]);
        check(
            &["-name", "two", "words", "-drive", "file=/a", "b.img", "-S"],
            false,
            &[("name", Some("two words")), ("drive", Some("file=/a b.img")), ("S", None)],
            &[],
        );
        check(&[], true, &[], &[]);
        assert_eq!(CommandLine::parse(&[], true), CommandLine::default());
    }

    #[test]
    fn the_last_option_wins() {
        let line = line(&["/usr/bin/kvm", "-machine", "pc,accel=tcg", "-M", "q35", "-name", "a", "-name", "b"], true);
        assert_eq!(line.program_name(), "kvm");
        assert_eq!(line.key(&["machine", "M"], "type"), Some("q35"));
        assert_eq!(line.key(&["machine", "M"], "accel"), Some("tcg"));
        assert_eq!(line.key(&["name"], "guest"), Some("b"));
    }

    #[test]
    fn no_option_is_listed_twice() {
        for name in SWITCHES {
            assert!(!WITH_ARGUMENT.contains(name), "{name}");
        }
    }
}
