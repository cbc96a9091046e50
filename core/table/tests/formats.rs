//! What every format prints of the same records.

use ctys_model::field::Known;
use ctys_model::{Field, Missing, Phase, Problem, Record, Value};
use ctys_table::{AddressForm, Column, Cut, Format, Numbering, Presentation, Printer, Sort, Style, Title};
use std::collections::BTreeSet;

/// Three rows of two hosts: a guest, a tunnel, a machine.
fn blocks() -> Vec<Vec<Record>> {
    let guest = Record::new("XEN")
        .with(Known::Pm, "lab00.soho")
        .with(Known::Label, "tst100")
        .with(Known::Id, "/home/acue/xen/tst100/tst100.conf")
        .with(Known::Mac, "00:50:56:13:11:40")
        .with(Known::Cport, Value::Number(5900))
        .with(Known::Side, "SERVER")
        .with(Known::Vram, Value::Size(536_870_912))
        .with(Known::Observed, Value::Time(1_277_123_696))
        .with(Known::User, Value::Missing(Missing::NoPermission("xl list".to_string())))
        .with(Field::Other("xen.weight".to_string()), Value::Number(256));
    let tunnel = Record::new("SSH(XEN)")
        .with(Known::Pm, "ws2.soho")
        .with(Known::Label, "tst100")
        .with(Known::Cport, Value::Number(5950))
        .with(Known::Side, "TUNNEL");
    let machine = Record::new("PM")
        .with(Known::Pm, "ws2.soho")
        .with(Known::Label, "ws2")
        .with(Known::Tcp, "192.168.1.70")
        .with(Known::Side, "SERVER");
    vec![vec![guest], vec![tunnel, machine]]
}

fn plain(format: Format) -> Presentation {
    Presentation::new(Numbering::List, format)
}

fn table(columns: &str) -> Presentation {
    plain(Format::TabGen(columns_of(columns)))
}

fn columns_of(columns: &str) -> Vec<Column> {
    Column::parse_list(columns, Numbering::List).unwrap()
}

fn chosen<const N: usize>(format: Format, fields: [Known; N]) -> Presentation {
    Presentation { fields: BTreeSet::from(fields), ..plain(format) }
}

fn print(presentation: &Presentation, style: Style, blocks: &[Vec<Record>]) -> String {
    let mut printer = Printer::new(presentation.clone(), style);
    let mut text: String = blocks.iter().map(|block| printer.block(block)).collect();
    text.push_str(&printer.finish());
    text
}

#[track_caller]
fn check(presentation: &Presentation, expected: &str) {
    assert_eq!(print(presentation, Style::default(), &blocks()), expected);
}

#[test]
fn raw_records() {
    check(
        &plain(Format::Raw),
        "lab00.soho;XEN;tst100;/home/acue/xen/tst100/tst100.conf;;00:50:56:13:11:40;;;5900;;;;;SERVER;;;;;;;;\n\
         ws2.soho;SSH(XEN);tst100;;;;;;5950;;;;;TUNNEL;;;;;;;;\n\
         ws2.soho;PM;ws2;;;;192.168.1.70;;;;;;;SERVER;;;;;;;;\n",
    );
    // The order is that of the record, whatever the order of the keys; a field without a number comes last.
    let some = chosen(Format::Raw, [Known::Tcp, Known::State, Known::Label, Known::Pm]);
    check(
        &Presentation { title: Title::Index, ..some },
        "ContainingMachine(1);Label(3);TCP(7);state\nlab00.soho;tst100;;\nws2.soho;tst100;;\nws2.soho;ws2;192.168.1.70;\n",
    );
    let enumerate = Presentation::new(Numbering::Enumerate, Format::Raw);
    let text = print(&enumerate, Style::default(), &blocks());
    assert!(text.lines().all(|line| line.split(';').count() == 47), "{text}");
}

