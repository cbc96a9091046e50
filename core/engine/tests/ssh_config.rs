//! ssh_config(5) as we read it, against `ssh -G` as the oracle.

use ctys_engine::ssh::config::Addresses;
use ctys_engine::ssh::directives::{self, ALIASES, TABLE};
use ctys_engine::ssh::{Config, Environment, Resolved, Ssh, Transport};
use ctys_model::Target;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("ctys-ssh-config-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn target(words: &str) -> Target {
    let (user, rest) = words.split_once('@').map_or((None, words), |(user, rest)| (Some(user.to_string()), rest));
    let (host, port) = match rest.split_once('#') {
        Some((host, port)) => (host, Some(port.parse().unwrap())),
        None => (rest, None),
    };
    Target { host: host.to_string(), user, port, local: false }
}

/// What `ssh -G` says, by keyword; the error where it refuses.
fn oracle(config: Option<&Path>, target: &Target) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut command = Command::new("ssh");
    command.arg("-G");
    if let Some(config) = config {
        command.arg("-F").arg(config);
    }
    if let Some(user) = &target.user {
        command.args(["-l", user]);
    }
    if let Some(port) = target.port {
        command.args(["-p", &port.to_string()]);
    }
    let output = command.arg("--").arg(&target.host).output().expect("ssh (Debian: openssh-client)");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        found.entry(keyword.to_ascii_lowercase()).or_default().push(value.to_string());
    }
    Ok(found)
}

/// Our reading, in the words of `ssh -G`.
fn ours(resolved: &Resolved) -> BTreeMap<&'static str, Vec<String>> {
    let flag = |value: bool| vec![if value { "yes" } else { "no" }.to_string()];
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>();
    BTreeMap::from([
        ("hostname", vec![resolved.hostname.clone()]),
        ("port", vec![resolved.port.to_string()]),
        ("user", vec![resolved.user.clone()]),
        ("identityfile", paths(&resolved.identity_files)),
        ("identitiesonly", flag(resolved.identities_only)),
        ("identityagent", paths(resolved.agent.as_slice())),
        ("userknownhostsfile", vec![paths(&resolved.user_known_hosts).join(" ")]),
        ("globalknownhostsfile", vec![paths(&resolved.global_known_hosts).join(" ")]),
        ("hostkeyalias", resolved.host_key_alias.iter().cloned().collect()),
        ("compression", flag(resolved.compression)),
        ("tcpkeepalive", flag(resolved.tcp_keep_alive)),
        (
            "connecttimeout",
            vec![resolved.connect_timeout.map_or("none".to_string(), |limit| limit.as_secs().to_string())],
        ),
        (
            "addressfamily",
            vec![
                match resolved.addresses {
                    Addresses::Any => "any",
                    Addresses::V4 => "inet",
                    Addresses::V6 => "inet6",
                }
                .to_string(),
            ],
        ),
        ("sendenv", resolved.send_env.clone()),
        ("proxyjump", resolved.jump.iter().cloned().collect()),
    ])
}

/// The oracle's words, brought to one form: homes written out, `none` left out.
fn theirs(said: &BTreeMap<String, Vec<String>>, keyword: &str, environment: &Environment) -> Vec<String> {
    let home = environment.home.display().to_string();
    let all = |keyword: &str| said.get(keyword).cloned().unwrap_or_default();
    let variable = |name: &str| environment.variables.get(name).map(|value| value.to_str().unwrap().to_string());
    match keyword {
        "identityfile" => {
            let mut files: Vec<String> = Vec::new();
            for file in all(keyword) {
                let file = file.strip_prefix("~/").map_or(file.clone(), |tail| format!("{home}/{tail}"));
                let unused = ["none", &format!("{home}/.ssh/id_xmss"), &format!("{home}/.ssh/id_dsa")];
                let unused = unused.iter().any(|name| file.eq_ignore_ascii_case(name));
                if !unused && !files.contains(&file) {
                    files.push(file);
                }
            }
            files
        }
        "identityagent" => match all(keyword).first().map(String::as_str) {
            None | Some("SSH_AUTH_SOCK") => variable("SSH_AUTH_SOCK").into_iter().collect(),
            Some("none") => Vec::new(),
            Some(legacy) if legacy.starts_with('$') => variable(&legacy[1..]).into_iter().collect(),
            Some(path) => vec![path.to_string()],
        },
        // We keep the first hop: all logins go through it.
        "proxyjump" => all(keyword).iter().filter_map(|hops| hops.split(',').next()).map(str::to_string).collect(),
        // In one line, blanks in names included.
        "userknownhostsfile" | "globalknownhostsfile" => {
            vec![all(keyword).first().filter(|files| *files != "none").cloned().unwrap_or_default()]
        }
        _ => all(keyword),
    }
}

