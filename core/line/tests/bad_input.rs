//! Bad input: a clear sentence with its place, and nothing else happens. Any bytes are answered, never with a panic.

mod common;

use common::*;
use ctys_line::{Mistake, Origin, World, parse};

/// The mistakes of a call as `word:offset+length message`, one per line.
fn brief(mistakes: &[Mistake]) -> String {
    let line = |mistake: &Mistake| {
        let place = &mistake.place;
        let origin = match &place.origin {
            Origin::Call => format!("{}", place.word.map_or(-1, |word| word as i64)),
            Origin::Group { name, line } => format!("{name}/{line}"),
            Origin::Setting { name } => name.clone(),
        };
        let near = mistake.nearest.as_ref().map(|near| format!(" [{near}]")).unwrap_or_default();
        format!("{origin}:{}+{} {}{near}\n", place.offset, place.length, mistake.message)
    };
    mistakes.iter().map(line).collect()
}

#[track_caller]
fn check_with(texts: &Texts, line: &str, expected: &str) {
    let expected: String = expected.lines().map(|line| format!("{}\n", line.trim())).collect();
    assert_eq!(brief(&wrong_with(texts, line)), expected, "ctys {line}");
}

#[track_caller]
fn check(line: &str, expected: &str) {
    check_with(&Texts::default(), line, expected);
}

#[test]
fn unknown_words_are_named_with_their_place_and_the_nearest_word() {
    check("-a list -Q lab00", "2:1+1 the option -Q is not known [-q]");
    check("-a list --lokation CF lab00", "2:0+10 the option --lokation is not known [--location]");
    check("-a list -nQ lab00", "2:2+1 the option -Q is not known [-q]");
    check("-a lits lab00", "1:0+4 the action lits is not known [LIST]");
    check("-t xne -a list lab00", "1:0+3 the session type xne is not known [XEN]");
    check("-a list=lable lab00", "1:5+5 LIST has no suboption lable [LABEL]");
    check("-a enumerate=matchvstat:activ lab00", "1:21+5 activ is not a state [ACTIVE]");
    check("-t xen -a create=l:x,CONSOLE:xtrem lab00", "3:19+5 xtrem is not a console [XTERM]");
    check("-t xen -a create=l:x,conect lab00", "3:11+6 CREATE has no suboption conect [CONNECT]");
    check("-a list -L CX lab00", "3:0+2 CX is not a place for -L [CF]");
    check("-a list -Z KSO,SUDO lab00", "3:0+3 KSO is not a way to root [KSU]");
    check("-a list --output jsn lab00", "3:0+3 the format jsn is not known [JSON]");
    check("-a list=label:x lab00", "1:5+5 LABEL of LIST takes no argument");
    check("-a list -o json lab00", "2:1+1 the option -o is not known");
    check("-t vnc -a create=l:x,WOL lab00", "3:11+3 CREATE has no suboption WOL");
}

#[test]
fn rows_are_sorted_by_columns_that_are_there() {
    check("-a list=tab_tcp,sort:8 lab00", "1:13+6 SORT counts to 8, and 7 columns are shown");
    check("-a list=label,st,sort:all%3 lab00", "1:14+10 SORT counts to 3, and 2 columns are shown");
    check("-a enumerate=tab:1_PM_8%%3_label_9,sort:3 lab00", "1:32+6 SORT counts to 3, and 2 columns are shown");
    for line in
        ["list=sort:7", "list=tab_tcp9,sort:9", "list=label,sort:1", "list=machine,sort:5", "enumerate=json,sort:9"]
    {
        right(&format!("-a {line} lab00"));
    }
}

#[test]
fn one_call_has_one_table() {
    let other = |host: &str| format!("the rows of {host} would have another form than those before them");
    check("-a list lab00 lab01'(-a list=label)'", &format!("3:0+5 {}", other("lab01")));
    check("lab00'(-a list=csv)' lab01'(-a list=json)' lab02'(-a enumerate)'", &{
        format!("1:0+5 {}\n2:0+5 {}", other("lab01"), other("lab02"))
    });
    check("-a show --output tab_tcp lab00", "3:0+7 what SHOW and INFO say has no columns for a table");
    right("lab00'(-a list=label)' lab01'(-t xen -a list=label)'");
    right("-a list=label lab00 lab01'(-a list=label,pkg:xen)'");
}

