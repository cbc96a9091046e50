//! Which credentials were refused in this call, so that they are not tried on every other host as well.
//!
//! An account is locked after a few wrong passwords or stale tickets; three hundred hosts make three hundred tries. Only
//! refusals that blame the *credentials* count; "not allowed here" says nothing about another host.

use crate::script::Means;
use std::sync::Mutex;

/// Shared by all jobs of one call.
#[derive(Default)]
pub struct Gate {
    closed: Mutex<Vec<(Means, String)>>,
}

impl Gate {
    /// The means that may still be tried.
    pub fn open(&self, means: &[Means]) -> Vec<Means> {
        let closed = self.closed.lock().unwrap_or_else(|broken| broken.into_inner());
        means.iter().copied().filter(|means| !closed.iter().any(|(shut, _)| shut == means)).collect()
    }

    /// Remembers a refusal, when it is one of credentials. `why` is the message of the tool that refused.
    pub fn refused(&self, means: &[Means], why: &str, target: &str) {
        let Some(&first) = self.open(means).first() else { return };
        if blames_credentials(why) {
            let mut closed = self.closed.lock().unwrap_or_else(|broken| broken.into_inner());
            closed.push((first, format!("{} was refused on {target}: {why}", first.tool())));
        }
    }

    /// Why a means is not tried any more.
    pub fn why(&self, means: Means) -> Option<String> {
        let closed = self.closed.lock().unwrap_or_else(|broken| broken.into_inner());
        closed.iter().find(|(shut, _)| *shut == means).map(|(_, why)| why.clone())
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

    #[test]
    fn wrong_credentials_are_not_tried_twice() {
        let gate = Gate::default();
        let means = [Means::Ksu, Means::Sudo];
        gate.refused(&means, "ksu: Ticket expired while verifying ticket for server", "lab00");
        assert_eq!(gate.open(&means), [Means::Sudo]);
        assert!(gate.why(Means::Ksu).unwrap().contains("lab00"));
    }

    #[test]
    fn a_host_that_allows_nothing_says_nothing_about_others() {
        let gate = Gate::default();
        gate.refused(&[Means::Sudo], "sudo: a password is required", "lab00");
        assert_eq!(gate.open(&[Means::Sudo]), [Means::Sudo]);
    }
}
