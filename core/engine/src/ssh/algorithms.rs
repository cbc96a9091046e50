//! Lists of algorithms: `KexAlgorithms`, `Ciphers`, `MACs`, `HostKeyAlgorithms`.

use super::pattern::matches_list;
use serde::{Deserialize, Serialize};

/// The four lists that ssh_config(5) lets a user choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    /// Key exchange.
    Kex,
    /// Ciphers, both directions.
    Cipher,
    /// Message authentication, both directions.
    Mac,
    /// Signatures of host keys.
    HostKey,
}

impl Family {
    /// The directive of ssh_config(5).
    pub fn directive(self) -> &'static str {
        match self {
            Family::Kex => "KexAlgorithms",
            Family::Cipher => "Ciphers",
            Family::Mac => "MACs",
            Family::HostKey => "HostKeyAlgorithms",
        }
    }

    /// OpenSSH's defaults, in its order, without what libssh2 knows nothing of (post-quantum key exchange, UMAC,
    /// certificates and hardware keys of hosts). libssh2's own defaults go further, down to 3DES and SHA-1; a host
    /// that offers nothing better is one that `ssh` refuses too.
    pub fn defaults(self) -> &'static [&'static str] {
        match self {
            Family::Kex => &[
                "curve25519-sha256",
                "curve25519-sha256@libssh.org",
                "ecdh-sha2-nistp256",
                "ecdh-sha2-nistp384",
                "ecdh-sha2-nistp521",
                "diffie-hellman-group-exchange-sha256",
                "diffie-hellman-group16-sha512",
                "diffie-hellman-group18-sha512",
                "diffie-hellman-group14-sha256",
            ],
            Family::Cipher => &[
                "chacha20-poly1305@openssh.com",
                "aes128-ctr",
                "aes192-ctr",
                "aes256-ctr",
                "aes128-gcm@openssh.com",
                "aes256-gcm@openssh.com",
            ],
            Family::Mac => &[
                "hmac-sha2-256-etm@openssh.com",
                "hmac-sha2-512-etm@openssh.com",
                "hmac-sha1-etm@openssh.com",
                "hmac-sha2-256",
                "hmac-sha2-512",
                "hmac-sha1",
            ],
            Family::HostKey => &[
                "ssh-ed25519",
                "ecdsa-sha2-nistp256",
                "ecdsa-sha2-nistp384",
                "ecdsa-sha2-nistp521",
                "rsa-sha2-512",
                "rsa-sha2-256",
            ],
        }
    }
}

/// What a user's list comes to: `+` appends to the defaults, `^` puts in front, `-` removes (with wildcards), anything
/// else replaces them.
pub fn assemble(family: Family, value: &str) -> Result<Vec<String>, String> {
    let defaults = family.defaults().iter().map(|name| name.to_string());
    if let Some(removed) = value.strip_prefix('-') {
        return Ok(defaults.filter(|name| !matches_list(name, removed)).collect());
    }
    if value.contains(['*', '?', '!']) {
        return Err("wildcards are expanded from what ssh supports".to_string());
    }
    let named = |list: &str| list.split(',').filter(|name| !name.is_empty()).map(str::to_string).collect::<Vec<_>>();
    let mut all: Vec<String> = match value.as_bytes().first() {
        Some(b'+') => defaults.chain(named(&value[1..])).collect(),
        Some(b'^') => named(&value[1..]).into_iter().chain(defaults).collect(),
        _ => named(value),
    };
    let mut seen = std::collections::HashSet::new();
    all.retain(|name| seen.insert(name.clone()));
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_assembled_as_ssh_does() {
        let check = |value: &str, expected: &[&str]| {
            assert_eq!(assemble(Family::Mac, value).unwrap(), expected, "{value}");
        };
        check("hmac-sha1", &["hmac-sha1"]);
        check("hmac-sha1,hmac-sha2-256,hmac-sha1", &["hmac-sha1", "hmac-sha2-256"]);
        check("-hmac-sha2*,hmac-sha1-*", &["hmac-sha1"]);
        fn with<'a>(front: &[&'a str], back: &[&'a str]) -> Vec<&'a str> {
            let defaults = Family::Mac.defaults().iter().filter(|name| !front.contains(name));
            front.iter().chain(defaults).chain(back).copied().collect()
        }
        check("^hmac-sha1", &with(&["hmac-sha1"], &[]));
        check("+hmac-md5", &with(&[], &["hmac-md5"]));
        assert!(assemble(Family::Mac, "hmac-*").is_err());
    }
}
