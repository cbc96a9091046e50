//! Making a new machine (`ctys-createConfVM`, ctys.md 7), as far as it is the same for every kind: what was asked for,
//! fresh identifiers, and the steps.
//!
//! The words of the call are `key=value`; the program has read the options that they come from. A plugin adds the text of
//! the configuration and the command that makes the disk:
//!
//! ```text
//! mkdir -p FOLDER          lock FOLDER          neither file is there          disk          configuration
//! ```
//!
//! The configuration is the last step: whatever keeps the others from being done leaves nothing that LIST or CREATE
//! would take for a machine. Nothing that is there is ever written over.

use crate::machines::{self, Configured};
use crate::magic::{mac_bytes, plain_mac, plain_uuid};
use crate::outputs::complaint;
use ctys_model::command::{Lock, WriteFile};
use ctys_model::{
    Answer, Batch, Bytes, Command, Does, Effect, Exit, Facts, Findings, Next, Output, Phase, Problem, Replies, Request,
    Step, ToolCall,
};
use std::collections::BTreeMap;

/// The tool, as manifests name it.
pub const TOOL: &str = "ctys-createConfVM";

/// What every kind of machine understands. `image=no` is a machine without a disk.
const KEYS: [&str; 13] = [
    "label",
    "directory",
    "uuid",
    "mac",
    "ip",
    "bridge",
    "memory",
    "vcpus",
    "size",
    "image",
    "kernel",
    "initrd",
    "append",
];

const FOLDER: &str = "make the folder";
const LOCK: &str = "lock the folder";
const NEW: &str = "see that nothing is there";
const DISK: &str = "make the disk";
const WRITE: &str = "write the configuration";

/// How long another call may keep the folder, in milliseconds.
const LOCK_MS: u32 = 10_000;

/// Ends with status 17 (`EEXIST`) at the first file that is there, if only as a link that leads nowhere.
const IS_NEW: &str = r#"for file; do
  if [ -e "$file" ] || [ -L "$file" ]; then echo "$file is there already" >&2; exit 17; fi
done"#;

/// A machine that is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMachine {
    /// Its name.
    pub label: String,
    /// Its folder, absolute.
    pub folder: String,
    /// Its uuid, with dashes.
    pub uuid: String,
    /// The hardware address of its card, lower case.
    pub mac: String,
    /// MiB.
    pub memory: u32,
    /// How many processors.
    pub vcpus: u32,
    /// The size of the disk, such as `8G`; none for no disk.
    pub size: Option<String>,
    given: BTreeMap<String, String>,
}

/// What differs between kinds.
pub struct Kind<'a> {
    /// As in `this is no QEMU machine's option`.
    pub name: &'a str,
    /// Below the home, where folders are made unless the call says where.
    pub base: &'a str,
    /// The vendor part of hardware addresses.
    pub vendor: [u8; 3],
    /// Further keys.
    pub keys: &'a [&'a str],
}

/// What is to be written.
pub struct Files {
    /// The path of the configuration.
    pub config: String,
    /// What is in it.
    pub text: String,
    /// The path of the disk and the command that makes it.
    pub disk: Option<(String, Command)>,
}

fn usage(message: String) -> Problem {
    Problem::new(Phase::Usage, message)
}

