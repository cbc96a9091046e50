//! What a QEMU says on its QMP socket.
//!
//! ```text
//! {"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": "Debian 1:7.2+dfsg-7"}, "capabilities": ["oob"]}}
//! {"return": {}}
//! {"timestamp": {"seconds": 1795314050, "microseconds": 996843}, "event": "STOP"}
//! {"return": {"status": "running", "singlestep": false, "running": true}, "id": "status"}
//! {"return": {"enabled": true, "auth": "none", "family": "ipv4", "clients": [], "service": "5900", "host": "127.0.0.1"}, "id": "vnc"}
//! {"error": {"class": "CommandNotFound", "desc": "The command set-action has not been found"}, "id": "set-action"}
//! ```
//!
//! Whoever listens there may be no QEMU, or lie: a line that is not understood counts as not said.

use ctys_plugin::json::{self, Value, json};
use ctys_plugin::magic::plain_uuid;
use ctys_plugin::model::{Answer, Bytes, Ending, Heard, Missing};
use std::collections::BTreeMap;

/// What an answer holds.
pub const ANSWERS: [&str; 2] = ["\"return\"", "\"error\""];

/// What comes before all commands.
pub const NEGOTIATE: &str = "qmp_capabilities";

/// What is asked of every machine that can be asked.
const QUESTIONS: [&str; 5] = ["query-status", "query-vnc", "query-kvm", "query-uuid", "query-name"];

/// What one socket said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Said {
    /// The release, such as `7.2.22`, of its greeting.
    pub version: Option<String>,
    /// The answers by the command they answer: what it returned, or what it complained.
    pub answers: BTreeMap<String, Result<Value, String>>,
}

/// The dialogue that asks them, without names: QEMU reads its socket byte by byte and looks at all of its files for each (7.2: 10 us),
/// so a listing of fifty machines waits for every byte. Their answers come in this order.
pub fn questions() -> impl Iterator<Item = Bytes> {
    in_order().map(|name| Bytes::from(json!({ "execute": name }).to_string()))
}

fn in_order() -> impl Iterator<Item = &'static str> {
    std::iter::once(NEGOTIATE).chain(QUESTIONS)
}

/// A command as a line. The answer bears its name.
pub fn command(name: &str) -> Bytes {
    Bytes::from(json!({ "execute": name, "id": name }).to_string())
}

/// A command with arguments.
pub fn command_with(name: &str, arguments: &Value) -> Bytes {
    Bytes::from(json!({ "execute": name, "arguments": arguments, "id": name }).to_string())
}

/// What a dialogue gave, or why it gave nothing.
pub fn of(heard: &Heard) -> Result<Said, Missing> {
    let said = read(&heard.text);
    let why = match &heard.end {
        Ending::Answered => match said.version {
            Some(_) => return Ok(said),
            None => "what listens on its QMP socket is no QEMU".to_string(),
        },
        // A machine that was told to end closes before it has answered all.
        Ending::Closed if !said.answers.is_empty() => return Ok(said),
        Ending::Closed => "its QMP socket was closed before it answered".into(),
        Ending::TimedOut if heard.text.is_empty() => {
            "its QMP socket did not answer: it hangs, or somebody else speaks with it".into()
        }
        Ending::TimedOut => "its QMP socket did not answer in time".into(),
        Ending::TooMuch => "its QMP socket says more than an answer can be".into(),
        Ending::Absent => "its QMP socket is gone".into(),
        Ending::Refused(why) if why.contains("ermission denied") => {
            return Err(Missing::NoPermission(format!("its QMP socket: {why}")));
        }
        Ending::Refused(why) => format!("its QMP socket cannot be reached: {why}"),
    };
    Err(Missing::Unknown(why))
}

/// What a dialogue with one socket gave.
pub fn of_answer(answer: Option<&Answer>) -> Result<Said, Missing> {
    match answer {
        Some(Answer::Talked(all)) => match &all[..] {
            [heard] => of(heard),
            _ => Err(Missing::Unknown("its QMP socket is gone".into())),
        },
        Some(Answer::Output(output)) => {
            Err(Missing::Unknown(ctys_plugin::outputs::complaint("the dialogue with its QMP socket", output)))
        }
        Some(Answer::Failed(why)) => Err(Missing::Unknown(why.clone())),
        Some(Answer::Missing(why)) => Err(why.clone()),
        _ => Err(Missing::Unknown("its QMP socket was not asked".into())),
    }
}

