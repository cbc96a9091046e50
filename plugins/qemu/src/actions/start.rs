//! The command that starts a machine: what its configuration says, what the call adds, and what makes it ours: a private
//! QMP socket, a serial line with a log, a place in the background.
//!
//! ```text
//! sh -c SCRIPT sh FOLDER LOG STATE|'' qemu-system-x86_64 [-readconfig FILE | arguments of the file]
//!    -name guest=tst100 -uuid ... -qmp unix:KEY/qmp,server=on,wait=off
//!    -chardev socket,id=ctys-serial,path=KEY/serial,server=on,wait=off,logfile=... -serial chardev:ctys-serial
//!    -display none -pidfile KEY/pid -daemonize -d page -D KEY/qemu.log
//! ```
//!
//! Nothing of an ending terminal reaches a process that went into the background this way, and QEMU itself reports what
//! keeps it from starting before it goes.

use crate::conf::{Body, Machine};
use crate::folders::Folders;
use crate::parse::command_line::CommandLine;
use ctys_plugin::machines::Configured;
use ctys_plugin::model::{Bytes, Command, ConsoleKind, Create, HostFacts, Phase, Problem, Request};

/// Starting takes its time on a busy host: firmware is read, memory may be taken page by page.
const START_MS: u32 = 120_000;

/// `$1` folder of the configuration, `$2` QEMU's own log, `$3` state to be read or nothing, then the command. The state comes
/// through an open file, so its name needs no quoting in an argument of QEMU. Once it has a log QEMU complains there only.
const SCRIPT: &str = r#"
cd "$1" || exit
log=$2 state=$3
shift 3
: >"$log" || exit
if [ -n "$state" ]; then exec 3<"$state" || exit; fi
"$@" && exit
status=$?
tail -c 4096 "$log" >&2
exit "$status"
"#;

/// Options that bind a machine to a terminal, which a machine in the background has not, and those that CREATE gives itself.
const BOUND: [&str; 6] = ["nographic", "curses", "daemonize", "pidfile", "sdl", "incoming"];

/// The command. `state` is the saved state it continues from.
pub fn command(
    request: &Request,
    create: &Create,
    host: &HostFacts,
    machine: &Machine,
    folders: &Folders,
    console: Option<ConsoleKind>,
    state: Option<&str>,
) -> Result<Command, Problem> {
    let mut words = program(host, machine)?;
    let more = more(request, create)?;
    words.extend(ours(machine, folders, console, &added(&more)).into_iter().map(Bytes::from));
    words.extend(more.into_iter().map(Bytes::from));
    if state.is_some() {
        words.extend(["-incoming", "fd:3"].map(Bytes::from));
    }
    let folder = Bytes(machine.folder().to_vec());
    Ok(Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(folder)
        .args([folders.qemu_log(), state.unwrap_or_default().to_string()])
        .args(words)
        .changes()
        .limit_ms(START_MS))
}

/// What the configuration says: the program and its arguments.
fn program(host: &HostFacts, machine: &Machine) -> Result<Vec<Bytes>, Problem> {
    let emulator = || emulator(host, machine);
    match &machine.body {
        Body::Script => Ok(vec![machine.path.clone()]),
        Body::ReadConfig => Ok(vec![emulator().into(), "-readconfig".into(), machine.path.clone()]),
        Body::Arguments(words) => {
            let has_program = words.first().is_some_and(|word| !word.starts_with('-'));
            let named = if has_program { words[0].clone() } else { emulator() };
            let mut kept = vec![Bytes::from(named)];
            kept.extend(without_terminals(&machine.line, &words[usize::from(has_program)..]));
            Ok(kept)
        }
        Body::Empty => match machine.magic("STARTERCALL") {
            Some(program) => Ok(vec![below(machine, program)]),
            None => Err(Problem::new(
                Phase::Run,
                format!("{} says what the machine is and not how it is started", machine.shown_path()),
            )
            .hint("below the comments: arguments of QEMU, its own configuration, or a program that begins with #!")
            .hint("or #@#STARTERCALL = \"<program>\"")),
        },
        Body::Broken(why) => {
            Err(Problem::new(Phase::Run, format!("the arguments in {} cannot be read: {why}", machine.shown_path())))
        }
    }
}

/// The emulator: what STARTERCALL names, else the one of ARCH, else that of the host's own architecture.
fn emulator(host: &HostFacts, machine: &Machine) -> String {
    if let Some(program) = machine.magic("STARTERCALL") {
        return below(machine, program).to_text().into_owned();
    }
    let arch = machine.magic("ARCH").unwrap_or(&host.machine).to_ascii_lowercase();
    let arch = match arch.as_str() {
        "amd64" | "x86-64" | "x86_64" => "x86_64",
        "i386" | "i486" | "i586" | "i686" | "x86" => "i386",
        "arm64" | "aarch64" => "aarch64",
        "ppc64le" | "ppc64" => "ppc64",
        arch if arch.starts_with("armv") => "arm",
        arch if !arch.is_empty() && arch.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => arch,
        _ => "x86_64",
    };
    format!("qemu-system-{arch}")
}