#[test]
fn a_raw_record_is_one_line_of_fields_whatever_is_in_it() {
    for value in ["a;b", "a\nb\r", "\x1b[2J", "C:\\x3b;", "\u{202e}x", "ä"] {
        let record = Record::new("XEN").with(Known::Label, value);
        for utf8 in [true, false] {
            let style = Style { utf8, ..Style::default() };
            let text = print(&plain(Format::Raw), style, &[vec![record.clone()]]);
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            let cells: Vec<_> = text.trim_end().split(';').collect();
            assert_eq!(cells.len(), 22, "{text:?}");
            assert_eq!(ctys_model::bytes::unescape(cells[2]).unwrap(), value.as_bytes(), "{text:?}");
        }
    }
}

#[test]
fn the_listing_has_marks_and_headings() {
    let some = chosen(Format::Listing, [Known::Label, Known::Id]);
    check(
        &some,
        "\nXEN sessions of lab00.soho:\n+->tst100;/home/acue/xen/tst100/tst100.conf\n\
         \nSSH(XEN) sessions of ws2.soho:\n+->tst100;\n\nPM sessions of ws2.soho:\n+->ws2;\n",
    );
    check(
        &Presentation { numbering: Numbering::Enumerate, ..plain(Format::Listing) },
        "+->XEN;tst100;/home/acue/xen/tst100/tst100.conf\n+->SSH(XEN);tst100;\n+->PM;ws2;\n",
    );
    let sort = Some(Sort { reverse: true, ..Sort::default() });
    check(&Presentation { sort, ..some }, "+->ws2;\n+->tst100;/home/acue/xen/tst100/tst100.conf\n+->tst100;\n");
}

#[test]
fn blocks_of_lines() {
    let columns = || columns_of("14%%3__4%%4__8_L");
    check(
        &plain(Format::Spec(columns())),
        &["SERVER;tst1;100.conf", "TUNNEL;tst1;", "SERVER;ws2;"].iter().enumerate().map(|(at, row)| {
            let cells: Vec<_> = row.split(';').collect();
            format!(
                "record({}):={{\n   001:  14:                  C/S-Type: {}\n   002:   3:                     Label: {}\n   \
                 003:   4:                        ID: {}\n}}\n",
                at + 1, cells[0], cells[1], cells[2]
            )
        }).collect::<String>(),
    );
    check(
        &plain(Format::Rec(columns())),
        "record(1):={\n    {C/S-Type,14,SERVER},\n    {Label,3,tst1},\n    {ID,4,100.conf}\n}\n\
         record(2):={\n    {C/S-Type,14,TUNNEL},\n    {Label,3,tst1},\n    {ID,4,}\n}\n\
         record(3):={\n    {C/S-Type,14,SERVER},\n    {Label,3,ws2},\n    {ID,4,}\n}\n",
    );
    let all = print(&plain(Format::Spec(Vec::new())), Style::default(), &blocks());
    assert_eq!(all.lines().count(), 3 * 24, "{all}");
    assert!(all.contains("   022:  22:                      ARCH: \n}\n"), "{all}");
}

#[test]
fn xml_is_well_formed() {
    let hostile = Record::new("<XEN>&'\"").with(Known::Label, "a\x07\u{ffff}]]>").with(Known::Side, "SERVER");
    let presentation = plain(Format::Xml(columns_of("2%%3%%14__2")));
    let text = print(&presentation, Style::default(), &[vec![hostile.clone()]]);
    assert_eq!(
        text,
        "<records>\n\n<record index='1'>\n   <SessionType index='2'>&lt;XEN&gt;&amp;'\"</SessionType>\n   \
         <Label index='3'>a\\x07\u{fffd}]]&gt;</Label>\n   <C_S-Type index='14'>SE</C_S-Type>\n</record>\n</records>\n"
    );
    let bare = print(&Presentation { terse: true, ..presentation }, Style::default(), &[vec![hostile]]);
    assert!(bare.starts_with("\n<record index='1'>") && bare.ends_with("</record>\n"), "{bare}");
}

