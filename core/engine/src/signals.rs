//! Who listens to signals. Once a handler was installed for one, the system no longer ends us by it: whoever stops
//! listening has to give that back, or Ctrl-C would do nothing while the rest of a long table is printed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

/// What ends a program unless somebody listens.
const ENDING: [i32; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// How many listen, and whether nobody does.
static LISTENERS: LazyLock<(Mutex<usize>, Arc<AtomicBool>)> = LazyLock::new(|| {
    let nobody = Arc::new(AtomicBool::new(true));
    for signal in ENDING {
        // A signal that is ignored (nohup) has to stay so.
        if !is_ignored(signal) {
            let _ = signal_hook::flag::register_conditional_default(signal, nobody.clone());
        }
    }
    (Mutex::new(0), nobody)
});

/// Somebody listens to signals for as long as this lives; to be made before the first handler is registered. Signals that
/// nobody caught end the program as if nobody had ever listened.
pub struct Listening(());

impl Listening {
    /// One more listener.
    pub fn begin() -> Listening {
        let (count, nobody) = &*LISTENERS;
        let mut count = count.lock().unwrap_or_else(|broken| broken.into_inner());
        *count += 1;
        nobody.store(false, Ordering::SeqCst);
        Listening(())
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let (count, nobody) = &*LISTENERS;
        let mut count = count.lock().unwrap_or_else(|broken| broken.into_inner());
        *count -= 1;
        nobody.store(*count == 0, Ordering::SeqCst);
    }
}

/// Whether a signal does nothing, as below nohup.
pub fn is_ignored(signal: i32) -> bool {
    // SAFETY: sigaction is plain data; with a null pointer for the new action only the old one is told.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &mut action) == 0 && action.sa_sigaction == libc::SIG_IGN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt;
    use std::process::Command;

    /// This test program again, as a process that raises SIGTERM at itself.
    fn raised(mode: &str) -> std::process::ExitStatus {
        let test = "signals::tests::a_signal_is_heard_by_who_listens";
        let program = std::env::current_exe().unwrap();
        let mut command = Command::new(program);
        command.args([test, "--exact", "--test-threads=1"]).env("CTYS_TEST_SIGNAL", mode);
        command.output().unwrap().status
    }

    #[test]
    fn a_signal_is_heard_by_who_listens() {
        let mode = std::env::var("CTYS_TEST_SIGNAL").unwrap_or_default();
        let listening = Listening::begin();
        let seen = Arc::new(AtomicBool::new(false));
        let id = signal_hook::flag::register(libc::SIGTERM, seen.clone()).unwrap();
        if mode == "after" {
            signal_hook::low_level::unregister(id);
            drop(listening);
        }
        signal_hook::low_level::raise(libc::SIGTERM).unwrap();
        assert!(seen.load(Ordering::SeqCst), "it went on without having heard");
    }

    #[test]
    fn a_signal_ends_the_program_again_when_nobody_listens_any_more() {
        assert_eq!(raised("while").code(), Some(0));
        assert_eq!(raised("after").signal(), Some(libc::SIGTERM));
    }
}
