//! Items to one POSIX shell script. The only place that writes shell text.
//!
//! The script goes to `/bin/sh` by its standard input, so no length limit of an argument list applies. Every item gets
//! an input of its own, so none can eat the rest of the script. See `frames.rs` for the marks.

use crate::quote::{NulByte, quote};
use crate::scan::below_home;
use ctys_model::probe::Scan;
use ctys_model::{Bytes, Command, Lock, Privilege, ProcessTable};
use serde::{Deserialize, Serialize};

/// The status word of an item whose program is not there.
pub const NOT_FOUND: &str = "n";
/// The status word of an item whose privilege was refused before it was tried.
pub const REFUSED: &str = "r";
/// The status word of a file that is not there.
pub const ABSENT: &str = "a";
/// The status word of a file that may not be read.
pub const DENIED: &str = "d";
/// The status word of a step that was not tried since one before it failed.
pub const SKIPPED: &str = "s";

/// One thing to do on a host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The first of these commands whose program exists.
    Run(Vec<Command>),
    /// The first bytes of a file.
    File {
        /// Absolute, or relative to the home folder.
        path: Bytes,
        /// How many bytes.
        limit: u32,
    },
    /// A walk through folders, see `scan.rs`.
    Scan(Scan),
    /// A look at the processes, see `processes.rs`.
    Processes(ProcessTable),
    /// A lock, see `lock.rs`.
    Lock(Lock),
}

/// A way to root, as the script uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Means {
    /// Kerberos' `ksu`.
    Ksu,
    /// `sudo -n`.
    Sudo,
    /// `doas -n`.
    Doas,
    /// None: the credentials of all that were allowed were refused on another host. What needs root is refused here
    /// unless the account is root, since run without root it would not be what the user asked for.
    Barred,
}

impl Means {
    /// The name of the tool, and the word of the script.
    pub fn word(self) -> &'static str {
        match self {
            Means::Ksu => "ksu",
            Means::Sudo => "sudo",
            Means::Doas => "doas",
            Means::Barred => "barred",
        }
    }
}

/// How long sudo may take to say whether it lets a command run, in seconds: its rules may come from a directory far away.
pub const SUDO_ANSWER_S: u32 = 25;

/// What the first round of a session begins with: locale, path, helpers, the host's own facts.
///
/// `sudo -n -l CMD` asks sudo whether it would run CMD without a password; so a refusal is known for what it is and
/// CMD's own status 1 is never taken for one. doas has no such question; its refusal is read from its message.
///
/// ksu searches no PATH, and its own status is 0 whatever that of the command was: it gives away the low byte of what
/// wait(2) told it. With `-k` it becomes the command, and with `-Z` leaves no tickets of the user in a cache of root's.
///
/// A script in a command that nobody watches (`ctys_j`) is run by this shell, in a process beside it: one program less.
///
/// A mark waits in `ctys_z` for the next thing that may print or take its time, which has to be behind a `ctys_f`: most items of
/// a listing ask for what is not there, and each write is a packet of its own on the way back.
pub fn preamble(nonce: &str, means: &[Means]) -> Vec<u8> {
    let mut roots = String::new();
    if !means.is_empty() {
        roots.push_str("case $ctys_i in 'uid=0('*|'uid=0 '*) ctys_m=root;; *)\nif false; then :\n");
        for means in means {
            let word = means.word();
            roots.push_str(&match means {
                Means::Barred => format!("else ctys_m={word}\n"),
                _ => format!("elif command -v {word} >/dev/null 2>&1; then ctys_m={word}\n"),
            });
        }
        roots.push_str("fi;; esac\n");
    }
    format!(
        "\
LC_ALL=C; export LC_ALL; unset LANGUAGE ENV BASH_ENV CDPATH
PATH=${{PATH:-/usr/bin:/bin}}:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin; export PATH
cd \"${{HOME:-/}}\" 2>/dev/null || cd /
ctys_z=
ctys_n={nonce}
ctys_b() {{ ctys_z=\"${{ctys_z}}$ctys_n b $1
\"; }}
ctys_f() {{ [ -z \"$ctys_z\" ] || {{ printf %s \"$ctys_z\"; printf %s \"$ctys_z\" >&2; ctys_z=; }}; }}
ctys_e() {{ ctys_last=$2; ctys_z=\"${{ctys_z}}$ctys_n e $1 $2 $3
\"; }}
ctys_x() {{ ctys_z=\"${{ctys_z}}$ctys_n x $1
\"; ctys_f; }}
ctys_b 0; ctys_f
{WHO}ctys_e 0 $? 0
ctys_m=none
{roots}ctys_r() {{
ctys_l=$1; shift
case $ctys_m in
ksu) ctys_c=$(command -v \"$1\"); shift; ctys_t $ctys_l ksu root -q -k -Z -e \"$ctys_c\" \"$@\";;
sudo) ctys_t $ctys_l sudo -n -- \"$@\";;
doas) ctys_t $ctys_l doas -n -- \"$@\";;
*) ctys_t $ctys_l \"$@\";;
esac
}}
ctys_o() {{
case $ctys_m in
ksu|sudo|doas) ctys_r \"$@\";;
*) shift; ctys_j \"$@\";;
esac
}}
ctys_j() {{
case \"$1 $2\" in
'sh -c') ( shift 2; ctys_c=$1; shift; [ $# = 0 ] || shift; eval \"$ctys_c\" );;
*) \"$@\";;
esac
}}
ctys_a() {{
case $ctys_m in
sudo) ctys_t {SUDO_ANSWER_S} sudo -n -l -- \"$@\" >/dev/null </dev/null; ctys_q=$?
case $ctys_q in 124|137) echo 'sudo did not say within {SUDO_ANSWER_S} s whether it lets this run' >&2;; esac; return $ctys_q;;
barred) echo 'the same credentials were refused on another host' >&2; return 1;;
*) :;;
esac
}}
"
    )
    .into_bytes()
}

