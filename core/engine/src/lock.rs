//! Locks that the shell of a conversation holds: whatever ends it, the lock is free again.

use crate::quote::{NulByte, quote};
use ctys_model::Lock;
use std::time::Duration;

/// Around an item, so that nothing it starts holds the lock: a daemon would hold it for ever.
pub const WITHOUT: (&[u8], &[u8]) = (b"{\n", b"} 9<&-\n");

/// What the first lock of a session needs. `$1` path, `$2` tenths of a second.
///
/// The lock counts only when the path still names what was locked: it may have been renamed or removed while we waited.
/// A lock that is held is given back by its name before its descriptor is closed: a child that a shell has forked and that
/// has not become its program yet holds a copy of the descriptor. `flock` is told by its standard input, since mksh keeps
/// higher descriptors from its children. busybox has no `flock -w`.
pub fn helper(out: &mut Vec<u8>) {
    out.extend_from_slice(
        b"\
ctys_k() {
{ flock -u 0 <&9 9<&-; } 2>/dev/null
command exec 9<&-
[ -n \"$1\" ] || return 0
command -v flock >/dev/null 2>&1 || { echo 'flock is not there' >&2; return 127; }
ctys_l=$2
while :; do
command exec 9<\"$1\" || return 2
while ! flock -n 0 <&9 9<&-; do
[ $ctys_l -gt 0 ] || { command exec 9<&-; return 75; }
ctys_l=$((ctys_l-1)); { sleep 0.1 2>/dev/null || sleep 1; } 9<&-
done
[ \"$1\" -ef /proc/self/fd/9 ] && return 0
done
}
",
    );
}

/// Takes the lock, or gives back the one that is held.
pub fn script(out: &mut Vec<u8>, lock: &Lock) -> Result<(), NulByte> {
    out.extend_from_slice(b"ctys_k ");
    out.extend_from_slice(&quote(lock.path.as_slice())?);
    out.extend_from_slice(format!(" {}", lock.wait_ms.div_ceil(100)).as_bytes());
    Ok(())
}

/// How long it may take; a second for each try where sleep(1) takes whole seconds only.
pub fn patience(lock: &Lock) -> Duration {
    Duration::from_millis(u64::from(lock.wait_ms)) * 10 + Duration::from_secs(5)
}
