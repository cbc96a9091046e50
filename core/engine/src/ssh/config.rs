//! What ssh_config(5) says for one host.

use super::Environment;
use super::algorithms::{self, Family};
use super::directives::{self, Directive, Meaning, TABLE};
use super::expand::{self, Tokens};
use super::pattern::{matches_host, matches_list};
use super::syntax::{Criterion, Files, Item, Test, Words, host_line_matches};
use ctys_model::Target;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration files, read once for a whole run.
#[derive(Debug)]
pub struct Config {
    files: Files,
}

/// What the configuration says for one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The host as typed.
    pub typed: String,
    /// The name or address to connect to, in lower case.
    pub hostname: String,
    /// The port.
    pub port: u16,
    /// The first hop of ProxyJump, as written: `[user@]host[:port]`.
    pub jump: Option<String>,
    /// The account on the host.
    pub user: String,
    /// The private keys to try, in order, whether they exist or not.
    pub identity_files: Vec<PathBuf>,
    /// Only those keys, even when the agent holds more.
    pub identities_only: bool,
    /// The socket of the agent, where one is to be asked.
    pub agent: Option<PathBuf>,
    /// The user's known_hosts files.
    pub user_known_hosts: Vec<PathBuf>,
    /// The system's known_hosts files.
    pub global_known_hosts: Vec<PathBuf>,
    /// The name to look up instead of host and port, in lower case.
    pub host_key_alias: Option<String>,
    /// Key exchange algorithms in order of preference.
    pub kex: Vec<String>,
    /// Ciphers in order of preference.
    pub ciphers: Vec<String>,
    /// Message authentication codes in order of preference.
    pub macs: Vec<String>,
    /// Algorithms of the host's key in order of preference.
    pub host_key_algorithms: Vec<String>,
    /// Compress what travels.
    pub compression: bool,
    /// The user's own limit for connecting.
    pub connect_timeout: Option<Duration>,
    /// Which addresses of the host count.
    pub addresses: Addresses,
    /// Probes of the TCP stack for connections that have died.
    pub tcp_keep_alive: bool,
    /// Patterns of the variables to send.
    pub send_env: Vec<String>,
    /// AddKeysToAgent is set to something other than `no`.
    pub adds_keys_to_agent: bool,
    /// Options that give back to `ssh` the defaults a batch command needs, for those the user has set.
    pub reset: Vec<&'static str>,
    /// What libssh2 cannot do: the directive and why.
    pub unsupported: Vec<Unsupported>,
}

/// `AddressFamily`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Addresses {
    /// All.
    #[default]
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// One reason against libssh2.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// The directive in lower case, or what else is to blame.
    pub directive: String,
    /// Why.
    pub reason: String,
}

impl Config {
    /// Reads the files.
    pub fn read(environment: &Environment) -> Config {
        Config { files: Files::read(environment) }
    }

    /// The hosts that the files name without a pattern, in their order.
    pub fn aliases(&self) -> Vec<String> {
        let lines = self.files.sources.iter().flat_map(|source| &source.lines);
        let hosts = lines.filter_map(|line| match &line.item {
            Item::Host(patterns) => Some(patterns),
            _ => None,
        });
        let plain = |(negated, name): &&(bool, String)| !negated && !name.contains(['*', '?']);
        hosts.flatten().filter(plain).map(|(_, name)| name.clone()).collect()
    }

    /// What the files say for this target. Never fails: what is wrong ends up in [`Resolved::unsupported`], for `ssh`
    /// to say it in its own words.
    pub fn resolve(&self, environment: &Environment, target: &Target) -> Resolved {
        let mut found = Found::new(environment, target);
        for problem in &self.files.problems {
            found.refuse("configuration", problem.clone());
        }
        for &root in &self.files.roots {
            found.apply(&self.files, root, true, None);
        }
        if found.wants_final {
            // `Match final` has the files read once more, with the name that came out.
            let hostname = found.hostname();
            for &root in &self.files.roots {
                found.apply(&self.files, root, true, Some(&hostname));
            }
            // No HostName of the second pass changes it again.
            found.settled = Some(hostname);
        }
        found.resolved()
    }
}

/// What has been obtained so far. The first value wins; some directives accumulate.
struct Found<'a> {
    environment: &'a Environment,
    target: &'a Target,
    values: Vec<Vec<&'a Words>>,
    unsupported: Vec<Unsupported>,
    wants_final: bool,
    /// The host's name, once it cannot change any more.
    settled: Option<String>,
}