/// A program beside the configuration: `tst100.sh`, `./start`. One without a slash or an extension is found by PATH.
fn below(machine: &Machine, program: &str) -> Bytes {
    let is_beside = !program.starts_with('/') && (program.contains('/') || program.ends_with(".sh"));
    match is_beside {
        true => Bytes([machine.folder(), b"/", program.as_bytes()].concat()),
        false => Bytes::from(program),
    }
}

/// The words of the configuration without what binds a machine to a terminal, and without what CREATE gives itself.
fn without_terminals(line: &CommandLine, words: &[String]) -> Vec<Bytes> {
    let is_bound = |name: &str, text: Option<&str>| {
        let is_terminal = matches!(text, Some("stdio" | "mon:stdio" | "vc" | "mon:vc"));
        BOUND.contains(&name) || (matches!(name, "serial" | "monitor" | "qmp") && is_terminal)
    };
    let mut kept = Vec::new();
    let mut rest = words.iter();
    let mut options = line.options.iter();
    while let Some(word) = rest.next() {
        // Words and options come in the same order; a word that is no option is an image.
        if !word.starts_with('-') || line.images.contains(word) {
            kept.push(Bytes::from(word.as_str()));
            continue;
        }
        let option = options.next();
        let argument = option.and_then(|option| option.text.as_ref()).and_then(|_| rest.next());
        if option.is_some_and(|option| is_bound(&option.name, option.text.as_deref())) {
            continue;
        }
        kept.push(Bytes::from(word.as_str()));
        kept.extend(argument.map(|argument| Bytes::from(argument.as_str())));
    }
    kept
}

/// What the call adds.
fn added(more: &[String]) -> CommandLine {
    let args: Vec<Bytes> = std::iter::once("").chain(more.iter().map(String::as_str)).map(Bytes::from).collect();
    CommandLine::parse(&args, true)
}

/// What makes the machine ours. What its configuration or the call says already is left to them.
fn ours(machine: &Machine, folders: &Folders, console: Option<ConsoleKind>, added: &CommandLine) -> Vec<String> {
    let line = &machine.line;
    let says = |names: &[&str]| line.last(names).is_some() || added.last(names).is_some();
    // A comma ends a value; in a path or a name it is written twice.
    let value = |text: &str| text.replace(',', ",,");
    let mut words: Vec<String> = Vec::new();
    let mut add = |option: &str, argument: String| words.extend([option.to_string(), argument]);
    if line.name().is_none() && added.name().is_none() {
        add("-name", format!("guest={}", value(&machine.name())));
    }
    if let Some(uuid) = machine.uuid().filter(|_| line.uuid().is_none() && added.uuid().is_none()) {
        let part = |from: usize, to: usize| &uuid[from..to];
        let dashed = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-");
        add("-uuid", dashed);
    }
    if let Some(accelerator) = machine.magic("INST_ACCELERATOR").map(str::to_ascii_lowercase)
        && matches!(accelerator.as_str(), "kvm" | "tcg")
        && !says(&["accel", "enable-kvm", "no-kvm"])
        && line.key(&["machine", "M"], "accel").is_none()
    {
        add("-accel", accelerator);
    }
    add("-qmp", format!("unix:{},server=on,wait=off", value(&folders.qmp())));
    let terminal = matches!(line.text("serial"), Some("stdio" | "mon:stdio" | "vc" | "mon:vc"));
    if !says(&["serial"]) || terminal {
        let (socket, log) = (value(&folders.serial()), value(&folders.serial_log()));
        add("-chardev", format!("socket,id=ctys-serial,path={socket},server=on,wait=off,logfile={log}"));
        add("-serial", "chardev:ctys-serial".into());
    }
    match console {
        Some(ConsoleKind::Sdl) => add("-display", "sdl".into()),
        // Only on the host itself, at the first display that is free: what leads there is a tunnel.
        Some(ConsoleKind::Vnc) if !says(&["vnc", "spice"]) => add("-vnc", "127.0.0.1:0,to=99".into()),
        _ if !says(&["vnc", "spice", "display"]) => add("-display", "none".into()),
        _ => {}
    }
    add("-pidfile", folders.pid());
    words.push("-daemonize".into());
    if !says(&["D", "d"]) {
        // Without a log of its own QEMU closes its standard error once it is in the background. `page` is for programs,
        // not for machines: nothing but complaints comes into this log.
        words.extend(["-d", "page", "-D"].map(String::from));
        words.push(folders.qemu_log());
    }
    words
}

