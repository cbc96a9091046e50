//! Completion, as the shells themselves do it: bash, zsh and fish load what `ctys completion` prints.

use crate::pty::{Pty, shown};
use crate::sealed::{Outcome, Sealed};
use std::process::Command;

/// Two hosts in an ssh_config, a group, a machine in the inventory, and `ctys` in the PATH.
fn desk() -> Sealed {
    let sealed = Sealed::new();
    sealed.tool("ctys", &format!("exec {} \"$@\"", env!("CARGO_BIN_EXE_ctys")));
    sealed.file("ssh_config", "Host lab00 lab01\nHost *.far\nHost gateway\n");
    sealed.file(".ctys/groups/everybody", "lab00 lab01\n");
    sealed.file(
        ".ctys/db/default/enum.fdb",
        "lab00.soho;XEN;tst100;/root/xen/tst100.conf;6842caf91e3e43249ed596b8b9f2c5c2;00:50:56:13:11:40;192.168.1.220;;;;CentOS;Linux;5;;PM\n\
         lab00.soho;XEN;$(touch hacked);/root/xen/x.conf;;;;;;;;;;;PM\n",
    );
    // Nothing that completes may ask a host.
    sealed.tool("ssh", "echo \"ssh $*\" >>\"$LOG\"; exit 255");
    sealed
}