impl NewMachine {
    /// What the words ask for.
    ///
    /// # Errors
    /// A sentence about the first word that cannot be.
    pub fn read(call: &ToolCall, kind: &Kind<'_>, facts: &Facts) -> Result<NewMachine, Problem> {
        let given = given(call, kind)?;
        let host = facts.host.as_ref().ok_or_else(|| Problem::new(Phase::Run, "the host did not say who it is"))?;
        let get = |key: &str| given.get(key).map(String::as_str);
        let label = get("label").unwrap_or_default();
        let is_tidy = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
        if !label.starts_with(|c: char| c.is_ascii_alphanumeric()) || label.len() > 64 || !label.bytes().all(is_tidy) {
            return Err(usage(format!("a machine cannot be called \"{label}\""))
                .hint("letters, digits, dots, dashes and underscores, a letter or a digit first, 64 at most"));
        }
        let base = get("directory").unwrap_or(kind.base);
        let home = host.home.to_text();
        let base = match (base.starts_with('/'), base.strip_prefix("~/")) {
            (true, _) => base.to_string(),
            (false, Some(rest)) => format!("{home}/{rest}"),
            (false, None) => format!("{home}/{base}"),
        };
        let fresh = facts.fresh.as_slice();
        if fresh.len() < 19 {
            return Err(Problem::new(Phase::Plugin, "no fresh identifiers were given"));
        }
        let uuid = match get("uuid") {
            Some(text) => plain_uuid(text).ok_or_else(|| usage(format!("{text} is no uuid")))?,
            None => random_uuid(&fresh[..16]),
        };
        let mac = match get("mac") {
            Some(text) => match mac_bytes(text) {
                // The lowest bit of the first byte makes it the address of a group, which no card has.
                Some(bytes) if bytes[0] & 1 == 0 => bytes,
                _ => return Err(usage(format!("{text} is no hardware address of a card"))),
            },
            None => [&kind.vendor[..], &fresh[16..19]].concat().try_into().unwrap_or_default(),
        };
        let number = |key: &str, usual: u32| match get(key).map(str::parse::<u32>) {
            None => Ok(usual),
            Some(Ok(number)) if number > 0 => Ok(number),
            Some(_) => Err(usage(format!("--{key} {} is no number above 0", get(key).unwrap_or_default()))),
        };
        if let Some(ip) = get("ip")
            && ip.parse::<std::net::IpAddr>().is_err()
        {
            return Err(usage(format!("{ip} is no address")));
        }
        let size = get("size").unwrap_or("8G");
        let digits = size.trim_end_matches(['M', 'G', 'T']);
        if size.len() > digits.len() + 1 || digits.is_empty() || digits.len() > 12 || digits.parse::<u64>() == Ok(0) {
            return Err(usage(format!("{size} is no size of a disk")).hint("such as 512M, 8G, 1T"));
        }
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(usage(format!("{size} is no size of a disk")).hint("such as 512M, 8G, 1T"));
        }
        Ok(NewMachine {
            label: label.to_string(),
            folder: format!("{}/{label}", base.trim_end_matches('/')),
            uuid: dashed(&uuid),
            mac: mac.map(|byte| format!("{byte:02x}")).join(":"),
            memory: number("memory", 1024)?,
            vcpus: number("vcpus", 1)?,
            size: (get("image") != Some("no")).then(|| size.to_string()),
            given,
        })
    }

    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.given.get(key).map(String::as_str)
    }

    /// The magic comments every machine has (ctys.md 6.1).
    pub fn magic(&self, kind: &str) -> String {
        let mut text = format!("#@#MAGICID-{kind}\n");
        let mut put = |key: &str, value: &str| text.push_str(&format!("#@#{key:<12} = \"{value}\"\n"));
        put("SESSIONTYPE", kind);
        put("CATEGORY", "VM");
        put("VMSTATE", "ACTIVE");
        put("LABEL", &self.label);
        put("UUID", &self.uuid);
        put("MAC0", &self.mac.to_uppercase());
        if let Some(ip) = self.get("ip") {
            put("IP0", ip);
        }
        text
    }

    /// Whether a machine that is configured already has the name, the uuid or the hardware address of this one: two
    /// of a kind could not be told apart afterwards.
    ///
    /// # Errors
    /// The sentence about the first one.
    pub fn differs_from(&self, all: &[impl Configured]) -> Result<(), Problem> {
        let mac = plain_mac(&self.mac);
        for other in all {
            let clash = match () {
                _ if other.label().as_deref() == Some(&self.label) => format!("the label {}", self.label),
                _ if other.uuid() == plain_uuid(&self.uuid) => format!("the uuid {}", self.uuid),
                _ if other.interfaces().iter().any(|card| card.mac.is_some() && card.mac == mac) => {
                    format!("the hardware address {}", self.mac)
                }
                _ => continue,
            };
            return Err(Problem::new(Phase::Run, format!("{} has {clash} already", other.shown_path()))
                .hint("nothing was made"));
        }
        Ok(())
    }

    /// What is to be done.
    pub fn begin(&self, files: Files) -> Effect {
        let mut steps = vec![
            Step::run(FOLDER, Command::new("mkdir").args(["-p", "--", &self.folder]).changes()),
            Step::does(
                LOCK,
                Does::Lock(Lock { path: self.folder.as_str().into(), wait_ms: LOCK_MS, ..Lock::default() }),
            ),
        ];
        let mut is_new = Command::new("sh").args(["-c", IS_NEW, "sh", &files.config]);
        let mut make = None;
        if let Some((path, command)) = files.disk {
            is_new = is_new.arg(path);
            make = Some(Step::run(DISK, command.changes()));
        }
        steps.push(Step::run(NEW, is_new));
        steps.extend(make);
        let file = WriteFile {
            path: files.config.into(),
            content: files.text.into(),
            mode: 0o644,
            new: true,
            ..WriteFile::default()
        };
        steps.push(Step::does(WRITE, Does::Write(file)));
        Effect::Run(Batch { steps })
    }

    /// What came of it; `maker` is the program that makes disks, `told` says what was made.
    pub fn end(&self, replies: &Replies, maker: &str, told: Vec<String>) -> Next {
        let label = &self.label;
        for name in [FOLDER, LOCK, NEW, DISK, WRITE] {
            let output = match replies.last(name) {
                None if name == DISK && self.size.is_none() => continue,
                Some(Answer::Output(output)) if output.ok() => continue,
                Some(Answer::Done) => continue,
                Some(Answer::Output(output)) => output,
                Some(Answer::Failed(why)) => return failed(label, name, why.clone(), replies),
                _ => return failed(label, name, "no answer came".into(), replies),
            };
            let why = match (name, &output.exit) {
                (NEW, Exit::Code(17)) => output.stderr.to_text().trim().to_string(),
                (WRITE, Exit::Code(17)) => "the file is there already".into(),
                (LOCK, Exit::Code(75)) => "another call is at work there".into(),
                (DISK, Exit::NotFound) => format!("{maker} is not there (Debian: qemu-utils, coreutils)"),
                (DISK, _) => complaint(maker, output),
                _ => complaint("it", output),
            };
            return failed(label, name, why, replies);
        }
        Next::Done(Findings { text: told, changed: true, ..Findings::default() })
    }
}