/// The host says who it is, as `uname -snrm` and `id` say it. On Linux that stands in files which the shell reads by itself, where two
/// programs cost a host as much as the rest of a listing of what is not there. `id` is spared for root alone, whose names
/// stand in the first lines of their files: dash reads byte by byte. Whoever has put a program of these names before the
/// system's on the PATH is heard, and a personality (setarch(8)), for which `uname` tells something else than the files.
const WHO: &str = r#"ctys_u= ctys_i=
ctys_s() {
set -f; IFS=:; for ctys_p in $PATH; do [ -x "$ctys_p/$1" ] && break; done; unset IFS; set +f
case $ctys_p in /bin|/usr/bin) ;; *) return 1;; esac
}
ctys_p=/proc/sys/kernel
if [ -r $ctys_p/arch ] && read -r ctys_u <$ctys_p/ostype && read -r ctys_q <$ctys_p/hostname && read -r ctys_l <$ctys_p/osrelease && read -r ctys_w <$ctys_p/arch && read -r ctys_c </proc/self/personality && [ "$ctys_c" = 00000000 ] && ctys_s uname
then ctys_u="$ctys_u $ctys_q $ctys_l $ctys_w"; else ctys_u=; uname -snrm & ctys_w=$!; fi
if [ -r /proc/self/status ] && ctys_s id; then
while read -r ctys_p ctys_q ctys_l; do case $ctys_p$ctys_q in Uid:0) ctys_i=0;; Gid:0) ctys_i=${ctys_i}0; break;; Gid:*) break;; esac; done </proc/self/status
case $ctys_i in 00) IFS=: read -r ctys_p ctys_q ctys_l </etc/passwd && IFS=: read -r ctys_q ctys_i ctys_t </etc/group
case "$ctys_l $ctys_t:" in 0:*' 0:'*) ctys_i="uid=0($ctys_p) gid=0($ctys_q)";; *) ctys_i=;; esac;; *) ctys_i=;; esac
fi
[ "$ctys_i" ] || ctys_i=$(id)
if [ "$ctys_u" ]; then printf '%s\n' "$ctys_u"; else wait $ctys_w; fi
printf '%s\n' "$ctys_i" "${HOME:-/}"
"#;

