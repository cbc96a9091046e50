//! The log of the tunnels: why one ended that nobody closed. `$XDG_STATE_HOME/ctys/tunnels.log`, for its owner only.
//!
//! ```text
//! 2026-11-22T02:21:09Z tunnel to XEN tst100 on lab00, 5950 to 5900: ssh ended with status 255: Timeout, server lab00 not responding.
//! ```

use super::name::Name;
use ctys_model::bytes::escape_for_eyes;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A longer log becomes `tunnels.log.old`, in the place of an older one.
const LONGEST: u64 = 256 * 1024;

/// Adds a line. A keeper has nobody else to tell, so what goes wrong here goes unsaid.
pub fn say(name: &Name, what: &str) {
    let Some(folder) = crate::files::state_folder() else { return };
    if crate::files::private_folder(&folder).is_err() {
        return;
    }
    let file = folder.join("tunnels.log");
    if std::fs::symlink_metadata(&file).is_ok_and(|about| about.len() > LONGEST) {
        let _ = std::fs::rename(&file, folder.join("tunnels.log.old"));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let Name { label, session_type, local_port, remote_port, target, .. } = name;
    let line = format!(
        "{} tunnel to {session_type} {label} on {target}, {local_port} to {remote_port}: {what}",
        timestamp(now)
    );
    let log = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(file);
    let _ = log.and_then(|mut log| log.write_all(format!("{}\n", escape_for_eyes(&line)).as_bytes()));
}

/// Seconds since 1970 as `2026-11-22T02:21:09Z`.
fn timestamp(seconds: u64) -> String {
    let (mut days, clock) = (seconds / 86_400, seconds % 86_400);
    let mut year = 1970;
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_as_date_prints_them() {
        // date -u -d @N +%FT%TZ
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(timestamp(951_868_800), "2000-03-01T00:00:00Z");
        assert_eq!(timestamp(1_709_251_199), "2024-02-29T23:59:59Z");
        assert_eq!(timestamp(1_795_314_069), "2026-11-22T02:21:09Z");
    }
}
