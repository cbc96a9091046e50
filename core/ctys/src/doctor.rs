//! `ctys doctor`: what works on a host, what does not and why, and the line that mends it.
//!
//! The questions of its own go to the host as those of a plugin do; the rest is what INFO gathers.

use crate::info;
use ctys_engine::job::{Report, Thinker};
use ctys_engine::plugins::Plugins;
use ctys_engine::ssh::{Ssh, Transport};
use ctys_line::Job;
use ctys_model::bytes::escape_for_eyes;
use ctys_model::manifest::Category;
use ctys_model::{
    Answer, Command, Effect, Exit, Facts, Findings, Next, Phase, Probe, Problem, Replies, Request, Target,
};
use std::sync::Arc;

/// The name of the questions among the plugins.
pub const NAME: &str = "doctor";

/// Clocks that differ by less are the same.
const SKEW_S: i64 = 60;

/// The tools of a host that a call may need, whatever the plugin; what for; and the packages of Debian.
const TOOLS: [(&[&str], &str, &str); 2] = [
    (&["perl", "python3"], "to speak with sockets of machines", "apt-get install perl"),
    (&["flock"], "to keep changes of one machine from crossing", "apt-get install util-linux"),
];

/// The questions of its own.
pub struct Questions;

fn root() -> Probe {
    Probe::run(Command::new("id").arg("-u").as_root())
}

fn clock() -> Probe {
    Probe::run(Command::new("date").arg("+%s"))
}

fn tool(name: &str) -> Probe {
    Probe::run(Command::new("sh").args(["-c", "command -v \"$1\"", "sh", name]))
}

impl Thinker for Questions {
    fn name(&self) -> &str {
        NAME
    }

    fn category(&self) -> Category {
        Category::Core
    }

    fn wants(&self, _: &Request) -> Result<Arc<[Probe]>, Problem> {
        let tools = TOOLS.iter().flat_map(|(names, ..)| names.iter().map(|name| tool(name)));
        Ok([root(), clock()].into_iter().chain(tools).collect())
    }

    fn plan(&self, _: &Request, facts: &Facts) -> Result<Effect, Problem> {
        let mut lines = vec![privilege(facts)];
        lines.extend(skew(facts));
        for (names, what, mend) in TOOLS {
            let is_there = |name: &&str| facts.answer(&tool(name)).ok_output().is_some();
            lines.push(match names.iter().find(|name| is_there(name)) {
                Some(name) => line("ok", name, ""),
                None => line("no", &names.join(" or "), &format!("is missing, {what}")) + &mended(mend),
            });
        }
        Ok(Effect::Report(Findings { text: lines, ..Findings::default() }))
    }

    fn read(&self, _: &Request, _: &Facts, _: &Replies) -> Result<Next, Problem> {
        Ok(Next::Done(Findings::default()))
    }
}

fn privilege(facts: &Facts) -> String {
    const WHAT: &str = "root";
    let own = facts.host.as_ref().map_or(1, |host| host.uid);
    match facts.answer(&root()) {
        Answer::Output(output) => match (&output.exit, output.stdout.to_text().trim()) {
            (Exit::Code(0), "0") if own == 0 => line("ok", WHAT, "the account is root"),
            (Exit::Code(0), "0") => line("ok", WHAT, "by -Z"),
            (Exit::Refused(why), _) => line("no", WHAT, why) + &mended("let the account become root there: visudo"),
            _ => line("-", WHAT, "not asked for") + &mended("-Z SUDO, -Z DOAS or -Z KSU, where a plugin needs it"),
        },
        _ => line("-", WHAT, "not known"),
    }
}

fn skew(facts: &Facts) -> Option<String> {
    let text = facts.answer(&clock()).ok_output()?.stdout.to_text().into_owned();
    let apart = text.trim().parse::<i64>().ok()? - facts.now;
    Some(match apart {
        _ if apart.abs() < SKEW_S => line("ok", "clock", ""),
        _ if apart > 0 => {
            line("no", "clock", &format!("{apart} s before this machine's")) + &mended("timedatectl set-ntp true")
        }
        _ => line("no", "clock", &format!("{} s behind this machine's", -apart)) + &mended("timedatectl set-ntp true"),
    })
}

/// `  no  login         Permission denied`.
fn line(state: &str, what: &str, why: &str) -> String {
    format!("{state:<3} {what:<15} {why}").trim_end().to_string()
}

fn mended(how: &str) -> String {
    format!("\n                    -> {how}")
}

/// The diagnosis of one target, whether it was reached or not.
pub fn text(job: &Job, report: &Report, lost: Option<&Problem>, ssh: &Ssh, plugins: &Plugins) -> String {
    let target = &job.target;
    let mut lines = reached(target, report, lost, ssh);
    if report.host.is_some() {
        let own = report.findings.iter().filter(|(name, _)| name == NAME).flat_map(|(_, findings)| &findings.text);
        lines.extend(own.cloned());
        lines.extend(plugin_lines(job, report, plugins));
    }
    let mut text = format!("{}\n", escape_for_eyes(&target.to_string()));
    for line in lines.iter().flat_map(|line| line.lines()) {
        text.push_str(&format!("  {}\n", escape_for_eyes(line)));
    }
    text
}

