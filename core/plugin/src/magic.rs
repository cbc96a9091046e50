//! Magic comments: what ctys knows of a machine, written as comments into any configuration file (ctys.md 6.1).
//!
//! ```text
//! #@#MAGICID-PM
//! #@#LABEL    = "lab00"
//! #@#MAC0     = "00:0E:0C:35:F8:48"
//! #@#IP0      = "192.168.1.71%255.255.255.0%%eth0"
//! #_@#UUID    = "a disabled key"
//! ```
//!
//! Every machine plugin reads them, so they are read here. Knows nothing of any kind of machine, and no file system.

use ctys_model::bytes::{escape, escape_for_eyes};
use ctys_model::field::Known;
use ctys_model::{Bytes, Field, Missing, Phase, Problem, Record, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The magic comments of one file, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Magic {
    entries: Vec<(String, String)>,
}

/// One network interface as configured: a hardware address, an address, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MagicInterface {
    /// The hardware address, upper case with colons; as written when it is none.
    pub mac: Option<String>,
    /// The address or name.
    pub ip: Option<String>,
    /// The netmask.
    pub netmask: Option<String>,
    /// The machine or interface it is reached through.
    pub relay: Option<String>,
    /// The name of the interface; the number of its keys when the file gives none.
    pub name: String,
    /// The port of the sshd that listens there.
    pub ssh_port: Option<String>,
    /// The gateway.
    pub gateway: Option<String>,
}

/// Which key gives which field. The second key is another spelling.
const FIELDS: &[(Known, &[&str])] = &[
    (Known::Display, &["VNCACCESSDISPLAY"]),
    (Known::Cport, &["VNCACCESSPORT"]),
    (Known::Sport, &["SPORT"]),
    (Known::VncBase, &["VNCBASEPORT"]),
    (Known::Dist, &["DIST"]),
    (Known::DistRel, &["DISTREL"]),
    (Known::Os, &["OS"]),
    (Known::OsRel, &["OSREL"]),
    (Known::Version, &["VERSION"]),
    (Known::Serial, &["SERNO"]),
    (Known::Category, &["CATEGORY"]),
    (Known::VmState, &["VMSTATE"]),
    (Known::HyperRel, &["INST_HYPERREL"]),
    (Known::StackCap, &["STACKCAP"]),
    (Known::StackReq, &["STACKREQ"]),
    (Known::HwCap, &["HWCAP"]),
    (Known::HwReq, &["HWREQ"]),
    (Known::ExecLocation, &["EXECLOCATION"]),
    (Known::RelocCap, &["RELOCCAP"]),
    (Known::SshPort, &["SSHPORT"]),
    (Known::Accelerator, &["INST_ACCELERATOR"]),
    (Known::ExecPath, &["STARTERCALL"]),
    (Known::CtysRelease, &["CTYSREL", "CTYSRELEASE"]),
    (Known::Gateway, &["GUESTGATEWAY"]),
    (Known::Arch, &["ARCH"]),
    (Known::Platform, &["PLATFORM"]),
    (Known::Vram, &["VRAM"]),
    (Known::Vcpu, &["VCPU"]),
    (Known::Context, &["CSTRG"]),
    (Known::UserString, &["USTRG"]),
    (Known::User, &["UID"]),
    (Known::Group, &["GID"]),
    (Known::DefaultHosts, &["DEFAULTHOSTS"]),
    (Known::DefaultConsole, &["DEFAULTCONSOLE"]),
];

/// The fields whose values are numbers when they look like one.
const NUMBERS: &[Known] =
    &[Known::Display, Known::Cport, Known::Sport, Known::VncBase, Known::SshPort, Known::Vram, Known::Vcpu];

