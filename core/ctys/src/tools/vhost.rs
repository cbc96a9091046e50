//! ctys-vhost: queries of the inventory (ctys.md section 7).

use super::database::shell_word;
use super::look::Look;
use super::options::opt;
use super::{Call, Tool, usage};
use crate::collect::Collector;
use crate::home::Home;
use crate::screen::Screen;
use ctys_engine::living::{Patience, Question, Way};
use ctys_engine::store::{Build, Store, View};
use ctys_inventory::index::{Seen, Source};
use ctys_inventory::line::{self, Line};
use ctys_inventory::macmap::{Entry, MacMap};
use ctys_inventory::query::{Choice, Query};
use ctys_inventory::resolve::{Machine, Wanted};
use ctys_line::{Mistake, World};
use ctys_model::bytes::{escape, escape_for_eyes};
use ctys_model::field::Known;
use ctys_model::{MachineAddress, Phase, Problem, Record, Value};
use ctys_table::{Format, Printer, Style};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::Duration;

/// The tool.
pub const TOOL: Tool = Tool {
    name: "ctys-vhost",
    about: "queries of the inventory: which machines are known, by any part of their records",
    usage: "[[NOT] PATTERN [AND|OR] ...]",
    options: &[
        opt(
            'o',
            "output",
            "WORD[,WORD...]",
            "fields and formats as ENUMERATE; also CTYSADDRESS, INDEX, DNS, IP, macros",
        ),
        opt('M', "match", "WHICH", "FIRST, LAST, ALL (default), UNIQUE, SORT, USORT or COMPLEMENT"),
        opt('A', "address", "KEY:VALUE[,...]", "exactly this machine: l: u: m: t: p: f: or any name, by the index"),
        opt('C', "cache", "WORD", "MACMAP, MACMAPONLY, REBUILDCACHE, CLEARALL, LIST, LISTTARGETS, OFF"),
        opt('S', "show", "WHAT", "LIST (hosts), LISTDB (folders) or MEMBERSDB (labels)"),
        opt('c', "count", "WHAT", "CNT, MINCNT or MAXCNT: how many records each machine carries"),
        opt('R', "alive", "PING|SSH[,PM|VM]", "only those that answer"),
        opt('x', "runtime", "PING|SSH[,PM|VM]", "the same"),
        opt('T', "types", "TYPE,...", "only these session types"),
        opt('l', "login", "USER", "accepted: nothing here logs in"),
        opt('I', "progress", "0|1|2", "accepted: a query takes no time to tell of"),
        opt('p', "db", "DIR[,DIR...]", "folders of the inventory"),
        opt('P', "default-db", "", "the default folder of the inventory"),
        opt('s', "sub-call", "", "build no index; say that it is out of date"),
    ],
    run,
};

/// The exit codes of the original beside the usual ones.
const NO_FOLDER: u8 = 7;
const NO_RECORDS: u8 = 8;
const NO_MACMAP: u8 = 10;

/// How many rows are printed at once.
const BLOCK: usize = 512;

/// How many candidates a message shows.
const SHOWN: usize = 10;

