//! Every directive of ssh_config(5), and what it means for a batch command over libssh2. The only such list.
//!
//! The rule: libssh2 is used only where it honours everything. What has no effect on a batch command says why; all the
//! rest goes through the system's `ssh` as soon as it is set to something other than its default. A directive that is
//! not in this table does so too.

use std::sync::LazyLock;

/// One directive.
#[derive(Debug)]
pub struct Directive {
    /// Its keyword in lower case.
    pub name: &'static str,
    /// What it means for us.
    pub meaning: Meaning,
}

/// What a directive means for a batch command.
#[derive(Debug)]
pub enum Meaning {
    /// The ssh2 transport does it.
    Honoured(Kind),
    /// Nothing of it reaches a batch command, for this reason.
    NoEffect(&'static str),
    /// Switched off in both transports, for this reason.
    SwitchedOff(&'static str),
    /// Only `ssh` does it; these values, in any case, ask for nothing.
    NeedsSsh(&'static [&'static str]),
    /// Decided by [`super::route`] from more than the value.
    Judged(&'static str),
}

/// The form of an honoured directive's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One word.
    Word,
    /// One or more words.
    Words,
    /// `yes` or `no` (or `true`, `false`).
    Flag,
    /// A port.
    Port,
    /// A time such as `90`, `1m30s`, or `none`.
    Time,
    /// `any`, `inet`, `inet6`.
    Family,
    /// A comma list of algorithms, perhaps behind `+`, `-`, `^`.
    Algorithms,
}

impl Directive {
    /// Refuses what `ssh` would refuse, for the directives whose values we use.
    pub fn check(&self, words: &[String]) -> Result<(), String> {
        let Meaning::Honoured(kind) = &self.meaning else { return Ok(()) };
        let Some(first) = words.first().filter(|word| !word.is_empty()) else {
            return Err("missing argument".to_string());
        };
        if *kind == Kind::Words {
            return match words.iter().position(|word| word.eq_ignore_ascii_case("none")) {
                Some(_) if words.len() > 1 => Err("\"none\" must appear alone".to_string()),
                _ if words.iter().any(String::is_empty) => Err("empty argument".to_string()),
                _ => Ok(()),
            };
        }
        if words.len() > 1 {
            return Err("extra arguments at end of line".to_string());
        }
        let valid = match kind {
            Kind::Word | Kind::Words | Kind::Algorithms => true,
            Kind::Flag => flag(first).is_some(),
            Kind::Port => first.parse::<u16>().is_ok_and(|port| port > 0),
            Kind::Time => first == "none" || seconds(first).is_some(),
            Kind::Family => ["any", "inet", "inet6"].iter().any(|family| first.eq_ignore_ascii_case(family)),
        };
        if valid { Ok(()) } else { Err(format!("bad value {first:?}")) }
    }
}

/// The value of a yes-or-no directive.
pub fn flag(word: &str) -> Option<bool> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

/// A time of sshd_config(5), in seconds: `600`, `10m`, `1h30m`.
pub fn seconds(text: &str) -> Option<u64> {
    let mut total: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = match rest.bytes().next().map(|unit| unit.to_ascii_lowercase()) {
            None => 1,
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3600,
            Some(b'd') => 86_400,
            Some(b'w') => 604_800,
            Some(_) => return None,
        };
        rest = rest.get(1..).unwrap_or_default();
        total = total.checked_add(count.checked_mul(unit)?)?;
    }
    (!text.is_empty() && i32::try_from(total).is_ok()).then_some(total)
}

/// The directive of this keyword in lower case, older names included.
pub fn find(keyword: &str) -> Option<&'static Directive> {
    static BY_NAME: LazyLock<std::collections::HashMap<&'static str, &'static Directive>> = LazyLock::new(|| {
        let mut map: std::collections::HashMap<_, _> = TABLE.iter().map(|entry| (entry.name, entry)).collect();
        for (alias, name) in ALIASES {
            map.insert(alias, map[name]);
        }
        map
    });
    BY_NAME.get(keyword).copied()
}

/// The place of a directive in [`TABLE`].
pub fn index(directive: &'static Directive) -> usize {
    // Both live in the one static table.
    (std::ptr::from_ref(directive).addr() - TABLE.as_ptr().addr()) / size_of::<Directive>()
}