#[test]
fn values_are_cut_or_broken() {
    check(
        &table("3_label_4%%4_id_10_B%%4_end_6_L%%22_a_2"),
        "labe|id        |end   |a \n\
         ----+----------+------+--\n\
         tst1|/home/acue|0.conf|  \n    \
         |/xen/tst10|      |  \n    \
         |0/tst100.c|      |  \n    \
         |onf       |      |  \n\
         tst1|          |      |  \n\
         ws2 |          |      |  \n",
    );
    // A number without a width has ten places; a field may be shown twice; TITLEIDX says which is which.
    check(
        &Presentation { title: Title::Index, ..table("3%%3_again_5") },
        "3         |again\n1(3)      |2(3) \n----------+-----\ntst100    |tst10\ntst100    |tst10\nws2       |ws2  \n",
    );
    check(&Presentation { title: Title::IndexAscii, terse: true, ..table("3_label_6") }, "tst100\ntst100\nws2   \n");
    // Fields that were not chosen do not look as if there were none.
    let chosen = Presentation { fields: [Known::Label].into(), ..plain(Format::Spec(Vec::new())) };
    let text = print(&chosen, Style::default(), &[vec![Record::new("XEN").with(Known::Label, "a")]]);
    assert_eq!(text.lines().count(), 3, "{text}");
    // `-X`: whole cells, whatever the widths, as those of plain records.
    check(&Presentation { joined: true, ..table("3_label_4%%4_id_10_B%%22_a_2") }, &{
        let rows = ["tst100;/home/acue/xen/tst100/tst100.conf;", "tst100;;", "ws2;;", ""];
        rows.join("\n")
    });
    // No cell takes more than fifty lines.
    let long = Record::new("XEN").with(Known::Label, "x".repeat(200));
    let text = print(&table("3_l_3_B"), Style::default(), &[vec![long]]);
    assert_eq!(text.lines().count(), 2 + 50, "{text}");
    assert!(text.ends_with("xxx\n...\n"), "{text}");
}

#[test]
fn the_guest_column_needs_to_be_asked_for() {
    let guest_column = |address, fields: &[Known]| -> Vec<String> {
        let fields = fields.iter().copied().collect();
        let presentation = Presentation { address, fields, ..plain(Format::TabTcp(Vec::new())) };
        let text = print(&presentation, Style::default(), &blocks());
        text.lines().skip(2).map(|line| line.split('|').nth(1).unwrap().trim().to_string()).collect()
    };
    let with_address = ["00:50:56:13:11:40", "-", "192.168.1.70"];
    assert_eq!(guest_column(None, &[]), ["-", "-", "-"]);
    assert_eq!(guest_column(Some(AddressForm::Dns), &[]), with_address);
    assert_eq!(guest_column(Some(AddressForm::Ip), &[]), with_address);
    assert_eq!(guest_column(None, &[Known::Tcp]), with_address);
    assert_eq!(guest_column(None, &[Known::Mac]), ["00:50:56:13:11:40", "-", "-"]);
}

#[test]
fn the_default_tables() {
    check(
        &chosen(Format::TabTcp(Vec::new()), [Known::Id]),
        "TCP-container|TCP-guest|id                  |sesstype|c|user|group\n\
         -------------+---------+--------------------+--------+-+----+-----\n\
         lab00.soho   |-        |n/tst100/tst100.conf|XEN     |S|-   |-    \n\
         ws2.soho     |-        |-                   |SSH(XEN)|T|-   |-    \n\
         ws2.soho     |-        |-                   |PM      |S|-   |-    \n",
    );
    check(
        &plain(Format::TabTcp9(Vec::new())),
        "TCP-container     |TCP-guest        |IF      |label            |stype    |accel|c|user      |group     \n\
         ------------------+-----------------+--------+-----------------+---------+-----+-+----------+----------\n\
         lab00.soho        |-                |-       |tst100           |XEN      |-    |S|-         |-         \n\
         ws2.soho          |-                |-       |tst100           |SSH(XEN) |-    |T|-         |-         \n\
         ws2.soho          |-                |-       |ws2              |PM       |-    |S|-         |-         \n",
    );
    let unknown_side = Record::new("XEN").with(Known::Label, "x");
    let text = print(&plain(Format::TabTcp(Vec::new())), Style::default(), &[vec![unknown_side]]);
    assert!(text.ends_with("-            |-        |x    |XEN     |?|-   |-    \n"), "{text}");
}

