//! INFO: which VNC server and which viewer are there (ctys.md 2.5). The plugin's state with its reason is added by the program,
//! which takes a problem for the reason.

use crate::probes;
use ctys_plugin::model::{Answer, Exit, Facts, Findings, Phase, Probe, Problem, Request};
use ctys_plugin::outputs::plain;

/// Both programs are asked for their versions.
pub fn wants() -> Vec<Probe> {
    vec![probes::server_version(), probes::viewer_version()]
}

/// The text.
pub fn plan(request: &Request, facts: &Facts) -> Findings {
    if facts.host.is_none() {
        return super::unreached();
    }
    let server = version(facts.answer(&probes::server_version()));
    let viewer = version(facts.answer(&probes::viewer_version()));
    if let (Err(server), Err(_)) = (&server, &viewer) {
        // Where all plugins are asked, the reason is a remark: a host without VNC is nothing wrong.
        let phase = if request.session_type.is_none() { Phase::Notice } else { Phase::Run };
        let message = format!("there is neither a VNC server nor a viewer: {server}");
        return Findings::problem(Problem::new(phase, message).hint("Debian: apt install tigervnc-standalone-server"));
    }
    let absent = |version: Result<String, String>| version.unwrap_or_else(|why| format!("- ({why})"));
    let lines = ["   VNC".to_string(), pair("Server", &absent(server)), pair("Viewer", &absent(viewer))];
    Findings { text: lines.to_vec(), ..Findings::default() }
}

fn pair(name: &str, value: &str) -> String {
    format!("      {name:<12}:{value}")
}

/// The first line that names the product, whatever the status: these programs have none for a version.
fn version(answer: &Answer) -> Result<String, String> {
    let output = match answer {
        Answer::Output(output) if output.exit == Exit::NotFound => return Err("not installed".into()),
        Answer::Output(output) => output,
        _ => return Err("no answer".into()),
    };
    let text = format!("{}\n{}", plain(&output.stdout), plain(&output.stderr));
    let line = text.lines().map(str::trim).find(|line| line.contains("VNC"));
    line.map(str::to_string).ok_or_else(|| "its version was not understood".to_string())
}