const fn entry(name: &'static str, meaning: Meaning) -> Directive {
    Directive { name, meaning }
}

use Kind::{Algorithms, Family, Flag, Port, Time, Word, Words};
use Meaning::{Honoured, Judged, NeedsSsh, NoEffect, SwitchedOff};

const NOBODY_ASKED: &str = "nothing is ever asked in a batch";
const OUR_MESSAGES: &str = "changes messages only";
const NO_FORWARDS: &str = "no forward is opened for a batch command";
const OUR_CLOCKS: &str = "the silence and total clocks end a host sooner";
const NO_TERMINAL: &str = "a batch command has no terminal";
const ONLY_GSSAPI: &str = "counts only together with GSSAPIAuthentication or GSSAPIKeyExchange";
const ONLY_CANONICAL: &str = "counts only together with CanonicalizeHostname";
const IGNORED_BY_SSH: &str = "ssh itself ignores it";
const NO_DEFAULT: &[&str] = &[];

/// Older and Debian's names.
pub const ALIASES: &[(&str, &str)] = &[
    ("challengeresponseauthentication", "kbdinteractiveauthentication"),
    ("dsaauthentication", "pubkeyauthentication"),
    ("hostbasedkeytypes", "hostbasedacceptedalgorithms"),
    ("identityfile2", "identityfile"),
    ("keepalive", "tcpkeepalive"),
    ("protocolkeepalives", "serveraliveinterval"),
    ("pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"),
    ("setuptimeout", "serveraliveinterval"),
    ("skeyauthentication", "kbdinteractiveauthentication"),
    ("smartcarddevice", "pkcs11provider"),
    ("tisauthentication", "kbdinteractiveauthentication"),
];