fn run(call: &mut Call) -> Result<u8, Problem> {
    let stores = call.stores()?;
    if !stores.iter().any(|store| store.folder().is_dir()) {
        let folder = stores.first().map(|store| super::database::shown(store.folder())).unwrap_or_default();
        let problem = Problem::new(Phase::Here, format!("there is no inventory: the folder {folder} does not exist"));
        call.screen.problem(&problem.hint("ctys-vdbgen -- HOST... fills it"));
        return Ok(NO_FOLDER);
    }
    if let Some(word) = call.given.last("cache").map(str::to_ascii_uppercase)
        && let Some(code) = maintain(call, &stores, &word)?
    {
        return Ok(code);
    }
    if let Some(what) = call.given.last("show").map(str::to_ascii_uppercase) {
        return show(call, &stores, &what);
    }
    let cache = call.given.last("cache").unwrap_or_default().to_ascii_uppercase();
    let mapped = ["MACMAP", "MACMAPONLY"].contains(&cache.as_str());
    if mapped && !stores.iter().any(|store| store.path("macmap.fdb").is_file()) {
        call.screen.problem(
            &Problem::new(Phase::Here, "there is no macmap.fdb in the inventory")
                .hint("ctys-extractMAClst -P makes one"),
        );
        return Ok(NO_MACMAP);
    }
    if cache != "MACMAPONLY" && !stores.iter().any(Store::has_records) {
        let problem = Problem::new(Phase::Here, "the inventory has no records: its enum.fdb is empty or not there");
        call.screen.problem(&problem.hint("ctys-vdbgen -- HOST... fills it"));
        return Ok(NO_RECORDS);
    }
    let wanted = Selection::of(call)?;
    let look = Look::of(call)?;
    let macmap = macmap(&stores, mapped || look.presentation.address.is_some());
    if let Some(address) = call.given.last("address").map(str::to_string) {
        return by_address(call, &stores, &address, &look, macmap);
    }
    let mut found = Found { output: Output::new(&look, macmap.clone()), count: BTreeMap::new(), kept: Vec::new() };
    let only_map = cache == "MACMAPONLY";
    for store in &stores {
        let ages = if look.wants_age && !only_map { Some(Ages::of(store, build(call))?) } else { None };
        let join = mapped.then_some(&macmap);
        let screen = &mut call.screen;
        wanted.go_through(store, join, only_map, |number, raw| {
            found.take(screen, &wanted, &look, number, raw, ages.as_ref().map(|ages| ages.of_line(number)))
        })?;
        if wanted.choice == Choice::First && !found.kept.is_empty() {
            break;
        }
    }
    found.finish(call, &wanted, &look)
}

/// The words with the macros among them expanded, those of the call line: `macro:vconn` is `-o` with a table. Behind `--`
/// stand patterns as they are.
pub fn with_macros(words: &[String], home: &Home) -> Result<Vec<String>, Vec<Mistake>> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let world = World { program: TOOL.name, ..crate::run::world(home, home, &[]) };
    // In one word with its -o a macro is none: it does not begin in the middle of a word.
    let apart = |word: &String| match word.strip_prefix("-o").filter(|value| !value.is_empty()) {
        Some(value) => vec!["-o".to_string(), value.to_string()],
        None => vec![word.clone()],
    };
    let typed: Vec<String> = words[..end].iter().flat_map(apart).collect();
    let mut expanded = ctys_line::expand_macros(&typed, &world)?;
    // `-o macro:vconn`: the macro brings its own -o.
    for at in (0..expanded.len()).rev() {
        if expanded[at] == "--output=-o" {
            expanded[at] = "-o".into();
        } else if ["-o", "--output"].contains(&&*expanded[at]) && expanded.get(at + 1).is_some_and(|next| next == "-o")
        {
            expanded.remove(at);
        }
    }
    expanded.extend_from_slice(&words[end..]);
    Ok(expanded)
}

/// Where and when the lines of a folder were seen.
struct Ages {
    view: View,
    seen: Vec<Seen>,
}

/// The target a record was seen at, empty for the file itself, and when.
type Age = (String, i64);

impl Ages {
    fn of(store: &Store, build: Build) -> Result<Ages, Problem> {
        let view = store.view(build)?;
        Ok(Ages { seen: view.seen()?, view })
    }

    fn of_line(&self, number: u64) -> Age {
        let seen = self.seen.get(number as usize - 1).copied().unwrap_or_default();
        (self.view.target(seen).to_string(), seen.at)
    }
}

fn build(call: &Call) -> Build {
    if call.given.has("sub-call") { Build::Memory } else { Build::Write }
}

