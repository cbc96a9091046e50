//! `~`, `%h` and `${NAME}` in the values of ssh_config(5).

use super::Environment;
use sha1::{Digest, Sha1};
use std::fmt::Write;
use std::path::PathBuf;

/// What the tokens stand for on one host.
pub struct Tokens<'a> {
    /// The caller's side: `%d %i %l %L %u`.
    pub environment: &'a Environment,
    /// `%n`: the host as typed.
    pub typed: &'a str,
    /// `%h`: the name after HostName.
    pub hostname: &'a str,
    /// `%k`: HostKeyAlias, else the host as typed.
    pub key_alias: &'a str,
    /// `%p`.
    pub port: u16,
    /// `%r`.
    pub user: &'a str,
}

impl Tokens<'_> {
    /// A value with its home, variables and tokens replaced.
    pub fn path(&self, value: &str) -> Result<PathBuf, String> {
        let home = self.home();
        let value = match value.strip_prefix('~') {
            None => value.to_string(),
            Some("") => format!("{home}/"),
            Some(tail) if tail.starts_with('/') => {
                format!("{}/{}", home.trim_end_matches('/'), tail.trim_start_matches('/'))
            }
            Some(_) => return Err(format!("{value}: the home of another account")),
        };
        self.text(&value).map(PathBuf::from)
    }

    fn text(&self, value: &str) -> Result<String, String> {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(at) = rest.find(['%', '$']) {
            out.push_str(&rest[..at]);
            let tail = &rest[at..];
            if let Some(variable) = tail.strip_prefix("${") {
                let (name, after) =
                    variable.split_once('}').ok_or_else(|| format!("{value}: missing closing brace"))?;
                let found = self.environment.variables.get(name).and_then(|found| found.to_str());
                out.push_str(found.ok_or_else(|| format!("{value}: the variable {name} has no value"))?);
                rest = after;
            } else if let Some(after) = tail.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else {
                let mut chars = tail[1..].chars();
                self.token(chars.next(), &mut out).ok_or_else(|| format!("{value}: unknown token"))?;
                rest = chars.as_str();
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    fn token(&self, token: Option<char>, out: &mut String) -> Option<()> {
        let machine = &self.environment.machine;
        match token? {
            '%' => out.push('%'),
            'C' => {
                let hashed = format!("{machine}{}{}{}", self.hostname, self.port, self.user);
                for byte in Sha1::digest(hashed.as_bytes()).iter() {
                    write!(out, "{byte:02x}").ok()?;
                }
            }
            'L' => out.push_str(machine.split('.').next()?),
            'd' => out.push_str(&self.home()),
            'h' => out.push_str(self.hostname),
            'i' => write!(out, "{}", self.environment.uid).ok()?,
            // The host of ProxyJump in newer releases; such hosts take openssh, so for us there is none.
            'j' => {}
            'k' => out.push_str(self.key_alias),
            'l' => out.push_str(machine),
            'n' => out.push_str(self.typed),
            'p' => write!(out, "{}", self.port).ok()?,
            'r' => out.push_str(self.user),
            'u' => out.push_str(&self.environment.user),
            _ => return None,
        }
        Some(())
    }

    fn home(&self) -> String {
        self.environment.home.to_string_lossy().into_owned()
    }
}

/// HostName knows `%h` (the host as typed) and `%%` only.
pub fn hostname(value: &str, typed: &str) -> Result<String, String> {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (c, c == '%') {
            (_, true) => match chars.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(typed),
                _ => return Err(format!("HostName {value}: unknown token")),
            },
            (c, _) => out.push(c),
        }
    }
    Ok(out)
}