/// Compares one host with the oracle. Where `ssh` refuses the files, we must send the host to `ssh`.
fn check(config: Option<&Path>, environment: &Environment, words: &str, text: &str) -> Resolved {
    let target = target(words);
    let resolved = Config::read(environment).resolve(environment, &target);
    let said = match oracle(config, &target) {
        Ok(said) => said,
        Err(why) => {
            let route = Ssh::new(environment.clone()).route(&target);
            assert_eq!(route.transport, Transport::OpenSsh, "ssh refuses {words}, we do not: {why}\n{text}");
            return resolved;
        }
    };
    let of = |start: &str| resolved.unsupported.iter().find(|entry| entry.directive.starts_with(start));
    assert_eq!(of("configuration"), None, "ssh takes what we refuse for {words}\n{text}");
    if of("match ").is_some() {
        // Only ssh knows the rest, and the host goes to ssh.
        return resolved;
    }
    for (keyword, ours) in ours(&resolved) {
        assert_eq!(ours, theirs(&said, keyword, environment), "{keyword} of {words} in\n{text}");
    }
    for (keyword, ours) in [
        ("kexalgorithms", &resolved.kex),
        ("ciphers", &resolved.ciphers),
        ("macs", &resolved.macs),
        ("hostkeyalgorithms", &resolved.host_key_algorithms),
    ] {
        // What libssh2 knows nothing of is not in our defaults; the rest must be the same, in the same order.
        let said: Vec<&str> = said[keyword][0].split(',').collect();
        let kept: Vec<&str> = said.iter().copied().filter(|name| ours.iter().any(|our| our == name)).collect();
        assert_eq!(*ours, kept, "{keyword} of {words} in\n{text}");
    }
    for (keyword, directive) in [
        ("proxycommand", "proxycommand"),
        ("proxyjump", "proxyjump"),
        ("controlpath", "controlpath"),
        ("certificatefile", "certificatefile"),
        ("setenv", "setenv"),
        ("bindaddress", "bindaddress"),
        ("preferredauthentications", "preferredauthentications"),
    ] {
        let refused = resolved.unsupported.iter().any(|entry| entry.directive == directive);
        assert_eq!(refused, said.contains_key(keyword), "{keyword} of {words} in\n{text}\n{:?}", resolved.unsupported);
    }
    resolved
}

fn environment(config: Option<&Path>) -> Environment {
    let mut environment = Environment::of_this_process();
    environment.config = config.map(Path::to_path_buf);
    environment
}

fn check_text(text: &str, hosts: &[&str]) -> Vec<Resolved> {
    let folder = Folder::new();
    let config = folder.write("config", &text.replace("{folder}", &folder.0.display().to_string()));
    hosts.iter().map(|words| check(Some(&config), &environment(Some(&config)), words, text)).collect()
}

