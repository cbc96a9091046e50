//! One target's work in a made-up world: no host, no clock, no thread.

use ctys_engine::job::{Changes, Report, Thinker, Work, World, run, shown_name};
use ctys_engine::privilege::Gate;
use ctys_engine::questions::LastAsked;
use ctys_engine::script::{Item, Means};
use ctys_engine::session::Conversation;
use ctys_model::field::Known;
use ctys_model::manifest::Category;
use ctys_model::{
    Action, Answer, Batch, Cancel, Command, Does, Effect, Exit, Facts, Findings, HostFacts, List, Next, Output, Phase,
    Place, Probe, Problem, Reach, Record, Replies, Request, Step, Target, Value, Wake,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

type Wants = Box<dyn Fn(&Request) -> Vec<Probe> + Send + Sync>;
type Plan = Box<dyn Fn(&Request, &Facts) -> Effect + Send + Sync>;
type Read = Box<dyn Fn(&Request, &Facts, &Replies) -> Next + Send + Sync>;

struct Fake {
    name: &'static str,
    category: Category,
    wants: Wants,
    plan: Plan,
    read: Read,
}

impl Thinker for Fake {
    fn name(&self) -> &str {
        self.name
    }
    fn category(&self) -> Category {
        self.category
    }
    fn wants(&self, request: &Request) -> Result<Arc<[Probe]>, Problem> {
        Ok((self.wants)(request).into())
    }
    fn plan(&self, request: &Request, facts: &Facts) -> Result<Effect, Problem> {
        if self.name == "broken" {
            return Err(Problem::new(Phase::Plugin, "panicked at src/lib.rs:9: boom"));
        }
        Ok((self.plan)(request, facts))
    }
    fn read(&self, request: &Request, facts: &Facts, replies: &Replies) -> Result<Next, Problem> {
        Ok((self.read)(request, facts, replies))
    }
}

fn fake(name: &'static str, category: Category, probe: Probe) -> Fake {
    Fake {
        name,
        category,
        wants: Box::new(move |_| vec![probe.clone()]),
        plan: Box::new(move |_, facts| {
            let (_, answer) = &facts.answers[0];
            let text = answer.ok_output().map(|output| output.stdout.to_text().into_owned()).unwrap_or_default();
            Effect::Report(Findings::records(vec![Record::new("X").with(Known::Label, format!("{name}:{text}"))]))
        }),
        read: Box::new(|_, _, _| Next::Done(Findings::default())),
    }
}

/// What the made-up hosts were asked, and what happened in the world.
#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn say(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }
    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[derive(Default)]
struct Made {
    log: Arc<Log>,
    interrupted: AtomicBool,
    /// The user interrupts while this happens, as the log has it.
    interrupted_at: Option<&'static str>,
    /// Programs that are refused their privilege.
    refuse: Option<&'static str>,
    /// The host falls silent before this program answers.
    silent_at: Option<&'static str>,
    unreachable: bool,
    /// Only this one of the hosts is not reached.
    unreachable_host: Option<&'static str>,
    /// So many bytes more in every answer.
    flood: usize,
    /// The moment by which the last round had to be over.
    deadline: Arc<Mutex<Option<Instant>>>,
}

struct MadeHost {
    log: Arc<Log>,
    refuse: Option<&'static str>,
    silent_at: Option<&'static str>,
    flood: usize,
    host: HostFacts,
    deadline: Arc<Mutex<Option<Instant>>>,
}

impl Conversation for MadeHost {
    fn round(&mut self, items: &[Item], _chain: Option<&[bool]>) -> (Vec<Option<Answer>>, Result<(), Problem>) {
        let mut silent = false;
        let mut answers = Vec::new();
        let mut asked = Vec::new();
        for item in items {
            let Item::Run(tries) = item else { panic!("only commands here") };
            let program = tries[0].program.as_str();
            asked.push(program.to_string());
            silent |= self.silent_at == Some(program);
            let mut output = Output::ended(Exit::Code(0));
            output.stdout = format!("<{program}>{}", "x".repeat(self.flood)).into();
            if self.refuse == Some(program) {
                output.exit = Exit::Refused("ksu: Ticket expired".into());
            }
            answers.push((!silent).then_some(Answer::Output(output)));
        }
        self.log.say(format!("round {}", asked.join(" ")));
        (answers, if silent { Err(Problem::new(Phase::Timeout, "nothing came for 10 s")) } else { Ok(()) })
    }
    fn set_deadline(&mut self, deadline: Instant) {
        *self.deadline.lock().unwrap() = Some(deadline);
    }
    fn host(&self) -> Option<&HostFacts> {
        Some(&self.host)
    }
    fn carrier(&self) -> &'static str {
        "made"
    }
}