/// What is looked for.
struct Selection {
    query: Query,
    choice: Choice,
    types: Vec<String>,
    count: Option<String>,
    alive: Option<(Way, Option<&'static str>)>,
}

impl Selection {
    fn of(call: &Call) -> Result<Selection, Problem> {
        let given = &call.given;
        let query = Query::parse(&given.arguments).map_err(|mistake| {
            let word = given.arguments.get(mistake.word).map_or("at the end".into(), |word| format!("at {word}"));
            usage(format!("{}: {}", escape_for_eyes(&word), escape_for_eyes(&mistake.message)))
        })?;
        let choice = match given.last("match") {
            None => Choice::default(),
            Some(word) => {
                let known = Choice::WORDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
                let words: Vec<&str> = Choice::WORDS.iter().map(|(name, _)| *name).collect();
                known.ok_or_else(|| usage(format!("-M {word} is none of {}", words.join(", "))))?.1
            }
        };
        let count = given.last("count").map(str::to_ascii_uppercase);
        if let Some(word) = &count
            && !["CNT", "MINCNT", "MAXCNT"].contains(&word.as_str())
        {
            return Err(usage(format!("-c {word} is none of CNT, MINCNT, MAXCNT")));
        }
        let alive = given.last("alive").or_else(|| given.last("runtime")).map(alive).transpose()?;
        let types = types(call)?;
        Ok(Selection { query, choice, types, count, alive })
    }

    fn fits(&self, raw: &[u8], number: u64) -> bool {
        let of_type = || {
            self.types.is_empty()
                || Line::parse(raw)
                    .is_some_and(|line| self.types.contains(&line.text(Known::SessionType).to_ascii_uppercase()))
        };
        (self.query.fits(raw, number) != (self.choice == Choice::Complement)) && of_type()
    }

    /// Hands out every record that fits. A line that is no record is none, whatever it matches.
    fn go_through(
        &self,
        store: &Store,
        join: Option<&MacMap>,
        only_map: bool,
        mut each: impl FnMut(u64, &[u8]) -> ControlFlow<()>,
    ) -> Result<(), Problem> {
        if only_map {
            for (number, entry) in (1..).zip(join.map(MacMap::entries).unwrap_or_default()) {
                let line = line::write(
                    &Record::default()
                        .with(Known::Label, entry.name.as_str())
                        .with(Known::Mac, entry.mac.as_str())
                        .with(Known::Tcp, entry.ip.as_str()),
                );
                if self.fits(line.as_bytes(), number) && each(number, line.as_bytes()).is_break() {
                    break;
                }
            }
            return Ok(());
        }
        store.scan(|number, raw| {
            if let Some(joined) = join.and_then(|map| joined(raw, map)) {
                return if self.fits(&joined, number) { each(number, &joined) } else { ControlFlow::Continue(()) };
            }
            // The pattern first: it is what most lines fail.
            if self.fits(raw, number) && Line::is_record(raw) { each(number, raw) } else { ControlFlow::Continue(()) }
        })
    }
}

/// `-T`: the session types that are wanted, all when there is none. KVM stands for itself and for QEMU, which runs both.
fn types(call: &Call) -> Result<Vec<String>, Problem> {
    let words = call.given.list("types");
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let manifests = super::manifests(&call.home);
    let world = crate::run::world(&call.home, &call.home, &manifests);
    let mut types = Vec::new();
    for word in words {
        let known = ctys_line::session_type(&word, &world).map_err(|mistake| {
            let problem = Problem::from(&mistake);
            Problem { message: format!("-T: {}", problem.message), ..problem }
        })?;
        types.extend([known, word.to_ascii_uppercase()]);
    }
    Ok(if types.iter().any(|name| name == "ALL") { Vec::new() } else { types })
}

/// The record with the address that the map knows for its hardware address; none when it has one, or the map has none.
fn joined(raw: &[u8], map: &MacMap) -> Option<Vec<u8>> {
    let line = Line::parse(raw)?;
    if line.numbered(7).is_some_and(|tcp| !tcp.is_empty()) {
        return None;
    }
    let entry = map.get(&line.text(Known::Mac)).filter(|entry| !entry.ip.is_empty())?;
    let mut fields: Vec<Vec<u8>> = raw.split(|&byte| byte == b';').map(<[u8]>::to_vec).collect();
    fields[6] = entry.ip.clone().into_bytes();
    Some(fields.join(&b';'))
}

fn macmap(stores: &[Store], wanted: bool) -> MacMap {
    let texts = stores.iter().filter(|_| wanted).filter_map(|store| std::fs::read(store.path("macmap.fdb")).ok());
    let texts: Vec<String> = texts.map(|raw| String::from_utf8_lossy(&raw).into_owned()).collect();
    MacMap::of(texts.iter().flat_map(|text| text.lines()).filter_map(Entry::parse))
}

fn alive(words: &str) -> Result<(Way, Option<&'static str>), Problem> {
    let (mut way, mut kind) = (None, None);
    for word in words.split(',') {
        match word.split(':').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "PING" => way = Some(Way::Ping),
            "SSH" => way = Some(Way::Ssh),
            "PM" => kind = Some("PM"),
            "VM" => kind = Some("VM"),
            _ => return Err(usage(format!("{word} is none of PING, SSH, PM, VM"))),
        }
    }
    way.map(|way| (way, kind)).ok_or_else(|| usage(format!("{words} says neither PING nor SSH")))
}