#[test]
fn one_case_for_each_rule() {
    let hosts = ["lab00", "lab01", "lab02.example.com", "LAB00", "root@lab00", "lab00#2200", "127.0.0.1"];
    let cases = [
        "",
        "# only a comment\n\n   \n",
        "Port 2222\nUser ada\n",
        "port=2222\nUSER = ada\nHostName=%h.example.com\n",
        "  Port\t2222  \n\tUser\t \"ada\"\n",
        "User ada # who else\nPort 22\n",
        "Host lab00\n Port 1\nHost lab*\n Port 2\nHost *\n Port 3\n",
        "Host lab0? !lab01\n Port 1\n",
        "Host !lab01 *\n Port 1\n",
        "Host !lab01\n Port 1\n",
        "Host \"lab00\" lab01\n Port 1\n",
        "Host LAB00\n Port 7\n",
        "Host lab00,lab01\n Port 1\n",
        "User first\nUser second\nHost lab00\nUser third\n",
        "Match all\n Port 5\n",
        "Match host lab00\n Port 5\n",
        "Match host LAB0*,!lab01\n Port 5\n",
        "Match host=lab00 user=root\n Port 5\n",
        "Match !host lab00\n Port 5\n",
        "Match user root\n Port 5\n",
        "User ada\nMatch user ada\n Port 5\n",
        "Match user ada\n Port 5\nUser ada\n",
        "Match localuser root\n Port 5\n",
        "Match localuser nobody-here\n Port 5\n",
        "Host lab00\n HostName other.example\nMatch host other.example\n Port 5\nMatch originalhost lab00\n User ada\n",
        "Host lab00\n HostName other.example\nMatch host lab00\n Port 5\n",
        "Host lab00\n HostName other.example\nHost other.example\n Port 5\nMatch final\n User ada\n",
        "Host lab00\n HostName other.example\nMatch final host other.example\n Port 5\n",
        "Match final all\n Port 5\n",
        "Match canonical all\n Port 5\n",
        "Match !final host lab00\n Port 5\n",
        "Match host lab01 exec \"true\"\n Port 5\n",
        "Match exec \"true\"\n Port 5\n",
        "Match exec true host lab01\n Port 5\n",
        "Match host lab00 all\n Port 5\n",
        "Match nonsense x\n Port 5\n",
        "Match\n Port 5\n",
        "IdentityFile ~/.ssh/one\nIdentityFile ~/.ssh/two\nIdentityFile ~/.ssh/one\nIdentityFile /abs/three\n",
        "IdentityFile none\n",
        "IdentityFile none\nIdentityFile ~/.ssh/one\n",
        "Host lab00\n IdentityFile /a\nHost *\n IdentityFile /b\n",
        "IdentitiesOnly yes\n",
        "IdentitiesOnly TRUE\n",
        "IdentitiesOnly maybe\n",
        "IdentityAgent none\n",
        "IdentityAgent SSH_AUTH_SOCK\n",
        "IdentityAgent $HOME\n",
        "IdentityAgent ~/agent-%h-%p-%r-%u-%i-%d-%l-%L-%n-%k-%C-%%\n",
        "IdentityAgent ${HOME}/agent\n",
        "UserKnownHostsFile ~/.ssh/a ~/b /c\n",
        "UserKnownHostsFile none\n",
        "UserKnownHostsFile none /c\n",
        "UserKnownHostsFile ~/.ssh/%h.%k ${HOME}/x\nHostKeyAlias ALIAS\n",
        "UserKnownHostsFile ${NO_SUCH_VARIABLE_HERE}/x\n",
        "UserKnownHostsFile ~/%x\n",
        "UserKnownHostsFile \"/with blank/a\"\n",
        "GlobalKnownHostsFile /a /b\n",
        "GlobalKnownHostsFile none\n",
        "HostName %%h\n",
        "HostName %h%h\n",
        "HostName ::1\n",
        "HostName 0:0:0:0:0:0:0:1\n",
        "HostName Example.ORG\n",
        "HostName %x\n",
        "Port 0\n",
        "Port 65536\n",
        "Port abc\n",
        "Port 22 23\n",
        "Port\n",
        "Port ==22\n",
        "Host other\n Port abc\n",
        "Compression yes\n",
        "ConnectTimeout 7\n",
        "ConnectTimeout 1m30s\n",
        "ConnectTimeout none\n",
        "ConnectTimeout soon\n",
        "AddressFamily inet\n",
        "AddressFamily INET6\n",
        "TCPKeepAlive no\n",
        "KeepAlive no\n",
        "SendEnv LANG LC_*\nSendEnv FOO\n",
        "SendEnv LANG LC_* FOO\nSendEnv -LC_*\n",
        "SendEnv FOO BAR\nHost lab00\n SendEnv -*\n",
        "SetEnv A=b\n",
        "Ciphers aes256-ctr\n",
        "Ciphers +aes256-cbc\n",
        "Ciphers ^aes256-ctr\n",
        "Ciphers -aes*\n",
        "Ciphers nonsense\n",
        "Ciphers aes256-ctr,nonsense\n",
        "KexAlgorithms +nonsense\n",
        "HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com,ssh-ed25519\n",
        "KexAlgorithms curve25519-sha256\n",
        "KexAlgorithms -sntrup*\n",
        "KexAlgorithms ^ecdh-sha2-nistp256\n",
        "MACs hmac-sha2-512,hmac-sha2-256\n",
        "HostKeyAlgorithms ssh-ed25519\n",
        "HostKeyAlgorithms +ssh-rsa\n",
        "HostKeyAlgorithms ^rsa-sha2-512\n",
        "ProxyJump a\n",
        "ProxyJump none\nProxyCommand nc %h %p\n",
        "ProxyCommand none\nProxyJump a\n",
        "ProxyCommand nc %h %p\nProxyJump a\n",
        "ProxyJump a\nProxyCommand nc %h %p\n",
        "ControlPath none\n",
        "ControlPath ~/.ssh/c-%C\n",
        "CertificateFile ~/.ssh/c.pub\n",
        "BindAddress 127.0.0.1\n",
        "PreferredAuthentications publickey\n",
        "Nonsense yes\n",
        "IgnoreUnknown Nonsense,Other*\nNonsense yes\nOtherThing a b c\n",
        "Nonsense yes\nIgnoreUnknown Nonsense\n",
        "Host other\n IgnoreUnknown Nonsense\nHost *\n Nonsense yes\n",
        "Protocol 2\nUseRoaming no\nRSAAuthentication yes\n",
        "User \"a b\"\n",
        "User 'ada'\n",
        "User a\\ b\n",
        "User \"unfinished\n",
        "User=ada\r\nPort 24\r\n",
        "User ada\x0c\n",
        "LocalCommand echo \"a b\" # no comment\n",
        "Include {folder}/absent\nPort 5\n",
        "Include {folder}/absent*\nPort 5\n",
        "Host lab00\n Include \nPort 5\n",
    ];
    for text in cases {
        check_text(text, &hosts);
    }
}