impl World for Made {
    fn connect(&self, target: &Target, means: &[Means], _: Instant) -> Result<Box<dyn Conversation>, Problem> {
        self.log.say(format!("connect {target} {means:?}"));
        if self.unreachable || self.unreachable_host == Some(target.host.as_str()) {
            return Err(Problem::new(Phase::Connect, "connection refused"));
        }
        let host = HostFacts { node: "lab00.soho".into(), ..HostFacts::default() };
        Ok(Box::new(MadeHost {
            log: self.log.clone(),
            refuse: self.refuse,
            silent_at: self.silent_at,
            flood: self.flood,
            deadline: self.deadline.clone(),
            host,
        }))
    }
    fn wake(&self, wake: &Wake) -> Result<(), String> {
        self.log.say(format!("wake {:02x?}", wake.mac));
        Ok(())
    }
    fn reach(&self, _: &Target, _: &Reach) -> Result<(), String> {
        self.log.say("reach");
        Err("no answer".into())
    }
    fn pause(&self, pause: Duration) -> bool {
        self.log.say(format!("pause {}", pause.as_millis()));
        !self.interrupted()
    }
    fn interrupted(&self) -> bool {
        let at = |at: &str| self.log.lines().iter().any(|line| line.starts_with(at));
        self.interrupted.load(Ordering::SeqCst) || self.interrupted_at.is_some_and(at)
    }
    fn now(&self) -> i64 {
        1_700_000_000
    }
    fn fresh(&self, count: usize) -> Vec<u8> {
        vec![7; count]
    }
    fn progress(&self, _: &str) {}
}

fn request(action: Action) -> Request {
    Request {
        action,
        target: Target { host: "lab00".into(), ..Target::default() },
        caller: Default::default(),
        session_type: None,
        force: false,
        ambiguous: false,
        scope: Default::default(),
        location: Default::default(),
        geometry: None,
        resolution: None,
        server_options: Vec::new(),
        settings: Default::default(),
    }
}

fn list() -> Action {
    Action::List(List::default())
}

fn cancel() -> Action {
    Action::Cancel(Box::new(Cancel { with_self: true, ..Cancel::default() }))
}

fn perform(world: &Made, action: Action, plugins: Vec<Fake>, plan_only: bool) -> Report {
    perform_with(world, action, plugins, plan_only, &Gate::default())
}

fn perform_with(world: &Made, action: Action, plugins: Vec<Fake>, plan_only: bool, gate: &Gate) -> Report {
    let changes = if plan_only { Changes::Plan } else { Changes::Run };
    perform_as(world, action, plugins, &changes, gate)
}

fn perform_as(world: &Made, action: Action, plugins: Vec<Fake>, changes: &Changes, gate: &Gate) -> Report {
    let plugins: Vec<Arc<dyn Thinker>> = plugins.into_iter().map(|plugin| Arc::new(plugin) as _).collect();
    let work = Work {
        request: request(action),
        plugins: &plugins,
        settings: &HashMap::new(),
        means: vec![Means::Ksu],
        gate,
        last_asked: &LastAsked::default(),
        changes,
        total: Duration::from_secs(60),
        boot: None,
    };
    run(&work, world)
}

fn probe(program: &str) -> Probe {
    Probe::run(Command::new(program))
}

fn labels(report: &Report) -> Vec<String> {
    let records = report.findings.iter().flat_map(|(_, findings)| &findings.records);
    records.map(|record| record.get(Known::Label).to_string()).collect()
}

fn changing(steps: &[&str]) -> Effect {
    let steps = steps.iter().map(|name| Step::run(name, Command::new(name).changes())).collect();
    Effect::Run(Batch { steps })
}

