//! CREATE: a desktop by the host's `vncserver`, and its viewer (ctys.md 2.1, 5.1 VNC).
//!
//! ```text
//! password absent?  -> vncpasswd makes one -> it is kept -> vncserver starts -> the look tells display and port -> viewer
//! runs already, REUSE or CONNECT ----------------------------------------------------------------------------------^
//! RECONNECT: its viewers are ended first -----------------------------------------------------------------------------^
//! ```

use super::{LOOK, usage};
use crate::desktops::{self, Desktops, only, shown, words};
use crate::parse::server::Server;
use crate::parse::viewer::Viewer;
use crate::{SESSION_TYPE, probes, start};
use ctys_plugin::ending;
use ctys_plugin::model::command::WriteFile;
use ctys_plugin::model::{
    Answer, Batch, Bytes, Command, Console, ConsoleKind, Create, CreateMode, Does, Effect, Exit, Facts, Findings,
    HostFacts, Location, Next, Phase, Place, Poll, Probe, Problem, Replies, Request, Side, Step,
};
use ctys_plugin::outputs::complaint;

/// The step that makes the content of a password file.
const MAKE: &str = "make a password";
/// The step that keeps it.
const KEEP: &str = "keep the password";
/// The step that tells whether a file that somebody else made is one.
const CHECK: &str = "look at the password";
/// How long a desktop that was started may take to be seen, and a viewer to go, in milliseconds.
const PATIENCE_MS: u64 = 5000;
/// `EEXIST`: somebody else made the file meanwhile, which is as good.
const EXISTS: i32 = 17;

/// What runs there, whether there is a password file and, for RECONNECT, the viewers here.
pub fn wants(request: &Request, create: &Create) -> Vec<Probe> {
    let mut probes = vec![probes::processes(), probes::password()];
    if ends_viewers_here(request, create) {
        probes.push(probes::processes_here());
    }
    if start::chooses_displays(create) {
        probes.push(probes::displays());
    }
    probes
}

/// A viewer of a forwarded connection runs on the caller's machine.
fn ends_viewers_here(request: &Request, create: &Create) -> bool {
    create.mode == Some(CreateMode::Reconnect) && !request.target.local && views_here(request)
}

fn views_here(request: &Request) -> bool {
    matches!(request.location, Location::ConnectionForwarding | Location::ClientOnly)
}

/// What a call comes to.
enum Intent {
    /// The desktop runs.
    Show(Box<Server>),
    /// These are to be started.
    Start(Vec<start::Start>),
}

/// The first effect.
pub fn plan(request: &Request, create: &Create, facts: &Facts) -> Effect {
    let Some(host) = &facts.host else { return Effect::Report(super::unreached()) };
    let effect = intent(request, create, facts).and_then(|intent| match intent {
        Intent::Show(server) => {
            let viewers = viewers_to_end(request, create, facts, &server)?;
            Ok(if viewers.is_empty() { show(request, create, facts, &server) } else { end_viewers(host, &viewers) })
        }
        Intent::Start(starts) => match facts.answer(&probes::password()) {
            Answer::Output(output) if output.ok() => Ok(run(host, &starts)),
            Answer::Output(output) if output.exit == Exit::Code(1) => Ok(make_password(facts)),
            Answer::Output(output) => Err(Problem::new(Phase::Run, complaint("test", output))),
            _ => {
                let message = format!("whether there is a {} is not known", probes::PASSWORD_FILE);
                Err(Problem::new(Phase::Run, message))
            }
        },
    });
    effect.unwrap_or_else(|problem| Effect::Report(Findings::problem(problem)))
}

/// What follows.
pub fn read(request: &Request, create: &Create, facts: &Facts, replies: &Replies) -> Next {
    let Some(host) = &facts.host else { return Next::Done(super::unreached()) };
    let next = intent(request, create, facts).and_then(|intent| match intent {
        Intent::Show(server) => after_viewers(request, create, facts, &server, replies),
        Intent::Start(starts) => {
            let last = replies.rounds.last().map_or(&[][..], |round| &round.steps);
            match last {
                [step] if step.name == MAKE => keep_password(&step.answer),
                [step] if step.name == KEEP => kept(&step.answer, || run(host, &starts)),
                [step] if step.name == CHECK => checked(&step.answer).map(|()| Next::Then(run(host, &starts))),
                _ => Ok(after_start(request, create, facts, host, &starts, replies)),
            }
        }
    });
    next.unwrap_or_else(|problem| Next::Done(Findings::problem(problem)))
}

