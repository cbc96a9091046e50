//! The answers of a collector on their way to the table: in the order of the call, with names looked up.

use ctys_engine::names::{Names, Question};
pub use ctys_inventory::macmap::MacMap;
use ctys_model::field::Known;
use ctys_model::{Record, Value};
use ctys_table::{AddressForm, Printer};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// How long the rows of a target wait for the resolver. What has no name by then shows its address.
const NAME_PATIENCE: Duration = Duration::from_millis(500);

/// Half as long after each wait in vain: nothing else is heard meanwhile, not even an interrupt, and a resolver that is
/// dead would cost the whole patience for every target. A resolver that catches up is waited for as before.
fn next_patience(patience: Duration, in_time: bool) -> Duration {
    if in_time { NAME_PATIENCE } else { patience / 2 }
}

/// Gathers the blocks of all targets and prints each as soon as its turn has come.
pub struct Collector {
    printer: Printer,
    /// Blocks that wait for an earlier target; none for a target that has ended without rows.
    waiting: HashMap<usize, Vec<Record>>,
    next: usize,
    /// As they come: `-b par` by the user's own word, and JSON lines.
    unordered: bool,
    address: Option<AddressForm>,
    net_names: bool,
    names: Names,
    patience: Duration,
    macmap: MacMap,
}

impl Collector {
    /// For this printer. `unordered`: rows come in the order of completion.
    pub fn new(printer: Printer, unordered: bool, address: Option<AddressForm>, macmap: MacMap) -> Collector {
        let (names, patience) = (Names::default(), NAME_PATIENCE);
        Collector {
            printer,
            waiting: HashMap::new(),
            next: 0,
            unordered,
            address,
            net_names: false,
            names,
            patience,
            macmap,
        }
    }

    /// With the names of addresses in a field of their own, as ENUMERATE has them (ctys-original.md 9.57).
    pub fn with_net_names(self, net_names: bool) -> Collector {
        Collector { net_names, ..self }
    }

    /// The rows of a target, once per target; returns what can be printed.
    pub fn block(&mut self, target: usize, records: Vec<Record>) -> String {
        for record in &records {
            for question in self.questions(record) {
                self.names.ask(question);
            }
        }
        if self.unordered {
            return self.print(records);
        }
        self.waiting.insert(target, records);
        let mut text = String::new();
        while let Some(records) = self.waiting.remove(&self.next) {
            self.next += 1;
            text.push_str(&self.print(records));
        }
        text
    }

    /// A problem, for the formats that show it.
    pub fn problem(&mut self, problem: &ctys_model::Problem) -> String {
        self.printer.problem(problem)
    }

    /// What is left.
    pub fn finish(mut self) -> String {
        let mut text = String::new();
        let mut left: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
        left.sort_by_key(|(target, _)| *target);
        for (_, records) in left {
            text.push_str(&self.print(records));
        }
        text.push_str(&self.printer.finish());
        text
    }

    fn print(&mut self, mut records: Vec<Record>) -> String {
        if self.address.is_some() || self.net_names {
            let in_time = self.names.wait(self.patience);
            self.patience = next_patience(self.patience, in_time);
            for record in &mut records {
                self.name(record);
            }
        }
        self.printer.block(&records)
    }

    fn questions(&self, record: &Record) -> Vec<Question> {
        let tcp = record.get(Known::Tcp).as_text();
        let address = tcp.and_then(|tcp| tcp.parse::<IpAddr>().ok());
        match self.address {
            None if self.net_names => address.map(Question::NameOf).into_iter().collect(),
            None => Vec::new(),
            Some(AddressForm::Dns) => address.map(Question::NameOf).into_iter().collect(),
            Some(AddressForm::Ip) => {
                let machine = record.get(Known::Pm).as_text().filter(|pm| pm.parse::<IpAddr>().is_err());
                let guest = tcp.filter(|_| address.is_none());
                [machine, guest].into_iter().flatten().map(|name| Question::AddressOf(name.to_string())).collect()
            }
        }
    }

