//! Macro files: how they are read, and that every shipped one means something.

use ctys_table::macros::{Book, SHIPPED};
use ctys_table::{Column, Numbering};

fn book(text: &str) -> Book {
    Book::parse("test", text).unwrap()
}

#[test]
fn definitions_are_read() {
    let check = |text: &str, expected: &[(&str, &str)]| {
        let book = book(text);
        let found: Vec<_> = book.names().map(|name| (name, book.get(name).unwrap())).collect();
        assert_eq!(found, expected, "{text:?}");
    };
    check("A = x", &[("A", "x")]);
    check("  A=x  \r\n\n# B = y\n   # C = z\n\nD  =  p   q\t r  ", &[("A", "x"), ("D", "p q r")]);
    check("A = -a list=machine,b:x", &[("A", "-a list=machine,b:x")]);
    check("a = 1\nA = 2", &[("A", "2"), ("a", "1")]);
    check("A =", &[("A", "")]);
    // Joined lines: a list goes on without a blank, words keep one.
    check("A = tab_gen:3_l_1%%\\\n      2_s_2,\\\n   sort", &[("A", "tab_gen:3_l_1%%2_s_2,sort")]);
    check("A = -a list\\\n    -b 0 \\\n   host", &[("A", "-a list -b 0 host")]);
    check("A = {\\\n  macro:B}\\\n(-d 1)", &[("A", "{macro:B}(-d 1)")]);
    check("A = x\\\n# in between\ny", &[("A", "xy")]);
    check("A = x \\  \nB", &[("A", "x B")]);
    // A comment does not go on, whatever it ends with.
    check("# A = x \\\nB = y", &[("B", "y")]);
    check("", &[]);
}

#[test]
fn mistakes_are_all_told_with_their_lines() {
    let check = |text: &str, expected: &[(usize, &str)]| {
        let errors = Book::parse("mine", text).expect_err(text);
        let found: Vec<_> = errors.iter().map(|error| (error.line, error.message.as_str())).collect();
        assert_eq!(found, expected, "{text:?}");
        assert!(errors.iter().all(|error| error.to_string().starts_with("macro file mine, line ")));
    };
    check("A = x\n\nB = y\nA = x", &[(4, "A is defined twice, first in line 1")]);
    check(
        "A\u{1b}[2J\nB\u{202e} = x\nB\u{202e} = y",
        &[(1, "A\\x1b[2J has no ="), (3, "B\\xe2\\x80\\xae is defined twice, first in line 2")],
    );
    check("A = x\nhello\nA = y", &[(2, "hello has no ="), (3, "A is defined twice, first in line 1")]);
    check("= x", &[(1, "there is no name before the =")]);
    check("A B = x", &[(1, "the name A B has a blank in it")]);
    check("A%B = x\nA,B = x", &[(1, "the name A%B has a % in it"), (2, "the name A,B has a , in it")]);
    check("A = x\\", &[(1, "the definition ends with \\, but nothing follows")]);
    check("A = x%%\\\n\nB = y", &[(1, "the definition ends with \\, but nothing follows")]);
    check(&"long ".repeat(20), &[(1, "long long long long long long long long ... has no =")]);
}

#[test]
fn the_users_macros_replace_and_extend_the_shipped_ones() {
    let both = Book::layered(book("A = mine\nC = new"), book("A = shipped\nB = shipped"));
    assert_eq!(both.names().collect::<Vec<_>>(), ["A", "B", "C"]);
    assert_eq!((both.get("A"), both.get("B"), both.get("C")), (Some("mine"), Some("shipped"), Some("new")));
    assert_eq!(both.get("a"), None, "names keep their case");
    assert_eq!(both.definition("C").map(|definition| definition.line), Some(2));
}

#[test]
fn near_misses_are_found() {
    let shipped = Book::parse("default", ctys_table::macros::DEFAULT).unwrap();
    assert_eq!(shipped.near("tab_cport").first(), Some(&"TAB_CPORT"));
    assert_eq!(shipped.near("TAB_CPROT").first(), Some(&"TAB_CPORT"));
    assert_eq!(shipped.near("TAB_ENUMLIST_CONNECT").first(), Some(&"TAB_ENUMLST_CONNECT"));
    assert!(shipped.near("something-else").is_empty());
    assert!(shipped.near("F_L").len() <= 3);
}

