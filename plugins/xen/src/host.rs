//! Whether Xen can be used on a host, and what runs there.

use crate::parse::xl_list::{self, Domain};
use crate::parse::xl_list_long::{self, Details};
use crate::probes::{self, tool};
use ctys_plugin::model::{Answer, Bytes, Exit, Facts, FileAnswer, Findings, Missing, Output, Phase, Problem, Request};
use ctys_plugin::outputs::{complaint, plain};

/// Why nothing is known of the domains of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What is the matter.
    pub why: Why,
    /// In a sentence, with hints.
    pub problem: Problem,
    /// In a cell.
    pub missing: Missing,
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
    fn new(why: Why, problem: Problem) -> Trouble {
        let message = problem.message.clone();
        let missing = match why {
            Why::NoPermission => Missing::NoPermission(message),
            Why::NoXen | Why::Broken => Missing::Unknown(message),
        };
        Trouble { why, problem, missing }
    }

    /// For a listing: a host without Xen has no rows of it, which is the answer and no error (ctys-original.md 5.3); asked
    /// for by `-t`, it is remarked. A right that is missing is remarked where all types are listed, since rows may be missing,
    /// and is an error where this one was asked for.
    pub fn findings(self, request: &Request) -> Findings {
        let Trouble { why, problem, missing: _ } = self;
        match why {
            Why::NoXen if request.session_type.is_none() => Findings::default(),
            Why::NoXen => Findings::problem(Problem { phase: Phase::Notice, ..problem }),
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
    let odd = |why: String| Problem::new(Phase::Parse, format!("the output of {what} was not understood: {why}"));
    xl_list_long::parse(&text).map_err(|why| Trouble::new(Why::Broken, odd(why)))
}

/// Whether a domain has been made by halves: its `xl create` was killed, or is still at it. Such a one is paused, has the
/// right name, and is not in the long list.
pub fn is_half_made(domain: &Domain, details: &[Details]) -> bool {
    domain.state.paused && domain.state.is_alive() && !details.iter().any(|details| details.id == domain.id)
}

/// What a command that only looks printed.
pub fn text(request: &Request, facts: &Facts, answer: &Answer, what: &str) -> Result<String, Trouble> {
    match answer {
        Answer::Output(output) if output.cut => {
            let problem = Problem::new(Phase::Parse, format!("the output of {what} is too long and was cut off"));
            Err(Trouble::new(Why::Broken, problem))
        }
        Answer::Output(output) if output.ok() => Ok(plain(&output.stdout)),
        Answer::Output(output) => {
            let trouble = trouble(request, facts, what, output);
            let hint = "does xenstored run there? without it the tool waits for ever";
            Err(match output.exit {
                // What only looks is soon done. A change may have been at work all the time.
                Exit::TimedOut => Trouble { problem: trouble.problem.hint(hint), ..trouble },
                _ => trouble,
            })
        }
        Answer::Missing(Missing::ToolAbsent(_)) => Err(no_tool(request, what)),
        Answer::Failed(why) => Err(broken(format!("{what}: {why}"))),
        Answer::Missing(Missing::HostSilent) => Err(broken(format!("the host fell silent before {what} answered"))),
        Answer::Missing(_)
        | Answer::File(_)
        | Answer::Scanned(_)
        | Answer::Processes(_)
        | Answer::Talked(_)
        | Answer::Done => Err(broken(format!("no output of {what} came back"))),
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
    let guest = || {
        let hint = "a guest of Xen may not do this, root neither: give the Xen host as target";
        Trouble::new(Why::NoXen, problem(Phase::Run).hint(hint))
    };
    match &output.exit {
        Exit::NotFound => no_tool(request, what),
        // No right would help there.
        Exit::Refused(_) if controls(facts) == Some(false) => guest(),
        Exit::Refused(_) => Trouble::new(Why::NoPermission, means()),
        Exit::TimedOut => Trouble::new(Why::Broken, problem(Phase::Timeout)),
        _ if says(&["hypervisor information", "privileged command interface: No such file", "not running on Xen"]) => {
            let hint = "the kernel runs without Xen below it, or is a guest of it";
            Trouble::new(Why::NoXen, problem(Phase::Run).hint(hint))
        }
        _ if says(&["ermission denied", "not permitted", "must be root", "root privileges"]) => match controls(facts) {
            Some(false) => guest(),
            Some(true) if is_root => Trouble::new(Why::Broken, problem(Phase::Run)),
            // The kernel denies a file to an account, the hypervisor permits nothing to a guest: who asked it was root, by whatever
            // way.
            None if is_root || says(&["not permitted"]) => guest(),
            _ => Trouble::new(Why::NoPermission, means()),
        },
        _ => Trouble::new(Why::Broken, problem(Phase::Run)),
    }
}

/// Whether this is a Xen host and none of its guests; nothing where the file that says so was not asked for or is not there,
/// as where nobody has mounted xenfs.
fn controls(facts: &Facts) -> Option<bool> {
    match facts.answer(&probes::control()) {
        Answer::File(FileAnswer::Content { content, .. }) => Some(is_control(content)),
        _ => None,
    }
}

fn is_control(capabilities: &Bytes) -> bool {
    capabilities.to_text().contains("control_d")
}

/// Whether this is a Xen host, by a file that everybody may read.
pub fn is_control_domain(facts: &Facts) -> Result<(), Trouble> {
    let no_xen = |message: &str| Trouble::new(Why::NoXen, Problem::new(Phase::Run, message));
    match facts.answer(&probes::control()) {
        Answer::File(FileAnswer::Denied) => {
            let problem = Problem::new(Phase::Privilege, "/proc/xen/capabilities may not be read");
            Err(Trouble::new(Why::NoPermission, problem))
        }
        Answer::File(FileAnswer::Absent) => Err(no_xen("this is no Xen host: there is no /proc/xen/capabilities")),
        Answer::File(FileAnswer::Content { content, .. }) if is_control(content) => Ok(()),
        Answer::File(FileAnswer::Content { .. }) => {
            Err(no_xen("this is no Xen host: /proc/xen/capabilities does not name the control domain"))
        }
        Answer::Failed(why) => Err(broken(format!("/proc/xen/capabilities: {why}"))),
        Answer::Missing(_)
        | Answer::Output(_)
        | Answer::Scanned(_)
        | Answer::Processes(_)
        | Answer::Talked(_)
        | Answer::Done => Err(broken("/proc/xen/capabilities could not be asked for".into())),
    }
}

/// A program that is not there. A host without the tool itself is no Xen host.
fn no_tool(request: &Request, what: &str) -> Trouble {
    let program = what.split(' ').next().unwrap_or(what);
    let problem = Problem::new(Phase::Run, format!("{program} not found"));
    let (why, problem) = match program == tool(request) {
        true => (Why::NoXen, problem.hint("is this host running Xen? the setting TOOL names another tool")),
        false => (Why::Broken, problem),
    };
    Trouble { missing: Missing::ToolAbsent(program.to_string()), ..Trouble::new(why, problem) }
}

fn broken(message: String) -> Trouble {
    Trouble::new(Why::Broken, Problem::new(Phase::Run, message))
}

fn not_understood(what: &str) -> Trouble {
    Trouble::new(Why::Broken, Problem::new(Phase::Parse, format!("the output of {what} was not understood")))
}