#[test]
fn one_header_even_without_rows() {
    let header = "Label\n-----\n";
    assert_eq!(print(&table("3_Label_5"), Style::default(), &[]), header);
    assert_eq!(print(&table("3_Label_5"), Style::default(), &[vec![], vec![], vec![]]), header);
    let text = print(&table("3_Label_5"), Style::default(), &blocks());
    assert_eq!(text.matches("Label").count(), 1, "{text}");
    let empty_tcp = print(&plain(Format::TabTcp(Vec::new())), Style::default(), &[vec![]]);
    assert_eq!(empty_tcp.lines().next(), Some("TCP-container|TCP-guest|label|sesstype|c|user|group"));
    let contexts = Style { header: false, ..Style::default() };
    assert_eq!(print(&table("3_Label_5"), contexts, &blocks()), "tst10\ntst10\nws2  \n");
    assert_eq!(print(&Presentation { title: Title::Names, ..plain(Format::Raw) }, contexts, &[]), "");
}

#[test]
fn color_and_narrow_terminals() {
    let bold = Style { color: true, ..Style::default() };
    let text = print(&table("3_Label_5"), bold, &blocks());
    assert_eq!(text, "\x1b[1mLabel\x1b[0m\n\x1b[1m-----\x1b[0m\ntst10\ntst10\nws2  \n");
    let long =
        Record::new("XEN").with(Known::Pm, "a-long-name.example").with(Known::Label, "another-rather-long-label");
    let narrow = Style { width: Some(70), ..Style::default() };
    let text = print(&plain(Format::TabTcp(Vec::new())), narrow, &[vec![long.clone()]]);
    assert!(text.lines().all(|line| line.len() == 70), "{text}");
    // Titles are never cut for it, and widths somebody asked for stay.
    let tiny = Style { width: Some(10), ..Style::default() };
    let text = print(&plain(Format::TabTcp(Vec::new())), tiny, &[vec![long.clone()]]);
    assert!(text.starts_with("TCP-container|TCP-guest|label|sesstype|c|user|group\n"), "{text}");
    let text = print(&plain(Format::TabTcp(vec![Some(20)])), tiny, &[vec![long]]);
    assert!(text.starts_with("TCP-container       |TCP-guest        |"), "{text}");
}

#[test]
fn sorting() {
    let block = |rows: &[&str]| -> Vec<Record> {
        rows.iter()
            .map(|row| {
                let (label, tcp) = row.split_once('/').unwrap();
                Record::new("XEN").with(Known::Label, label).with(Known::Tcp, tcp)
            })
            .collect()
    };
    let input = [block(&["b/2", "a/9", "b/2"]), block(&["a/10", "c/1", "a/9"])];
    let sorted = |sort: Sort| -> String {
        let presentation = Presentation { sort: Some(sort), ..table("3_l_1%%7_t_2") };
        let text = print(&presentation, Style::default(), &input);
        assert!(text.starts_with("l|t \n-+--\n"), "the header stays where it is: {text}");
        text.lines().skip(2).map(|line| line.trim_end().replace('|', "/")).collect::<Vec<_>>().join(" ")
    };
    let plain = Sort::default();
    assert_eq!(sorted(plain), "a/10 a/9 a/9 b/2 b/2 c/1");
    assert_eq!(sorted(Sort { unique: true, ..plain }), "a/10 a/9 b/2 c/1");
    assert_eq!(sorted(Sort { reverse: true, ..plain }), "c/1 b/2 b/2 a/9 a/9 a/10");
    assert_eq!(sorted(Sort { each: true, ..plain }), "a/9 b/2 b/2 a/10 a/9 c/1");
    assert_eq!(sorted(Sort { each: true, unique: true, ..plain }), "a/9 b/2 a/10 a/9 c/1");
    assert_eq!(sorted(Sort { column: Some(2), ..plain }), "c/1 a/10 b/2 b/2 a/9 a/9");
    assert_eq!(sorted(Sort { column: Some(2), unique: true, reverse: true, ..plain }), "a/9 b/2 a/10 c/1");
    // A column that is not there gives no key: the order stays.
    assert_eq!(sorted(Sort { column: Some(3), ..plain }), "b/2 a/9 b/2 a/10 c/1 a/9");
    // Column 1 is the whole row: the key runs to the end of the line.
    assert_eq!(sorted(Sort { column: Some(1), ..plain }), sorted(plain));
}