/// A shell of the sealed environment, with arguments.
fn shell(sealed: &Sealed, name: &str, words: &[&str]) -> Command {
    let call = sealed.command(&[]);
    let mut shell = Command::new(name);
    shell.args(words).env_clear().envs(call.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("TERM", "dumb").current_dir(sealed.folder.join("home"));
    shell
}

/// What bash has as replies for a line, as it sets its variables for a completion.
fn bash(sealed: &Sealed, line: &str) -> Vec<String> {
    // The words are taken apart as by readline: also at : and =.
    let script = "source <(ctys completion bash)\ncomplete -p ctys ctys-vhost >complete\n\
        COMP_LINE=$1; COMP_POINT=${#1}; COMP_WORDS=(); rest=$1\n\
        while [[ $rest =~ ^([[:blank:]]*)([:=]|[^[:blank:]:=]+)(.*)$ ]]; do\n\
        COMP_WORDS+=(\"${BASH_REMATCH[2]}\"); rest=${BASH_REMATCH[3]}; done\n\
        [[ $1 == *' ' ]] && COMP_WORDS+=('')\nCOMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n\
        compopt() { :; }\n_ctys\nprintf '%s\\n' \"${COMPREPLY[@]}\"";
    let output = shell(sealed, "bash", &["--norc", "-c", script, "bash", line]).output().unwrap();
    let text = Outcome::of(output, line.to_string()).ok();
    text.lines().filter(|line| !line.is_empty()).map(str::to_string).collect()
}

#[test]
fn bash_completes_options_hosts_and_machines_as_it_is_used() {
    let sealed = desk();
    sealed.file(".ctys/groups/desk/q", "lab00\n");
    let config = format!("ctys --ssh-config {}", sealed.folder.join("home/ssh_config").display());
    let check = |line: &str, want: &[&str]| assert_eq!(bash(&sealed, line), want, "{line}");
    check("ctys -a canc", &["cancel="]);
    check("ctys -a CANC", &["CANCEL="]);
    check("ctys --transpo", &["--transport"]);
    check("ctys --transport=open", &["openssh"]);
    check("ctys --transport s", &["ssh2"]);
    check("ctys -a create=l:t", &["tst100"]);
    check("ctys -a create=m:00", &["00:50:56:13:11:40"]);
    check("ctys -a create=l:tst100,CONSO", &["tst100,CONSOLE:"]);
    check("ctys -a list=macro:TAB_CP", &["TAB_CPORT"]);
    check("ctys -t xe", &["xen"]);
    check("ctys -t xen,qe", &["xen,qemu"]);
    check("ctys -H separ", &["separators"]);
    check("ctys vh", &["vhost"]);
    check("ctys-vhost ts", &["tst100"]);
    check("ctys groups every", &["everybody"]);
    check("ctys groups desk/", &["desk/q"]);
    check("ctys-groups -m 5 ts", &[]);
    check("ctys macros TAB_CP", &["TAB_CPORT"]);
    check("ctys-macros -E vcon", &["vconf", "vconn"]);
    check("ctys vdbgen --appe", &["--append"]);
    check("ctys completion z", &["zsh"]);
    check("ctys every", &["everybody"]);
    check("ctys conso", &["console"]);
    check("ctys stop ts", &["tst100"]);
    check("ctys -v -t xen sto", &["stop"]);
    check("ctys -v -t xen stop ts", &["tst100"]);
    check("ctys stop lab00.soho/t", &["lab00.soho/tst100"]);
    check(&format!("{config} la"), &["lab00", "lab00.soho", "lab01"]);
    check(&format!("{config} gate"), &["gateway"]);
    // The options of a suboption of one plugin, and nothing for what nobody knows.
    assert!(bash(&sealed, "ctys -t vnc -a create=").contains(&"bulk:".to_string()));
    check("ctys -a nonsense=", &[]);
    let defined = std::fs::read_to_string(sealed.folder.join("home/complete")).unwrap();
    assert!(defined.contains("complete -o default -F _ctys ctys\n"), "{defined}");
    // Nobody was asked, and the odd name in the inventory is no word for a shell.
    assert_eq!(sealed.log(), "");
    assert!(!bash(&sealed, "ctys -a create=l:").iter().any(|word| word.contains('$')));
}

/// Types a beginning and the tabulator key into an interactive shell, and waits for what it is made to.
fn typed(shell: &mut Command, prompt: &str, setup: &str, cases: &[(&str, &str)]) {
    let mut pty = Pty::start(shell);
    pty.wait_for(prompt.as_bytes());
    pty.types(format!("{setup}; echo loa''ded\r").as_bytes());
    pty.wait_for(b"loaded");
    pty.wait_for(prompt.as_bytes());
    for (typed, added) in cases {
        pty.types(typed.as_bytes());
        pty.wait_for(typed.as_bytes());
        pty.types(b"\t");
        let heard = pty.wait_for(added.as_bytes());
        assert!(heard.len() < 4000, "{}", shown(&heard));
        pty.types(b"\x15");
        pty.types(b"echo nex''t\r");
        pty.wait_for(b"next");
        pty.wait_for(prompt.as_bytes());
    }
}

const CASES: &[(&str, &str)] = &[("ctys -a canc", "el="), ("ctys -a create=l:ts", "t100"), ("ctys every", "body")];

#[test]
fn in_a_terminal_bash_completes_what_is_typed() {
    let sealed = desk();
    let mut bash = shell(&sealed, "bash", &["--norc", "--noprofile", "-i"]);
    bash.env("PS1", "ready> ");
    typed(&mut bash, "ready> ", "source <(ctys completion bash)", CASES);
}

#[test]
fn in_a_terminal_zsh_completes_what_is_typed() {
    let sealed = desk();
    let mut zsh = shell(&sealed, "zsh", &["-f", "-i", "-o", "no_prompt_sp"]);
    zsh.env("PS1", "ready> ").env("TERM", "vt100");
    let setup = "autoload -U compinit; compinit -u -D; source <(ctys completion zsh)";
    typed(&mut zsh, "ready> ", setup, CASES);
}

#[test]
fn fish_offers_what_bash_does() {
    let sealed = desk();
    let check = |line: &str, want: &[&str]| {
        let script = format!("ctys completion fish | source; complete -C '{line}'");
        let text = Outcome::of(shell(&sealed, "fish", &["-N", "-c", &script]).output().unwrap(), script).ok();
        let words: Vec<&str> = text.lines().map(|line| line.split('\t').next().unwrap()).collect();
        assert_eq!(words, want, "{line}");
    };
    check("ctys -a canc", &["cancel="]);
    check("ctys -a create=l:t", &["create=l:tst100"]);
    check("ctys every", &["everybody"]);
    check("ctys-vhost ts", &["tst100"]);
}