#[test]
fn includes() {
    let folder = Folder::new();
    let at = folder.0.display();
    folder.write("conf.d/10-a", "Port 10\nHost lab01\n User from-a\n");
    folder.write("conf.d/20-b", "Port 20\nUser from-b\nMatch host lab00\n IdentityFile /from/b\n");
    folder.write("deep/1", &format!("Include {at}/deep/2\n"));
    folder.write("deep/2", "User deep\n");
    folder.write("loop", &format!("Include {at}/loop\n"));
    folder.write("loops", &format!("Include {at}/loops\n").repeat(3));
    folder.write("bad", "Nonsense yes\n");
    let open = folder.write("open", "User open\n");
    std::os::unix::fs::chown(&open, None, None).unwrap();
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    for text in [
        "Include {folder}/conf.d/*\n".to_string(),
        "Include {folder}/conf.d/20* {folder}/conf.d/10*\n".into(),
        "Host lab01\n Include {folder}/conf.d/*\nHost *\n Port 99\n".into(),
        "Match host lab01\n Include {folder}/conf.d/10-a\n User after\n".into(),
        "Include {folder}/conf.d/10-a\nUser after\n".into(),
        "Include {folder}/deep/1\n".into(),
        "Include {folder}/loop\n".into(),
        "Include {folder}/loops\n".into(),
        "Host other\n Include {folder}/loop\n".into(),
        "Include {folder}/bad\n".into(),
        "Host other\n Include {folder}/bad\n".into(),
        "Include {folder}/open\n".into(),
        "Include \"{folder}/conf.d/[12]0-?\"\n".into(),
        "Include {folder}/conf.d\n".into(),
    ] {
        let config = folder.write("config", &text.replace("{folder}", &at.to_string()));
        for words in ["lab00", "lab01", "other"] {
            check(Some(&config), &environment(Some(&config)), words, &text);
        }
    }
}

/// The files of the machine the tests run on, whatever they say; on Debian that is GSSAPI, SendEnv and an Include.
#[test]
fn the_files_of_this_machine() {
    for words in ["localhost", "lab00", "ada@lab01#2022"] {
        check(None, &environment(None), words, "the files of this machine");
    }
}

#[test]
fn a_file_that_is_missing_or_none() {
    let absent = Path::new("/nowhere/at/all");
    check(Some(absent), &environment(Some(absent)), "lab00", "absent");
    let none = Path::new("none");
    check(Some(none), &environment(Some(none)), "lab00", "none");
}