#[test]
fn sorting_keeps_broken_rows_together_and_comes_before_measuring() {
    let rows = vec![Record::new("b").with(Known::Id, "wxyz"), Record::new("a").with(Known::Id, "abcd")];
    let sort = Some(Sort::default());
    let text = print(&Presentation { sort, ..table("2_t_1%%4_i_2_B") }, Style::default(), std::slice::from_ref(&rows));
    assert_eq!(text, "t|i \n-+--\na|ab\n |cd\nb|wx\n |yz\n");
    let each = Some(Sort { each: true, ..Sort::default() });
    let shrinking = Presentation { sort: each, ..plain(Format::TabTcp(Vec::new())) };
    let text = print(&shrinking, Style::default(), &[rows.clone(), rows]);
    let types: Vec<_> = text.lines().skip(2).map(|line| line.split('|').nth(3).unwrap().trim()).collect();
    assert_eq!(types, ["a", "b", "a", "b"]);
}

#[test]
fn unique_compares_all_that_is_printed() {
    let silent = Record::new("XEN").with(Known::Label, Value::Missing(Missing::HostSilent));
    let none = Record::new("XEN").with(Known::Label, Value::Missing(Missing::None));
    let rows = vec![silent.clone(), none, silent];
    let count = |format, column| {
        let sort = Some(Sort { unique: true, column, ..Sort::default() });
        let presentation = Presentation { sort, ..chosen(format, [Known::SessionType, Known::Label]) };
        print(&presentation, Style::default(), std::slice::from_ref(&rows)).lines().count()
    };
    // The two reasons look alike in a plain record and differ in JSON; the key of a column is only what is shown there.
    assert_eq!(count(Format::Raw, None), 1);
    assert_eq!(count(Format::Jsonl, None), 2);
    assert_eq!(count(Format::Jsonl, Some(1)), 1);
}

#[test]
fn rows_stream_where_they_can() {
    let streams = |presentation: Presentation| {
        let mut printer = Printer::new(presentation, Style::default());
        let first = printer.block(&blocks()[0]);
        let second = printer.block(&blocks()[1]);
        (first.contains("tst100") && second.contains("ws2"), printer.finish())
    };
    let each = Some(Sort { each: true, ..Sort::default() });
    for format in [
        Format::TabGen(columns_of("3_l_6")),
        Format::TabTcp(vec![None]),
        Format::TabTcp9(Vec::new()),
        Format::Raw,
        Format::Listing,
        Format::Jsonl,
        Format::Csv,
        Format::Tsv,
        Format::Spec(Vec::new()),
        Format::Rec(Vec::new()),
    ] {
        for sort in [None, each] {
            assert_eq!(streams(Presentation { sort, ..plain(format.clone()) }), (true, String::new()), "{format:?}");
        }
        let whole = Presentation { sort: Some(Sort::default()), ..plain(format.clone()) };
        let (early, rest) = streams(whole);
        assert!(!early && rest.contains("tst100") && rest.contains("ws2"), "{format:?}");
    }
    for format in [Format::TabTcp(Vec::new()), Format::Json, Format::Yaml] {
        let (early, rest) = streams(plain(format.clone()));
        assert!(!early && rest.contains("tst100") && rest.contains("ws2"), "{format:?}");
    }
}

#[test]
fn delimited_text() {
    let fields = [Known::Label, Known::Cport, Known::User, Known::Observed];
    let hostile = Record::new("XEN").with(Known::Label, "a,\"b\"\t\x1b").with(Known::User, "x\ny");
    let mut input = blocks();
    input[0].push(hostile);
    assert_eq!(
        print(&chosen(Format::Csv, fields), Style::default(), &input),
        "label,cport,user,observed\ntst100,5900,,2010-06-21T12:34:56Z\n\"a,\"\"b\"\"\\x09\\x1b\",,x\\x0ay,\ntst100,5950,,\nws2,,,\n"
    );
    assert_eq!(
        print(&chosen(Format::Tsv, fields), Style::default(), &input),
        "label\tcport\tuser\tobserved\ntst100\t5900\t\t2010-06-21T12:34:56Z\na,\"b\"\\x09\\x1b\t\tx\\x0ay\t\ntst100\t5950\t\t\nws2\t\t\t\n"
    );
    let all = print(&plain(Format::Csv), Style::default(), &[]);
    assert!(all.starts_with("pm,session_type,label,") && all.contains(",arch,state,"), "{all}");
    assert!(!all.contains("reserved"), "{all}");
    assert_eq!(print(&Presentation { terse: true, ..plain(Format::Csv) }, Style::default(), &[]), "");
}