impl Magic {
    /// Reads a file. Never fails: a line that is no magic comment is somebody else's.
    pub fn parse(content: &Bytes) -> Magic {
        let mut magic = Magic::default();
        for raw in content.as_slice().split(|&b| b == b'\n') {
            // Most lines are seen at their first byte to be no comment; what is no ASCII may be blank all the same.
            if raw.trim_ascii_start().first().is_none_or(|&byte| byte != b'#' && byte.is_ascii_graphic()) {
                continue;
            }
            let line = match std::str::from_utf8(raw) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => Cow::Owned(escape(raw)),
            };
            let Some(rest) = line.trim_start_matches('\u{feff}').trim_start().strip_prefix("#@#") else { continue };
            let (key, value) = match rest.split_once('=') {
                Some((key, value)) => (key.trim(), unquote(value.trim())),
                None => (rest.trim(), ""),
            };
            // `#@#MAGICID-PM   some remark`: a key is one word.
            let key = key.split_whitespace().next().unwrap_or("").to_ascii_uppercase();
            if !key.is_empty() && !magic.has(&key) {
                magic.entries.push((key, value.to_string()));
            }
        }
        magic
    }

    /// The value of a key in its first occurrence; an empty one counts as none.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str()).filter(|v| !v.is_empty())
    }

    /// Whether a key or marker is there, with or without a value. Upper case.
    pub fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name == key)
    }

    /// True when the file holds no magic comment at all.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// True when the file wants to be left out of every search.
    pub fn hidden(&self) -> bool {
        self.has("MAGICID-IGNORE") || self.has("MAGICID-NOENUM")
    }

    /// Why the machine is not to be ended, where it is marked so; the reason may be empty. See [`crate::protect`].
    pub fn protection(&self) -> Option<&str> {
        self.has("PROTECT").then(|| self.get("PROTECT").unwrap_or_default())
    }

    /// The label; a colon in it becomes `_`, since it separates keys from values in addresses.
    pub fn label(&self) -> Option<String> {
        self.get("LABEL").map(|label| label.replace(':', "_"))
    }

    /// The uuid as 32 lower-case digits; as written when it is none.
    pub fn uuid(&self) -> Option<String> {
        self.get("UUID").map(|uuid| plain_uuid(uuid).unwrap_or_else(|| uuid.to_string()))
    }

    /// Sets every field the file can give and the record has no value for: native settings beat magic comments. Only those
    /// that will be shown, where that is known (see [`ctys_model::Enumerate::fields`]).
    pub fn fill(&self, record: &mut Record, shown: Option<&BTreeSet<Field>>) {
        let mut give = |known: Known, value: &dyn Fn() -> Option<Value>| {
            let is_shown = shown.is_none_or(|shown| shown.contains(&Field::Known(known)));
            if is_shown && record.get(known).present().is_none() {
                record.set(known, value().unwrap_or(Value::Missing(Missing::None)));
            }
        };
        give(Known::Label, &|| self.label().map(Value::from));
        give(Known::Uuid, &|| self.uuid().map(Value::from));
        for (known, keys) in FIELDS {
            give(*known, &|| keys.iter().find_map(|key| self.get(key)).map(|text| typed(*known, text)));
        }
    }

    /// The interfaces in the order of their numbers, one per address, and what is odd about them.
    ///
    /// `MAC<n>` and `IP<n>` with the same n belong together; a key without a number has the number 0.
    pub fn interfaces(&self) -> (Vec<MagicInterface>, Vec<Problem>) {
        let mut problems = Vec::new();
        (self.interfaces_and(|problem| problems.push(problem())), problems)
    }

    /// The interfaces alone, for who has better sources than what is odd about them.
    pub fn bare_interfaces(&self) -> Vec<MagicInterface> {
        self.interfaces_and(|_| {})
    }

    fn interfaces_and(&self, mut tell: impl FnMut(&dyn Fn() -> Problem)) -> Vec<MagicInterface> {
        let mut numbers: Vec<u32> =
            self.entries.iter().filter_map(|(key, _)| numbered(key, "MAC").or_else(|| numbered(key, "IP"))).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut interfaces = Vec::new();
        for n in numbers {
            let mac = self.numbered("MAC", n).map(|text| {
                plain_mac(text).unwrap_or_else(|| {
                    tell(&|| {
                        let shown = escape_for_eyes(text);
                        Problem::new(Phase::Notice, format!("MAC{n} = \"{shown}\" is no hardware address"))
                    });
                    text.to_string()
                })
            });
            let addresses: Vec<&str> = self
                .numbered("IP", n)
                .map(|list| list.split(',').map(str::trim).filter(|one| !one.is_empty()).collect())
                .unwrap_or_default();
            if mac.is_none() && !addresses.is_empty() {
                tell(&|| {
                    Problem::new(Phase::Notice, format!("IP{n} has no MAC{n}"))
                        .hint(format!("add the line: #@#MAC{n} = \"<hardware address>\""))
                });
            }
            if addresses.is_empty() && mac.is_some() {
                interfaces.push(MagicInterface { mac, name: n.to_string(), ..MagicInterface::default() });
                continue;
            }
            for address in addresses {
                let mut parts = address.split('%').map(|part| Some(part.trim().to_string()).filter(|p| !p.is_empty()));
                let mut next = || parts.next().flatten();
                interfaces.push(MagicInterface {
                    mac: mac.clone(),
                    ip: next(),
                    netmask: next(),
                    relay: next(),
                    name: next().unwrap_or_else(|| n.to_string()),
                    ssh_port: next(),
                    gateway: next(),
                });
            }
        }
        interfaces
    }

    fn numbered(&self, stem: &str, n: u32) -> Option<&str> {
        self.entries
            .iter()
            .find(|(key, value)| numbered(key, stem) == Some(n) && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }
}

