//! The rules. Each function gives one sentence for every rule that is broken.

use ctys_model::field::{Field, Known};
use ctys_model::manifest::Category;
use ctys_model::{
    Action, Bytes, Command, Does, Effect, Findings, Manifest, PROTOCOL, PROTOCOL_MIN, Place, Probe, Problem, Record,
    Request, Step, Talk, Value, Verb,
};
use std::collections::BTreeSet;

/// What the plugin says about itself.
pub fn of_manifest(manifest: &Manifest, version: &str) -> Vec<String> {
    let mut faults = Vec::new();
    if let Err(reason) = manifest.check() {
        faults.push(format!("manifest: {reason}"));
    }
    if manifest.version != version {
        faults.push(format!("manifest: the version is {}, in Cargo.toml it is {version}", manifest.version));
    }
    let (lowest, highest) = manifest.protocol;
    if lowest < PROTOCOL_MIN || highest > PROTOCOL {
        faults.push(format!(
            "manifest: the protocol is {lowest} to {highest}, the ctys-plugin it is built with speaks {PROTOCOL_MIN} to \
             {PROTOCOL}"
        ));
    }
    if manifest.summary.is_empty() || !is_one_line(&manifest.summary) {
        faults.push("manifest: the summary is not one line of text".into());
    }
    if manifest.verbs.is_empty() {
        faults.push("manifest: no verb is declared".into());
    }
    for (n, decl) in manifest.verbs.iter().enumerate() {
        let verb = decl.verb;
        if manifest.verbs[..n].iter().any(|earlier| earlier.verb == verb) {
            faults.push(format!("manifest: {verb} is declared twice"));
        }
        let mut keys = BTreeSet::new();
        for suboption in &decl.suboptions {
            for key in std::iter::once(&suboption.key).chain(&suboption.aliases) {
                if key.is_empty() || key.chars().any(|c| c.is_lowercase() || c.is_whitespace() || ":,=%".contains(c)) {
                    faults.push(format!("manifest: the suboption {key:?} of {verb} is not one word in upper case"));
                }
                if !keys.insert(key) {
                    faults.push(format!("manifest: the suboption {key} of {verb} is declared twice"));
                }
            }
            if suboption.help.is_empty() {
                faults.push(format!("manifest: the suboption {} of {verb} has no help", suboption.key));
            }
        }
    }
    let mut keys = BTreeSet::new();
    for column in &manifest.columns {
        let key = &column.key;
        let own = key.strip_prefix(&manifest.name).and_then(|rest| rest.strip_prefix('.'));
        if own.is_none_or(str::is_empty) {
            faults.push(format!("manifest: the column {key} is not called {}.<word>", manifest.name));
        }
        if !keys.insert(key) {
            faults.push(format!("manifest: the column {key} is declared twice"));
        }
        if column.title.is_empty() || column.help.is_empty() {
            faults.push(format!("manifest: the column {key} has no title or no help"));
        }
    }
    faults
}

/// What it wants to know.
pub fn of_probes(verb: Verb, probes: &[Probe]) -> Vec<String> {
    let mut faults = Vec::new();
    for probe in probes {
        if !probe.only_reads() {
            faults.push(format!("{verb}: a probe changes something: {}", words(probe)));
        }
        match probe {
            Probe::Run { tries } => of_tries(verb, "probe", tries, &mut faults),
            Probe::File { path, limit, .. } => {
                if path.is_empty() || *limit == 0 {
                    faults.push(format!("{verb}: a probe reads nothing: {}", words(probe)));
                }
                if path.as_slice().contains(&0) {
                    faults.push(format!("{verb}: the path of a probe holds a NUL byte: {}", words(probe)));
                }
            }
            Probe::Scan(scan) => {
                if scan.bases.is_empty() || scan.names.is_empty() || scan.depth == 0 || scan.limit == 0 {
                    faults.push(format!("{verb}: a walk finds nothing: {}", words(probe)));
                }
                if scan.names.iter().any(|name| name.contains('/') || name.contains('\0')) {
                    faults.push(format!("{verb}: a walk looks for what is no file name: {}", words(probe)));
                }
            }
            Probe::Talk(talk) => of_talk(verb, "probe", talk, &mut faults),
            Probe::Processes(table) => {
                let bad = |name: &String| name.is_empty() || name.contains(['/', '\0', '\n']);
                if table.names.is_empty() || table.names.iter().any(bad) {
                    faults.push(format!("{verb}: looks for processes by what is no name: {:?}", table.names));
                }
            }
        }
    }
    faults
}