/// What the call adds: BOOTMODE, INSTMODE, ARGSADD, CALLOPTS and `-O`.
fn more(request: &Request, create: &Create) -> Result<Vec<String>, Problem> {
    let mut words = boot(create)?;
    words.extend(install(create)?);
    if let Some(text) = create.extra.get("ARGSADD") {
        let mut parts = text.split('%');
        match parts.next() {
            Some("S" | "s") => words.extend(parts.filter(|part| !part.is_empty()).map(str::to_string)),
            _ => {
                return Err(Problem::new(Phase::Usage, "ARGSADD adds arguments to QEMU: S%<argument>%<argument>")
                    .hint("viewers and terminals are started by ctys"));
            }
        }
    }
    words.extend(create.call_opts.iter().chain(&request.server_options).cloned());
    match words.iter().any(|word| word.contains('\0')) {
        true => Err(Problem::new(Phase::Usage, "an argument holds a NUL byte, which none can")),
        false => Ok(words),
    }
}

fn strings<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(String::from).to_vec()
}

fn boot(create: &Create) -> Result<Vec<String>, Problem> {
    let Some(boot) = &create.boot_mode else { return Ok(Vec::new()) };
    let image = boot.image.as_deref().filter(|image| !image.is_empty());
    medium(&boot.mode, image, "order", &format!("BOOTMODE:{}", boot.mode))
}

/// Where to boot from. `when` is `order`, or `once` for an installation.
fn medium(mode: &str, image: Option<&str>, when: &str, what: &str) -> Result<Vec<String>, Problem> {
    let usage = |message: String| Problem::new(Phase::Usage, message);
    let file = |image: &str| image.replace(',', ",,");
    let order = |letter: &str| strings(["-boot", &format!("{when}={letter}")]);
    Ok(match (mode, image) {
        ("HDD" | "VHDD", None) => order("c"),
        ("HDD" | "VHDD", Some(image)) => {
            [strings(["-drive", &format!("file={},media=disk", file(image))]), order("c")].concat()
        }
        ("CD" | "DVD" | "ISO" | "INSTALL", Some(image)) => [strings(["-cdrom", image]), order("d")].concat(),
        ("CD" | "DVD", None) => order("d"),
        ("INSTALL", None) => strings(["-boot", "once=d"]),
        ("FDD", None) => order("a"),
        ("FDD", Some(image)) => {
            [strings(["-drive", &format!("if=floppy,format=raw,file={}", file(image))]), order("a")].concat()
        }
        ("USB", Some(image)) => {
            let drive = format!("if=none,id=ctys-usb,format=raw,file={}", file(image));
            let device = "usb-storage,drive=ctys-usb,bootindex=0";
            strings(["-usb", "-drive", &drive, "-device", device])
        }
        ("PXE", None) => order("n"),
        ("KERNEL", Some(parts)) => {
            let mut parts = parts.splitn(3, '%');
            let mut words = Vec::new();
            for option in ["-kernel", "-initrd", "-append"] {
                if let Some(part) = parts.next().filter(|part| !part.is_empty()) {
                    // The last part is a line of words, between which a blank may stand as `%`.
                    let part = if option == "-append" { part.replace('%', " ") } else { part.to_string() };
                    words.extend([option.to_string(), part]);
                }
            }
            words
        }
        ("ISO" | "USB" | "KERNEL", None) => {
            return Err(usage(format!("{what} needs what to boot from")).hint(format!("{what}%<path>")));
        }
        ("PXE", Some(_)) => return Err(usage(format!("{what} takes no image"))),
        _ => return Err(usage(format!("{what} is no way to boot"))),
    })
}

/// INSTMODE: medium, source, kind of target, target, stage.
fn install(create: &Create) -> Result<Vec<String>, Problem> {
    let Some(parts) = &create.inst_mode else { return Ok(Vec::new()) };
    let usage = |message: &str| {
        Problem::new(Phase::Usage, message).hint(
            "INSTMODE:<medium>%<source>%<kind of target>%<target>%<stage>, such as CD%/srv/x.iso%HDD%default%INIT",
        )
    };
    let [mode, source, kind, target, stage] = parts.as_slice() else {
        return Err(usage("INSTMODE has five parts"));
    };
    if !matches!(stage.as_str(), "INIT" | "default") {
        return Err(usage("the stage of INSTMODE is INIT or default"));
    }
    if !matches!(kind.as_str(), "HDD" | "VHDD" | "default") {
        return Err(usage("INSTMODE installs to HDD, VHDD or default"));
    }
    let image = Some(source.as_str()).filter(|source| !matches!(*source, "" | "default"));
    let mut words = medium(mode, image, "once", &format!("INSTMODE:{mode}"))?;
    if !matches!(target.as_str(), "" | "default") {
        words.extend(strings(["-drive", &format!("file={},media=disk", target.replace(',', ",,"))]));
    }
    Ok(words)
}
