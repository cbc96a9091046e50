//! Calls as text, from what was typed to the end: `tests/plans/*.txt`.

use ctys_cube::Cubes;
use ctys_plugin::model::probe::FileAnswer;
use ctys_plugin::model::{Action, Answer, Probe, ToolCall};
use ctys_plugin::story::{self, Case, case};
use ctys_plugin::testing::{self, failed, output};

/// `cube-ctl WORDS` by root on this machine.
fn ctl(name: &'static str, words: &[&str]) -> Case {
    let call = ToolCall {
        tool: "cube-ctl".into(),
        words: words.iter().map(|word| (*word).into()).collect(),
        folder: "/root".into(),
        ..ToolCall::default()
    };
    case(name, testing::request(Action::Tool(call)), testing::facts_with([])).target("localhost")
}

/// What the look tells of a cube that has all it needs.
const READY: &str = "c\nE /opt/container/web/cube.app\nE /opt/container/web/config.json\n\
    u 0\nk 1ffffffffff\nm 3d12\nF /opt/container/web/cube.app\nL /bin/sleep 1000\n\
    F /opt/container/web/.cube.lease\nL 192.168.42.150\nF /opt/container/web/.cube.veth\nL web\n";

/// The same while it runs, its program minding TERM.
fn running() -> Answer {
    output(running_text())
}

fn running_text() -> String {
    let record = "R web\nr web\ni 1861 1438132\np S 1438132\nz THAWED\na 192.168.42.150\ns 0000000000004000\n";
    format!("{READY}{record}")
}

fn locked(look: Answer) -> [(&'static str, Answer); 2] {
    [("lock", output("")), ("look", look)]
}

#[test]
fn starting_and_stopping_as_text() {
    let error = "{\"level\":\"error\",\"msg\":\"runc create failed: no such file\"}\n";
    let steps = |start: Answer| [("names", output("")), ("start", start)];
    let undone = [("network", output("")), ("clear", output("")), ("channel", output(""))];
    let fails = |name, start: Answer| {
        ctl(name, &["start", "web"]).then(locked(output(READY))).then(steps(start)).then(undone.clone())
    };
    let device = "F /opt/container/web/.cube.device.network\nL en+:en+\n";
    let prime = running_text() + device;
    let crashed = prime.replace("p S 1438132\n", "p S 2000000\n");
    story::check::<Cubes>(
        env!("CARGO_MANIFEST_DIR"),
        "ctl",
        vec![
            ctl("ctl-start", &["start", "web"]).then(locked(output(READY))).then(steps(output(""))),
            fails("ctl-start-fails", failed(1, error)),
            fails("ctl-start-fails-at-network", failed(3, "RTNETLINK answers: No buffer space available\n")),
            ctl("ctl-start-locked", &["start", "web"]).then([("lock", failed(75, "")), ("look", failed(1, ""))]),
            ctl("ctl-stop", &["stop", "web"]).then(locked(running())).then([
                ("ask", output("")),
                ("wait", output("")),
                ("network", output("")),
                ("delete", output("")),
                ("channel", output("")),
            ]),
            // The number of the process is another one's by now: nothing is taken from that.
            ctl("ctl-stop-crashed", &["stop", "web"]).then(locked(output(crashed))).then([
                ("network", output("")),
                ("delete", output("")),
                ("channel", output("")),
            ]),
            ctl("ctl-stop-prime", &["stop", "web"]).then(locked(output(prime))).then([
                ("ask", output("")),
                ("wait", output("")),
                ("network", output("")),
                ("delete", output("")),
                ("channel", output("")),
            ]),
            ctl("ctl-execute", &["web:sh", "-c", "exit 7"]).then([("look", running())]),
        ],
    );
}

/// The engine starts nothing where none of the folders is there, and says nothing of it.
#[test]
fn a_host_without_any_folder_of_cubes_has_none_and_is_no_problem() {
    use ctys_plugin::Plugin;
    use ctys_plugin::model::{Effect, Findings};
    let list = testing::request(Action::List(Default::default()));
    let facts = testing::facts_with(Cubes::wants(&list).into_iter().map(|probe| (probe, output(""))));
    assert_eq!(Cubes::plan(&list, &facts), Effect::Report(Findings::default()));
}

/// The same for another tool, with what a file holds.
fn tool(name: &'static str, words: &[&str], terminal: bool, file: &str, content: &str) -> Case {
    let call = ToolCall {
        tool: words[0].into(),
        words: words[1..].iter().map(|word| (*word).into()).collect(),
        folder: "/root".into(),
        terminal,
    };
    let answer = Answer::File(FileAnswer::Content { content: content.into(), cut: false });
    let facts = testing::facts_with([(Probe::file(file), answer)]);
    case(name, testing::request(Action::Tool(call)), facts).target("localhost")
}

#[test]
fn roles_as_text() {
    let inside = |name, words: &[&str], terminal| tool(name, words, terminal, "/var/lib/cube/.channel/name", "web");
    let list = "/etc/cube-cmd-server.conf";
    let serve = |name, words: &[&str]| {
        let words = [&["cube-cmd", "--"], words].concat();
        tool(name, &words, true, list, "web:\n  commands: [ls, agetty, cube-ctl#stop]\n").setting("CALLER", "web")
    };
    story::check::<Cubes>(
        env!("CARGO_MANIFEST_DIR"),
        "role",
        vec![
            inside("role-asks", &["cube-ctl", "stop", "db"], true),
            inside("role-asks-console", &["cube", "console", "-v", "dom0"], true),
            inside("role-asks-command", &["cube-cmd", "ls", "-i"], true),
            serve("role-serves-login", &["cube-console", "dom0"]).then([("look", output("u 0\n"))]),
            serve("role-serves-login-in-cube", &["cube-console", "dom0"])
                .then([("look", output(running_text().replace("web", "dom0")))]),
            serve("role-serves-program", &["ls", "-l", "/"]),
            serve("role-serves-stop", &["cube-ctl", "stop", "db"])
                .then([("lock", failed(2, "")), ("look", failed(1, ""))]),
            serve("role-refuses", &["cube-ctl", "stop", "host:reboot"]),
            serve("role-refuses-console", &["cube-console", "db"]),
        ],
    );
}