/// What the call comes to, by what ran before it. The same in every round.
fn intent(request: &Request, create: &Create, facts: &Facts) -> Result<Intent, Problem> {
    check(request, create)?;
    let desktops = Desktops::of(facts)?;
    let meant = desktops.meant(&create.address);
    let what = words(&create.address);
    let found = only(&meant, request, &what)?;
    let attach_only = create.mode == Some(CreateMode::Connect) || request.location == Location::ClientOnly;
    match (found, &create.mode) {
        (Some(server), Some(CreateMode::Connect | CreateMode::Reuse | CreateMode::Reconnect)) => {
            Ok(Intent::Show(Box::new(server.clone())))
        }
        (Some(server), _) if attach_only => Ok(Intent::Show(Box::new(server.clone()))),
        (Some(server), _) => {
            Err(Problem::new(Phase::Run, format!("a desktop of {what} runs already: {}", shown(server)))
                .hint("REUSE shows the one that runs, CONNECT as well and never starts one"))
        }
        (None, _) if attach_only => {
            let message = format!("there is nothing to connect to: no desktop has {what}");
            Err(Problem::new(Phase::Run, message).hint("REUSE starts it when it does not run"))
        }
        (None, _) => Ok(Intent::Start(start::starts(request, create, &desktops, facts)?)),
    }
}

/// What a call may not ask of a desktop.
fn check(request: &Request, create: &Create) -> Result<(), Problem> {
    if let Some(part) = desktops::foreign_part(&create.address) {
        return Err(usage(format!("a desktop has no {part}")).hint("l:LABEL names one"));
    }
    let foreign = [
        ("BOOTMODE", create.boot_mode.is_some()),
        ("INSTMODE", create.inst_mode.is_some()),
        ("PING", create.ping.is_some_and(Poll::waits)),
        ("SSHPING", create.ssh_ping.is_some_and(Poll::waits)),
        ("USER", create.user.is_some()),
        ("XOPTS", !create.x_opts.is_empty()),
        ("CHDIR", create.chdir.is_some()),
        ("SHELL", create.shell.is_some()),
        ("CMD", !create.cmd.is_empty()),
    ];
    if let Some((key, _)) = foreign.into_iter().find(|(_, given)| *given) {
        let problem = usage(format!("{key} means nothing to a desktop"));
        return Err(if key == "CMD" {
            problem.hint("WM:PROGRAM is the session that is started in it")
        } else {
            problem
        });
    }
    if let Some(CreateMode::Resume(_)) = create.mode {
        return Err(
            usage("a desktop is never suspended: there is nothing to resume").hint("CONNECT shows one that runs")
        );
    }
    if let Some(kind) = create.console
        && !matches!(kind, ConsoleKind::Vnc | ConsoleKind::None)
    {
        return Err(usage(format!("a desktop has no console of the kind {kind}")).hint("CONSOLE:VNC or CONSOLE:NONE"));
    }
    if request.location == Location::LocalOnly && !request.target.local {
        let message = format!("-L LOCALONLY has the desktop here, and {} is another machine", request.target);
        return Err(usage(message).hint("-L CF has the desktop there and the viewer here"));
    }
    // Before anything is started: a desktop without its viewer would be half of what was asked.
    if wants_viewer(request, create) && request.caller.display.is_none() {
        let message = "the viewer has no display here: DISPLAY is not set; nothing was started";
        return Err(Problem::new(Phase::Here, message).hint("CONSOLE:NONE starts the desktop without a viewer"));
    }
    Ok(())
}

fn wants_viewer(request: &Request, create: &Create) -> bool {
    let none = create.console == Some(ConsoleKind::None) || request.location == Location::ServerOnly;
    !none && !create.extra.contains_key("BULK")
}

/// The steps that start these desktops. One that fails keeps none of the others from being tried.
fn run(host: &HostFacts, starts: &[start::Start]) -> Effect {
    let mut steps: Vec<Step> = starts.iter().map(|start| start.step(host)).collect();
    steps.push(super::look(&Place::Target));
    Effect::Run(Batch { steps })
}

/// A password of eight letters, which is all that VNC takes, by way of standard input.
fn make_password(facts: &Facts) -> Effect {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let fresh = facts.fresh.as_slice().iter().take(8);
    let mut password: Vec<u8> = fresh.map(|byte| LETTERS[usize::from(byte % 64)]).collect();
    password.push(b'\n');
    let call = |name: &str| Command::new(name).arg("-f").stdin(password.clone()).secret().changes();
    let tries = ["vncpasswd", "tigervncpasswd", "tightvncpasswd"].map(call).to_vec();
    Effect::Run(Batch { steps: vec![Step::run_first(MAKE, tries)] })
}