#[test]
fn one_login_and_one_round_for_all_plugins_and_equal_probes_once() {
    let world = Made::default();
    let plugins = vec![
        fake("pm", Category::Pms, probe("ip")),
        fake("xen", Category::Vms, probe("xl")),
        fake("vnc", Category::Hosts, probe("ip")),
    ];
    let report = perform(&world, list(), plugins, false);
    assert_eq!(world.log.lines(), ["connect lab00 [Ksu]", "round ip xl"]);
    // Desktops, then machines, then the host itself, whatever the order of the plugins.
    assert_eq!(labels(&report), ["vnc:<ip>", "xen:<xl>", "pm:<ip>"]);
    let record = &report.findings[0].1.records[0];
    assert_eq!(record.get(Known::Pm), &Value::text("lab00.soho"));
    assert_eq!(record.get(Known::Target), &Value::text("lab00"));
    assert_eq!(record.get(Known::Observed), &Value::Time(1_700_000_000));
}

/// A plugin whose rows are these, as the plugins of desktops, machines and tunnels will give them.
fn rows(name: &'static str, category: Category, records: Vec<Record>) -> Fake {
    let mut plugin = fake(name, category, probe("ps"));
    plugin.plan = Box::new(move |_, _| Effect::Report(Findings::records(records.clone())));
    plugin
}

#[test]
fn a_listing_with_viewer_guests_host_and_tunnel_is_the_table_of_the_seed() {
    let world = Made::default();
    let session =
        |kind: &str, label: &str, side: &str| Record::new(kind).with(Known::Label, label).with(Known::Side, side);
    let owned = |record: Record| record.with(Known::User, "acue").with(Known::Group, "ldapusers");
    let plugins = vec![
        rows("digger", Category::Core, vec![owned(session("SSH(XEN)", "tst100", "TUNNEL"))]),
        rows("pm", Category::Pms, vec![session("PM", "lab00", "SERVER").with(Known::Tcp, "lab00.soho.")]),
        rows(
            "xen",
            Category::Vms,
            vec![session("XEN", "Domain-0", "SERVER"), session("XEN", "tst100", "SERVER").with(Known::Tcp, "tst100")],
        ),
        rows("vnc", Category::Hosts, vec![owned(session("VNC", "tst100", "CLIENT"))]),
    ];
    let report = perform(&world, list(), plugins, false);
    let records: Vec<Record> = report.findings.into_iter().flat_map(|(_, findings)| findings.records).collect();
    let mut look = ctys_table::Presentation::new(ctys_table::Numbering::List, ctys_table::Format::TabTcp(Vec::new()));
    look.address = Some(ctys_table::AddressForm::Dns);
    let mut printer = ctys_table::Printer::new(look, ctys_table::Style::default());
    let text = printer.block(&records) + &printer.finish();
    assert_eq!(
        text,
        "TCP-container|TCP-guest  |label   |sesstype|c|user|group    \n\
         -------------+-----------+--------+--------+-+----+---------\n\
         lab00.soho   |-          |tst100  |VNC     |C|acue|ldapusers\n\
         lab00.soho   |-          |Domain-0|XEN     |S|-   |-        \n\
         lab00.soho   |tst100     |tst100  |XEN     |S|-   |-        \n\
         lab00.soho   |lab00.soho.|lab00   |PM      |S|-   |-        \n\
         lab00.soho   |-          |tst100  |SSH(XEN)|T|acue|ldapusers\n"
    );
}

#[test]
fn a_broken_plugin_costs_its_own_answer_only() {
    let world = Made::default();
    let plugins = vec![fake("broken", Category::Vms, probe("a")), fake("pm", Category::Pms, probe("b"))];
    let report = perform(&world, list(), plugins, false);
    assert_eq!(labels(&report), ["pm:<b>"]);
    assert_eq!(report.problems.len(), 1);
    assert_eq!(report.problems[0].plugin.as_deref(), Some("broken"));
    assert_eq!(report.problems[0].target.as_deref(), Some("lab00"));
}

#[test]
fn an_unreachable_host_is_one_problem_not_one_per_plugin() {
    let world = Made { unreachable: true, ..Made::default() };
    let plugins = vec![fake("xen", Category::Vms, probe("a")), fake("pm", Category::Pms, probe("b"))];
    let report = perform(&world, list(), plugins, false);
    assert_eq!(labels(&report), [""; 0]);
    assert_eq!(report.problems.len(), 1);
}