/// A small generator of configurations; the seed is in the message of a failure, with the text.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.roll(from.len())]
    }

    fn line(&mut self) -> String {
        let names = ["lab00", "lab01", "lab*", "*", "!lab01", "!lab0?", "*.example", "other.example", "LAB00"];
        match self.roll(9) {
            0 | 1 => format!("Host {} {}", self.pick(&names), self.pick(&names)),
            2 => {
                let criterion = ["host", "originalhost", "user", "localuser", "!host", "!user"];
                let value = ["lab00", "lab*", "lab01,other.example", "root", "ada", "!lab00,*", "*"];
                let mut line = format!("Match {} {}", self.pick(&criterion), self.pick(&value));
                if self.roll(3) == 0 {
                    line = format!("{line} {} {}", self.pick(&criterion), self.pick(&value));
                }
                if self.roll(8) == 0 {
                    line.push_str(" final");
                }
                line
            }
            _ => {
                let directive = self.pick(&[
                    "User ada",
                    "User=\"bob\"",
                    "Port 1000",
                    "port = 2000",
                    "HostName other.example",
                    "HostName %h.example",
                    "HostKeyAlias Alias-1",
                    "IdentityFile ~/.ssh/a",
                    "IdentityFile /b",
                    "IdentityFile none",
                    "IdentitiesOnly yes",
                    "IdentitiesOnly no",
                    "IdentityAgent ~/a-%h-%r",
                    "IdentityAgent none",
                    "UserKnownHostsFile ~/k-%n-%h-%p-%k",
                    "UserKnownHostsFile /a /b",
                    "GlobalKnownHostsFile /g",
                    "Compression yes",
                    "ConnectTimeout 3m",
                    "AddressFamily inet",
                    "TCPKeepAlive no",
                    "SendEnv A B_*",
                    "SendEnv -B*",
                    "Ciphers ^aes256-ctr",
                    "MACs -*etm*",
                    "KexAlgorithms +diffie-hellman-group14-sha1",
                    "ProxyJump none",
                    "ProxyJump j",
                    "ProxyCommand none",
                    "ProxyCommand p %h",
                    "ControlPath none",
                    "ControlPath /tmp/%C",
                    "# a comment",
                    "",
                ]);
                format!("{}{directive}", self.pick(&["", "  ", "\t"]))
            }
        }
    }
}

#[test]
fn generated_files() {
    for seed in 1..=120u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let lines: Vec<String> = (0..3 + dice.roll(18)).map(|_| dice.line()).collect();
        let text = format!("# seed {seed}\n{}\n", lines.join("\n"));
        check_text(&text, &["lab00", "lab01", "ada@other.example#77"]);
    }
}

/// All keywords of the manual pages of OpenSSH 9.2 (Debian's too) and 10.
const MANUAL: &str = "AddKeysToAgent AddressFamily BatchMode BindAddress BindInterface CanonicalDomains \
    CanonicalizeFallbackLocal CanonicalizeHostname CanonicalizeMaxDots CanonicalizePermittedCNAMEs \
    CASignatureAlgorithms CertificateFile ChannelTimeout CheckHostIP Ciphers ClearAllForwardings Compression \
    ConnectionAttempts ConnectTimeout ControlMaster ControlPath ControlPersist DynamicForward \
    EnableEscapeCommandline EnableSSHKeysign EscapeChar ExitOnForwardFailure FingerprintHash \
    ForkAfterAuthentication ForwardAgent ForwardX11 ForwardX11Timeout ForwardX11Trusted GatewayPorts \
    GlobalKnownHostsFile GSSAPIAuthentication GSSAPIClientIdentity GSSAPIDelegateCredentials GSSAPIKexAlgorithms \
    GSSAPIKeyExchange GSSAPIRenewalForcesRekey GSSAPIServerIdentity GSSAPITrustDns HashKnownHosts \
    HostbasedAcceptedAlgorithms HostbasedAuthentication HostKeyAlgorithms HostKeyAlias Hostname IdentitiesOnly \
    IdentityAgent IdentityFile IgnoreUnknown IPQoS KbdInteractiveAuthentication KbdInteractiveDevices \
    KexAlgorithms KnownHostsCommand LocalCommand LocalForward LogLevel LogVerbose MACs \
    NoHostAuthenticationForLocalhost NumberOfPasswordPrompts ObscureKeystrokeTiming PasswordAuthentication \
    PermitLocalCommand PermitRemoteOpen PKCS11Provider Port PreferredAuthentications ProxyCommand ProxyJump \
    ProxyUseFdpass PubkeyAcceptedAlgorithms PubkeyAuthentication RefuseConnection RekeyLimit RemoteCommand \
    RemoteForward RequestTTY RequiredRSASize RevokedHostKeys SecurityKeyProvider SendEnv ServerAliveCountMax \
    ServerAliveInterval SessionType SetEnv StdinNull StreamLocalBindMask StreamLocalBindUnlink \
    StrictHostKeyChecking SyslogFacility Tag TCPKeepAlive Tunnel TunnelDevice UpdateHostKeys User \
    UserKnownHostsFile VerifyHostKeyDNS VersionAddendum VisualHostKey WarnWeakCrypto XAuthLocation";