fn keep_password(made: &Answer) -> Result<Next, Problem> {
    let failed = |why: String| Problem::new(Phase::Run, format!("no password file was made: {why}"));
    let content = match made {
        Answer::Output(output) if output.ok() => output.stdout.clone(),
        Answer::Output(output) => {
            let problem = failed(complaint("vncpasswd", output));
            return Err(match output.exit {
                Exit::NotFound => problem.hint("Debian: apt install tigervnc-tools"),
                _ => problem,
            });
        }
        _ => return Err(failed("vncpasswd has no answer".into())),
    };
    // One block of DES for the password, perhaps a second one for looking on.
    if !matches!(content.as_slice().len(), 8 | 16) {
        return Err(failed(format!("vncpasswd gave {} bytes, not 8", content.as_slice().len())));
    }
    let file = WriteFile {
        path: probes::PASSWORD_FILE.into(),
        content,
        mode: 0o600,
        new: true,
        parents: true,
        secret: true,
        ..WriteFile::default()
    };
    Ok(Next::Then(Effect::Run(Batch { steps: vec![Step::does(KEEP, Does::Write(file))] })))
}

fn kept(answer: &Answer, run: impl FnOnce() -> Effect) -> Result<Next, Problem> {
    let what = format!("{} was not written", probes::PASSWORD_FILE);
    match answer {
        Answer::Output(output) if output.ok() => Ok(Next::Then(run())),
        // Somebody else's file is as good, unless there is nothing in it.
        Answer::Output(output) if output.exit == Exit::Code(EXISTS) => {
            Ok(Next::Then(Effect::Run(Batch { steps: vec![Step::run(CHECK, probes::password_test())] })))
        }
        Answer::Output(output) => Err(Problem::new(Phase::Run, format!("{what}: {}", complaint("the write", output)))),
        _ => Err(Problem::new(Phase::Run, format!("{what}: there is no answer"))),
    }
}

fn checked(answer: &Answer) -> Result<(), Problem> {
    match answer {
        Answer::Output(output) if output.ok() => Ok(()),
        Answer::Output(output) if output.exit == Exit::Code(1) => {
            let message = format!("nothing was started: the password file {} is empty", probes::PASSWORD_FILE);
            Err(Problem::new(Phase::Run, message).hint("vncpasswd makes a password; without the file one is made"))
        }
        Answer::Output(output) => Err(Problem::new(Phase::Run, complaint("test", output))),
        _ => Err(Problem::new(Phase::Run, format!("whether there is a {} is not known", probes::PASSWORD_FILE))),
    }
}

/// Looks for the desktops that were started.
fn after_start(
    request: &Request,
    create: &Create,
    facts: &Facts,
    host: &HostFacts,
    starts: &[start::Start],
    replies: &Replies,
) -> Next {
    let before = Desktops::of(facts).unwrap_or_default();
    let now = match replies.last(LOOK).map(Desktops::answered) {
        Some(Ok(desktops)) => desktops,
        Some(Err(problem)) => return Next::Done(Findings::problem(problem)),
        None => Desktops::default(),
    };
    let is_new = |server: &&Server| !before.servers.iter().any(|old| old.process.pid == server.process.pid);
    let of = |start: &start::Start| now.servers.iter().filter(is_new).find(|server| start.is(server, host));
    let begun = replies.rounds.iter().find(|round| round.steps.iter().any(|step| step.name == starts[0].name()));
    let elapsed_ms =
        replies.rounds.last().map_or(0, |last| last.started_ms) - begun.map_or(0, |round| round.started_ms);
    let went_well = |start: &start::Start| replies.last(&start.name()).and_then(Answer::ok_output).is_some();
    // vncserver of TightVNC says that all is well before its server has a display.
    if elapsed_ms < PATIENCE_MS && starts.iter().any(|start| went_well(start) && of(start).is_none()) {
        let effect = Effect::Run(Batch { steps: vec![super::look(&Place::Target)] });
        return Next::Later { delay_ms: ending::LOOK_MS, effect, why: "for the desktop to come up".into() };
    }
    let mut findings = Findings::default();
    for start in starts {
        match of(start) {
            Some(server) => {
                let port = server.port.map_or("no port".to_string(), |port| format!("port {port}"));
                findings.text.push(format!("{SESSION_TYPE}: started {}, {port}", shown(server)));
                findings.changed = true;
            }
            None => findings.problems.push(start.problem(replies.last(&start.name()))),
        }
    }
    if let ([start], true) = (starts, wants_viewer(request, create))
        && let Some(server) = of(start)
    {
        let effect = show(request, create, facts, server);
        return match create.wait_server {
            Some(seconds @ 1..) => Next::Later {
                delay_ms: seconds.saturating_mul(1000),
                effect,
                why: "before the viewer is opened (WAITS)".into(),
            },
            _ => Next::Then(effect),
        };
    }
    if create.extra.contains_key("BULK") && request.location != Location::ServerOnly && create.console.is_none() {
        let message = "BULK opens no viewers: create=l:LABEL,CONNECT shows one of them";
        findings.problems.push(Problem::new(Phase::Notice, message));
    }
    Next::Done(findings)
}

