//! The few pieces of SSH's binary encoding (RFC 4251 section 5) that key files and the agent use.

/// Takes pieces off the front.
pub struct Reader<'a>(pub &'a [u8]);

impl<'a> Reader<'a> {
    /// So many bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of four bytes.
    pub fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// A string: its length, then its bytes.
    pub fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }
}

/// The type a public key names at its start: `ssh-ed25519`.
pub fn key_type(blob: &[u8]) -> Option<&str> {
    std::str::from_utf8(Reader(blob).string()?).ok()
}

/// Whether this is a certificate.
pub fn is_certificate(key_type: &str) -> bool {
    key_type.ends_with("-cert-v01@openssh.com")
}

/// Whether this key lives in hardware that is touched for each login.
pub fn is_hardware(key_type: &str) -> bool {
    key_type.starts_with("sk-")
}

/// What is said between an agent and its clients (draft-ietf-sshm-ssh-agent, section 7.1).
pub mod agent {
    #![allow(missing_docs, reason = "the names are those of the draft")]
    pub const FAILURE: u8 = 5;
    pub const REQUEST_IDENTITIES: u8 = 11;
    pub const IDENTITIES_ANSWER: u8 = 12;
    pub const SIGN_REQUEST: u8 = 13;
    pub const SIGN_RESPONSE: u8 = 14;
    /// The most bytes of a message, as in OpenSSH; one that says it is longer is none.
    pub const LONGEST: u32 = 256 * 1024;
}
