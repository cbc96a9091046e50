//! A made-up host with cubes: it answers the rounds of a call and remembers what was done. What it knows of the plugin are the names
//! of its steps and where its commands have the name of a cube.

use ctys_cube::Cubes;
use ctys_plugin::Plugin;
use ctys_plugin::model::{
    Action, Answer, Command, Console, Does, Effect, Facts, Findings, Next, Replies, Round, Step, StepReply, ToolCall,
};
use ctys_plugin::testing::{self, failed, output};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Where the cubes are.
const FOLDER: &str = "/opt/container";

/// The host.
#[derive(Default)]
pub struct Host {
    /// The files of the cubes: `web/cube.app`, with their text.
    pub files: BTreeMap<String, String>,
    /// What runs: the bundle of each container.
    pub running: BTreeMap<String, String>,
    /// The steps that fail, as they stand in [`Host::done`], and what they say.
    pub fails: BTreeMap<String, String>,
    /// What steps print, as they stand in [`Host::done`].
    pub prints: BTreeMap<String, String>,
    /// The words of the commands that were run last, by what stands for them in [`Host::done`].
    pub words: BTreeMap<String, Vec<String>>,
    /// What was done, without locks and looks: `start web`, `write web/cube.app`.
    pub done: Vec<String>,
}

/// How a call ended.
pub enum End {
    /// With these findings.
    Done(Findings),
    /// With a console.
    Console(Box<Console>),
}

impl End {
    /// The findings.
    #[track_caller]
    pub fn findings(self) -> Findings {
        match self {
            End::Done(findings) => findings,
            End::Console(console) => panic!("a console was opened: {console:?}"),
        }
    }

    /// The console.
    #[track_caller]
    pub fn console(self) -> Box<Console> {
        match self {
            End::Console(console) => console,
            End::Done(findings) => panic!("no console was opened: {findings:?}"),
        }
    }

    /// The complaints of a tool that failed with 1.
    #[track_caller]
    pub fn fails(self) -> String {
        let findings = self.findings();
        assert_eq!(findings.exit, Some(1), "{findings:?}");
        findings.stderr.join("\n")
    }

    /// The first problem of an action.
    #[track_caller]
    pub fn problem(self) -> String {
        self.findings().problems.first().expect("no problem").message.clone()
    }

    /// What a tool printed that went well and complained of nothing.
    #[track_caller]
    pub fn ok(self) -> String {
        let findings = self.findings();
        assert_eq!((findings.exit, findings.stderr.join("\n")), (None, String::new()));
        findings.text.join("\n")
    }
}

impl Host {
    /// A host with these cubes, which have all they need to start.
    pub fn with(names: &[&str]) -> Host {
        let mut host = Host::default();
        for (number, name) in names.iter().enumerate() {
            host.set(name, "cube.app", "/bin/sleep 1000");
            host.set(name, "config.json", "{}");
            host.set(name, ".cube.lease", &format!("192.168.42.{}", 150 + number));
            host.set(name, ".cube.veth", name);
        }
        host
    }

    /// Sets a file of a cube.
    pub fn set(&mut self, name: &str, file: &str, text: &str) {
        self.files.insert(format!("{name}/{file}"), format!("{text}\n"));
    }

    /// The same, as one goes along.
    pub fn and(mut self, name: &str, file: &str, text: &str) -> Host {
        self.set(name, file, text);
        self
    }

    /// A file of a cube, without the end of its last line.
    pub fn file(&self, name: &str, file: &str) -> Option<&str> {
        self.files.get(&format!("{name}/{file}")).map(|text| text.trim_end_matches('\n'))
    }

    /// Cubes at work.
    pub fn runs(mut self, names: &[&str]) -> Host {
        self.running.extend(names.iter().map(|name| (name.to_string(), format!("{FOLDER}/{name}"))));
        self
    }

    /// A step that prints something.
    pub fn printing(mut self, step: &str, text: &str) -> Host {
        self.prints.insert(step.into(), text.into());
        self
    }

    /// A step that fails.
    pub fn failing(mut self, step: &str, says: &str) -> Host {
        self.fails.insert(step.into(), says.into());
        self
    }

    /// A call of a tool.
    pub fn tool(&mut self, words: &[&str]) -> End {
        let call = ToolCall {
            tool: words[0].into(),
            words: words[1..].iter().map(|word| (*word).into()).collect(),
            folder: "/root".into(),
            ..ToolCall::default()
        };
        self.call(Action::Tool(call))
    }