/// The way to the host, up to the step that failed.
fn reached(target: &Target, report: &Report, lost: Option<&Problem>, ssh: &Ssh) -> Vec<String> {
    const STEPS: [(Phase, &str); 4] = [
        (Phase::Resolve, "name"),
        (Phase::Connect, "connection"),
        (Phase::HostKey, "host key"),
        (Phase::Login, "login"),
    ];
    if target.local {
        let shell =
            report.host.as_ref().map(|host| line("ok", "shell", &format!("{} {}, no ssh", host.system, host.release)));
        return shell
            .into_iter()
            .chain(failure(report, lost).map(|problem| broken("shell", problem, target, ssh)))
            .collect();
    }
    let resolved = ssh.resolve(target);
    let route = ssh.route(target);
    let details = [
        resolved.hostname.clone(),
        match &resolved.jump {
            Some(jump) => format!("port {}, through {jump}", resolved.port),
            None => format!("port {}", resolved.port),
        },
        String::new(),
        format!("as {}", report.host.as_ref().map_or(resolved.user.as_str(), |host| &host.user)),
    ];
    let failed = if report.host.is_some() { None } else { failure(report, lost) };
    let mut lines = Vec::new();
    let mut rest = "ok";
    for ((phase, what), detail) in STEPS.into_iter().zip(details) {
        // A clock that ran out before the login: nobody said more.
        let here = failed
            .filter(|problem| problem.phase == phase || (problem.phase == Phase::Timeout && phase == Phase::Connect));
        match here {
            Some(problem) => {
                lines.push(broken(what, problem, target, ssh));
                rest = "-";
            }
            None if rest == "ok" => lines.push(line("ok", what, &detail)),
            None => lines.push(line(rest, what, "not tried")),
        }
    }
    if let Some(carrier) = report.carrier {
        let why: Vec<String> = route.why.iter().map(|why| format!("{}: {}", why.directive, why.reason)).collect();
        let because = if carrier == Transport::OpenSsh.word() && !why.is_empty() {
            format!(", since {}", why.join("; "))
        } else {
            String::new()
        };
        lines.push(line("ok", "transport", &format!("{carrier}{because}")));
    }
    match (&report.host, failed) {
        (Some(host), _) => {
            lines.push(line("ok", "shell", &format!("{} {} {}", host.system, host.release, host.machine)))
        }
        (None, Some(problem)) if rest == "ok" => lines.push(broken("shell", problem, target, ssh)),
        _ => lines.push(line("-", "shell", "not tried")),
    }
    lines
}

/// Why a target was not reached.
fn failure<'a>(report: &'a Report, lost: Option<&'a Problem>) -> Option<&'a Problem> {
    let own = report.problems.iter().filter(|problem| problem.plugin.is_none() && problem.phase != Phase::Notice);
    lost.or_else(|| own.clone().max_by_key(|problem| problem.phase.weight()))
}

fn broken(what: &str, problem: &Problem, target: &Target, ssh: &Ssh) -> String {
    let resolved = ssh.resolve(target);
    let own = match problem.phase {
        Phase::Resolve => Some(format!("in ~/.ssh/config: Host {target}, HostName ADDRESS; or a line in /etc/hosts")),
        Phase::Connect => Some(format!("systemctl start ssh, on {target}; its port in ~/.ssh/config: Port NUMBER")),
        Phase::Timeout => Some("--connect-timeout 30s, if the host is slow".to_string()),
        Phase::HostKey => {
            Some(format!("ssh -p {} {}  compares the fingerprint and keeps the key", resolved.port, target.host))
        }
        Phase::Login => Some(format!("ssh-copy-id -p {} {}@{}", resolved.port, resolved.user, target.host)),
        _ => None,
    };
    let hints = problem.hints.iter().cloned().chain(own);
    line("no", what, &problem.message) + &hints.map(|hint| mended(&hint)).collect::<String>()
}

/// Each plugin, with the reason when it cannot be used there.
fn plugin_lines(job: &Job, report: &Report, plugins: &Plugins) -> Vec<String> {
    let mut lines = Vec::new();
    for (found, state) in plugins.states(&job.types) {
        let state = info::on_target(state, &found.name, report);
        let own = report.findings.iter().filter(|(name, _)| *name == found.name);
        let own = own.flat_map(|(_, findings)| &findings.problems);
        let about = report.problems.iter().filter(|problem| problem.plugin.as_deref() == Some(&found.name));
        let hints = own.chain(about).flat_map(|problem| &problem.hints);
        let name = found.name.to_uppercase();
        lines.push(match state.reason() {
            Some(reason) => line("no", &name, reason) + &hints.map(|hint| mended(hint)).collect::<String>(),
            None => line("ok", &name, ""),
        });
    }
    lines
}