#[test]
fn documents() {
    let fields = [Known::Label, Known::Cport, Known::User, Known::Vram, Known::Observed];
    let guest = "{\"label\":\"tst100\",\"cport\":5900,\"user\":null,\"vram\":536870912,\"observed\":\"2010-06-21T12:34:56Z\",\
                 \"missing\":{\"user\":{\"why\":\"no_permission\",\"detail\":\"xl list\"}}}";
    let problem = Problem {
        target: Some("lab09".to_string()),
        ..Problem::new(Phase::HostKey, "the host key has changed").hint("ssh-keygen -R lab09")
    };
    let print = |format| {
        let mut printer = Printer::new(chosen(format, fields), Style::default());
        let mut text = printer.block(&blocks()[0]);
        text += &printer.problem(&problem);
        text + &printer.finish()
    };
    let told = "\"phase\":\"host_key\",\"target\":\"lab09\",\"plugin\":null,\"step\":null,\
                \"message\":\"the host key has changed\",\"hints\":[\"ssh-keygen -R lab09\"],\"exit_code\":4}";
    assert_eq!(
        print(Format::Json),
        format!("{{\"schema\":1,\"records\":[\n{guest}\n],\"problems\":[\n{{{told}\n]}}\n")
    );
    let marked = guest.replacen('{', "{\"kind\":\"record\",\"schema\":1,", 1);
    assert_eq!(print(Format::Jsonl), format!("{marked}\n{{\"kind\":\"problem\",\"schema\":1,{told}\n"));
    assert_eq!(
        print(Format::Yaml),
        "schema: 1\nrecords:\n  - label: \"tst100\"\n    cport: 5900\n    user: null\n    vram: 536870912\n    \
         observed: \"2010-06-21T12:34:56Z\"\n    missing:\n      user:\n        why: \"no_permission\"\n        \
         detail: \"xl list\"\nproblems:\n  - phase: \"host_key\"\n    target: \"lab09\"\n    plugin: null\n    step: null\n    \
         message: \"the host key has changed\"\n    hints:\n      - \"ssh-keygen -R lab09\"\n    exit_code: 4\n"
    );
    for format in [Format::TabTcp(Vec::new()), Format::Raw, Format::Csv, Format::Xml(Vec::new())] {
        let mut printer = Printer::new(plain(format), Style::default());
        assert_eq!(printer.problem(&problem), "", "problems are for the formats that can tell them from rows");
    }
}

#[test]
fn empty_documents() {
    let empty = |format| print(&plain(format), Style::default(), &[vec![]]);
    assert_eq!(empty(Format::Json), "{\"schema\":1,\"records\":[],\"problems\":[]}\n");
    assert_eq!(empty(Format::Yaml), "schema: 1\nrecords: []\nproblems: []\n");
    assert_eq!(empty(Format::Jsonl), "");
}

#[test]
fn the_number_of_columns_is_known_before_any_row() {
    let all = |format| plain(format).shown_columns();
    assert_eq!(all(Format::TabTcp(Vec::new())), 7);
    assert_eq!(all(Format::TabTcp9(Vec::new())), 9);
    assert_eq!(all(Format::TabGen(vec![Column { index: 3, title: "l".into(), width: 3, cut: Cut::Right }])), 1);
    assert_eq!(all(Format::Raw), 22);
    assert_eq!(chosen(Format::Raw, [Known::Label, Known::Tcp]).shown_columns(), 2);
    assert_eq!(Presentation::new(Numbering::Enumerate, Format::Rec(Vec::new())).shown_columns(), 47);
}