/// How a command is kept to its time limit, which is found out when the first such command runs, since most tools are absent on most
/// hosts.
///
/// `timeout` must know `-k`: coreutils' does since 2010, that of busybox learned it late. Asking it takes two processes, so the
/// one that the system has as a program of its own is taken for coreutils'; should it refuse the words (status 125, with the
/// command not begun), it is asked after all.
pub const LIMITS: &str = "\
ctys_v() { timeout -k 1 1 true >/dev/null 2>&1 </dev/null; }
ctys_t() {
if { ctys_s timeout && [ -f $ctys_p/timeout ] && [ ! -L $ctys_p/timeout ] && [ ! $ctys_p/timeout -ef /bin/busybox ] && [ ! /bin/sh -ef /bin/busybox ]; } 2>/dev/null || ctys_v
then ctys_t() { timeout -k 2 \"$@\"; ctys_q=$?; if [ $ctys_q != 125 ] || ctys_v; then return $ctys_q; fi; ctys_y \"$@\"; }
else ctys_t() { ctys_y \"$@\"; }; fi
ctys_t \"$@\"
}
ctys_y() {
ctys_l=$1; shift
{ \"$@\" <&3 3<&- & } 3<&0; ctys_p=$!
( sleep $ctys_l; kill -15 $ctys_p; sleep 2; kill -9 $ctys_p ) >/dev/null 2>&1 </dev/null & ctys_w=$!
wait $ctys_p; ctys_q=$?
kill $ctys_w 2>/dev/null
if [ $ctys_q = 143 ] || [ $ctys_q = 137 ]; then return 124; fi
return $ctys_q
}
";

/// Whether a folder may be there: one that is below a folder which the account may not enter may be.
pub const NEARNESS: &str = "\
ctys_h() {
ctys_p=$1
while [ ! -e \"${ctys_p:-/}\" ] && [ -n \"$ctys_p\" ]; do ctys_p=${ctys_p%/*}; done
[ \"$ctys_p\" = \"$1\" ] || [ ! -x \"${ctys_p:-/}\" ]
}
";

/// Whether this item needs [`NEARNESS`].
pub fn looks_near(item: &Item) -> bool {
    matches!(item, Item::Run(tries) if tries.first().is_some_and(|command| !command.near.is_empty()))
}

/// Functions of the script, and which items need them.
type Helper = (fn(&Item) -> bool, &'static str);

/// What is said once before the first item that needs it.
pub const HELPERS: [Helper; 4] =
    [(has_limit, LIMITS), (looks_near, NEARNESS), (is_lasting, SIGNALS), (reads_tables, TABLES)];

/// Whether this item needs [`SIGNALS`].
pub fn is_lasting(item: &Item) -> bool {
    matches!(item, Item::Run(tries) if tries.iter().any(|command| command.lasting))
}

/// The program in front of one that gets the usual signals again: a shell cannot take back what [`chain_begin`] has made it ignore.
/// The words have no blanks but between them, and are the two programs that can: coreutils from 8.31 on, and perl.
pub const SIGNALS: &str = r#"ctys_d=
if env --default-signal=PIPE true >/dev/null 2>&1; then ctys_d='env --default-signal=PIPE'
elif command -v perl >/dev/null 2>&1; then ctys_d='perl -e $SIG{PIPE}="DEFAULT";exec@ARGV'; fi
"#;

/// Whether this item needs [`LIMITS`].
pub fn has_limit(item: &Item) -> bool {
    let watched = |command: &Command| !command.unwatched || command.privilege == Privilege::Root;
    match item {
        Item::Run(tries) => tries.iter().any(watched),
        Item::File { .. } | Item::Processes(_) | Item::Lock(_) => false,
        Item::Scan(_) => true,
    }
}

/// A table of the kernel, text and mostly of a few lines: the shell reads it by itself.
fn is_small_text(path: &[u8]) -> bool {
    path.starts_with(b"/proc/net/") || path.starts_with(b"/proc/sys/")
}

/// Whether this item needs [`TABLES`].
pub fn reads_tables(item: &Item) -> bool {
    matches!(item, Item::File { path, .. } if is_small_text(path.as_slice()))
}

/// `$1` bytes at most of the file `$2`, the first lines without a program. Shells read no byte too many, so what is left is
/// where the next reader goes on.
pub const TABLES: &str = "\
ctys_g() { {
ctys_q=64 ctys_l=
while [ $ctys_q -gt 0 ]; do
IFS= read -r ctys_p || { ctys_l=$ctys_l$ctys_p; break; }
ctys_q=$((ctys_q-1)) ctys_l=\"$ctys_l$ctys_p
\"
done
printf %s \"$ctys_l\"
[ $ctys_q -gt 0 ] || head -c $1
} <\"$2\"; }
";

/// One item, framed under this number (from 1). `limit_s` is the time limit of a command that names none.
pub fn item(out: &mut Vec<u8>, number: u32, item: &Item, limit_s: u32) -> Result<(), NulByte> {
    out.extend_from_slice(format!("ctys_b {number}\n").as_bytes());
    match item {
        Item::Run(tries) => first_of(out, number, tries, limit_s)?,
        Item::Scan(scan) => {
            out.extend_from_slice(b"ctys_f\n");
            crate::scan::script(out, scan)?;
            out.extend_from_slice(format!("; ctys_e {number} $? 0\n").as_bytes());
        }
        Item::Processes(table) => {
            out.extend_from_slice(b"ctys_f\n");
            crate::processes::script(out, table)?;
            out.extend_from_slice(format!("; ctys_e {number} $? 0\n").as_bytes());
        }
        Item::Lock(lock) => {
            out.extend_from_slice(b"ctys_f\n");
            crate::lock::script(out, lock)?;
            out.extend_from_slice(format!("; ctys_e {number} $? 0\n").as_bytes());
        }
        Item::File { path, limit } => {
            let mut whole = path.0.clone();
            if !whole.starts_with(b"/") {
                // A relative name may begin with a dash.
                whole.splice(0..0, *b"./");
            }
            let path = quote(&whole)?;
            let mut line = Vec::new();
            for part in [
                &b"if [ ! -e "[..],
                &path,
                format!(" ]; then ctys_e {number} {ABSENT} 0\nelif [ ! -r ").as_bytes(),
                &path,
                format!(" ]; then ctys_e {number} {DENIED} 0\nelif [ ! -f ").as_bytes(),
                &path,
                // A pipe would wait for its writer, a device for anything.
                format!(
                    " ]; then ctys_f; echo 'it is no file' >&2; ctys_e {number} 1 0\nelse ctys_f; {} {} ",
                    if is_small_text(&whole) { "ctys_g" } else { "head -c" },
                    u64::from(*limit) + 1
                )
                .as_bytes(),
                &path,
                format!(" </dev/null; ctys_e {number} $? 0; fi\n").as_bytes(),
            ] {
                line.extend_from_slice(part);
            }
            out.extend_from_slice(&line);
        }
    }
    Ok(())
}

/// The first of these commands whose program exists.
fn first_of(out: &mut Vec<u8>, number: u32, tries: &[Command], limit_s: u32) -> Result<(), NulByte> {
    let near = tries.first().map_or(&[][..], |command| &command.near);
    for (n, folder) in near.iter().enumerate() {
        out.extend_from_slice(if n == 0 { b"if ctys_h " } else { b" || ctys_h " });
        out.extend_from_slice(&quote(&below_home(folder.as_slice()))?);
    }
    if !near.is_empty() {
        out.extend_from_slice(b"; then\n");
    }
    for (n, command) in tries.iter().enumerate() {
        let program = quote(command.program.as_bytes())?;
        out.extend_from_slice(if n == 0 { b"if " } else { b"elif " });
        out.extend_from_slice(b"command -v ");
        out.extend_from_slice(&program);
        out.extend_from_slice(b" >/dev/null 2>&1; then ctys_f\n");
        let mut words = program.clone();
        for arg in &command.args {
            words.push(b' ');
            words.extend_from_slice(&quote(arg.as_slice())?);
        }
        let root = command.privilege == Privilege::Root;
        if root {
            // Said once: a command may be a long script.
            out.extend_from_slice(b"set -- ");
            out.extend_from_slice(&words);
            out.extend_from_slice(b"\nif ctys_a \"$@\"; then\n");
            words = b"\"$@\"".to_vec();
        }
        let mut input = b" </dev/null".to_vec();
        if let Some(stdin) = &command.stdin {
            // In pieces: where printf is no builtin, Linux takes at most 128 KiB in one argument.
            out.extend_from_slice(b"{ :; ");
            for piece in stdin.as_slice().chunks(16 * 1024) {
                out.extend_from_slice(b"printf -- ");
                out.extend_from_slice(&quote(&printf_format(piece))?);
                out.extend_from_slice(b"; ");
            }
            out.extend_from_slice(b"} | ");
            input.clear();
        }
        let limit = match command.limit_ms {
            0 => limit_s,
            limit_ms => limit_ms.div_ceil(1000),
        };
        match (root, command.unwatched) {
            // What watches itself needs a watch for the way to root only.
            (true, true) => out.extend_from_slice(format!("ctys_o {limit} ").as_bytes()),
            (true, false) => out.extend_from_slice(format!("ctys_r {limit} ").as_bytes()),
            (false, true) => out.extend_from_slice(b"ctys_j "),
            (false, false) => out.extend_from_slice(format!("ctys_t {limit} ").as_bytes()),
        }
        if command.lasting && !root {
            out.extend_from_slice(b"$ctys_d ");
        }
        out.extend_from_slice(&words);
        out.extend_from_slice(&input);
        out.extend_from_slice(format!("; ctys_e {number} $? {n}\n").as_bytes());
        if root {
            out.extend_from_slice(format!("else ctys_e {number} {REFUSED} {n}; fi\n").as_bytes());
        }
    }
    if tries.is_empty() {
        out.extend_from_slice(format!("ctys_e {number} {NOT_FOUND} 0\n").as_bytes());
    } else {
        out.extend_from_slice(format!("else ctys_e {number} {NOT_FOUND} 0; fi\n").as_bytes());
    }
    if !near.is_empty() {
        out.extend_from_slice(format!("else ctys_e {number} 0 0; fi\n").as_bytes());
    }
    Ok(())
}

/// A format of printf(1) that prints exactly these bytes, NUL among them: octal escapes are POSIX and binary safe in
/// dash, bash and busybox, where `%b` and a plain argument are not.
fn printf_format(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'%' => out.extend_from_slice(b"%%"),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' | b' '..=b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("\\{byte:03o}").as_bytes()),
        }
    }
    out
}

/// The start of a chain of steps, in which a step that fails keeps the later ones from being tried.
///
/// When the caller dies, sshd closes the pipes, and the next word that a tool prints would end it by SIGPIPE: `xl save` with
/// the guest suspended and half of its memory written, `xl create` with half a domain. So a chain that has come over whole
/// ends as it would have ended, to be seen by the next call.
pub fn chain_begin(out: &mut Vec<u8>) {
    out.extend_from_slice(b"ctys_f=0; trap '' PIPE\n");
}

/// The end of a chain: what only looks may be ended by a closed pipe again.
pub fn chain_end(out: &mut Vec<u8>) {
    out.extend_from_slice(b"trap - PIPE\n");
}

/// One step of a chain: [`item`], unless one before it failed. With `go_on` its own failure keeps nothing back.
pub fn chain_step(out: &mut Vec<u8>, number: u32, step: &Item, limit_s: u32, go_on: bool) -> Result<(), NulByte> {
    out.extend_from_slice(b"if [ $ctys_f = 0 ]; then\n");
    item(out, number, step, limit_s)?;
    if !go_on {
        out.extend_from_slice(b"[ \"$ctys_last\" = 0 ] || ctys_f=1\n");
    }
    out.extend_from_slice(format!("else ctys_b {number}; ctys_e {number} {SKIPPED} 0; fi\n").as_bytes());
    Ok(())
}

/// The end of a round.
pub fn round_over(out: &mut Vec<u8>, round: u32) {
    out.extend_from_slice(format!("ctys_x {round}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader, Write};
    use std::process::Stdio;

    #[test]
    fn a_chain_goes_on_to_its_end_when_nobody_listens_any_more() {
        let file = std::env::temp_dir().join(format!("ctys-chain-{}", std::process::id()));
        let talks = Command::new("sh").args(["-c", "echo one; echo two >&2; ls -d /"]);
        let steps = [talks, Command::new("touch").arg(file.to_str().unwrap())].map(|command| Item::Run(vec![command]));
        let mut greeting = preamble("0123", &[]);
        greeting.extend_from_slice(LIMITS.as_bytes());
        round_over(&mut greeting, 0);
        let mut chain = Vec::new();
        chain_begin(&mut chain);
        for (n, step) in steps.iter().enumerate() {
            chain_step(&mut chain, n as u32 + 1, step, 15, true).unwrap();
        }
        chain_end(&mut chain);
        let mut shell = std::process::Command::new("/bin/sh");
        let mut shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (mut input, mut lines) =
            (shell.stdin.take().unwrap(), BufReader::new(shell.stdout.take().unwrap()).lines());
        input.write_all(&greeting).unwrap();
        assert!(lines.any(|line| line.unwrap() == "0123 x 0"));
        drop(lines);
        input.write_all(&chain).unwrap();
        drop(input);
        shell.wait().unwrap();
        assert!(file.exists(), "the second step was not run");
        std::fs::remove_file(file).unwrap();
    }
}