/// The end at a step that failed. A disk that was made stays, and is named.
fn failed(label: &str, step: &str, why: String, replies: &Replies) -> Next {
    let ran = |name: &str| matches!(replies.last(name), Some(Answer::Output(Output { exit: Exit::Code(0), .. })));
    let mut problem = Problem::new(Phase::Run, format!("{label} was not made: to {step}: {why}"));
    if ran(DISK) {
        problem = problem.hint("its disk was made and is there");
    }
    Next::Done(Findings { changed: ran(FOLDER), ..Findings::problem(problem) })
}

/// The words by their keys.
fn given(call: &ToolCall, kind: &Kind<'_>) -> Result<BTreeMap<String, String>, Problem> {
    let mut given = BTreeMap::new();
    for word in &call.words {
        let text = std::str::from_utf8(word.as_slice()).map_err(|_| usage("a word is not text in UTF-8".into()))?;
        let (key, value) = text.split_once('=').ok_or_else(|| usage(format!("\"{text}\" is no key with a value")))?;
        if !KEYS.contains(&key) && !kind.keys.contains(&key) {
            return Err(usage(format!("--{key} means nothing to a {} machine", kind.name)));
        }
        // They come into files of several syntaxes: none of these means the same in all of them.
        if value.contains(['"', '\'', '\\']) || value.chars().any(char::is_control) {
            return Err(usage(format!("--{key} holds a quote, a backslash or a control character: {value}")));
        }
        given.insert(key.to_string(), value.to_string());
    }
    Ok(given)
}