#[test]
fn a_host_that_falls_silent_keeps_the_rows_it_gave() {
    let world = Made { silent_at: Some("xl"), ..Made::default() };
    let plugins = vec![fake("vnc", Category::Hosts, probe("ps")), fake("xen", Category::Vms, probe("xl"))];
    let report = perform(&world, list(), plugins, false);
    assert_eq!(labels(&report), ["vnc:<ps>", "xen:"]);
    assert_eq!(report.problems[0].phase, Phase::Timeout);
}

#[test]
fn a_listing_keeps_the_targets_rows_when_another_place_is_not_reached() {
    let world = Made { unreachable_host: Some("relay"), ..Made::default() };
    let relay = Probe::run(Command::new("arp").at(Place::Host("relay".into())));
    let plugins = vec![fake("arp", Category::Hosts, relay), fake("xen", Category::Vms, probe("xl"))];
    let report = perform(&world, list(), plugins, false);
    assert_eq!(labels(&report), ["arp:", "xen:<xl>"]);
    let told: Vec<&str> = report.problems.iter().map(|problem| problem.message.as_str()).collect();
    assert_eq!(told, ["at relay: connection refused"]);
}

#[test]
fn a_change_is_never_planned_on_half_of_the_facts() {
    let world = Made { silent_at: Some("xl"), ..Made::default() };
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| changing(&["destroy"]));
    let report = perform(&world, cancel(), vec![plugin], false);
    assert_eq!(world.log.lines(), ["connect lab00 [Ksu]", "round xl"]);
    assert_eq!(report.problems[0].phase, Phase::Timeout);
}

#[test]
fn a_probe_that_would_change_something_is_refused() {
    let world = Made::default();
    let plugin = fake("evil", Category::Vms, Probe::run(Command::new("rm").changes()));
    let report = perform(&world, list(), vec![plugin], false);
    assert_eq!(world.log.lines(), [""; 0]);
    assert_eq!(report.problems[0].phase, Phase::Plugin);
}

#[test]
fn a_listing_that_wants_to_change_something_is_refused() {
    let world = Made::default();
    let mut plugin = fake("evil", Category::Vms, probe("a"));
    plugin.plan = Box::new(|_, _| changing(&["rm"]));
    let report = perform(&world, list(), vec![plugin], false);
    assert_eq!(world.log.lines(), ["connect lab00 [Ksu]", "round a"]);
    assert_eq!(report.problems[0].phase, Phase::Plugin);
}

#[test]
fn a_plan_runs_nothing_that_changes_and_says_what_it_would() {
    let world = Made::default();
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| changing(&["shutdown", "destroy"]));
    let report = perform(&world, cancel(), vec![plugin], true);
    assert_eq!(world.log.lines(), ["connect lab00 [Ksu]", "round xl"]);
    assert_eq!(report.planned[0].1.steps.len(), 2);
}

#[test]
fn a_change_that_is_refused_or_not_the_planned_one_is_not_run() {
    let plugin = || {
        let mut plugin = fake("xen", Category::Vms, probe("xl"));
        plugin.plan = Box::new(|_, _| changing(&["destroy"]));
        plugin.read = Box::new(|_, _, replies| match replies.rounds.len() {
            // What follows the first change follows from its answers, which no plan knows.
            1 => Next::Then(changing(&["clean"])),
            _ => Next::Done(Findings::default()),
        });
        plugin
    };
    let perform = |changes: Changes| {
        let world = Made::default();
        let report = perform_as(&world, cancel(), vec![plugin()], &changes, &Gate::default());
        (world.log.lines(), report)
    };
    let asked = ["connect lab00 [Ksu]", "round xl"];
    let (log, report) = perform(Changes::Refuse("--read-only".into()));
    assert_eq!((log, report.begun), (asked.map(String::from).to_vec(), false));
    assert_eq!(report.problems[0].phase, Phase::Refused);
    assert!(report.problems[0].message.contains("--read-only"), "{report:?}");
    let planned = |name: &'static str| {
        Changes::AsPlanned(Box::new(move |plugin: &str, batch: &Batch| plugin == "xen" && batch.steps[0].name == name))
    };
    let (log, report) = perform(planned("create"));
    assert_eq!((log, report.begun), (asked.map(String::from).to_vec(), false));
    assert_eq!(report.problems[0].phase, Phase::Refused);
    let (log, report) = perform(planned("destroy"));
    assert_eq!(log[2..], ["round destroy", "round clean"]);
    assert!(report.begun && report.problems.is_empty(), "{report:?}");
}