#[test]
fn all_mistakes_of_a_call_are_reported_together() {
    check(
        "-a lits -Q -Z KSO lab00'(-L XX -T xne)' -b 7 :22 'vm[l:x]' --window many",
        "1:0+4 the action lits is not known [LIST]
        2:1+1 the option -Q is not known [-q]
        4:0+3 KSO is not a way to root [KSU]
        5:9+2 XX is not a place for -L
        5:15+3 the session type xne is not known [XEN]
        7:0+1 7 is not a word for -b
        8:0+3 the name of the host is missing
        9:2+5 addresses of nested machines, host[machine], are not supported
        11:0+4 many is not a number of targets",
    );
}

#[test]
fn options_need_their_values_and_only_theirs() {
    check(
        "lab00 -t",
        "0:0+5 there is no action for this target
        1:2+0 -t has no value",
    );
    check("-a -t xen lab00", "0:2+0 -a has no value");
    check("-a list --force=yes lab00", "2:0+11 --force takes no value");
    check("-t , -a cancel=l:x h", "1:0+1 there is no session type between these commas");
    check("-a list -t '' lab00", "3:0+0 -t has no value");
    check("-a show=x lab00", "1:5+1 SHOW takes no suboptions");
    check("-t xen -a create=l:,connect:now lab00", "3:9+0 L has an empty argument\n3:17+4 CONNECT takes no argument");
    check("-a list=tab_gen lab00", "1:12+0 TAB_GEN has no argument");
    check(
        "-a list lab00'(-n)' lab01'(-X)'",
        "2:6+2 -n concerns the whole call and cannot stand in parentheses
        3:6+2 -X concerns the whole call and cannot stand in parentheses",
    );
    check("-a list -- lab00 -t xen", "4:0+2 -t stands behind --, where options end");
    assert_eq!(job("-a list -M '' lab00").options.prefix.as_deref(), Some(""));
}

#[test]
fn quotes_and_parentheses_that_do_not_match() {
    // lab00'(-Z KSU lab01'(-Z SUDO)' and lab00'(-Z KSU' lab01'(-Z SUDO)', as the shell hands them over.
    check("-a list 'lab00(-Z KSU lab01(-Z' 'SUDO)'", "2:18+1 there is a ( inside of parentheses, which do not nest");
    check("-a list 'lab00(-Z KSU' 'lab01(-Z SUDO)'", "3:5+1 there is a ( inside of parentheses, which do not nest");
    check("-a list 'lab00-Z SUDO)'", "2:12+1 there is no ( before this )");
}

#[test]
fn the_shown_line_has_a_caret() {
    let mistakes = wrong("-a list lab00'(-Z KSUU)'");
    let expected = "KSUU is not a way to root\n  ctys -a list lab00(-Z KSUU)\n                        ^^^^\n";
    assert!(mistakes[0].to_string().starts_with(expected), "{}", mistakes[0]);
}

#[test]
fn values_may_hold_anything_but_hosts_may_not() {
    let hostile = "a;b$(c)`d`|&<>'\"*?~#\nx\\y\u{1b}[2J";
    let words = ["-t", "xen", "-a", &format!("create=l:{hostile},f:{hostile}"), "lab00"];
    let call = parse(&words, &World::new("acue", &Texts::default())).map_err(|all| show(&all)).unwrap();
    let ctys_model::Action::Create(create) = &call.jobs[0].action else { panic!("no CREATE") };
    assert_eq!(create.address.label.as_deref(), Some(hostile));
    assert_eq!(create.address.file_name.as_deref(), Some(hostile));
    for host in [
        "a;b",
        "a$b",
        "a`b",
        "a|b",
        "a&b",
        "a<b",
        "a\\b",
        "-oProxyCommand=x",
        "a*",
        "a\u{7f}b",
        "$(reboot)",
        "u;v@host",
    ] {
        let words = ["-a", "list", "--", host];
        let mistakes = parse(&words, &World::new("acue", &Texts::default())).expect_err(host);
        assert!(!show(&mistakes).contains('\u{7f}'), "{host}");
    }
}