fn read(text: &Bytes) -> Said {
    let mut said = Said::default();
    let mut unnamed = in_order();
    for line in text.as_slice().split(|&byte| byte == b'\n') {
        let Ok(Value::Object(mut object)) = json::from_slice::<Value>(line) else { continue };
        if let Some(version) = object.get("QMP").and_then(|qmp| qmp.get("version")?.get("qemu")) {
            let number = |key: &str| version.get(key).and_then(Value::as_u64);
            if let (Some(major), Some(minor), Some(micro)) = (number("major"), number("minor"), number("micro")) {
                said.version.get_or_insert(format!("{major}.{minor}.{micro}"));
            }
        }
        let id = object.remove("id");
        let answer = match (object.remove("return"), object.remove("error")) {
            (Some(returned), _) => Ok(returned),
            (None, Some(error)) => {
                Err(error.get("desc").and_then(Value::as_str).unwrap_or("it gives no reason").to_string())
            }
            (None, None) => continue,
        };
        let id = match id {
            Some(Value::String(id)) => id,
            None => match unnamed.next() {
                Some(question) => question.to_string(),
                None => continue,
            },
            Some(_) => continue,
        };
        // The first answer stands: a second one of the same name is somebody's trick.
        said.answers.entry(id).or_insert(answer);
    }
    said
}

impl Said {
    fn returned(&self, command: &str) -> Option<&Value> {
        self.answers.get(command)?.as_ref().ok()
    }