    /// A call, to its end.
    pub fn call(&mut self, action: Action) -> End {
        let mut request = testing::request(action);
        request.target.local = true;
        let is_tool = matches!(request.action, Action::Tool(_));
        let wants = if is_tool { Vec::new() } else { Cubes::wants(&request) };
        let facts: Facts = testing::facts_with(wants.into_iter().map(|probe| (probe, output(self.look(&[])))));
        let mut effect = Cubes::plan(&request, &facts);
        let mut replies = Replies::default();
        loop {
            let batch = match effect {
                Effect::Report(findings) => return End::Done(findings),
                Effect::Attach(console) => return End::Console(console),
                Effect::Run(batch) => batch,
                other => panic!("{other:?}"),
            };
            let (mut steps, mut stopped) = (Vec::new(), false);
            for step in batch.steps {
                let answer = match stopped {
                    true => Answer::Missing(ctys_plugin::model::Missing::HostSilent),
                    false => self.answer(&step),
                };
                stopped |= answer.ok_output().is_none() && !step.go_on;
                steps.push(StepReply { name: step.name, answer });
            }
            replies.rounds.push(Round { started_ms: 0, steps });
            effect = match Cubes::read(&request, &facts, &replies) {
                Next::Then(effect) | Next::Later { effect, .. } => effect,
                Next::Done(findings) => return End::Done(findings),
            };
        }
    }

    fn answer(&mut self, step: &Step) -> Answer {
        let cube = |path: &str| path.strip_prefix(FOLDER).map_or("", |rest| rest.trim_start_matches('/')).to_string();
        let command = match &step.does {
            Does::Lock(lock) => {
                let folder = cube(&lock.path.to_text());
                let is_there =
                    folder.is_empty() || self.files.keys().any(|file| file.starts_with(&format!("{folder}/")));
                return if is_there { output("") } else { failed(2, "") };
            }
            Does::Write(write) => {
                let file = cube(&write.path.to_text());
                let done = format!("write {file}");
                if let Some(says) = self.fails.get(&done) {
                    return failed(1, says.as_str());
                }
                self.files.insert(file, write.content.to_text().into_owned());
                self.done.push(done);
                return output("");
            }
            Does::Run { tries } => &tries[0],
            _ => {
                self.done.push(step.name.clone());
                return output("");
            }
        };
        let words: Vec<String> = command.args.iter().map(|arg| arg.to_text().into_owned()).collect();
        if step.name == "look" {
            let names: Vec<&str> = words[7..].iter().map(String::as_str).collect();
            return output(self.look(&names));
        }
        let name = self.meant(command, &words);
        let done = format!("{} {name}", step.name).trim_end().to_string();
        self.done.push(done.clone());
        self.words.insert(done.clone(), words.clone());
        if let Some(says) = self.fails.get(&done) {
            return failed(1, says.as_str());
        }
        match step.name.as_str() {
            "start" => drop(self.running.insert(name.clone(), format!("{FOLDER}/{name}"))),
            "delete" | "clear" => drop(self.running.remove(&name)),
            // The first is the mark of what `config.json` holds for one start.
            "once" if command.program == "sh" => {
                let mut paths = words.iter().filter(|word| word.starts_with('/'));
                self.files.extend(paths.next().map(|mark| (cube(mark), String::new())));
                paths.for_each(|path| drop(self.files.remove(&cube(path))));
            }
            "once" => words.iter().for_each(|path| drop(self.files.remove(&cube(path)))),
            "remove" if command.program == "rm" => words.iter().for_each(|path| drop(self.files.remove(&cube(path)))),
            _ => {}
        }
        output(self.prints.get(&done).map_or("", String::as_str))
    }

    /// The cube whose name, or whose folder, is the first among the words.
    fn meant(&self, command: &Command, words: &[String]) -> String {
        let known = |name: &str| {
            self.running.contains_key(name) || self.files.keys().any(|file| file.split('/').next() == Some(name))
        };
        let names = std::iter::once(command.program.as_str()).chain(words.iter().map(String::as_str));
        let mut names = names.map(|word| {
            let inside = word.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')).unwrap_or(word);
            inside.split('/').next().unwrap_or_default()
        });
        names.find(|name| known(name)).unwrap_or_default().to_string()
    }

    /// What the look tells of these cubes, or of all.
    fn look(&self, names: &[&str]) -> String {
        let mut text = String::from("c\ne\nu 0\nk 1ffffffffff\nm 3d12\n");
        if self.files.keys().any(|file| file.ends_with("/cube.network.stack")) {
            text += "l\n";
        }
        let is_asked = |name: &str| names.is_empty() || names.contains(&name);
        for (file, content) in &self.files {
            if is_asked(file.split('/').next().unwrap_or_default()) {
                let _ = write!(text, "E {FOLDER}/{file}\nF {FOLDER}/{file}\n");
                content.lines().for_each(|line| text += &format!("L {line}\n"));
            }
        }
        for (name, bundle) in &self.running {
            if is_asked(name) {
                let own = if *bundle == format!("{FOLDER}/{name}") { "o\n" } else { "" };
                let record = format!("i 1861 9\nb \"bundle={bundle}\"\n{own}p S 9\nz THAWED\ns 0\n");
                let _ = write!(text, "R {name}\nr {name}\n{record}");
            }
        }
        text
    }
}