#[test]
fn bytes_that_are_no_text_are_a_mistake_with_its_place() {
    let mistakes = parse(&[&b"-a"[..], b"list", b"lab\xff00"], &World::new("acue", &Texts::default())).unwrap_err();
    assert_eq!(brief(&mistakes), "2:3+1 the byte \\xff is not part of a text in UTF-8\n");
}

#[test]
fn a_macro_that_is_missing_recursive_or_defined_twice() {
    let texts = Texts::default()
        .with_macros(
            "default",
            "A = macro:B\nB = x{macro:C}\nC = macro:A\nSELF = macro:SELF\nDEEP = list=macro:NOTHING\n",
        )
        .with_macros("twice", "X = list\nX = info\n")
        .with_macros("shell", "X = list\n");
    check_with(&texts, "-a list=macro:TAB_CPROT lab00", "1:5+15 the macro TAB_CPROT is not defined [TAB_CPORT]");
    check_with(&texts, "-a list=macro:SELF lab00", "1:5+10 the macro SELF contains itself");
    check_with(&texts, "-a macro:X%twice lab00", "1:8+5 macro file twice, line 2: X is defined twice, first in line 1");
    check_with(&texts, "-a macro:X%nofile lab00", "1:8+6 there is no macro file nofile");
    check_with(&texts, "-a macro:X%shell%EVAL lab00", "1:14+4 EVAL of macro X would run text of a file in a shell");
    check_with(&texts, "-a {macro:X%shell lab00", "1:0+1 the { before a macro is not closed");
    check_with(&texts, "-a list=macro: lab00", "1:5+6 the macro has no name");
    let mistakes = wrong_with(&texts, "-a list=macro:A lab00");
    assert!(mistakes[0].to_string().contains("macros: A -> B -> C -> A"), "{}", mistakes[0]);
    let mistakes = wrong_with(&texts, "-a macro:DEEP lab00");
    assert_eq!(brief(&mistakes), "1:0+10 the macro NOTHING is not defined\n");
    assert!(mistakes[0].to_string().contains("macros: DEEP -> NOTHING"), "{}", mistakes[0]);
    // What is wrong in the text of a macro says whose text it is.
    let texts = Texts::default().with_macros("default", "M = list=label,lable\n");
    let mistakes = wrong_with(&texts, "-a macro:M lab00");
    assert_eq!(brief(&mistakes), "1:0+7 LIST has no suboption lable [LABEL]\n");
    assert!(mistakes[0].to_string().contains("this is in the text of macro M"), "{}", mistakes[0]);
}

#[test]
fn macros_do_not_grow_without_end() {
    let deep: String = (0..40).map(|n| format!("M{n} = macro:M{}\n", n + 1)).collect();
    let texts = Texts::default().with_macros("default", &format!("{deep}M40 = list\n"));
    let mistakes = wrong_with(&texts, "-a macro:M0 lab00");
    assert!(mistakes[0].message.contains("more than 20 deep"), "{}", mistakes[0]);
    right_with(&texts, "-a macro:M22 lab00");
    // Each doubles the one below: 2^19 words.
    let wide: String = (0..19).map(|n| format!("W{n} = macro:W{} macro:W{}\n", n + 1, n + 1)).collect();
    let texts = Texts::default().with_macros("default", &format!("{wide}W19 = lab00lab00\n"));
    let mistakes = wrong_with(&texts, "-a list macro:W0");
    assert!(
        mistakes.iter().any(|mistake| mistake.message.contains("more than 1048576 characters")),
        "{}",
        show(&mistakes)
    );
}