/// What it plans, at first or later.
pub fn of_effect(request: &Request, effect: &Effect) -> Vec<String> {
    let verb = request.action.verb();
    let mut faults = Vec::new();
    match effect {
        Effect::Run(batch) => {
            if batch.steps.is_empty() {
                faults.push(format!("{verb}: a batch has no step"));
            }
            let mut names = BTreeSet::new();
            for step in &batch.steps {
                if step.name.is_empty() || !is_one_line(&step.name) {
                    faults.push(format!("{verb}: a step has no name of one line: {:?}", step.name));
                }
                if !names.insert(&step.name) {
                    faults.push(format!("{verb}: two steps of one batch have the name {:?}", step.name));
                }
                match &step.does {
                    Does::Run { tries } => of_tries(verb, "step", tries, &mut faults),
                    Does::Talk(talk) => of_talk(verb, "step", talk, &mut faults),
                    Does::Write(file) => {
                        if file.path.is_empty() || file.path.as_slice().contains(&0) || file.mode & !0o7777 != 0 {
                            faults.push(format!("{verb}: a step writes no file that could be: {:?}", file.path));
                        }
                    }
                    Does::Lock(lock) => {
                        let path = lock.path.as_slice();
                        if !path.is_empty() && !path.starts_with(b"/") || path.contains(&0) {
                            faults.push(format!("{verb}: a step locks what is no absolute path: {:?}", lock.path));
                        }
                    }
                    Does::Signal(signal) => {
                        let name = |name: &str| name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
                        if signal.pid < 2 || signal.name.is_empty() || !name(&signal.name) {
                            faults.push(format!("{verb}: a step signals {} with {:?}", signal.pid, signal.name));
                        }
                    }
                    Does::Look(table)
                        if table.names.iter().any(|name| name.is_empty() || name.contains(['/', '\0'])) =>
                    {
                        faults.push(format!("{verb}: a step looks for what is no program: {:?}", table.names));
                    }
                    Does::Wake(_) | Does::Reach(_) | Does::Look(_) => {}
                }
                if step.does.changes() {
                    of_change(request, step, &mut faults);
                }
            }
        }
        Effect::Attach(console) => {
            if !matches!(verb, Verb::Create | Verb::Tool) {
                faults.push(format!("{verb}: opens a console, which only CREATE and tools may"));
            }
            if let Some(command) = &console.command {
                of_tries(verb, "console", std::slice::from_ref(command), &mut faults);
            }
            let socket = console.socket.as_ref().map(|socket| &socket.path);
            for path in socket.into_iter().chain(console.history.as_ref().map(|history| &history.path)) {
                if !path.as_slice().starts_with(b"/") || path.as_slice().contains(&0) {
                    faults.push(format!("{verb}: a console is where no file could be: {path:?}"));
                }
            }
        }
        Effect::Open(_) => {
            if verb != Verb::Create {
                faults.push(format!("{verb}: opens a tunnel, which only CREATE may"));
            }
        }
        Effect::Report(_) => {}
    }
    faults
}

fn of_change(request: &Request, step: &Step, faults: &mut Vec<String>) {
    let verb = request.action.verb();
    if !verb.changes() {
        faults.push(format!("{verb}: plans the step {:?}, which changes something; this action only looks", step.name));
    }
    if let Action::Cancel(cancel) = &request.action
        && cancel.address.is_empty()
        && !cancel.all
        && !cancel.with_self
    {
        faults.push(format!(
            "{verb}: plans the changing step {:?} though no address is given, nor ALL, nor SELF",
            step.name
        ));
    }
}

fn of_tries(verb: Verb, what: &str, tries: &[Command], faults: &mut Vec<String>) {
    let Some(first) = tries.first() else {
        faults.push(format!("{verb}: a {what} runs no command"));
        return;
    };
    if tries.iter().any(|command| command.place != first.place) {
        faults.push(format!("{verb}: a {what} tries {} at more than one place", first.program));
    }
    for command in tries {
        let program = &command.program;
        if program.is_empty() {
            faults.push(format!("{verb}: a {what} runs a program without a name"));
        }
        let texts = command.args.iter().map(|arg| arg.as_slice()).chain([program.as_bytes()]);
        if texts.into_iter().any(|text| text.contains(&0)) {
            faults.push(format!("{verb}: an argument of {program} in a {what} holds a NUL byte, which none can"));
        }
    }
}

/// What an action that is not declared gets.
pub fn of_undeclared(verb: Verb, effect: &Effect) -> Vec<String> {
    let refused = matches!(effect, Effect::Report(findings)
        if !findings.problems.is_empty() && findings.records.is_empty() && !findings.changed);
    if refused {
        return Vec::new();
    }
    vec![format!(
        "{verb}: not declared in the manifest, and yet something is done; declare it, or answer with \
         ctys_plugin::unserved(request)"
    )]
}