/// A random uuid (RFC 4122, version 4), 32 digits.
fn random_uuid(bytes: &[u8]) -> String {
    let mut bytes: [u8; 16] = bytes.try_into().unwrap_or_default();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn dashed(uuid: &str) -> String {
    [&uuid[..8], &uuid[8..12], &uuid[12..16], &uuid[16..20], &uuid[20..]].join("-")
}

/// Whether a request is a call of the tool, and its words.
pub fn of(request: &Request) -> Option<&ToolCall> {
    match &request.action {
        ctys_model::Action::Tool(call) if call.tool == TOOL => Some(call),
        _ => None,
    }
}

/// Shown for paths in texts.
pub fn shown(path: &str) -> String {
    machines::shown(&Bytes::from(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{facts_with, failed, output, replies};

    const LAMP: Kind<'_> = Kind { name: "lamp", base: "lamps", vendor: [0x52, 0x54, 0x00], keys: &["bulb"] };

    fn read(words: &[&str]) -> Result<NewMachine, String> {
        let words = words.iter().map(|word| Bytes::from(*word)).collect();
        let call = ToolCall { tool: TOOL.into(), words, ..ToolCall::default() };
        NewMachine::read(&call, &LAMP, &facts_with([])).map_err(|problem| problem.message)
    }

    #[test]
    fn fresh_identifiers_come_from_the_facts() {
        let new = read(&["label=tst200"]).unwrap();
        assert_eq!(new.folder, "/home/mia/lamps/tst200");
        assert_eq!(new.uuid, "00010203-0405-4607-8809-0a0b0c0d0e0f", "version 4 of the fresh bytes");
        assert_eq!(new.mac, "52:54:00:10:11:12");
        assert_eq!((new.memory, new.vcpus, new.size.as_deref()), (1024, 1, Some("8G")));
    }

    #[test]
    fn what_is_given_is_kept_in_one_form() {
        let new = read(&[
            "label=a-1.b_c",
            "directory=~/x/",
            "uuid=6842CAF91E3E43249ED596B8B9F2C5C2",
            "mac=52-54-00-AB-CD-EF",
            "image=no",
            "memory=256",
            "bulb=60",
        ]);
        let new = new.unwrap();
        assert_eq!(new.folder, "/home/mia/x/a-1.b_c");
        assert_eq!(new.uuid, "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2");
        assert_eq!((new.mac.as_str(), new.size.as_deref(), new.get("bulb")), ("52:54:00:ab:cd:ef", None, Some("60")));
        assert_eq!(read(&["label=a", "directory=/srv"]).unwrap().folder, "/srv/a");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (words, part) in [
            (&[][..], "cannot be called"),
            (&["label=-x"], "cannot be called"),
            (&["label=../x"], "cannot be called"),
            (&["label=a b"], "cannot be called"),
            (&["label=a", "size=8X"], "no size"),
            (&["label=a", "size=0G"], "no size"),
            (&["label=a", "size=G"], "no size"),
            (&["label=a", "size=-8G"], "no size"),
            (&["label=a", "memory=0"], "above 0"),
            (&["label=a", "memory=x"], "above 0"),
            (&["label=a", "mac=01:00:5e:00:00:01"], "no hardware address"),
            (&["label=a", "uuid=1"], "no uuid"),
            (&["label=a", "ip=here"], "no address"),
            (&["label=a", "kernel=/x'y"], "a quote"),
            (&["label=a", "colour=red"], "means nothing"),
            (&["label"], "no key"),
        ] {
            let said = read(words).unwrap_err();
            assert!(said.contains(part), "{words:?}: {said}");
        }
    }

    #[test]
    fn what_failed_is_named_and_a_disk_that_stays_too() {
        let new = read(&["label=tst200"]).unwrap();
        let end = |steps: Vec<(&'static str, Answer)>| match new.end(&replies(steps), "lamp-img", vec!["made".into()]) {
            Next::Done(findings) => findings,
            other => panic!("{other:?}"),
        };
        let ok = || output("");
        let all = |n: usize, last: Answer| {
            let names = [FOLDER, LOCK, NEW, DISK, WRITE];
            names[..n].iter().map(|name| (*name, ok())).chain([(names[n], last)]).collect::<Vec<_>>()
        };
        assert_eq!(end(all(4, ok())).text, ["made"]);
        for (n, answer, part) in [
            (0, failed(1, "mkdir: no\n"), "make the folder: it ended with status 1: mkdir: no"),
            (1, failed(75, ""), "another call is at work there"),
            (2, failed(17, "/x/a.ctys is there already\n"), "/x/a.ctys is there already"),
            (3, Answer::Output(Output::ended(Exit::NotFound)), "make the disk: lamp-img is not there"),
            (4, failed(17, ""), "the file is there already"),
        ] {
            let findings = end(all(n, answer));
            let problem = &findings.problems[0];
            assert!(problem.message.contains(part) && findings.text.is_empty(), "{}", problem.message);
            assert_eq!(problem.hints.len(), usize::from(n == 4), "{problem:?}");
            assert_eq!(findings.changed, n > 0);
        }
    }
}
