//! Which console a call wants, and what is opened for it: the first serial line of the machine, or its VNC server.

use crate::SESSION_TYPE;
use crate::host::Running;
use ctys_plugin::model::effect::{ConsoleSocket, History};
use ctys_plugin::model::{
    Console, ConsoleKind, Create, Effect, HostFacts, Location, Phase, Privilege, Problem, Request,
};

/// The console of a call; none for CONSOLE:NONE and for a call that concerns only the server.
///
/// Unless it is named: what the setting CONSOLE_DEFAULT says, else VNC with a forwarded connection, XTERM where there is a
/// display, CLI where there is none.
pub fn choose(request: &Request, create: &Create) -> Result<Option<ConsoleKind>, Problem> {
    use ConsoleKind::*;
    let usage = |message: String| Problem::new(Phase::Usage, message);
    let forwards = request.location == Location::ConnectionForwarding;
    let kind = match (create.console, request.settings.get("CONSOLE_DEFAULT")) {
        _ if request.location == Location::ServerOnly => None,
        (Some(kind), _) => kind,
        (Option::None, Some(word)) => ConsoleKind::from_word(word)
            .ok_or_else(|| usage(format!("the setting CONSOLE_DEFAULT names {word}, which is no console")))?,
        (Option::None, Option::None) if forwards => Vnc,
        (Option::None, Option::None) if request.caller.display.is_some() => Xterm,
        (Option::None, Option::None) => Cli,
    };
    match kind {
        None => Ok(Option::None),
        Vnc => Ok(Some(Vnc)),
        Cli | Cli0 | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM if forwards => {
            Err(usage(format!("CONSOLE:{kind} is a serial line and has no connection to forward"))
                .hint("leave -L CF out, or give CONSOLE:VNC or CONSOLE:NONE"))
        }
        Cli | Cli0 | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM => Ok(Some(kind)),
        Sdl if request.target.local && request.caller.display.is_some() => Ok(Some(Sdl)),
        Sdl => Err(usage("CONSOLE:SDL is a window of QEMU's own, which needs a display where the machine runs".into())
            .hint("CONSOLE:VNC shows the same screen here")),
        Rdp | Vbox | VboxSdl | Vmw | Vmwrc | Firefox => {
            Err(usage(format!("a QEMU machine has no console of the kind {kind}")))
        }
    }
}

/// The console of a machine that runs. The port is that of its VNC server, for CONSOLE:VNC.
pub fn attach(kind: ConsoleKind, machine: &Running, host: &HostFacts, port: Option<u16>) -> Result<Effect, Problem> {
    let title = machine.title();
    let console = Console { uuid: machine.uuid(), ..Console::new(kind, &title, SESSION_TYPE) };
    if kind == ConsoleKind::Vnc {
        return Ok(Effect::Attach(Box::new(Console { vnc_port: port, ..console })));
    }
    let privilege = if machine.needs_root(host) { Privilege::Root } else { Privilege::None };
    let line = machine.line.serial();
    let own = machine.own.as_ref().map(|(folders, _)| folders);
    // A configuration file of QEMU's own adds to ours; the line that CREATE made is known by its folder.
    let socket = line.as_ref().and_then(|line| line.socket.clone()).or_else(|| own.map(|folders| folders.serial()));
    let Some(path) = socket else {
        let message = format!("{title} runs and has no serial line at a UNIX socket");
        let problem = Problem::new(Phase::Run, message);
        return Err(match line {
            Some(line) => problem.hint(format!("its serial line goes to {}", line.shown)),
            None => problem.hint("-serial unix:<path>,server=on,wait=off gives it one"),
        });
    };
    let log = line.and_then(|line| line.log).or_else(|| own.map(|folders| folders.serial_log()));
    let socket = ConsoleSocket { path: path.into(), privilege, owner: Some(machine.process.pid) };
    let history = log.filter(|log| log.starts_with('/')).map(|log| History { path: log.into(), privilege });
    Ok(Effect::Attach(Box::new(Console { socket: Some(socket), history, ..console })))
}