    /// DNS shows names, IP shows numbers; the machine's own column stays as it is under DNS, since what was typed there
    /// is what is typed again. A guest without an address is looked up by its MAC (ctys-original.md 4.3).
    fn name(&self, record: &mut Record) {
        if self.net_names
            && record.get(Known::NetName).present().is_none()
            && let Some(address) = record.get(Known::Tcp).as_text().and_then(|tcp| tcp.parse::<IpAddr>().ok())
            && let Some(name) = self.names.answer(&Question::NameOf(address))
        {
            record.set(Known::NetName, Value::text(name));
        }
        let Some(form) = self.address else { return };
        let tcp = record.get(Known::Tcp).as_text().map(str::to_string);
        if let Some(tcp) = tcp {
            let question = match (form, tcp.parse::<IpAddr>()) {
                (AddressForm::Dns, Ok(address)) => Some(Question::NameOf(address)),
                (AddressForm::Ip, Err(_)) => Some(Question::AddressOf(tcp)),
                _ => None,
            };
            if let Some(answer) = question.and_then(|question| self.names.answer(&question)) {
                record.set(Known::Tcp, Value::text(answer));
            }
        } else if let Some(entry) = record.get(Known::Mac).as_text().and_then(|mac| self.macmap.get(mac)) {
            let value = if form == AddressForm::Dns { &entry.name } else { &entry.ip };
            record.set(Known::Tcp, Value::text(value.clone()));
        }
        if form == AddressForm::Ip
            && let Some(pm) = record.get(Known::Pm).as_text()
            && let Some(address) = self.names.answer(&Question::AddressOf(pm.to_string()))
        {
            record.set(Known::Pm, Value::text(address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_table::{Column, Format, Numbering, Presentation, Style};

    fn collector(unordered: bool, address: Option<AddressForm>) -> Collector {
        let columns = Column::parse_list("3_Label_5%%7_TCP_14", Numbering::List).unwrap();
        let presentation = Presentation::new(Numbering::List, Format::TabGen(columns));
        let printer = Printer::new(presentation, Style { header: false, ..Style::default() });
        let macmap = MacMap::parse("tst100;00:50:56:13:11:40;192.168.1.220;\nbad line\n");
        Collector::new(printer, unordered, address, macmap)
    }

    fn row(label: &str) -> Vec<Record> {
        vec![Record::new("XEN").with(Known::Label, label)]
    }

    #[test]
    fn rows_come_in_the_order_of_the_call_and_as_early_as_that_allows() {
        let mut collector = collector(false, None);
        assert_eq!(collector.block(1, row("b")), "");
        assert!(collector.block(0, row("a")).starts_with("a    |"));
        assert_eq!(collector.block(3, row("d")), "");
        assert!(collector.block(2, Vec::new()).starts_with("d    |"));
    }

    #[test]
    fn a_target_that_never_reports_holds_nothing_back_at_the_end() {
        let mut collector = collector(false, None);
        assert_eq!(collector.block(1, row("b")), "");
        assert!(collector.finish().starts_with("b    |"));
    }

    #[test]
    fn the_order_of_completion_when_it_is_asked_for() {
        let mut collector = collector(true, None);
        assert!(collector.block(1, row("b")).starts_with("b    |"));
        assert!(collector.block(0, row("a")).starts_with("a    |"));
    }

    #[test]
    fn a_dead_resolver_costs_the_patience_of_two_targets_however_many_there_are() {
        let mut patience = NAME_PATIENCE;
        let mut waited = Duration::ZERO;
        for _ in 0..1000 {
            waited += patience;
            patience = next_patience(patience, false);
        }
        assert!(waited <= 2 * NAME_PATIENCE, "{waited:?}");
        assert_eq!(next_patience(patience, true), NAME_PATIENCE);
    }

    #[test]
    fn a_guest_is_named_by_its_mac_only_when_names_or_numbers_are_asked_for() {
        let guest = || vec![Record::new("XEN").with(Known::Label, "x").with(Known::Mac, "00:50:56:13:11:40")];
        let shown = |form| collector(true, form).block(0, guest());
        assert_eq!(shown(None), "x    |              \n");
        assert_eq!(shown(Some(AddressForm::Dns)), "x    |tst100        \n");
        assert_eq!(shown(Some(AddressForm::Ip)), "x    |192.168.1.220 \n");
    }

    #[test]
    fn the_name_of_an_address_has_a_field_of_its_own() {
        let columns = Column::parse_list("7_TCP_12%%28_net_11", Numbering::Enumerate).unwrap();
        let presentation = Presentation::new(Numbering::Enumerate, Format::TabGen(columns));
        let printer = || Printer::new(presentation.clone(), Style { header: false, ..Style::default() });
        let shown = |tcp: &str, wanted| {
            let mut collector = Collector::new(printer(), true, None, MacMap::default()).with_net_names(wanted);
            collector.block(0, vec![Record::new("XEN").with(Known::Tcp, tcp)])
        };
        assert_eq!(shown("127.0.0.1", true), "127.0.0.1   |localhost. \n");
        assert_eq!(shown("127.0.0.1", false), "127.0.0.1   |           \n");
        assert_eq!(shown("tst100", true), "tst100      |           \n");
    }

    #[test]
    fn a_number_gets_its_name_with_the_dot_and_back() {
        let tcp = |tcp: &str| vec![Record::new("PM").with(Known::Label, "x").with(Known::Tcp, tcp)];
        let mut dns = collector(true, Some(AddressForm::Dns));
        assert_eq!(dns.block(0, tcp("127.0.0.1")), "x    |localhost.    \n");
        let mut ip = collector(true, Some(AddressForm::Ip));
        assert_eq!(ip.block(0, tcp("127.0.0.1")), "x    |127.0.0.1     \n");
    }
}
