//! Calls as text, from what was typed to the end: `tests/plans/*.txt`.

use ctys_cube::Cubes;
use ctys_plugin::model::{Action, Answer, ToolCall};
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
    let record = "R web\nr web\ni 1861 1438132\np S 1438132\nz THAWED\na 192.168.42.150\ns 0000000000004000\n";
    output(format!("{READY}{record}"))
}

fn locked(look: Answer) -> [(&'static str, Answer); 2] {
    [("lock", output("")), ("look", look)]
}

#[test]
fn starting_and_stopping_as_text() {
    let error = "{\"level\":\"error\",\"msg\":\"runc create failed: no such file\"}\n";
    let steps = |create: Answer, rest: Answer| {
        [("names", output("")), ("channel", output("")), ("create", create), ("network", rest.clone()), ("start", rest)]
    };
    story::check::<Cubes>(
        env!("CARGO_MANIFEST_DIR"),
        "ctl",
        vec![
            ctl("ctl-start", &["start", "web"]).then(locked(output(READY))).then(steps(output(""), output(""))),
            ctl("ctl-start-fails", &["start", "web"])
                .then(locked(output(READY)))
                .then(steps(failed(1, error), failed(1, "")))
                .then([("network", output("")), ("clear", output(""))]),
            ctl("ctl-start-locked", &["start", "web"]).then([("lock", failed(75, "")), ("look", failed(1, ""))]),
            ctl("ctl-stop", &["stop", "web"]).then(locked(running())).then([
                ("ask", output("")),
                ("wait", output("")),
                ("network", output("")),
                ("delete", output("")),
            ]),
            ctl("ctl-execute", &["web:sh", "-c", "exit 7"]).then([("look", running())]),
        ],
    );
}