const ACCUMULATE: [&str; 3] = ["identityfile", "certificatefile", "sendenv"];

impl<'a> Found<'a> {
    fn new(environment: &'a Environment, target: &'a Target) -> Found<'a> {
        Found {
            environment,
            target,
            values: vec![Vec::new(); TABLE.len()],
            unsupported: Vec::new(),
            wants_final: false,
            settled: None,
        }
    }

    fn refuse(&mut self, directive: &str, reason: impl Into<String>) {
        let entry = Unsupported { directive: directive.to_string(), reason: reason.into() };
        if !self.unsupported.contains(&entry) {
            self.unsupported.push(entry);
        }
    }

    fn words(&self, name: &str) -> &[&'a Words] {
        directives::find(name).map_or(&[], |directive| &self.values[directives::index(directive)])
    }

    fn word(&self, name: &str) -> Option<&'a str> {
        self.words(name).first().and_then(|words| words.list.first()).map(String::as_str)
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.word(name).and_then(directives::flag)
    }

    /// Goes through one file. `second` is the host name of the second pass.
    fn apply(&mut self, files: &'a Files, source: usize, outer: bool, second: Option<&str>) {
        let mut active = outer;
        let source = &files.sources[source];
        for line in &source.lines {
            match &line.item {
                Item::Host(patterns) => {
                    active = outer && host_line_matches(patterns, second.unwrap_or(&self.target.host));
                }
                // An included file inside a block that does not match is read, but nothing in it matches.
                Item::Match(criteria) => active = self.matches(criteria, second) && outer,
                Item::Include(sources) => {
                    for &included in sources {
                        self.apply(files, included, active, second);
                    }
                }
                Item::Set(directive, words) if active => self.set(directive, words),
                Item::Set(..) => {}
                Item::Unknown(keyword) => {
                    // Counts in any block, for ssh gives up on any.
                    let ignored = self.word("ignoreunknown").is_some_and(|list| matches_list(keyword, list));
                    if !ignored {
                        let place = format!("{} line {}", source.path.display(), line.number);
                        self.refuse(keyword, format!("{place}: not a known directive"));
                    }
                }
            }
        }
    }

    fn set(&mut self, directive: &'static Directive, words: &'a Words) {
        // ProxyJump and ProxyCommand compete: whichever is first shuts out the other. `ProxyCommand none` does so too,
        // `ProxyJump none` does not.
        let shut_out = match directive.name {
            "proxyjump" => self.word("proxycommand").is_some(),
            "proxycommand" => self.word("proxyjump").is_some_and(|jump| !jump.eq_ignore_ascii_case("none")),
            _ => false,
        };
        if shut_out {
            return;
        }
        let values = &mut self.values[directives::index(directive)];
        if ACCUMULATE.contains(&directive.name) || values.is_empty() {
            values.push(words);
        }
    }

    fn matches(&mut self, criteria: &[Criterion], second: Option<&str>) -> bool {
        let mut result = true;
        for criterion in criteria {
            let holds = match &criterion.test {
                Test::All => true,
                Test::Pass(is_final) => {
                    self.wants_final |= is_final;
                    second.is_some()
                }
                Test::Host(list) => {
                    let name = match (second, self.word("hostname")) {
                        (Some(second), _) => second.to_string(),
                        (None, Some(name)) => expand::hostname(name, &self.target.host).unwrap_or_default(),
                        (None, None) => self.target.host.clone(),
                    };
                    matches_host(&name, list)
                }
                Test::OriginalHost(list) => matches_host(&self.target.host, list),
                Test::User(list) => matches_list(self.user(), list),
                Test::LocalUser(list) => matches_list(&self.environment.user, list),
                Test::OnlySsh(name) => {
                    if result {
                        self.refuse(&format!("match {name}"), "only ssh itself can tell whether it holds");
                    }
                    // As far as it matters: this host takes openssh.
                    false
                }
            };
            result &= holds != criterion.negated;
        }
        result
    }

    fn user(&self) -> &'a str {
        self.target.user.as_deref().or_else(|| self.word("user")).unwrap_or(&self.environment.user)
    }

    fn hostname(&mut self) -> String {
        if let Some(settled) = &self.settled {
            return settled.clone();
        }
        let typed = &self.target.host;
        let name = match self.word("hostname").map(|name| expand::hostname(name, typed)) {
            None => typed.clone(),
            Some(Ok(name)) => name,
            Some(Err(why)) => {
                self.refuse("hostname", why);
                typed.clone()
            }
        };
        match name.parse::<IpAddr>() {
            // One way to write each address, as ssh does before it looks for the key.
            Ok(address) => address.to_string(),
            Err(_) => {
                // `127.1`, `0x7f000001`: addresses for getaddrinfo(3) alone.
                let last = name.rsplit('.').next().unwrap_or_default();
                if last.starts_with(|c: char| c.is_ascii_digit())
                    && last.chars().all(|c| c.is_ascii_hexdigit() || c == 'x')
                    || name.contains(':')
                {
                    self.refuse("hostname", format!("{name}: an address in a rare form"));
                }
                name.to_ascii_lowercase()
            }
        }
    }

    fn resolved(mut self) -> Resolved {
        let hostname = self.hostname();
        let user = self.user().to_string();
        let port = self.target.port.or_else(|| self.word("port")?.parse().ok()).unwrap_or(22);
        let alias = self.word("hostkeyalias").map(str::to_ascii_lowercase);
        let environment = self.environment;
        let typed = &self.target.host;
        let tokens = Tokens {
            environment,
            typed,
            hostname: &hostname,
            key_alias: alias.as_deref().unwrap_or(typed),
            port,
            user: &user,
        };
        let identity_files = self.identity_files(&tokens);
        let agent = self.agent(&tokens);
        let user_known_hosts =
            self.files("userknownhostsfile", &["~/.ssh/known_hosts", "~/.ssh/known_hosts2"], Some(&tokens));
        let global_known_hosts =
            self.files("globalknownhostsfile", &["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"], None);
        let kex = self.algorithms("kexalgorithms", Family::Kex);
        let ciphers = self.algorithms("ciphers", Family::Cipher);
        let macs = self.algorithms("macs", Family::Mac);
        let host_key_algorithms = self.algorithms("hostkeyalgorithms", Family::HostKey);
        self.judge_table();
        let addresses = match self.word("addressfamily").map(str::to_ascii_lowercase).as_deref() {
            Some("inet") => Addresses::V4,
            Some("inet6") => Addresses::V6,
            _ => Addresses::Any,
        };
        let jump = self.word("proxyjump").filter(|jump| !jump.eq_ignore_ascii_case("none"));
        Resolved {
            jump: jump.and_then(|hops| hops.split(',').next()).map(str::to_string),
            identity_files,
            identities_only: self.flag("identitiesonly").unwrap_or(false),
            agent,
            user_known_hosts,
            global_known_hosts,
            kex,
            ciphers,
            macs,
            host_key_algorithms,
            compression: self.flag("compression").unwrap_or(false),
            // 0 is no limit of its own, as for ssh.
            connect_timeout: self
                .word("connecttimeout")
                .and_then(directives::seconds)
                .filter(|seconds| *seconds > 0)
                .map(Duration::from_secs),
            addresses,
            tcp_keep_alive: self.flag("tcpkeepalive").unwrap_or(true),
            send_env: self.send_env(),
            adds_keys_to_agent: self.word("addkeystoagent").is_some_and(|word| directives::flag(word) != Some(false)),
            reset: self.reset(),
            typed: typed.clone(),
            hostname: hostname.clone(),
            port,
            user: user.clone(),
            host_key_alias: alias.clone(),
            unsupported: self.unsupported,
        }
    }

    fn expanded(&mut self, directive: &str, value: &str, tokens: &Tokens<'_>) -> Option<PathBuf> {
        tokens.path(value).map_err(|why| self.refuse(directive, why)).ok()
    }

    fn identity_files(&mut self, tokens: &Tokens<'_>) -> Vec<PathBuf> {
        // ssh looks for id_xmss and id_dsa as well, and then refuses them by PubkeyAcceptedAlgorithms.
        const DEFAULTS: [&str; 5] =
            ["~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ecdsa_sk", "~/.ssh/id_ed25519", "~/.ssh/id_ed25519_sk"];
        let given: Vec<&str> =
            self.words("identityfile").iter().filter_map(|words| words.list.first()).map(String::as_str).collect();
        let names = if given.is_empty() { DEFAULTS.to_vec() } else { given };
        let mut files = Vec::new();
        for name in names {
            if name.eq_ignore_ascii_case("none") {
                continue;
            }
            if let Some(path) = self.expanded("identityfile", name, tokens)
                && !files.contains(&path)
            {
                files.push(path);
            }
        }
        files
    }

    fn agent(&mut self, tokens: &Tokens<'_>) -> Option<PathBuf> {
        let of_variable = |name: &str| {
            let socket = self.environment.variables.get(name)?;
            (!socket.is_empty()).then(|| PathBuf::from(socket))
        };
        match self.word("identityagent") {
            None | Some("SSH_AUTH_SOCK") => of_variable("SSH_AUTH_SOCK"),
            Some("none") => None,
            Some(value) => match value.strip_prefix('$').filter(|name| !name.starts_with('{')) {
                Some(name) => of_variable(name),
                None => self.expanded("identityagent", value, tokens),
            },
        }
    }

    /// Only the user's files know tokens; the names of the system's stand as they are.
    fn files(&mut self, directive: &str, defaults: &[&'static str], tokens: Option<&Tokens<'_>>) -> Vec<PathBuf> {
        let names: Vec<&str> = match self.words(directive).first() {
            Some(words) => words.list.iter().map(String::as_str).collect(),
            None => defaults.to_vec(),
        };
        if names.first().is_some_and(|name| name.eq_ignore_ascii_case("none")) {
            return Vec::new();
        }
        let expanded = |name: &&str| match tokens {
            Some(tokens) => self.expanded(directive, name, tokens),
            None => Some(PathBuf::from(name)),
        };
        names.iter().filter_map(expanded).collect()
    }

    fn algorithms(&mut self, directive: &str, family: Family) -> Vec<String> {
        let defaults = || family.defaults().iter().map(|name| name.to_string()).collect();
        match self.word(directive) {
            None => defaults(),
            Some(value) => algorithms::assemble(family, value).unwrap_or_else(|why| {
                self.refuse(directive, why);
                defaults()
            }),
        }
    }

    /// `SendEnv -PATTERN` takes back what earlier lines named.
    fn send_env(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for word in self.words("sendenv").iter().flat_map(|words| &words.list) {
            match word.strip_prefix('-') {
                Some(removed) => names.retain(|name| !super::pattern::matches(name, removed)),
                None => names.push(word.clone()),
            }
        }
        names
    }

    /// What the table alone decides.
    fn judge_table(&mut self) {
        for directive in TABLE {
            let Some(words) = self.values[directives::index(directive)].first() else { continue };
            if let Meaning::NeedsSsh(harmless) = directive.meaning {
                let value = words.list.join(" ");
                if !harmless.iter().any(|harmless| value.eq_ignore_ascii_case(harmless)) {
                    self.refuse(directive.name, format!("{value}: only ssh itself does this"));
                }
            }
        }
        let runs_local_command = self.flag("permitlocalcommand") != Some(false)
            && !self.words("permitlocalcommand").is_empty()
            && self.word("localcommand").is_some_and(|command| !command.eq_ignore_ascii_case("none"));
        if runs_local_command {
            self.refuse("localcommand", "a command to run here after the login");
        }
        let gssapi = ["gssapiauthentication", "gssapikeyexchange"];
        for name in gssapi.into_iter().filter(|name| self.flag(name) == Some(true)).collect::<Vec<_>>() {
            if self.environment.kerberos {
                self.refuse(name, "there may be a Kerberos credential cache");
            }
        }
        for name in self.send_env() {
            let sent = self.environment.variables.keys().find(|variable| {
                super::pattern::matches(variable, &name) && *variable != "LANG" && !variable.starts_with("LC_")
            });
            if let Some(variable) = sent {
                self.refuse("sendenv", format!("{variable} is to be sent"));
            }
        }
    }

    fn reset(&self) -> Vec<&'static str> {
        // Named only where the user has set them: older releases do not know these options.
        [
            ("forkafterauthentication", "ForkAfterAuthentication=no"),
            ("sessiontype", "SessionType=default"),
            ("stdinnull", "StdinNull=no"),
        ]
        .into_iter()
        .filter(|(name, _)| !self.words(name).is_empty())
        .map(|(_, option)| option)
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_that_are_named_without_a_pattern() {
        let folder = std::env::temp_dir().join(format!("ctys-aliases-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let more = folder.join("more");
        std::fs::write(&more, "Host gate !lab00\n  User adm\n").unwrap();
        let text =
            format!("Include {}\nHost lab00 lab01 *.soho\n  Port 22\nMatch host x\nHost ws? *\n", more.display());
        let config = folder.join("config");
        std::fs::write(&config, text).unwrap();
        let environment = Environment { config: Some(config), ..Environment::of_this_process() };
        let mut aliases = Config::read(&environment).aliases();
        aliases.sort();
        std::fs::remove_dir_all(folder).unwrap();
        assert_eq!(aliases, ["gate", "lab00", "lab01"]);
    }
}