/// All directives, in alphabetic order.
pub static TABLE: &[Directive] = &[
    entry("addkeystoagent", Judged("openssh where a key file would be added to a running agent")),
    entry("addressfamily", Honoured(Family)),
    entry("afstokenpassing", NoEffect(IGNORED_BY_SSH)),
    entry("batchmode", NoEffect("both transports are in batch mode anyway")),
    entry("bindaddress", NeedsSsh(NO_DEFAULT)),
    entry("bindinterface", NeedsSsh(NO_DEFAULT)),
    entry("canonicaldomains", NoEffect(ONLY_CANONICAL)),
    entry("canonicalizefallbacklocal", NoEffect(ONLY_CANONICAL)),
    entry("canonicalizehostname", NeedsSsh(&["no", "false"])),
    entry("canonicalizemaxdots", NoEffect(ONLY_CANONICAL)),
    entry("canonicalizepermittedcnames", NeedsSsh(&["none"])),
    entry("casignaturealgorithms", NoEffect("hosts known by an authority take openssh anyway")),
    entry("certificatefile", NeedsSsh(&["none"])),
    entry("channeltimeout", NeedsSsh(&["none"])),
    entry("checkhostip", NeedsSsh(&["no", "false"])),
    entry("cipher", NoEffect(IGNORED_BY_SSH)),
    entry("ciphers", Honoured(Algorithms)),
    entry("clearallforwardings", NoEffect(NO_FORWARDS)),
    entry("compression", Honoured(Flag)),
    entry("compressionlevel", NoEffect(IGNORED_BY_SSH)),
    entry("connectionattempts", NeedsSsh(&["1"])),
    entry("connecttimeout", Honoured(Time)),
    entry("controlmaster", NeedsSsh(&["no", "false"])),
    entry("controlpath", NeedsSsh(&["none"])),
    entry("controlpersist", NoEffect("counts only together with ControlPath")),
    entry("dynamicforward", SwitchedOff(NO_FORWARDS)),
    entry("enableescapecommandline", NoEffect(NO_TERMINAL)),
    entry("enablesshkeysign", NoEffect("counts only together with HostbasedAuthentication")),
    entry("escapechar", NoEffect(NO_TERMINAL)),
    entry("exitonforwardfailure", NoEffect(NO_FORWARDS)),
    entry("fallbacktorsh", NoEffect(IGNORED_BY_SSH)),
    entry("fingerprinthash", NoEffect(OUR_MESSAGES)),
    entry("forkafterauthentication", SwitchedOff("a batch command stays in the foreground")),
    entry("forwardagent", SwitchedOff("a batch command does not lend the agent")),
    entry("forwardx11", SwitchedOff("a batch command opens no window")),
    entry("forwardx11timeout", NoEffect("a batch command opens no window")),
    entry("forwardx11trusted", NoEffect("a batch command opens no window")),
    entry("gatewayports", NoEffect(NO_FORWARDS)),
    entry("globalknownhostsfile", Honoured(Words)),
    entry("globalknownhostsfile2", NoEffect(IGNORED_BY_SSH)),
    entry("gssapiauthentication", Judged("openssh where a Kerberos credential cache may exist")),
    entry("gssapiclientidentity", NoEffect(ONLY_GSSAPI)),
    entry("gssapidelegatecredentials", NoEffect(ONLY_GSSAPI)),
    entry("gssapikexalgorithms", NoEffect(ONLY_GSSAPI)),
    entry("gssapikeyexchange", Judged("openssh where a Kerberos credential cache may exist")),
    entry("gssapirenewalforcesrekey", NoEffect(ONLY_GSSAPI)),
    entry("gssapiserveridentity", NoEffect(ONLY_GSSAPI)),
    entry("gssapitrustdns", NoEffect(ONLY_GSSAPI)),
    entry("hashknownhosts", NoEffect("no host key is ever added")),
    entry("hostbasedacceptedalgorithms", NoEffect("counts only together with HostbasedAuthentication")),
    entry("hostbasedauthentication", NeedsSsh(&["no", "false"])),
    entry("hostkeyalgorithms", Honoured(Algorithms)),
    entry("hostkeyalias", Honoured(Word)),
    entry("hostname", Honoured(Word)),
    entry("identitiesonly", Honoured(Flag)),
    entry("identityagent", Honoured(Word)),
    entry("identityfile", Honoured(Word)),
    entry("ignoreunknown", Honoured(Word)),
    // libssh2 sends unmarked packets.
    entry("ipqos", NeedsSsh(&["none", "cs0"])),
    entry("kbdinteractiveauthentication", NoEffect(NOBODY_ASKED)),
    entry("kbdinteractivedevices", NoEffect(NOBODY_ASKED)),
    entry("kerberosauthentication", NoEffect(IGNORED_BY_SSH)),
    entry("kerberostgtpassing", NoEffect(IGNORED_BY_SSH)),
    entry("kexalgorithms", Honoured(Algorithms)),
    entry("knownhostscommand", NeedsSsh(&["none"])),
    entry("localcommand", Judged("openssh together with PermitLocalCommand")),
    entry("localforward", SwitchedOff(NO_FORWARDS)),
    entry("loglevel", NoEffect(OUR_MESSAGES)),
    entry("logverbose", NoEffect(OUR_MESSAGES)),
    entry("macs", Honoured(Algorithms)),
    entry("nohostauthenticationforlocalhost", NeedsSsh(&["no", "false"])),
    entry("numberofpasswordprompts", NoEffect(NOBODY_ASKED)),
    entry("obscurekeystroketiming", NoEffect(NO_TERMINAL)),
    entry("passwordauthentication", NoEffect(NOBODY_ASKED)),
    entry("permitlocalcommand", Judged("openssh together with LocalCommand")),
    entry("permitremoteopen", NoEffect(NO_FORWARDS)),
    entry("pkcs11provider", NeedsSsh(&["none"])),
    entry("port", Honoured(Port)),
    entry("preferredauthentications", NeedsSsh(NO_DEFAULT)),
    entry("protocol", NoEffect(IGNORED_BY_SSH)),
    entry("proxycommand", NeedsSsh(&["none"])),
    entry("proxyjump", NeedsSsh(&["none"])),
    entry("proxyusefdpass", NoEffect("counts only together with ProxyCommand")),
    entry("pubkeyacceptedalgorithms", NeedsSsh(NO_DEFAULT)),
    entry("pubkeyauthentication", NeedsSsh(&["yes", "true"])),
    entry("refuseconnection", NeedsSsh(NO_DEFAULT)),
    entry("rekeylimit", NeedsSsh(&["default", "default none"])),
    entry("remotecommand", SwitchedOff("a batch command brings its own command")),
    entry("remoteforward", SwitchedOff(NO_FORWARDS)),
    entry("requesttty", SwitchedOff(NO_TERMINAL)),
    entry("requiredrsasize", NeedsSsh(NO_DEFAULT)),
    entry("revokedhostkeys", NeedsSsh(&["none"])),
    entry("rhostsauthentication", NoEffect(IGNORED_BY_SSH)),
    entry("rhostsrsaauthentication", NoEffect(IGNORED_BY_SSH)),
    entry("rsaauthentication", NoEffect(IGNORED_BY_SSH)),
    entry("securitykeyprovider", NoEffect("hardware keys take openssh anyway")),
    entry(
        "sendenv",
        Judged("openssh where it names a variable that is set and that our scripts do not set themselves"),
    ),
    entry("serveralivecountmax", NoEffect(OUR_CLOCKS)),
    entry("serveraliveinterval", NoEffect(OUR_CLOCKS)),
    entry("sessiontype", SwitchedOff("a batch command needs a session")),
    entry("setenv", NeedsSsh(NO_DEFAULT)),
    entry("stdinnull", SwitchedOff("the script travels on standard input")),
    entry("streamlocalbindmask", NoEffect(NO_FORWARDS)),
    entry("streamlocalbindunlink", NoEffect(NO_FORWARDS)),
    // Without anybody to ask, `ask` and `yes` are the same.
    entry("stricthostkeychecking", NeedsSsh(&["ask", "yes", "true"])),
    entry("syslogfacility", NoEffect(OUR_MESSAGES)),
    entry("tag", NoEffect("counts only for Match tagged, which takes openssh")),
    entry("tcpkeepalive", Honoured(Flag)),
    entry("tunnel", SwitchedOff(NO_FORWARDS)),
    entry("tunneldevice", NoEffect(NO_FORWARDS)),
    entry("updatehostkeys", NeedsSsh(&["no", "false", "ask"])),
    entry("useblacklistedkeys", NoEffect(IGNORED_BY_SSH)),
    entry("useprivilegedport", NoEffect(IGNORED_BY_SSH)),
    entry("user", Honoured(Word)),
    entry("userknownhostsfile", Honoured(Words)),
    entry("userknownhostsfile2", NoEffect(IGNORED_BY_SSH)),
    entry("useroaming", NoEffect(IGNORED_BY_SSH)),
    entry("usersh", NoEffect(IGNORED_BY_SSH)),
    entry("verifyhostkeydns", NeedsSsh(&["no", "false"])),
    entry("versionaddendum", NeedsSsh(&["none"])),
    entry("visualhostkey", NoEffect(OUR_MESSAGES)),
    entry("warnweakcrypto", NoEffect(OUR_MESSAGES)),
    entry("xauthlocation", NoEffect("a batch command opens no window")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_without_repeats() {
        assert!(TABLE.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(ALIASES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (place, entry) in TABLE.iter().enumerate() {
            assert_eq!(index(entry), place, "{}", entry.name);
        }
        for (alias, name) in ALIASES {
            assert!(TABLE.iter().all(|entry| entry.name != *alias), "{alias} is both");
            assert_eq!(find(alias).unwrap().name, *name);
        }
    }

    #[test]
    fn times() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(seconds(text), expected, "{text:?}");
        check("600", Some(600));
        check("10m", Some(600));
        check("1h30m", Some(5400));
        check("1H30M5", Some(5405));
        check("1w2d", Some(777_600));
        check("0", Some(0));
        check("", None);
        check("m", None);
        check("5x", None);
        check("-5", None);
        check("99999999999", None);
    }

    #[test]
    fn values_that_ssh_refuses_are_refused() {
        let check = |keyword: &str, words: &[&str], expected: bool| {
            let words: Vec<String> = words.iter().map(|word| word.to_string()).collect();
            assert_eq!(find(keyword).unwrap().check(&words).is_ok(), expected, "{keyword} {words:?}");
        };
        check("port", &["22"], true);
        check("port", &["0"], false);
        check("port", &["70000"], false);
        check("port", &["22", "23"], false);
        check("port", &[], false);
        check("identitiesonly", &["YES"], true);
        check("identitiesonly", &["maybe"], false);
        check("userknownhostsfile", &["a", "b"], true);
        check("userknownhostsfile", &["none"], true);
        check("userknownhostsfile", &["none", "b"], false);
        check("connecttimeout", &["none"], true);
        check("connecttimeout", &["soon"], false);
        check("addressfamily", &["inet6"], true);
        check("addressfamily", &["ipv6"], false);
        check("proxycommand", &["nc", "%h", "%p"], true);
    }
}
