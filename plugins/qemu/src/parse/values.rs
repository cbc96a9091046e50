//! The value of a QEMU option: `guest=tst100,debug-threads=on`, or the same as JSON.
//!
//! ```text
//! -name guest=a,,b,debug-threads=on            a comma in a value is written twice
//! -qmp unix:/run/x/qmp,server,nowait           the first part may lack its key, others are switches
//! -device {"driver":"virtio-net-pci","netdev":"hostnet0","mac":"52:54:00:0d:7a:3c","bus":"pci.1"}
//! ```

use ctys_plugin::json::{self, Value};

/// Keys with their values, in order; a key may stand there more than once (`hostfwd`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pairs(pub Vec<(String, String)>);

impl Pairs {
    /// Reads a value. `implied` is the key of the first part where that has none.
    pub fn parse(text: &str, implied: &str) -> Pairs {
        if text.starts_with('{')
            && let Ok(Value::Object(object)) = json::from_str::<Value>(text)
        {
            let mut pairs = Pairs::default();
            pairs.flatten("", &object);
            return pairs;
        }
        let mut pairs = Vec::new();
        for (n, part) in parts(text).into_iter().enumerate() {
            match part.split_once('=') {
                // A path in the first part may hold a `=`; a key is one plain word.
                Some((key, value)) if is_key(key) => pairs.push((key.to_string(), value.to_string())),
                _ if n == 0 => pairs.push((implied.to_string(), part)),
                // `nowait` is `wait=off`, any other lone word is a switch that is on.
                _ => match part.strip_prefix("no") {
                    Some(word) if matches!(word, "wait" | "delay") => pairs.push((word.to_string(), "off".into())),
                    _ => pairs.push((part, "on".into())),
                },
            }
        }
        Pairs(pairs)
    }

    fn flatten(&mut self, prefix: &str, object: &json::Map<String, Value>) {
        for (key, value) in object {
            let key = format!("{prefix}{key}");
            match value {
                Value::Object(inner) => self.flatten(&format!("{key}."), inner),
                Value::String(text) => self.0.push((key, text.clone())),
                Value::Bool(on) => self.0.push((key, if *on { "on" } else { "off" }.into())),
                other => self.0.push((key, other.to_string())),
            }
        }
    }

    /// The value of a key; of several the last, as QEMU has it.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// All values of a key.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Whether a switch is on.
    pub fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some("on" | "yes" | "true"))
    }
}

/// The parts between single commas; two commas are one in the value.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c != ',' {
            parts.last_mut().expect("there is always one").push(c);
        } else if rest.peek() == Some(&',') {
            rest.next();
            parts.last_mut().expect("there is always one").push(',');
        } else {
            parts.push(String::new());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// A size in MiB: QEMU's `-m` counts in MiB unless a letter follows.
pub fn mebibytes(text: &str) -> Option<i64> {
    let (digits, unit) = match text.find(|c: char| !c.is_ascii_digit() && c != '.') {
        Some(at) => text.split_at(at),
        None => (text, "M"),
    };
    let bytes = match unit.chars().next()?.to_ascii_uppercase() {
        'B' => 1_f64,
        'K' => 1024_f64,
        'M' => 1_048_576_f64,
        'G' => 1_073_741_824_f64,
        'T' => 1_099_511_627_776_f64,
        _ => return None,
    };
    let size = digits.parse::<f64>().ok()? * bytes / 1_048_576_f64;
    // No host has a pebibyte; what says so is nonsense.
    (0.0..1_073_741_824.0).contains(&size).then_some(size as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_keys() {
        let check = |text: &str, implied: &str, want: &[(&str, &str)]| {
            let got = Pairs::parse(text, implied);
            let want = want.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
            assert_eq!(got, Pairs(want), "{text}");
        };
        check("tst100", "guest", &[("guest", "tst100")]);
        check("guest=tst100,debug-threads=on", "guest", &[("guest", "tst100"), ("debug-threads", "on")]);
        check("tst100,process=tst100", "guest", &[("guest", "tst100"), ("process", "tst100")]);
        check("a,,b,c=d,,", "guest", &[("guest", "a,b"), ("c", "d,")]);
        check("a,,,b", "x", &[("x", "a,"), ("b", "on")]);
        check("", "x", &[]);
        check(",,", "x", &[("x", ",")]);
        check("unix:/a=b/qmp,server,nowait", "to", &[("to", "unix:/a=b/qmp"), ("server", "on"), ("wait", "off")]);
        check("unix:/x,server=on,wait=off", "to", &[("to", "unix:/x"), ("server", "on"), ("wait", "off")]);
        check(
            "{\"driver\":\"e1000\",\"mac\":\"52:54:00:00:00:01\",\"x\":{\"y\":7},\"on\":true}",
            "driver",
            &[("driver", "e1000"), ("mac", "52:54:00:00:00:01"), ("on", "on"), ("x.y", "7")],
        );
        check("{not json", "driver", &[("driver", "{not json")]);
        check(
            "user,hostfwd=tcp::22-:22,hostfwd=udp::1-:1",
            "type",
            &[("type", "user"), ("hostfwd", "tcp::22-:22"), ("hostfwd", "udp::1-:1")],
        );
    }

    #[test]
    fn a_size_is_in_mebibytes() {
        let check = |text: &str, want: Option<i64>| assert_eq!(mebibytes(text), want, "{text}");
        check("512", Some(512));
        check("4G", Some(4096));
        check("4194304k", Some(4096));
        check("1.5G", Some(1536));
        check("2048M", Some(2048));
        check("1T", Some(1_048_576));
        check("99999999999999999999999999", None);
        check("-1", None);
        check("4x", None);
        check("", None);
        check("G", None);
    }
}