#[test]
fn a_group_that_includes_itself_or_what_is_not_there() {
    let texts = Texts::default()
        .with_group("self", "lab00\n#include self\n")
        .with_group("a", "#include b\n")
        .with_group("b", "#include c,a\n")
        .with_group("c", "lab00\n#include nothing\n")
        .with_group("quotes", "lab00'(-Z KSU)\nlab01\n")
        .with_group("bad", "# fine\nlab00'(-Z KSO)' lab01:99999\n");
    check_with(&texts, "-a list self", "self/2:9+4 the group self includes itself");
    let mistakes = wrong_with(&texts, "-a list a");
    assert_eq!(brief(&mistakes), "b/1:11+1 the group a includes itself\nc/2:9+7 there is no group nothing\n");
    assert!(mistakes[0].to_string().contains("groups: a -> b -> a"), "{}", mistakes[0]);
    assert!(mistakes[1].to_string().contains("groups: a -> b -> c -> nothing"), "{}", mistakes[1]);
    check_with(&texts, "-a list quotes", "quotes/1:5+1 the quote ' is not closed");
    check_with(&texts, "-a list bad", "bad/2:10+3 KSO is not a way to root [KSU]\nbad/2:22+5 99999 is not a port");
    check_with(&texts, "-a list lab/none", "2:0+8 there is no group lab/none");
    // No way out of the groups path.
    check_with(&texts, "-a list ../../etc/passwd", "2:0+16 there is no group ../../etc/passwd");
}

#[test]
fn groups_do_not_grow_without_end() {
    let texts = (0..19).fold(Texts::default().with_group("g19", "lab00 lab01\n"), |texts, n| {
        texts.with_group(&format!("g{n}"), &format!("#include g{0},g{0}\n", n + 1))
    });
    let mistakes = wrong_with(&texts, "-a list -A 1 g0");
    assert!(mistakes.iter().any(|mistake| mistake.message.contains("more than 65536")), "{}", show(&mistakes));
}

/// A made-up sequence of numbers that is the same in every run (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below as u64) as usize
    }
}

/// Every mistake can be shown, in one line per line, and its place lies in the call.
fn check_places(words: &[Vec<u8>], texts: &Texts) {
    // Without the shipped macros, which take longer to read than the call.
    let world = World { shipped_macros: &[], ..World::new("acue", texts) };
    let Err(mistakes) = parse(words, &world) else { return };
    assert!(!mistakes.is_empty());
    for mistake in &mistakes {
        let shown = mistake.to_string();
        assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{words:?}\n{shown:?}");
        let place = &mistake.place;
        assert!(place.column <= place.line.chars().count(), "{words:?} {place:?}");
        if let (Origin::Call, Some(word)) = (&place.origin, place.word) {
            let length = String::from_utf8_lossy(&words[word]).chars().count();
            assert!(place.offset <= length + 1, "{words:?} {place:?}");
        }
    }
}

#[test]
fn any_bytes_are_answered() {
    let texts = Texts::default()
        .with_macros("default", "M = lab00 lab01(-Z KSU)\n")
        .with_group("g", "#include g\nlab00(-a list)\n");
    // Every byte at the ends of each word, and every byte that is not a plain letter in every place, of a call that
    // has everything.
    let whole = "-txen -a create=l:x,c:a%%b (-ZKSU) SUBTASK{g:22 u@[::1]:2(-d3)} '{macro:M}'";
    let words: Vec<Vec<u8>> = sh(whole).into_iter().map(String::into_bytes).collect();
    for word in 0..words.len() {
        for at in 0..=words[word].len() {
            let end = at == 0 || at == words[word].len();
            for byte in (1..=255u8)
                .filter(|byte| end || byte.is_ascii_punctuation() || matches!(byte, 1 | b'\n' | b' ' | 0x80 | 0xff))
            {
                let mut changed = words.clone();
                changed[word].insert(at, byte);
                check_places(&changed, &texts);
            }
        }
    }
}

