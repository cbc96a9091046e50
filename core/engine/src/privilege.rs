//! Which credentials were refused in this call, so that they are not tried on every other host as well.
//!
//! An account is locked after a few wrong passwords or stale tickets; three hundred hosts make three hundred tries. Only
//! refusals that blame the *credentials* count; "not allowed here" says nothing about another host.

use crate::script::Means;
use std::sync::Mutex;

/// Shared by all jobs of one call.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<Vec<Means>>,
}

impl Gate {
    /// The means that may still be tried; [`Means::Barred`] when there were some and none is left.
    pub fn open(&self, means: &[Means]) -> Vec<Means> {
        let closed = self.closed.lock().unwrap_or_else(|broken| broken.into_inner());
        let open: Vec<Means> = means.iter().copied().filter(|means| !closed.contains(means)).collect();
        if open.is_empty() && !means.is_empty() { vec![Means::Barred] } else { open }
    }

    /// Remembers a refusal, when it is one of credentials. `why` is the message of the tool that refused; without a name
    /// in it, it tells something only where no other tool could have been used.
    pub fn refused(&self, means: &[Means], why: &str) {
        let named = means.iter().find(|means| why.starts_with(&format!("{}: ", means.word())));
        let only = if let [only] = means { Some(only) } else { None };
        if let Some(&refused) = named.or(only)
            && blames_credentials(why)
        {
            self.closed.lock().unwrap_or_else(|broken| broken.into_inner()).push(refused);
        }
    }
}

/// ```text
/// ksu: Ticket expired while verifying ticket for server
/// ksu: Credentials cache file '/tmp/krb5cc_1000' not found while ...
/// sudo: 1 incorrect password attempt
/// Sorry, try again.
/// ```
fn blames_credentials(why: &str) -> bool {
    let why = why.to_ascii_lowercase();
    ["expired", "credentials cache", "incorrect password", "try again", "authentication failed", "preauthentication"]
        .iter()
        .any(|sign| why.contains(sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(means: &[Means], why: &str) -> Vec<Means> {
        let gate = Gate::default();
        gate.refused(means, why);
        gate.open(means)
    }

    #[test]
    fn wrong_credentials_are_not_tried_twice() {
        let both = [Means::Ksu, Means::Sudo];
        assert_eq!(after(&both, "ksu: Ticket expired while verifying ticket for server"), [Means::Sudo]);
        // The host had no ksu.
        assert_eq!(after(&both, "sudo: 1 incorrect password attempt"), [Means::Ksu]);
        assert_eq!(after(&both, "Sorry, try again."), both);
        assert_eq!(after(&[Means::Sudo], "Sorry, try again."), [Means::Barred]);
    }

    #[test]
    fn a_host_that_allows_nothing_says_nothing_about_others() {
        assert_eq!(after(&[Means::Sudo], "sudo: a password is required"), [Means::Sudo]);
    }

    #[test]
    fn without_z_nothing_is_barred() {
        assert_eq!(after(&[], "ksu: Ticket expired"), []);
    }
}