/// Every inner `macro:NAME` and `{macro:NAME}` replaced; an unknown name is an error with the nearest ones.
fn expanded(book: &Book, text: &str, depth: usize) -> Result<String, String> {
    if depth > 20 {
        return Err("it never ends".to_string());
    }
    let Some(at) = text.find("macro:") else { return Ok(text.to_string()) };
    let rest = &text[at + "macro:".len()..];
    let end = rest.find(['%', ',', ' ', '}']).unwrap_or(rest.len());
    let (name, mut after) = rest.split_at(end);
    let mut before = &text[..at];
    if let Some(open) = before.strip_suffix('{') {
        before = open;
        after = after.strip_prefix('}').ok_or("a brace is not closed")?;
    }
    // `macro:NAME%FILE` is looked up in that file; here it is the file at hand.
    if !after.starts_with("%%") {
        after = after.strip_prefix("%basetest").unwrap_or(after);
    }
    let inner = book.get(name).ok_or_else(|| format!("there is no {name}; near it: {:?}", book.near(name)))?;
    expanded(book, &format!("{before}{inner}{after}"), depth + 1)
}

/// The column lists of an expanded macro, each with the numbering its action gives it.
fn column_lists(name: &str, text: &str) -> Vec<(Numbering, String)> {
    let list_only = ["F_L_", "TAB_LST_", "TAB_CTYS_LIST", "TAB_TST005", "connpid", "jobs"];
    let numbering = if text.contains("-a list=") || list_only.iter().any(|start| name.starts_with(start)) {
        Numbering::List
    } else {
        Numbering::Enumerate
    };
    let lists = ["tab_gen:", "rec_gen:", "spec_gen:", "xml_gen:"];
    let found: Vec<_> = lists
        .iter()
        .flat_map(|keyword| text.match_indices(keyword).map(|(at, _)| &text[at + keyword.len()..]))
        .map(|rest| (numbering, rest[..rest.find([',', ' ']).unwrap_or(rest.len())].to_string()))
        .collect();
    let bare = name.starts_with("F_") || name.starts_with("DAT_") || name == "HEAD";
    if bare { vec![(numbering, text.to_string())] } else { found }
}

#[test]
fn every_shipped_macro_expands_to_columns_that_exist() {
    let mut wrong = Vec::new();
    let mut checked = 0;
    for &(file, text) in SHIPPED {
        let book = match Book::parse(file, text) {
            Ok(book) => book,
            Err(errors) => {
                wrong.extend(errors.iter().map(ToString::to_string));
                continue;
            }
        };
        for name in book.names() {
            let line = book.definition(name).unwrap().line;
            let mut complain = |what: &str| wrong.push(format!("{file}, line {line}, {name}: {what}"));
            let text = match expanded(&book, book.get(name).unwrap(), 0) {
                Ok(text) => text,
                Err(what) => {
                    complain(&what);
                    continue;
                }
            };
            let lists = column_lists(name, &text);
            if lists.is_empty() && !["ison"].contains(&name) {
                complain(&format!("no columns in {text}"));
            }
            for (numbering, list) in lists {
                checked += 1;
                if let Err(errors) = Column::parse_list(&list, numbering) {
                    errors.iter().for_each(|e| complain(&format!("{e} ({}), in {list}", e.hints.join("; "))));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "macro files:\n{}", wrong.join("\n"));
    assert!(checked > 150, "only {checked} column lists were found");
}

#[test]
fn tables_have_the_columns_of_the_manual() {
    let book = Book::parse("default", ctys_table::macros::DEFAULT).unwrap();
    let check = |name: &str, columns: &str| {
        assert_eq!(expanded(&book, book.get(name).unwrap(), 0).as_deref(), Ok(columns), "{name}");
    };
    check("TAB_CPORT", "tab_gen:3_Label_10%%2_stype_8%%9_cport_5%%1_PM_15%%6_MAC_18%%7_TCP_15");
    check("TAB_HWCAP", "tab_gen:3_label_10%%2_stype_8%%23_HWcap_70_B");
    check("TAB_HWREQ", "tab_gen:3_label_10%%2_stype_8%%24_HWreq_70_B");
    check("conf", "tab_gen:3_label_10%%2_stype_8%%7_TCP_15%%6_MAC_18%%4_ID_50_L");
    check(
        "ehyper",
        "-a enumerate=tab_gen:3_label_10%%2_stype_8%%19_VMstate_9%%14_os_10%%15_osrel_10%%38_Arch_7%%41_VCPU_5%%40_VRAM_13",
    );
    check(
        "listjobs",
        "-a list=tab_gen:3_label_20%%1_PM_15%%2_stype_8%%21_accel_5%%14_cst_1%%15_jobid_30%%11_pid_5%%12_uid_8%%13_gid_8",
    );
    check(
        "REC_CTYS_VHOST_DEFAULT",
        "rec_gen:3_label_10%%2_stype_8%%30_accel_5%%12_distro_12%%13_distrorel_15%%14_os_10%%15_osrel_10%%1_PM_15%%33_if_7%%7_TCP_15",
    );
}