#[test]
fn nothing_is_changed_after_an_interrupt() {
    let world = Made::default();
    world.interrupted.store(true, Ordering::SeqCst);
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| changing(&["destroy"]));
    let report = perform(&world, cancel(), vec![plugin], false);
    assert_eq!(world.log.lines(), ["connect lab00 [Ksu]", "round xl"]);
    assert_eq!(report.problems[0].phase, Phase::Interrupted);
    assert!(report.problems[0].message.contains("destroy"));
}

#[test]
fn an_interrupt_between_the_steps_keeps_the_later_ones_from_changing_anything() {
    let check = |at: &'static str, last: &str, left: &str| {
        let world = Made { interrupted_at: Some(at), ..Made::default() };
        let mut plugin = fake("pm", Category::Pms, probe("ip"));
        plugin.plan = Box::new(|_, _| {
            let there = |program: &str| Command::new(program).at(Place::Host("relay".into())).changes();
            let wake = Wake { mac: [1, 2, 3, 4, 5, 6], broadcast: "255.255.255.255".into(), port: 9, interface: None };
            let steps = vec![
                Step::does("wake", Does::Wake(wake)),
                Step::run("arm", there("arm")),
                Step::run("destroy", Command::new("destroy").changes()),
            ];
            Effect::Run(Batch { steps })
        });
        let report = perform(&world, cancel(), vec![plugin], false);
        assert_eq!(world.log.lines().last().unwrap(), last, "{at}");
        assert_eq!(report.problems[0].phase, Phase::Interrupted, "{at}");
        assert!(report.problems[0].message.ends_with(&format!(": {left}")), "{at}: {}", report.problems[0].message);
    };
    check("wake", "wake [01, 02, 03, 04, 05, 06]", "arm, destroy");
    check("connect relay", "connect relay []", "arm, destroy");
    check("round arm", "round arm", "destroy");
}

#[test]
fn rounds_follow_each_other_until_the_plugin_is_done() {
    let world = Made::default();
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| changing(&["shutdown"]));
    plugin.read = Box::new(|_, _, replies| match replies.rounds.len() {
        1 => Next::Later { delay_ms: 2000, effect: changing(&["list"]), why: "for tst100 to power off".into() },
        2 => Next::Then(changing(&["destroy"])),
        _ => Next::Done(Findings { changed: true, ..Findings::default() }),
    });
    let report = perform(&world, cancel(), vec![plugin], false);
    assert_eq!(
        world.log.lines(),
        ["connect lab00 [Ksu]", "round xl", "round shutdown", "pause 2000", "round list", "round destroy"]
    );
    assert!(report.findings[0].1.changed);
}

#[test]
fn steps_at_other_places_go_there_and_a_failed_one_stops_the_rest() {
    let world = Made::default();
    let mut plugin = fake("pm", Category::Pms, probe("ip"));
    plugin.plan = Box::new(|_, _| {
        let wake = Wake { mac: [1, 2, 3, 4, 5, 6], broadcast: "255.255.255.255".into(), port: 9, interface: None };
        Effect::Run(Batch {
            steps: vec![
                Step::run("relay", Command::new("etherwake").at(Place::Host("acue@relay:2222".into())).changes()),
                Step::does("wake", Does::Wake(wake)),
                Step::run("here", Command::new("date").at(Place::Caller)),
                Step::does("reach", Does::Reach(Reach { host: None, port: None, limit_ms: 1 })),
                Step::run("never", Command::new("never").changes()),
            ],
        })
    });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = seen.clone();
    plugin.read = Box::new(move |_, _, replies| {
        *keep.lock().unwrap() = replies.rounds[0].steps.clone();
        Next::Done(Findings::default())
    });
    perform(&world, cancel(), vec![plugin], false);
    assert_eq!(
        world.log.lines(),
        [
            "connect lab00 [Ksu]",
            "round ip",
            "connect acue@relay:2222 []",
            "round etherwake",
            "wake [01, 02, 03, 04, 05, 06]",
            "connect localhost []",
            "round date",
            "reach"
        ]
    );
    let steps = seen.lock().unwrap();
    assert_eq!(steps[3].answer, Answer::Failed("no answer".into()));
    assert!(matches!(&steps[4].answer, Answer::Output(output) if matches!(output.exit, Exit::NotRun(_))));
}