#[test]
fn any_words_are_answered() {
    let texts = Texts::default()
        .with_macros("default", "M = lab00 lab01(-Z KSU)\nQ = '(\n")
        .with_group("g", "lab00 (-a list)\n'\n");
    let pieces: Vec<&[u8]> = vec![
        b"-a",
        b"list",
        b"create=",
        b"l:",
        b"(",
        b")",
        b"{",
        b"}",
        b"'",
        b"\"",
        b",",
        b":",
        b"%",
        b"%%",
        b"\\",
        b"=",
        b"-",
        b"--",
        b" ",
        b"macro:",
        b"{macro:",
        b"M",
        b"Q",
        b"g",
        b"SUBTASK",
        b"VMSTACK{",
        b"@",
        b"[",
        b"]",
        b"::1",
        b"-Z",
        b"KSU",
        b"-t",
        b"xen",
        b"\xff",
        b"\xc3\xa4",
        b"\n",
        b"\0",
        b"tab_gen:",
        b"3_x_5",
        b"_",
        b"99999999999999999999",
        b"-b",
        b"-1",
        b"\xe2\x80\xae",
        b"CONSOLE:",
        b"list=",
        b"enumerate=",
        b"sort:",
        b"cancel=",
        b"all",
        b"-C",
        b"-X",
        b"localhost",
        b"macro:M%",
        b"VCIRCUIT{",
    ];
    let mut numbers = Numbers(7);
    for _ in 0..6_000 {
        let words: Vec<Vec<u8>> = (0..numbers.next(7))
            .map(|_| (0..numbers.next(5)).flat_map(|_| pieces[numbers.next(pieces.len())].to_vec()).collect())
            .collect();
        check_places(&words, &texts);
    }
}

#[test]
fn targets_that_come_to_nothing_never_mean_this_machine() {
    let texts = Texts::default()
        .with_group("empty", "")
        .with_group("comment", "# lab00\n\n")
        .with_group("outer", "#include empty\nCONTEXT'(-Z SUDO)'\n");
    let none = "the call has no target: its groups have no members";
    let act = "-t pm -a cancel=self,poweroff";
    for group in ["empty", "comment", "outer"] {
        check_with(&texts, &format!("{act} {group}"), &format!("4:0+{} {none}", group.len()));
    }
    check_with(&texts, &format!("{act} '(-Z SUDO)' empty comment"), &format!("5:0+5 {none}"));
    check_with(&texts, &format!("{act} 'SUBTASK{{empty}}'"), &format!("4:0+7 {none}"));
    check(&format!("{act} ' '"), "4:0+1 there is an empty word");
    check(&format!("{act} '\t'"), "4:0+1 there is an empty word");
    check(&format!("{act} ,"), "4:0+1 there is no target between these commas");
    check(&format!("{act} '()' ' , '"), "5:0+3 there is no target between these commas");
    let texts = texts.with_macros("default", "NONE =\nINNER = {macro:NONE}\n");
    let none = "this macro comes to nothing, and the call has no target";
    check_with(&texts, &format!("{act} macro:NONE"), &format!("4:0+10 {none}"));
    check_with(&texts, &format!("{act} '{{macro:INNER}}'"), &format!("4:0+13 {none}"));
    check_with(&texts, &format!("{act} macro:HOSTS%optional"), &format!("4:0+20 {none}"));
    assert_eq!(hosts(&right_with(&texts, &format!("{act} macro:NONE localhost")).jobs), ["localhost"]);
    assert_eq!(hosts(&right_with(&texts, "-a list macro:NONE").jobs), ["localhost"]);
    // Beside other targets an empty group is worth a word, and commas are commas.
    let call = right_with(&texts, &format!("{act} lab00 , empty lab01"));
    assert_eq!(hosts(&call.jobs), ["lab00", "lab01"]);
    let notices: Vec<&str> = call.notices.iter().map(|notice| notice.message.as_str()).collect();
    assert_eq!(notices, ["the group empty has no members"]);
    for line in ["-a list", "-a list --", "-a list '()'", "-a list -- '(-Z SUDO)'"] {
        assert_eq!(hosts(&jobs(line)), ["localhost"], "{line}");
    }
}
