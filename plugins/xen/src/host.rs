//! Whether Xen can be used on a host, and what runs there.

use crate::parse::xl_list::{self, Domain};
use crate::parse::xl_list_long::{self, Details};
use crate::probes::{self, complaint, plain, tool};
use ctys_plugin::model::{Answer, Exit, Facts, Findings, Missing, Output, Phase, Probe, Problem, Request};

/// Why nothing is known of the domains of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is the matter.
    pub why: Why,
    /// In a sentence, with hints.
    pub problem: Problem,
}

/// What is the matter with Xen on a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is none, or this is one of its guests.
    NoXen,
    /// There is one, and the account may not use it.
    NoPermission,
    /// There is one, and it does not work.
    Broken,
}

impl Trouble {
    /// For a listing of all types: a host that cannot be used by this plugin has no rows of it, and that is no error
    /// (ctys-original.md 5.3). A permission is remarked, since rows may be missing. Asked for by `-t`, all is an error.
    pub fn findings(self, request: &Request) -> Findings {
        let Trouble { why, problem } = self;
        match why {
            Why::NoXen if request.session_type.is_none() => Findings::default(),
            Why::NoPermission if request.session_type.is_none() => {
                Findings::problem(Problem { phase: Phase::Notice, ..problem })
            }
            _ => Findings::problem(problem),
        }
    }
}

/// The domains that run, Domain-0 first.
pub fn domains(request: &Request, facts: &Facts) -> Result<Vec<Domain>, Trouble> {
    list(request, facts, facts.answer(&probes::domains(request)))
}

/// The domains in an answer to `xl list -v`.
pub fn list(request: &Request, facts: &Facts, answer: &Answer) -> Result<Vec<Domain>, Trouble> {
    let what = format!("{} list", tool(request));
    let text = text(request, facts, answer, &what)?;
    xl_list::parse(&text).ok_or_else(|| not_understood(&what))
}

/// What only the long list tells.
pub fn details(request: &Request, facts: &Facts) -> Result<Vec<Details>, Trouble> {
    let what = format!("{} list -l", tool(request));
    let text = text(request, facts, facts.answer(&probes::details(request)), &what)?;
    xl_list_long::parse(&text).map_err(|why| {
        let Trouble { why: broken, problem } = not_understood(&what);
        Trouble { why: broken, problem: Problem { message: format!("{}: {why}", problem.message), ..problem } }
    })
}

/// What a command that only looks printed.
pub fn text(request: &Request, facts: &Facts, answer: &Answer, what: &str) -> Result<String, Trouble> {
    match answer {
        Answer::Output(output) if output.cut => {
            let problem = Problem::new(Phase::Parse, format!("the output of {what} is too long and was cut off"));
            Err(Trouble { why: Why::Broken, problem })
        }
        Answer::Output(output) if output.ok() => Ok(plain(&output.stdout)),
        Answer::Output(output) => Err(trouble(request, facts, what, output)),
        Answer::Missing(Missing::ToolAbsent(_)) => Err(no_tool(request)),
        Answer::Failed(why) => Err(broken(format!("{what}: {why}"))),
        Answer::Missing(Missing::HostSilent) => Err(broken(format!("the host fell silent before {what} answered"))),
        Answer::Missing(_) | Answer::File(_) | Answer::Scanned(_) | Answer::Done => {
            Err(broken(format!("no output of {what} came back")))
        }
    }
}

/// What is the matter when a command failed.
///
/// ```text
/// xencall: error: Could not obtain handle on privileged command interface: Permission denied
/// libxl: error: libxl.c:107:libxl_ctx_alloc: cannot open libxc handle: Permission denied
/// cannot init xl context
/// ```
///
/// The same with `No such file or directory` where the kernel does not run under Xen; Debian's wrapper says
/// `ERROR:  Can't find hypervisor information in sysfs!` there.
pub fn trouble(request: &Request, facts: &Facts, what: &str, output: &Output) -> Trouble {
    let problem = |phase: Phase| Problem::new(phase, complaint(what, output));
    let stderr = plain(&output.stderr);
    let says = |words: &[&str]| words.iter().any(|word| stderr.contains(word));
    let is_root = facts.host.as_ref().is_some_and(|host| host.uid == 0);
    let means = || problem(Phase::Privilege).hint("-Z SUDO or -Z KSU lets it run as root");
    match &output.exit {
        Exit::NotFound => no_tool(request),
        Exit::Refused(_) => Trouble { why: Why::NoPermission, problem: means() },
        Exit::TimedOut => Trouble {
            why: Why::Broken,
            problem: problem(Phase::Timeout).hint("does xenstored run there? without it the tool waits for ever"),
        },
        _ if says(&["hypervisor information", "privileged command interface: No such file", "not running on Xen"]) => {
            let hint = "the kernel runs without Xen below it, or is a guest of it";
            Trouble { why: Why::NoXen, problem: problem(Phase::Run).hint(hint) }
        }
        _ if says(&["ermission denied", "not permitted", "must be root", "root privileges"]) => match is_root {
            true => Trouble {
                why: Why::NoXen,
                problem: problem(Phase::Run).hint("root of a guest may not do this: give the Xen host as target"),
            },
            false => Trouble { why: Why::NoPermission, problem: means() },
        },
        _ => Trouble { why: Why::Broken, problem: problem(Phase::Run) },
    }
}

/// Whether this is a Xen host, by a file that everybody may read.
pub fn is_control_domain(facts: &Facts) -> Result<(), Trouble> {
    let probe: Probe = probes::control();
    let no_xen = |message: &str| Trouble { why: Why::NoXen, problem: Problem::new(Phase::Run, message) };
    match facts.answer(&probe) {
        Answer::File(ctys_plugin::model::FileAnswer::Denied) => Err(Trouble {
            why: Why::NoPermission,
            problem: Problem::new(Phase::Privilege, "/proc/xen/capabilities may not be read"),
        }),
        Answer::File(ctys_plugin::model::FileAnswer::Absent) => {
            Err(no_xen("this is no Xen host: there is no /proc/xen/capabilities"))
        }
        Answer::File(ctys_plugin::model::FileAnswer::Content { content, .. }) => {
            if content.to_text().contains("control_d") {
                Ok(())
            } else {
                Err(no_xen("this is no Xen host: /proc/xen/capabilities does not name the control domain"))
            }
        }
        Answer::Failed(why) => Err(broken(format!("/proc/xen/capabilities: {why}"))),
        Answer::Missing(_) | Answer::Output(_) | Answer::Scanned(_) | Answer::Done => {
            Err(broken("/proc/xen/capabilities could not be asked for".into()))
        }
    }
}

/// The reason in a cell.
pub fn missing(trouble: &Trouble) -> Missing {
    match trouble.why {
        Why::NoPermission => Missing::NoPermission(trouble.problem.message.clone()),
        Why::NoXen | Why::Broken => Missing::Unknown(trouble.problem.message.clone()),
    }
}

fn no_tool(request: &Request) -> Trouble {
    let tool = tool(request);
    let problem = Problem::new(Phase::Run, format!("{tool} not found"))
        .hint("is this host running Xen? the setting TOOL names another tool");
    Trouble { why: Why::NoXen, problem }
}

fn broken(message: String) -> Trouble {
    Trouble { why: Why::Broken, problem: Problem::new(Phase::Run, message) }
}

fn not_understood(what: &str) -> Trouble {
    Trouble {
        why: Why::Broken,
        problem: Problem::new(Phase::Parse, format!("the output of {what} was not understood")),
    }
}