impl MagicInterface {
    /// Sets the fields of this interface; what it does not say is left as it is.
    pub fn fill(&self, record: &mut Record) {
        let parts = [
            (Known::Mac, &self.mac),
            (Known::Tcp, &self.ip),
            (Known::Netmask, &self.netmask),
            (Known::Relay, &self.relay),
            (Known::SshPort, &self.ssh_port),
            (Known::Gateway, &self.gateway),
        ];
        for (known, part) in parts {
            match part {
                Some(text) => record.set(known, typed(known, text)),
                None if record.get(known).present().is_none() => record.set(known, Value::Missing(Missing::None)),
                None => {}
            }
        }
        record.set(Known::Interface, self.name.as_str());
    }
}

/// Whether a machine in this VMSTATE is wanted by MATCHVSTAT (ctys.md 2.4): without any state ACTIVE and EMPTY are.
///
/// PRESENT and ALL take every state. ENABLED takes ACTIVE; that its hypervisor can be used is for the plugin to know.
/// CUSTOM only announces words of the user's own.
pub fn state_wanted(wanted: &[String], state: Option<&str>) -> bool {
    let state = state.map(str::to_ascii_uppercase).unwrap_or_else(|| "EMPTY".to_string());
    if wanted.is_empty() {
        return state == "ACTIVE" || state == "EMPTY";
    }
    wanted.iter().map(|word| word.to_ascii_uppercase()).any(|word| match word.as_str() {
        "PRESENT" | "ALL" => true,
        "ENABLED" => state == "ACTIVE",
        "CUSTOM" => false,
        word => word == state,
    })
}

/// A uuid as 32 lower-case digits, from any case, with or without dashes.
pub fn plain_uuid(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(32);
    for byte in text.trim().bytes().filter(|&byte| byte != b'-') {
        if !byte.is_ascii_hexdigit() || digits.len() == 32 {
            return None;
        }
        digits.push(char::from(byte.to_ascii_lowercase()));
    }
    (digits.len() == 32).then_some(digits)
}

/// A hardware address of six pairs, upper case with colons, from any case, with colons or dashes.
pub fn plain_mac(text: &str) -> Option<String> {
    // Six pairs of one byte each, whatever separates them.
    mac_bytes(text)?;
    Some(text.trim().chars().map(|c| if c == '-' { ':' } else { c.to_ascii_uppercase() }).collect())
}