/// Prints what was chosen.
struct Output {
    collector: Collector,
    waiting: Vec<Record>,
    text: String,
    any: bool,
}

impl Output {
    fn new(look: &Look, macmap: MacMap) -> Output {
        let style = Style { width: Screen::width(), utf8: Screen::utf8(), ..Style::default() };
        let printer = Printer::new(look.presentation.clone(), style);
        let mut collector = Collector::new(printer, true, look.presentation.address, macmap);
        let text = if look.raw { collector.block(0, Vec::new()) } else { String::new() };
        Output { collector, waiting: Vec::with_capacity(BLOCK), text, any: false }
    }

    fn print(&mut self, screen: &mut Screen, look: &Look, number: u64, raw: &[u8], age: Option<Age>) {
        self.any = true;
        if look.raw {
            match std::str::from_utf8(raw) {
                // What most lines are: nothing to escape, and every byte of it looked at only once.
                Ok(text) if raw.iter().all(|byte| (b' '..=b'~').contains(byte)) => self.text.push_str(text),
                Ok(text) => self.text.push_str(&escape_for_eyes(text)),
                Err(_) => self.text.push_str(&escape(raw)),
            }
            self.text.push('\n');
        } else if let Some(line) = Line::parse(raw) {
            self.line(look, number, &line, age);
        }
        if self.waiting.len() >= BLOCK || self.text.len() >= 1 << 16 {
            self.flush(screen);
        }
    }

    fn line(&mut self, look: &Look, number: u64, line: &Line<'_>, age: Option<Age>) {
        if look.address {
            self.text.push_str(&escape_for_eyes(&address_of(line)));
            self.text.push('\n');
            return;
        }
        let mut record = line.record(look.needed.as_ref());
        record.set(Known::Index, Value::Number(number as i64));
        if let Some((target, at)) = age {
            record.set(Known::Source, if target.is_empty() { "enum.fdb" } else { "cache" });
            record.set(Known::Target, target);
            record.set(Known::Observed, Value::Time(at));
        }
        self.waiting.push(record);
    }

    fn flush(&mut self, screen: &mut Screen) {
        let records = std::mem::take(&mut self.waiting);
        if !records.is_empty() {
            self.text.push_str(&self.collector.block(0, records));
        }
        screen.data(&std::mem::take(&mut self.text));
    }

    /// Without a record nothing is printed, not even a heading (ctys-original.md 9.60); a document is one all the same.
    fn finish(mut self, screen: &mut Screen, look: &Look) {
        if !self.any && !matches!(look.presentation.format, Format::Json | Format::Yaml) {
            return;
        }
        self.flush(screen);
        if !look.address {
            screen.data(&self.collector.finish());
        }
    }
}