#[test]
fn a_relay_that_is_not_reached_keeps_its_phase() {
    let world = Made { unreachable: true, ..Made::default() };
    let mut plugin = fake("pm", Category::Pms, probe("ip"));
    plugin.wants = Box::new(|_| Vec::new());
    plugin.plan = Box::new(|_, _| {
        let relay = Command::new("etherwake").at(Place::Host("relay".into())).changes();
        Effect::Run(Batch { steps: vec![Step::run("relay", relay)] })
    });
    let report = perform(&world, cancel(), vec![plugin], false);
    let phases: Vec<Phase> = report.problems.iter().map(|problem| problem.phase).collect();
    assert_eq!(phases, [Phase::Connect]);
    assert!(report.problems[0].message.contains("relay"), "{}", report.problems[0].message);
}

#[test]
fn a_refused_privilege_is_a_phase_of_its_own_and_its_credentials_are_not_tried_elsewhere() {
    let world = Made { refuse: Some("xl"), ..Made::default() };
    let gate = Gate::default();
    let plugin = || fake("xen", Category::Vms, Probe::run(Command::new("xl").as_root()));
    let report = perform_with(&world, list(), vec![plugin()], false, &gate);
    let phases: Vec<Phase> = report.problems.iter().map(|problem| problem.phase).collect();
    assert_eq!(phases, [Phase::Privilege]);
    perform_with(&world, list(), vec![plugin()], false, &gate);
    assert_eq!(world.log.lines()[2], "connect lab00 [Barred]", "the next host is not asked with the same ticket");
}

#[test]
fn what_another_place_refuses_says_nothing_about_the_credentials_for_the_target() {
    let world = Made { refuse: Some("xl"), ..Made::default() };
    let gate = Gate::default();
    let elsewhere = Probe::run(Command::new("xl").as_root().at(Place::Host("relay".into())));
    perform_with(&world, list(), vec![fake("xen", Category::Vms, elsewhere)], false, &gate);
    perform_with(&world, list(), vec![fake("xen", Category::Vms, probe("ps"))], false, &gate);
    assert_eq!(world.log.lines()[2], "connect lab00 [Ksu]");
}

#[test]
fn a_plugin_that_never_ends_is_ended() {
    let world = Made::default();
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| Effect::Run(Batch { steps: Vec::new() }));
    plugin.read = Box::new(|_, _, _| Next::Then(Effect::Run(Batch { steps: Vec::new() })));
    let report = perform(&world, list(), vec![plugin], false);
    assert!(report.problems[0].message.contains("rounds"));
}

#[test]
fn a_step_of_a_change_may_take_as_long_as_its_own_limit() {
    let world = Made::default();
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| {
        Effect::Run(Batch { steps: vec![Step::run("save", Command::new("xl").changes().limit_ms(600_000))] })
    });
    let before = Instant::now();
    perform(&world, cancel(), vec![plugin], false);
    let deadline = world.deadline.lock().unwrap().unwrap();
    assert!(deadline >= before + Duration::from_secs(600), "the clock of the call cuts the step short");
}

#[test]
fn a_host_that_answers_a_polling_plan_with_megabytes_is_ended() {
    let world = Made { flood: 3 << 20, ..Made::default() };
    let mut plugin = fake("xen", Category::Vms, probe("xl"));
    plugin.plan = Box::new(|_, _| changing(&["poll"]));
    plugin.read = Box::new(|_, _, _| Next::Then(changing(&["poll"])));
    let report = perform(&world, cancel(), vec![plugin], false);
    assert_eq!(report.problems[0].phase, Phase::Run);
    assert!(report.problems[0].message.contains("64 MiB"), "{}", report.problems[0].message);
}

#[test]
fn the_machine_is_shown_by_a_name_that_can_be_typed_again() {
    let shown = |host: &str, local: bool, node: &str| {
        shown_name(&Target { host: host.into(), local, ..Target::default() }, node)
    };
    assert_eq!(shown("localhost", true, "ws2.soho"), "ws2.soho");
    assert_eq!(shown("lab00", false, "lab00.soho"), "lab00.soho");
    assert_eq!(shown("LAB00", false, "lab00"), "lab00");
    assert_eq!(shown("lab00.soho", false, "lab00"), "lab00.soho");
    assert_eq!(shown("db-prod", false, "ip-10-0-3-4"), "db-prod");
    assert_eq!(shown("127.0.0.5", false, "127"), "127.0.0.5");
}