/// The six bytes of a hardware address, from any case, with colons or dashes.
pub fn mac_bytes(text: &str) -> Option<[u8; 6]> {
    let separator = if text.contains('-') { '-' } else { ':' };
    let mut bytes = [0; 6];
    let mut pairs = text.trim().split(separator);
    for byte in &mut bytes {
        let pair = pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(bytes)
}

/// A number where the field is one and the text looks like one.
fn typed(known: Known, text: &str) -> Value {
    match text.parse::<i64>() {
        Ok(number) if NUMBERS.contains(&known) => Value::Number(number),
        _ => Value::text(text),
    }
}

/// What stands between quotes of either style, or the whole text when there are none. What follows the closing quote
/// is a remark; a quote that is never closed is dropped.
fn unquote(text: &str) -> &str {
    match text.chars().next() {
        Some(quote @ ('"' | '\'')) => {
            let inner = &text[1..];
            inner.split_once(quote).map_or(inner, |(value, _)| value)
        }
        _ => text,
    }
}

/// The number of a key such as `MAC1`; 0 for the bare stem.
fn numbered(key: &str, stem: &str) -> Option<u32> {
    let digits = key.strip_prefix(stem)?;
    if digits.is_empty() {
        return Some(0);
    }
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// The fields that [`Magic::fill`] and [`MagicInterface::fill`] set, for a plugin that must say which it can give.
pub fn fields() -> impl Iterator<Item = Field> {
    let own = [Known::Label, Known::Uuid, Known::Mac, Known::Tcp, Known::Netmask, Known::Relay, Known::Interface];
    FIELDS.iter().map(|(known, _)| *known).chain(own).map(Field::Known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Magic {
        Magic::parse(&Bytes::from(text))
    }

    #[test]
    fn one_line() {
        let check = |line: &str, want: Option<&str>| {
            assert_eq!(read(line).get("LABEL"), want, "{line:?}");
        };
        check("#@#LABEL = \"lab00\"", Some("lab00"));
        check("#@#LABEL=lab00", Some("lab00"));
        check("#@#LABEL='lab00'", Some("lab00"));
        check("   \t#@#LABEL = \"lab00\"", Some("lab00"));
        check("#@# LABEL = lab00  ", Some("lab00"));
        check("#@#label = lab00", Some("lab00"));
        check("#@#LABEL = \"lab 00\"  # the one in the cellar", Some("lab 00"));
        check("#@#LABEL = lab 00", Some("lab 00"));
        check("#@#LABEL = \"lab00\r", Some("lab00"));
        check("#@#LABEL = \"it's\"", Some("it's"));
        check("#@#LABEL = 'a \"b\" c'", Some("a \"b\" c"));
        check("#@#LABEL = \"\"", None);
        check("#@#LABEL =", None);
        check("#@#LABEL", None);
        check("#@#LABEL = a=b", Some("a=b"));
        check("#@#LABEL = \"unclosed", Some("unclosed"));
        check("\u{feff}#@#LABEL = first line", Some("first line"));
        check("#_@#LABEL = \"disabled\"", None);
        check("##@#LABEL = \"not ours\"", None);
        check("x #@#LABEL = \"not at the start\"", None);
        check("#@#LABELS = \"other key\"", None);
        check("#@#LABEL = one\n#@#LABEL = two", Some("one"));
        check("#@#LABEL = \"\"\n#@#LABEL = two", None);
    }

    #[test]
    fn markers_have_no_value() {
        let magic = read("# a file\n#@#MAGICID-Linux  a remark\n#@#MAGICID-NOENUM\n");
        assert!(magic.has("MAGICID-LINUX"));
        assert!(magic.hidden());
        assert!(!read("#@#MAGICID-PM").hidden());
        assert!(read("#@#MAGICID-IGNORE = \"yes\"").hidden());
        assert!(read("LABEL = x\n# @#LABEL = y").is_empty());
    }

    #[test]
    fn interfaces_of_one_file() {
        let check = |text: &str, want: &[&str], odd: usize| {
            let (interfaces, problems) = read(text).interfaces();
            let show = |part: &Option<String>| part.clone().unwrap_or_default();
            let got: Vec<String> = interfaces
                .iter()
                .map(|i| {
                    [&i.mac, &i.ip, &i.netmask, &i.relay, &Some(i.name.clone()), &i.ssh_port, &i.gateway]
                        .map(show)
                        .join(";")
                })
                .collect();
            assert_eq!(got, want, "{text}");
            assert_eq!(problems.len(), odd, "{text}: {problems:?}");
        };
        check("", &[], 0);
        check("#@#MAC = 00:0e:0c:35:f8:48", &["00:0E:0C:35:F8:48;;;;0;;"], 0);
        check("#@#MAC0 = 00-0e-0c-35-f8-48", &["00:0E:0C:35:F8:48;;;;0;;"], 0);
        check("#@#IP = lab00", &[";lab00;;;0;;"], 1);
        check("#@#MAC0=00:0E:0C:35:F8:48\n#@#IP0=10.0.0.1", &["00:0E:0C:35:F8:48;10.0.0.1;;;0;;"], 0);
        check(
            "#@#IP1 = \"10.0.0.1%255.0.0.0%relay%eth7%2222%10.0.0.254\"\n#@#MAC1 = 00:0E:0C:35:F8:48",
            &["00:0E:0C:35:F8:48;10.0.0.1;255.0.0.0;relay;eth7;2222;10.0.0.254"],
            0,
        );
        check(
            "#@#MAC0=00:0E:0C:35:F8:48\n#@#IP0=10.0.0.1%%%eth0, 10.0.0.2%%%eth0:1",
            &["00:0E:0C:35:F8:48;10.0.0.1;;;eth0;;", "00:0E:0C:35:F8:48;10.0.0.2;;;eth0:1;;"],
            0,
        );
        check(
            "#@#MAC10=00:0E:0C:35:F8:10\n#@#MAC2=00:0E:0C:35:F8:02\n#@#IP2=10.0.0.2",
            &["00:0E:0C:35:F8:02;10.0.0.2;;;2;;", "00:0E:0C:35:F8:10;;;;10;;"],
            0,
        );
        check("#@#MAC0 = nonsense", &["nonsense;;;;0;;"], 1);
        check("#@#MACHINE = x\n#@#IPX = y", &[], 0);
        check("#@#IP0 = ,", &[], 0);
    }

    #[test]
    fn only_what_is_shown_is_filled_in() {
        let mut record = Record::new("XEN");
        let shown = BTreeSet::from([Field::Known(Known::Vcpu), Field::Known(Known::Dist)]);
        read("#@#LABEL = a\n#@#VRAM = 512\n#@#VCPU = 2").fill(&mut record, Some(&shown));
        let set: Vec<Field> = record.fields.iter().map(|(field, _)| field.clone()).collect();
        assert_eq!(set, [Known::SessionType, Known::Dist, Known::Vcpu].map(Field::Known));
    }

    #[test]
    fn a_native_setting_beats_the_comment() {
        let mut record = Record::new("XEN").with(Known::Label, "native");
        read("#@#LABEL = a:b\n#@#UUID = 6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2\n#@#VRAM = 512\n#@#VCPU = many")
            .fill(&mut record, None);
        assert_eq!(record.get(Known::Label), &Value::from("native"));
        assert_eq!(record.get(Known::Uuid), &Value::from("6842caf91e3e43249ed596b8b9f2c5c2"));
        assert_eq!(record.get(Known::Vram), &Value::Number(512));
        assert_eq!(record.get(Known::Vcpu), &Value::from("many"));
        assert_eq!(record.get(Known::Dist), &Value::Missing(Missing::None));
        assert_eq!(read("#@#LABEL = a:b").label().as_deref(), Some("a_b"));
        for field in fields() {
            let is_of_interface = matches!(
                field,
                Field::Known(Known::Mac | Known::Tcp | Known::Netmask | Known::Relay | Known::Interface)
            );
            assert!(is_of_interface || record.fields.contains_key(&field), "{field} is never set");
        }
    }

    #[test]
    fn the_states() {
        let check = |wanted: &str, state: Option<&str>, want: bool| {
            let words: Vec<String> = wanted.split('%').filter(|w| !w.is_empty()).map(String::from).collect();
            assert_eq!(state_wanted(&words, state), want, "{wanted} {state:?}");
        };
        check("", None, true);
        check("", Some("active"), true);
        check("", Some("BACKUP"), false);
        check("", Some("DISABLED"), false);
        check("BACKUP", Some("BACKUP"), true);
        check("BACKUP", None, false);
        check("BACKUP%EMPTY", None, true);
        check("PRESENT", Some("MINE"), true);
        check("ALL", None, true);
        check("ENABLED", Some("ACTIVE"), true);
        check("ENABLED", None, false);
        check("CUSTOM%MINE", Some("mine"), true);
        check("CUSTOM%MINE", Some("CUSTOM"), false);
    }

    #[test]
    fn hardware_addresses_and_uuids() {
        assert_eq!(mac_bytes("00:0e:0C:35:f8:48"), Some([0, 0x0e, 0x0c, 0x35, 0xf8, 0x48]));
        for bad in
            ["", "00:0e:0c:35:f8", "00:0e:0c:35:f8:48:00", "0:e:c:35:f8:48", "+0:0e:0c:35:f8:48", "00-0e:0c-35:f8-48"]
        {
            assert_eq!(mac_bytes(bad), None, "{bad}");
        }
        assert_eq!(
            plain_uuid("6842caf91e3e43249ed596b8b9f2c5c2 ").as_deref(),
            Some("6842caf91e3e43249ed596b8b9f2c5c2")
        );
        assert_eq!(plain_uuid("6842caf9"), None);
    }

    #[test]
    fn no_bytes_make_it_stumble() {
        let magic =
            Magic::parse(&Bytes(b"#@#LABEL = \"a\xffb\"\n\x00\x01\n#@#\n#@#=x\n#@#DIST = \"\xc3\xa9\"".to_vec()));
        assert_eq!(magic.get("LABEL"), Some("a\\xffb"));
        assert_eq!(magic.get("DIST"), Some("é"));
    }
}