/// What came out.
pub fn of_findings(verb: Verb, manifest: &Manifest, findings: &Findings) -> Vec<String> {
    let mut faults = Vec::new();
    if findings.changed && !verb.changes() {
        faults.push(format!("{verb}: says that it changed something"));
    }
    for problem in &findings.problems {
        of_problem(verb, manifest, problem, &mut faults);
    }
    for record in &findings.records {
        of_record(verb, manifest, record, &mut faults);
    }
    if let Some(text) = findings.text.iter().chain(&findings.stderr).find(|text| text.contains(['\n', '\r'])) {
        faults.push(format!("{verb}: a line of text is more than one line: {text:?}"));
    }
    if verb != Verb::Tool && (findings.exit.is_some() || !findings.stderr.is_empty()) {
        faults.push(format!("{verb}: gives an exit code or lines for stderr, which only tools may"));
    }
    faults
}

fn of_problem(verb: Verb, manifest: &Manifest, problem: &Problem, faults: &mut Vec<String>) {
    let Problem { message, hints, step, .. } = problem;
    if message.is_empty() {
        faults.push(format!("{verb}: a problem has no message"));
    }
    for text in std::iter::once(message).chain(hints).chain(step) {
        if !is_one_line(text) {
            faults.push(format!(
                "{verb}: the message of a problem is not one line without control characters (see \
                 model::bytes::escape_for_eyes): {text:?}"
            ));
        }
    }
    if (manifest.serves(verb) || verb == Verb::Tool) && message.ends_with(crate::UNSERVED) {
        faults.push(format!("{verb}: declared in the manifest and forgotten in the code: \"{message}\""));
    }
}

fn of_record(verb: Verb, manifest: &Manifest, record: &Record, faults: &mut Vec<String>) {
    match record.get(Known::SessionType) {
        Value::Text(session_type) => {
            let tunnel = manifest.category == Category::Core && session_type.starts_with("SSH(");
            if !tunnel && !manifest.session_types.contains(session_type) {
                faults.push(format!("{verb}: a record has the session type {session_type:?}, which is not declared"));
            }
        }
        _ => faults.push(format!("{verb}: a record has no session type")),
    }
    for field in record.fields.keys() {
        if let Field::Other(key) = field
            && manifest.columns.iter().all(|column| column.key != *key)
        {
            faults.push(format!("{verb}: a record has the field {key:?}, which is no declared column"));
        }
    }
}

/// True for anything but a report that holds nothing besides problems.
pub fn is_more_than_a_problem(effect: &Effect) -> bool {
    match effect {
        Effect::Report(Findings { records, text, stderr, .. }) => {
            !records.is_empty() || !text.is_empty() || !stderr.is_empty()
        }
        Effect::Run(_) | Effect::Attach(_) | Effect::Open(_) => true,
    }
}

/// True when nothing is said at all.
pub fn is_silent(findings: &Findings) -> bool {
    let Findings { records, problems, text, changed, stderr, exit } = findings;
    let said = records.is_empty() && problems.is_empty() && text.is_empty() && stderr.is_empty();
    said && !changed && exit.is_none()
}

/// True for text that stays on its line and harms no terminal.
pub fn is_one_line(text: &str) -> bool {
    !text.contains(['\n', '\r']) && ctys_model::bytes::escape_for_eyes(text) == text
}

fn of_talk(verb: Verb, what: &str, talk: &Talk, faults: &mut Vec<String>) {
    if talk.sockets.is_empty() || talk.lines.is_empty() || talk.limit_ms == 0 || talk.limit == 0 {
        faults.push(format!("{verb}: a {what} talks to nobody, says nothing or hears nothing: {:?}", talk.sockets));
    }
    if talk.answers.iter().any(|answer| answer.is_empty()) {
        faults.push(format!("{verb}: a {what} takes anything for an answer: {:?}", talk.sockets));
    }
    let bad = |bytes: &Bytes| bytes.as_slice().iter().any(|byte| matches!(byte, 0 | b'\n'));
    if talk.sockets.iter().chain(&talk.lines).any(bad) {
        faults.push(format!("{verb}: a {what} says or names what is no line: {:?}", talk.sockets));
    }
}

fn words(probe: &Probe) -> String {
    match probe {
        Probe::Talk(talk) => format!("the talk with {:?}", talk.sockets),
        Probe::Processes(table) => format!("the look for {:?}", table.names),
        Probe::Run { tries } => tries.iter().map(|command| command.program.as_str()).collect::<Vec<_>>().join(" or "),
        Probe::File { path, place, .. } => match place {
            Place::Caller => format!("{path:?} on the caller"),
            Place::Target | Place::Host(_) => format!("{path:?}"),
        },
        Probe::Scan(scan) => format!("{:?} below {:?}", scan.names, scan.bases),
    }
}
