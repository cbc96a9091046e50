//! CONSOLE:VNC: the port of a domain's VNC server, and whether it is the domain's.
//!
//! The port stands in xenstore a while after the start (`vncunused=1` takes the next free one), and so does the process that
//! serves the domain, its device model. A viewer is sent to the port only if that process listens there: what is shown, and
//! the password that is typed, would be somebody else's otherwise.

use super::{look, step};
use crate::host;
use crate::parse::xl_list::Domain;
use crate::parse::{ss, xenstore};
use ctys_plugin::model::{Answer, Command, Exit, Facts, Phase, Problem, Replies, Request, Step};

/// The step that asks for the port; the others go with it.
pub const PORT: &str = "ask for the VNC port";
const MODEL: &str = "ask for the device model";
const LISTENERS: &str = "ask who listens";

/// One question, in milliseconds: a domain that is starting keeps its host busy.
const ASK_MS: u32 = 15_000;

/// What is asked for a viewer.
pub fn ask(request: &Request, domain: &Domain) -> Vec<Step> {
    let read = |name: &str, node: &str| {
        let path = format!("/local/domain/{}/{node}", domain.id);
        Step::run(name, Command::new("xenstore-read").arg(path).as_root().limit_ms(ASK_MS)).go_on()
    };
    let listeners = Command::new("ss").arg("-Hlntp").as_root().limit_ms(ASK_MS);
    vec![
        read(PORT, "console/vnc-port"),
        read(MODEL, "image/device-model-pid"),
        Step::run(LISTENERS, listeners).go_on(),
        look(request),
    ]
}

/// What a step of the latest round printed.
fn text(replies: &Replies, name: &str) -> Option<String> {
    Some(step(replies, name)?.ok_output()?.stdout.to_text().into_owned())
}

/// The port that xenstore names.
fn named(replies: &Replies) -> Option<u16> {
    xenstore::port(&text(replies, PORT)?)
}

/// That there is nothing to view, for good.
pub fn nobody(name: &str, replies: &Replies) -> Problem {
    let problem = |message: String| Problem::new(Phase::Run, message);
    let problem = match named(replies) {
        Some(port) => problem(format!("{name} runs, and nobody listens at its VNC port {port}"))
            .hint("vnclisten in its configuration may name an address that the host does not reach itself by"),
        None => problem(format!("{name} runs and has no VNC server"))
            .hint("vnc=1 or a vfb in its configuration gives it one"),
    };
    problem.hint("CONSOLE:CLI attaches to its text console")
}

/// The port, if it is there yet and the domain's own.
pub fn port(request: &Request, facts: &Facts, replies: &Replies, domain: &Domain) -> Result<Option<u16>, Problem> {
    let Some(port) = named(replies) else { return Ok(None) };
    let name = &domain.name;
    let unsure = |why: String| {
        Problem::new(
            Phase::Run,
            format!("nothing was opened: who listens at the VNC port {port} of {name} is not known: {why}"),
        )
    };
    let model = text(replies, MODEL).and_then(|text| text.trim().parse::<u32>().ok());
    let Some(model) = model else { return Err(unsure("xenstore names no device model".into())) };
    let text = match step(replies, LISTENERS) {
        Some(Answer::Output(output)) if output.exit == Exit::NotFound => {
            return Err(unsure("ss was not found".into()).hint("it comes with iproute2"));
        }
        Some(answer) => host::text(request, facts, answer, "ss").map_err(|trouble| {
            let Problem { phase, message, hints, .. } = trouble.problem;
            Problem { phase, hints, ..unsure(message) }
        })?,
        None => return Err(unsure("nobody asked".into())),
    };
    let near: Vec<ss::Listener> =
        ss::parse(&text).into_iter().filter(|listener| listener.port == port && listener.is_near()).collect();
    let is_own = |listener: &ss::Listener| listener.owners.iter().any(|(_, pid)| *pid == model);
    match near.iter().find(|listener| !is_own(listener)) {
        Some(other) if other.owners.is_empty() => Err(unsure("ss names no owner".into())),
        Some(other) => {
            let (who, pid) = &other.owners[0];
            let message = format!("nothing was opened: at the VNC port {port} of {name} listens {who} ({pid})");
            Err(Problem::new(Phase::Run, message).hint(format!("its device model is process {model}")))
        }
        // It says where it will listen before it does.
        None if near.is_empty() => Ok(None),
        None => Ok(Some(port)),
    }
}