#[test]
fn every_keyword_is_in_the_table() {
    let said = oracle(Some(Path::new("none")), &target("localhost")).unwrap();
    let printed = said.keys().map(String::as_str).filter(|keyword| *keyword != "host");
    for keyword in printed.chain(MANUAL.split_ascii_whitespace()) {
        assert!(directives::find(&keyword.to_ascii_lowercase()).is_some(), "{keyword} is in no line of the table");
    }
}

/// Every entry of the table is known to this ssh, or to a newer one: a misspelt line would never be met.
#[test]
fn every_line_of_the_table_is_a_keyword() {
    let folder = Folder::new();
    let newer =
        ["channeltimeout", "obscurekeystroketiming", "refuseconnection", "tag", "versionaddendum", "warnweakcrypto"];
    for name in TABLE.iter().map(|entry| entry.name).chain(ALIASES.iter().map(|(alias, _)| *alias)) {
        let config = folder.write("config", &format!("Host nobody\n {name} x\n"));
        let refused = oracle(Some(&config), &target("lab00")).err().unwrap_or_default();
        let unknown = refused.contains("Bad configuration option");
        assert!(!unknown || newer.contains(&name), "{name}: {refused}");
    }
}

/// The two usual files, which `ssh` knows at fixed places only.
#[test]
fn the_user_file_comes_before_the_system_file() {
    let folder = Folder::new();
    folder.write("home/.ssh/config", "Host lab00\n User mine\n Include more\nIdentityFile /mine\n");
    folder.write("home/.ssh/more", "Port 1\n");
    let system_config =
        folder.write("etc/ssh_config", "Include ssh_config.d/*.conf\nUser theirs\nIdentityFile /theirs\n");
    folder.write("etc/ssh_config.d/a.conf", "Port 2\n");
    folder.write("etc/ssh_config.d/b.txt", "Nonsense yes\n");
    let mut environment = environment(None);
    environment.home = folder.0.join("home");
    environment.variables.insert("HOME".into(), environment.home.clone().into());
    environment.system_config = system_config;
    let resolve = |words: &str| Config::read(&environment).resolve(&environment, &target(words));
    let of = |resolved: &Resolved| (resolved.user.clone(), resolved.port, resolved.identity_files.clone());
    let files = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
    let (first, second) = (resolve("lab00"), resolve("lab01"));
    assert_eq!((&first.unsupported, &second.unsupported), (&vec![], &vec![]));
    assert_eq!(of(&first), ("mine".to_string(), 1, files(&["/mine", "/theirs"])));
    assert_eq!(of(&second), ("theirs".to_string(), 2, files(&["/theirs"])));
    // A file of the user that others may write is none that ssh would read.
    let own = folder.0.join("home/.ssh/config");
    std::fs::set_permissions(own, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    assert_eq!(resolve("lab00").unsupported[0].directive, "configuration");
}

/// Valid for `ssh`, read by nobody else: the host takes `openssh` rather than a guess.
#[test]
fn what_only_ssh_understands_goes_to_ssh() {
    let folder = Folder::new();
    for text in [
        "Include ~nobody-here/x\n",
        "Include ${HOME}/.ssh/absent\n",
        "Port ssh\n",
        "HostName 127.1\n",
        "Match exec true\n",
        "UserKnownHostsFile ~root/x\n",
        "HostKeyAlgorithms ecdsa-*\n",
    ] {
        let config = folder.write("config", text);
        oracle(Some(&config), &target("lab00")).unwrap_or_else(|why| panic!("{text}: {why}"));
        let route = Ssh::new(environment(Some(&config))).route(&target("lab00"));
        assert_eq!(route.transport, Transport::OpenSsh, "{text}");
    }
}

/// Each directive alone, beside a value of it that asks for nothing.
#[test]
fn what_sends_a_host_to_openssh() {
    let folder = Folder::new();
    folder.write(
        "known",
        "@cert-authority lab00 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n",
    );
    folder.write("sk.pub", "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fAAAABHNzaDo=\n");
    let mut environment = Environment::of_this_process();
    environment.variables.clear();
    environment.variables.insert("FOO".into(), "1".into());
    environment.variables.insert("LC_ALL".into(), "C".into());
    let mut check = |text: &str, kerberos: bool, expected: &[&str]| {
        let at = folder.0.display().to_string();
        let config = folder.write("config", &text.replace("{folder}", &at));
        environment.config = Some(config);
        environment.kerberos = kerberos;
        let route = Ssh::new(environment.clone()).route(&target("lab00"));
        let why: Vec<&str> = route.why.iter().map(|why| why.directive.as_str()).collect();
        assert_eq!(why, expected, "{text}: {route:?}");
        assert_eq!(route.transport == Transport::Ssh2, expected.is_empty(), "{text}");
    };
    check("", false, &[]);
    check("GSSAPIAuthentication yes\nHashKnownHosts yes\nSendEnv LANG LC_*\n", false, &[]);
    check("GSSAPIAuthentication yes\n", true, &["gssapiauthentication"]);
    check("GSSAPIKeyExchange yes\n", true, &["gssapikeyexchange"]);
    check("GSSAPIAuthentication no\n", true, &[]);
    check("SendEnv FOO\n", false, &["sendenv"]);
    check("SendEnv F*\nSendEnv -FOO -F*\n", false, &[]);
    check("SendEnv BAR\n", false, &[]);
    check("SetEnv A=b\n", false, &["setenv"]);
    check("PermitLocalCommand yes\n", false, &[]);
    check("LocalCommand date\n", false, &[]);
    check("PermitLocalCommand yes\nLocalCommand date\n", false, &["localcommand"]);
    check("StrictHostKeyChecking yes\n", false, &[]);
    check("StrictHostKeyChecking accept-new\n", false, &["stricthostkeychecking"]);
    check("StrictHostKeyChecking no\n", false, &["stricthostkeychecking"]);
    check("UpdateHostKeys yes\n", false, &["updatehostkeys"]);
    check("ControlMaster no\nControlPath none\n", false, &[]);
    check("ControlMaster auto\n", false, &["controlmaster"]);
    check("ForwardAgent yes\nLocalForward 1 a:1\nRemoteCommand x\nRequestTTY force\nTunnel yes\n", false, &[]);
    check("PubkeyAuthentication no\n", false, &["pubkeyauthentication"]);
    check("PKCS11Provider /x.so\n", false, &["pkcs11provider"]);
    check("IdentityFile {folder}/sk\n", false, &["identityfile"]);
    check("UserKnownHostsFile {folder}/known\n", false, &["@cert-authority"]);
    check("KexAlgorithms sntrup761x25519-sha512@openssh.com,curve25519-sha256\n", false, &["kexalgorithms"]);
    check("KexAlgorithms curve25519-sha256\n", false, &[]);
    check("AddKeysToAgent yes\n", false, &[]);
    check("Match host other exec true\nPort 1\n", false, &[]);
    check("Match exec true\nPort 1\n", false, &["match exec"]);
    check("Frobnicate yes\n", false, &["frobnicate"]);
}

/// 500 hosts with as many blocks: a listing must not notice.
#[test]
fn resolving_looks_at_every_block_once() {
    let blocks: String =
        (0..500).map(|n| format!("Host lab{n:03}\n HostName 127.1.0.{}\n Port {}\n", n % 250, n + 1)).collect();
    let folder = Folder::new();
    let path = folder.write("config", &blocks);
    let environment = environment(Some(&path));
    let config = Config::read(&environment);
    for n in 0..500u16 {
        let resolved = config.resolve(&environment, &target(&format!("lab{n:03}")));
        assert_eq!((resolved.port, resolved.unsupported.len()), (n + 1, 0));
    }
}

#[test]
fn a_connect_timeout_of_zero_is_no_limit_of_its_own() {
    for (text, limit) in [("ConnectTimeout 0", None), ("ConnectTimeout none", None), ("ConnectTimeout 7", Some(7))] {
        let folder = Folder::new();
        let config = folder.write("config", text);
        let environment = environment(Some(&config));
        let resolved = Config::read(&environment).resolve(&environment, &target("lab00"));
        assert_eq!(resolved.connect_timeout.map(|limit| limit.as_secs()), limit, "{text}");
    }
}
