//! Which console a call wants, and what is opened for it.

use super::tool;
use crate::SESSION_TYPE;
use crate::parse::xl_list::Domain;
use ctys_plugin::model::{Access, Command, Console, ConsoleKind, Create, Effect, Location, Phase, Problem, Request};

/// The console of a call; none for CONSOLE:NONE and for a call that concerns only the server.
///
/// Unless it is named: what the setting CONSOLE_DEFAULT says, else VNC with a forwarded connection, XTERM where there is a
/// display, CLI where there is none.
pub fn choose(request: &Request, create: &Create) -> Result<Option<ConsoleKind>, Problem> {
    use ConsoleKind::*;
    let usage = |message: String| Problem::new(Phase::Usage, message);
    if request.location == Location::ServerOnly {
        return Ok(Option::None);
    }
    let forwards = request.location == Location::ConnectionForwarding;
    let kind = match (create.console, request.settings.get("CONSOLE_DEFAULT")) {
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
        Cli | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM if forwards => {
            Err(usage(format!("CONSOLE:{kind} is a terminal on the Xen host and has no connection to forward"))
                .hint("leave -L CF out, or give CONSOLE:VNC or CONSOLE:NONE"))
        }
        Cli | Xterm | Gterm | Emacs | EmacsM | EmacsA | EmacsAM => Ok(Some(kind)),
        Sdl => Err(usage("CONSOLE:SDL is a window that a Xen host opens on its own screen".into())
            .hint("CONSOLE:VNC shows the same screen here")),
        Cli0 | Rdp | Vbox | VboxSdl | Vmw | Vmwrc | Firefox => {
            Err(usage(format!("a Xen domain has no console of the kind {kind}")))
        }
    }
}

/// The console of a running domain. The port is that of its VNC server, for CONSOLE:VNC.
pub fn attach(request: &Request, kind: ConsoleKind, domain: &Domain, vnc_port: Option<u16>) -> Effect {
    let is_vnc = kind == ConsoleKind::Vnc;
    Effect::Attach(Box::new(Console {
        uuid: domain.uuid.clone(),
        command: (!is_vnc).then(|| terminal(request, domain)),
        vnc_port,
        detach: (!is_vnc).then(|| "Ctrl-]".to_string()),
        ..Console::new(kind, &domain.name, SESSION_TYPE)
    }))
}

/// By its number: a name of digits would be taken for one. It types into the guest and changes nothing of the host.
fn terminal(request: &Request, domain: &Domain) -> Command {
    let console = tool(request, ["console".to_string(), domain.id.to_string()], 0);
    Command { access: Access::Reads, ..console }
}