/// `lab00.soho[l:tst100,p:/xen/tst100.conf,u:6842...]`: what ctys takes for this machine.
fn address_of(line: &Line<'_>) -> String {
    let parts = [("l", Known::Label), ("p", Known::Id), ("u", Known::Uuid), ("m", Known::Mac), ("t", Known::Tcp)];
    let known = parts.map(|(key, field)| (key, line.text(field)));
    let parts: Vec<String> =
        known.iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| format!("{key}:{text}")).collect();
    format!("{}[{}]", line.text(Known::Pm), parts.join(","))
}

struct Found {
    output: Output,
    count: BTreeMap<String, usize>,
    /// The records that wait: for the last one, for sorting, for those that answer.
    kept: Vec<Kept>,
}

impl Found {
    fn take(
        &mut self,
        screen: &mut Screen,
        wanted: &Selection,
        look: &Look,
        number: u64,
        raw: &[u8],
        age: Option<Age>,
    ) -> ControlFlow<()> {
        if wanted.count.is_some() {
            let pm = Line::parse(raw).map(|line| line.text(Known::Pm)).unwrap_or_default();
            *self.count.entry(pm).or_default() += 1;
            return ControlFlow::Continue(());
        }
        if wanted.alive.is_none() && matches!(wanted.choice, Choice::All | Choice::Complement) {
            self.output.print(screen, look, number, raw, age);
            return ControlFlow::Continue(());
        }
        if wanted.choice == Choice::Last && wanted.alive.is_none() {
            self.kept.clear();
        }
        self.kept.push((number, raw.to_vec(), age));
        match wanted.choice {
            Choice::First if wanted.alive.is_none() => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }

    fn finish(self, call: &mut Call, wanted: &Selection, look: &Look) -> Result<u8, Problem> {
        let Found { mut output, count, mut kept } = self;
        if let Some(word) = &wanted.count {
            let (low, high) = (count.values().min().copied(), count.values().max().copied());
            let shown = |count: usize| match word.as_str() {
                "MINCNT" => Some(count) == low,
                "MAXCNT" => Some(count) == high,
                _ => true,
            };
            let lines = count.iter().filter(|(_, count)| shown(**count));
            let lines: String = lines.map(|(pm, count)| format!("{};{count}\n", escape_for_eyes(pm))).collect();
            call.screen.data(&lines);
            return Ok(0);
        }
        if let Some((way, kind)) = wanted.alive {
            kept = living_ones(kept, way, kind)?;
        }
        match wanted.choice {
            Choice::First => kept.truncate(1),
            Choice::Last => kept = kept.split_off(kept.len().saturating_sub(1)),
            Choice::Sort | Choice::UniqueSort => kept.sort_by(|a, b| a.1.cmp(&b.1)),
            _ => {}
        }
        if wanted.choice == Choice::UniqueSort {
            kept.dedup_by(|a, b| a.1 == b.1);
        }
        // The records of one machine, one for each of its interfaces, are no two machines.
        let machine = |raw: &[u8]| {
            let line = Line::parse(raw);
            let fields = [Known::Pm, Known::SessionType, Known::Label, Known::Id, Known::Uuid];
            line.map(|line| fields.map(|field| line.text(field)))
        };
        let machines: BTreeSet<_> = kept.iter().map(|(_, raw, _)| machine(raw)).collect();
        if wanted.choice == Choice::Unique && machines.len() > 1 {
            // A pattern such as -inst would be an option there.
            let ended = call.given.arguments.iter().any(|word| word.starts_with('-')).then(|| "--".to_string());
            let words = call.given.arguments.iter().map(|word| shell_word(word));
            let words: Vec<String> = ended.into_iter().chain(words).collect();
            let candidates = kept.iter().take(SHOWN).filter_map(|(_, raw, _)| Some(address_of(&Line::parse(raw)?)));
            let problem = Problem::new(Phase::Ambiguous, format!("{} records fit", kept.len()));
            let problem = candidates.fold(problem, Problem::hint);
            let all = format!("ctys-vhost -o machine -s -M all {}", words.join(" "));
            return Err(problem.hint(format!("{all} shows them")));
        }
        for (number, raw, age) in kept {
            output.print(&mut call.screen, look, number, &raw, age);
        }
        output.finish(&mut call.screen, look);
        Ok(0)
    }
}

/// A record that waits: its number, its line, where and when it was seen.
type Kept = (u64, Vec<u8>, Option<Age>);

/// Those whose address answers. `kind`: only machines of this category.
fn living_ones(kept: Vec<Kept>, way: Way, kind: Option<&str>) -> Result<Vec<Kept>, Problem> {
    let of_kind = |line: &Line<'_>| kind.is_none_or(|kind| (line.text(Known::SessionType) == "PM") == (kind == "PM"));
    let question = |raw: &[u8]| {
        let line = Line::parse(raw).filter(of_kind)?;
        let port = line.text(Known::SshPort).parse().unwrap_or(22);
        Some(Question { host: Some(line.text(Known::Tcp)).filter(|host| !host.is_empty())?, port })
    };
    let mut questions: Vec<Question> = kept.iter().filter_map(|(_, raw, _)| question(raw)).collect();
    questions.sort_by(|a, b| (&a.host, a.port).cmp(&(&b.host, b.port)));
    questions.dedup();
    let patience = Patience { tries: 1, limit: Duration::from_secs(2) };
    let answers = super::ask(&questions, way, patience, 64)?;
    let alive: Vec<&Question> = questions.iter().zip(&answers).filter(|(_, a)| a.is_ok()).map(|(q, _)| q).collect();
    let answers = |raw: &[u8]| question(raw).is_some_and(|question| alive.contains(&&question));
    Ok(kept.into_iter().filter(|(_, raw, _)| answers(raw)).collect())
}

/// `--address`: one machine, by the index.
fn by_address(call: &mut Call, stores: &[Store], text: &str, look: &Look, macmap: MacMap) -> Result<u8, Problem> {
    let wanted = address(text)?;
    let mut machines: Vec<(usize, Machine)> = Vec::new();
    let mut views = Vec::new();
    for (at, store) in stores.iter().enumerate() {
        let view = store.view(build(call))?;
        let found = match &wanted {
            Some(address) => view.resolve(&Wanted { address: address.clone(), ..Wanted::default() })?,
            None => view.meaning(text)?.0,
        };
        machines.extend(found.into_iter().map(|machine| (at, machine)));
        views.push(view);
    }
    if machines.len() > 1 && call.given.last("match").is_some_and(|word| word.eq_ignore_ascii_case("UNIQUE")) {
        let shown =
            machines.iter().take(SHOWN).map(|(_, m)| format!("{} {} {} {}", m.pm, m.session_type, m.label, m.id));
        let problem = Problem::new(Phase::Ambiguous, format!("{} machines have {text}", machines.len()));
        let problem = shown.fold(problem, Problem::hint);
        return Err(problem.hint(format!("ctys-vhost -o machine -M all -A {} shows them", shell_word(text))));
    }
    let mut output = Output::new(look, macmap);
    for (at, machine) in machines {
        for number in machine.records {
            let (raw, seen) = views[at].record(number)?;
            let age = look.wants_age.then(|| (views[at].target(seen).to_string(), seen.at));
            output.print(&mut call.screen, look, number, &raw, age);
        }
    }
    output.finish(&mut call.screen, look);
    Ok(0)
}

/// `l:tst100,t:10.0.0.7`; none when it is one bare name.
fn address(text: &str) -> Result<Option<MachineAddress>, Problem> {
    let mut address = MachineAddress::default();
    if ctys_inventory::keys::mac(text).is_some() || !text.contains(':') || text.parse::<std::net::IpAddr>().is_ok() {
        return Ok(None);
    }
    for part in text.split(',') {
        let (key, value) = part.split_once(':').ok_or_else(|| usage(format!("{part} is no KEY:VALUE")))?;
        let value = Some(value.to_string());
        match key.to_ascii_uppercase().as_str() {
            "L" | "LABEL" => address.label = value,
            "U" | "UUID" => address.uuid = value,
            "M" | "MAC" => address.mac = value,
            "T" | "TCP" => address.tcp = value,
            "I" | "ID" | "P" | "PNAME" | "PATHNAME" => address.id = value,
            "F" | "FNAME" | "FILENAME" => address.file_name = value,
            "DR" | "DBREC" | "DBRECORD" => {
                let number = value.and_then(|value| value.parse().ok());
                address.db_record = Some(number.ok_or_else(|| usage(format!("{part} names no record")))?);
            }
            _ => return Err(usage(format!("{key} is none of l: u: m: t: p: i: f: dr:"))),
        }
    }
    Ok(Some(address))
}

/// `-C`: what is done in the place of a query; none when the query goes on.
fn maintain(call: &mut Call, stores: &[Store], word: &str) -> Result<Option<u8>, Problem> {
    match word {
        "MACMAP" | "MACMAPONLY" | "OFF" | "ON" | "KEEPALL" | "GROUPS" | "ADJUST" => Ok(None),
        "REBUILDCACHE" => {
            for store in stores {
                store.rebuild()?;
            }
            Ok(if call.given.arguments.is_empty() && call.given.last("output").is_none() { Some(0) } else { None })
        }
        "CLEARALL" | "CLEARTMP" => {
            stores.iter().try_for_each(Store::forget)?;
            Ok(Some(0))
        }
        "LIST" => show(call, stores, "LISTDB").map(Some),
        "LISTTARGETS" => {
            let now = Call::now();
            for store in stores {
                let view = store.view(build(call))?;
                let used: BTreeSet<u32> = view.seen()?.iter().map(|seen| seen.source).collect();
                // The file itself counts as long as some records are known from nowhere else.
                let counts = |(n, source): &(u32, &Source)| !source.target.is_empty() || used.contains(n);
                for (_, source) in (0..).zip(view.sources()).filter(counts) {
                    let at = |time: Option<i64>| time.map_or(String::new(), |time| super::database::age(time, now));
                    let target = if source.target.is_empty() { "-" } else { &source.target };
                    let why = source.why.as_deref().unwrap_or_default();
                    let fields = [target, &source.scope, &at(source.answered), &at(source.failed), why];
                    call.screen.data(&format!("{}\n", escape_for_eyes(&fields.join(";"))));
                }
            }
            Ok(Some(0))
        }
        _ => Err(usage(format!(
            "-C {word} is none of MACMAP, MACMAPONLY, REBUILDCACHE, CLEARALL, LIST, LISTTARGETS, OFF"
        ))),
    }
}

/// `-S`.
fn show(call: &mut Call, stores: &[Store], what: &str) -> Result<u8, Problem> {
    let field = match what {
        "LIST" | "LISTALL" => Known::Pm,
        "MEMBERSDB" => Known::Label,
        "LISTDB" => {
            for store in stores {
                let mut count = 0;
                store.scan(|_, raw| {
                    count += usize::from(Line::parse(raw).is_some());
                    ControlFlow::Continue(())
                })?;
                call.screen.data(&format!("{};{count}\n", super::database::shown(store.folder())));
            }
            return Ok(0);
        }
        _ => return Err(usage(format!("-S {what} is none of LIST, LISTDB, MEMBERSDB"))),
    };
    let mut names = BTreeSet::new();
    for store in stores {
        store.scan(|_, raw| {
            names.extend(Line::parse(raw).map(|line| line.text(field)).filter(|name| !name.is_empty()));
            ControlFlow::Continue(())
        })?;
    }
    call.screen.data(&names.iter().map(|name| format!("{}\n", escape_for_eyes(name))).collect::<String>());
    Ok(0)
}