/// The viewer of a desktop that runs, or the word that it runs.
fn show(request: &Request, create: &Create, facts: &Facts, server: &Server) -> Effect {
    if !wants_viewer(request, create) {
        return Effect::Report(Findings {
            text: vec![format!("{SESSION_TYPE}: {} runs", shown(server))],
            ..Findings::default()
        });
    }
    let Some(port) = server.port else {
        let message = format!("{} listens on no port that a viewer could connect to", shown(server));
        return Effect::Report(Findings::problem(Problem::new(Phase::Run, message)));
    };
    let own = facts.host.as_ref().is_some_and(|host| host.user == server.process.user);
    Effect::Attach(Box::new(Console {
        vnc_port: Some(port),
        // Another user's password is for them to tell; the viewer asks for it.
        password_file: own.then(|| Bytes::from(probes::PASSWORD_FILE)),
        ..Console::new(ConsoleKind::Vnc, &server.label, SESSION_TYPE)
    }))
}

/// The viewers that RECONNECT ends: those of this desktop, there and here, the user's own.
fn viewers_to_end(
    request: &Request,
    create: &Create,
    facts: &Facts,
    server: &Server,
) -> Result<Vec<(Place, Viewer)>, Problem> {
    if create.mode != Some(CreateMode::Reconnect) {
        return Ok(Vec::new());
    }
    let Some(host) = &facts.host else { return Ok(Vec::new()) };
    let there = Desktops::of(facts)?;
    let own = |viewer: &&Viewer, user: &str| viewer.process.user == user;
    let of_label = |desktops: &Desktops, viewer: &Viewer| desktops.label(viewer) == server.label;
    let mut viewers: Vec<(Place, Viewer)> = Vec::new();
    let found = there.viewers.iter().filter(|viewer| own(viewer, &host.user) && of_label(&there, viewer));
    viewers.extend(found.map(|viewer| (Place::Target, viewer.clone())));
    if ends_viewers_here(request, create) {
        let here = Desktops::answered(facts.answer(&probes::processes_here()))?;
        // Only those that bear the label: a viewer of another host may have been told the same port.
        let is_ours = |viewer: &&Viewer| viewer.label.as_ref() == Some(&server.label);
        let found = here.viewers.iter().filter(|viewer| own(viewer, &request.caller.user) && is_ours(viewer));
        viewers.extend(found.map(|viewer| (Place::Caller, viewer.clone())));
    }
    Ok(viewers)
}

fn end_viewers(host: &HostFacts, viewers: &[(Place, Viewer)]) -> Effect {
    let mut steps = Vec::new();
    for place in [Place::Target, Place::Caller] {
        let own: Vec<_> = viewers.iter().filter(|(at, _)| *at == place).collect();
        steps.extend(own.iter().map(|(_, viewer)| ending::signal(host, &place, &viewer.process, "TERM")));
        if !own.is_empty() {
            steps.push(Step { name: look_name(&place), ..super::look(&place) });
        }
    }
    // The same number may be in use at both places.
    for n in 0..steps.len() {
        if steps[..n].iter().any(|step| step.name == steps[n].name) {
            steps[n].name += " here";
        }
    }
    Effect::Run(Batch { steps })
}

fn look_name(place: &Place) -> String {
    if *place == Place::Caller { format!("{LOOK} here") } else { LOOK.to_string() }
}

/// Opens the viewer once the old ones are gone. One that stays is told of, and the new one is opened all the same.
fn after_viewers(
    request: &Request,
    create: &Create,
    facts: &Facts,
    server: &Server,
    replies: &Replies,
) -> Result<Next, Problem> {
    let viewers = viewers_to_end(request, create, facts, server)?;
    let left: Vec<_> = viewers
        .iter()
        .filter(|(place, viewer)| ending::is_there(&viewer.process, replies.last(&look_name(place))))
        .collect();
    let elapsed_ms = replies.rounds.last().map_or(0, |last| last.started_ms);
    if left.is_empty() {
        return Ok(Next::Then(show(request, create, facts, server)));
    }
    if elapsed_ms >= PATIENCE_MS {
        let list: Vec<String> = left.iter().map(|(_, viewer)| viewer.process.pid.to_string()).collect();
        let message =
            format!("viewers of {} were asked to end and still run: process {}", server.label, list.join(", "));
        return Err(Problem::new(Phase::Run, message).hint("REUSE opens one more"));
    }
    let mut steps: Vec<Step> = Vec::new();
    for place in [Place::Target, Place::Caller] {
        if left.iter().any(|(at, _)| *at == place) {
            steps.push(Step { name: look_name(&place), ..super::look(&place) });
        }
    }
    let effect = Effect::Run(Batch { steps });
    Ok(Next::Later {
        delay_ms: ending::LOOK_MS,
        effect,
        why: format!("for the {}s of {} to end", word(Side::Client), server.label),
    })
}

fn word(side: Side) -> String {
    side.word().to_lowercase()
}