    fn text<'a>(&'a self, command: &str, key: &str) -> Option<&'a str> {
        self.returned(command)?.get(key)?.as_str()
    }

    /// Why a command was refused; none when it was carried out. One that was never answered was not.
    pub fn refusal(&self, command: &str) -> Option<String> {
        match self.answers.get(command) {
            Some(Ok(_)) => None,
            Some(Err(why)) => Some(why.clone()),
            None => Some("it did not answer".into()),
        }
    }

    /// Whether it carried out a command that is no question.
    pub fn did_something(&self) -> bool {
        let is_question = |command: &str| command == NEGOTIATE || command.starts_with("query-");
        self.answers.iter().any(|(command, answer)| answer.is_ok() && !is_question(command))
    }

    /// `running`, `paused`, `inmigrate` and so on; a word, whatever says it.
    pub fn status(&self) -> Option<&str> {
        let is_word = |text: &&str| text.len() <= 32 && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        self.text("query-status", "status").filter(|text| !text.is_empty()).filter(is_word)
    }

    /// The port of its VNC server; none when it has none.
    pub fn vnc_port(&self) -> Option<u16> {
        let vnc = self.returned("query-vnc")?;
        if vnc.get("enabled") != Some(&Value::Bool(true)) || vnc.get("family")?.as_str() == Some("unix") {
            return None;
        }
        vnc.get("service")?.as_str()?.parse().ok()
    }

    /// Whether KVM carries it.
    pub fn kvm(&self) -> Option<bool> {
        self.returned("query-kvm")?.get("enabled")?.as_bool()
    }

    /// Its uuid; zeros are none.
    pub fn uuid(&self) -> Option<String> {
        let uuid = plain_uuid(self.text("query-uuid", "UUID")?)?;
        (!uuid.bytes().all(|b| b == b'0')).then_some(uuid)
    }

    /// Its name.
    pub fn name(&self) -> Option<&str> {
        self.text("query-name", "name")
    }

    /// How far a migration is: `active`, `completed`, `failed` and so on, and why it failed.
    pub fn migration(&self) -> (&str, Option<&str>) {
        let status = self.text("query-migrate", "status").unwrap_or_default();
        (status, self.text("query-migrate", "error-desc"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, end: Ending) -> Heard {
        Heard { socket: "/run/x/qmp".into(), text: text.into(), end }
    }

    const GREETING: &str =
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"\"}}}\r\n";

    #[test]
    fn a_machine_answers() {
        let text = format!(
            "{GREETING}{}",
            "{\"return\": {}, \"id\": \"qmp_capabilities\"}\r\n\
             {\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"STOP\"}\r\n\
             {\"return\": {\"status\": \"paused\", \"running\": false}, \"id\": \"query-status\"}\r\n\
             {\"return\": {\"enabled\": true, \"family\": \"ipv4\", \"service\": \"5903\", \"host\": \"127.0.0.1\"}, \"id\": \"query-vnc\"}\r\n\
             {\"return\": {\"enabled\": false, \"present\": true}, \"id\": \"query-kvm\"}\r\n\
             {\"return\": {\"UUID\": \"6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2\"}, \"id\": \"query-uuid\"}\r\n\
             {\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"no such thing\"}, \"id\": \"query-name\"}\r\n"
        );
        let said = of(&heard(&text, Ending::Answered)).unwrap();
        assert_eq!(said.version.as_deref(), Some("7.2.22"));
        assert_eq!(said.status(), Some("paused"));
        assert_eq!(said.vnc_port(), Some(5903));
        assert_eq!(said.kvm(), Some(false));
        assert_eq!(said.uuid().as_deref(), Some("6842caf91e3e43249ed596b8b9f2c5c2"));
        assert_eq!(said.name(), None);
        assert_eq!(said.refusal("query-name").as_deref(), Some("no such thing"));
        assert_eq!(said.refusal("query-status"), None);
        assert_eq!(said.refusal("stop").as_deref(), Some("it did not answer"));
    }

    #[test]
    fn answers_without_names_are_those_to_the_questions_in_their_order() {
        let asked: Vec<String> = questions().map(|line| line.to_text().into_owned()).collect();
        assert_eq!(asked[..2], ["{\"execute\":\"qmp_capabilities\"}", "{\"execute\":\"query-status\"}"]);
        let text = format!(
            "{GREETING}{}",
            "{\"return\": {}}\r\n{\"return\": {\"status\": \"running\"}}\r\n{\"event\": \"STOP\"}\r\n\
             {\"error\": {\"desc\": \"no VNC here\"}}\r\n{\"return\": {\"enabled\": true}}\r\n\
             {\"return\": {\"UUID\": \"6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2\"}}\r\n{\"return\": {\"name\": \"tst100\"}}\r\n\
             {\"return\": {\"name\": \"one too many\"}}\r\n"
        );
        let said = of(&heard(&text, Ending::Answered)).unwrap();
        assert_eq!((said.status(), said.vnc_port(), said.kvm()), (Some("running"), None, Some(true)));
        assert_eq!(said.refusal("query-vnc").as_deref(), Some("no VNC here"));
        assert_eq!(said.uuid().as_deref(), Some("6842caf91e3e43249ed596b8b9f2c5c2"));
        assert_eq!(said.name(), Some("tst100"));
        assert!(!said.did_something());
    }

    #[test]
    fn a_liar_is_not_believed() {
        let check = |answers: &str| {
            let said = of(&heard(&format!("{GREETING}{answers}"), Ending::Answered)).unwrap();
            assert_eq!((said.status(), said.vnc_port(), said.uuid()), (None, None, None), "{answers}");
        };
        check("{\"return\": [], \"id\": \"query-status\"}\n");
        check("{\"return\": {\"status\": 7}, \"id\": \"query-status\"}\n");
        check("{\"return\": {\"status\": \"\\u001b[2J\"}, \"id\": \"query-status\"}\n");
        check("{\"return\": {\"status\": \"\"}, \"id\": \"query-status\"}\n");
        check(
            "{\"return\": {\"enabled\": true, \"family\": \"ipv4\", \"service\": \"99999\"}, \"id\": \"query-vnc\"}\n",
        );
        check(
            "{\"return\": {\"enabled\": true, \"family\": \"unix\", \"service\": \"5900\"}, \"id\": \"query-vnc\"}\n",
        );
        check("{\"return\": {\"UUID\": \"00000000-0000-0000-0000-000000000000\"}, \"id\": \"query-uuid\"}\n");
        check(&format!("{}\n", "[".repeat(100_000)));
        check("\0\u{fffd}\nnull\n{}\n{\"id\": 7}\n");
    }

    #[test]
    fn why_nothing_was_said() {
        let check = |text: &str, end: Ending, want: &str| {
            let why = of(&heard(text, end)).unwrap_err();
            assert!(why.detail().unwrap().contains(want), "{why:?}");
        };
        check("", Ending::TimedOut, "hangs");
        check(GREETING, Ending::TimedOut, "in time");
        check("", Ending::Closed, "closed");
        check("x", Ending::TooMuch, "more than");
        check("", Ending::Absent, "gone");
        check("", Ending::Refused("Connection refused".into()), "Connection refused");
        check("{\"return\": {}}\n", Ending::Answered, "no QEMU");
        let denied = of(&heard("", Ending::Refused("Permission denied".into()))).unwrap_err();
        assert_eq!(denied.word(), "no_permission");
    }

    #[test]
    fn a_command_is_one_line() {
        assert_eq!(command("stop").to_text(), "{\"execute\":\"stop\",\"id\":\"stop\"}");
        let uri = command_with("migrate", &json!({ "uri": "a\"b\nc" })).to_text().into_owned();
        assert!(!uri.contains('\n'), "{uri}");
    }
}
