//! The only place that opens foreign code, and the three questions to the C library that go with it.
//!
//! A library that was opened stays for the rest of the run: after one thread-local or one thread glibc keeps it mapped
//! anyway, and any buffer it gave us would be freed by code that is gone.

use super::error::{Cause, one_line};
use ctys_plugin_abi::{AbiHeader, AbiHeaderRef, LibraryError, PluginMod_Ref, module};
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::cell::Cell;
use std::io::Write;
use std::path::Path;
use std::sync::Once;

/// Opens a file that was found trusted and whole. The path must be the real one: a name without a slash would be
/// searched in the system's own folders.
#[allow(
    unsafe_code,
    reason = "opening a library runs its constructors; trust in the file is decided before, by `trust`"
)]
pub fn open(real: &Path, name: &str) -> Result<PluginMod_Ref, Cause> {
    // RTLD_NOW: with lazy binding a missing symbol would end the process at its first call, with exit code 127.
    // SAFETY: the file belongs to somebody who may run code as the caller; the library is leaked, so nothing of it dangles.
    let library = unsafe { Library::open(Some(real), RTLD_NOW | RTLD_LOCAL) };
    let library = Box::leak(Box::new(library.map_err(|error| Cause::Link(words(&error)))?));
    let symbol = format!("ctys_{name}_root");
    // SAFETY: a file with our section exports under this name what `export_plugin!` made, a `LibHeader`, which begins with
    // the `AbiHeader` that is looked at before anything else. The reference lives as long as the leaked library.
    let header: AbiHeaderRef = unsafe {
        *library
            .get(format!("{symbol}\0").as_bytes())
            .map_err(|_| Cause::NotAPlugin(format!("not a ctys plugin (no symbol {symbol})")))?
    };
    header.upgrade().and_then(module).map_err(refused)
}

/// The words of the dynamic linker, without those of libloading around them.
fn words(error: &libloading::Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => source.to_string(),
        None => error.to_string(),
    }
}

/// abi_stable's account of a mismatch has hundreds of lines; what differs stands after the last `Error:`.
fn refused(error: LibraryError) -> Cause {
    let sentence = match &error {
        LibraryError::InvalidAbiHeader(header) if header.magic_string != AbiHeader::VALUE.magic_string => {
            "its header is not one of abi_stable".to_string()
        }
        LibraryError::InvalidAbiHeader(header) => format!(
            "made with abi_stable {}.{}, this ctys has {}.{}",
            header.abi_major,
            header.abi_minor,
            AbiHeader::VALUE.abi_major,
            AbiHeader::VALUE.abi_minor
        ),
        LibraryError::IncompatibleVersionNumber { expected_version, actual_version, .. } => {
            format!("made for plugin ABI {actual_version}, this ctys has {expected_version}")
        }
        other => {
            let text = other.to_string();
            let tail = text.rsplit_once("Error:").map_or(text.as_str(), |(_, tail)| tail);
            one_line(tail).chars().take(300).collect()
        }
    };
    Cause::Abi { sentence, detail: error.to_string() }
}

thread_local! {
    /// The plugin this thread is in, while it is in one.
    static INSIDE: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// Runs a call into a plugin inside this process. If the plugin ends the process meanwhile, that is said on stderr, and the
/// exit code is 70, where otherwise nobody would know why ctys ended.
pub fn inside<T>(plugin: &'static str, call: impl FnOnce() -> T) -> T {
    watch_exit();
    INSIDE.set(Some(plugin));
    let result = call();
    INSIDE.set(None);
    result
}

/// `EX_SOFTWARE` of sysexits.h.
const ENDED_BY_PLUGIN: i32 = 70;

extern "C" fn at_exit() {
    if let Some(plugin) = INSIDE.get() {
        let _ = writeln!(std::io::stderr(), "ctys: plugin {plugin} ended the process");
        // SAFETY: ends the process without further handlers; nothing after it relies on them.
        #[allow(unsafe_code, reason = "there is no safe way to end the process inside an exit handler")]
        unsafe {
            libc::_exit(ENDED_BY_PLUGIN)
        }
    }
}

fn watch_exit() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: `at_exit` is a function of this program, which is never unloaded. It unwinds nowhere.
        #[allow(unsafe_code, reason = "std has no exit handlers")]
        let _ = unsafe { libc::atexit(at_exit) };
    });
}

/// True when the process runs with more rights than its caller has (set-uid, file capabilities).
#[allow(unsafe_code, reason = "std does not show the auxiliary vector")]
pub fn runs_with_more_rights() -> bool {
    // SAFETY: reads one number that the kernel gave this process.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// The effective user id.
#[allow(unsafe_code, reason = "std does not know the effective user")]
pub fn effective_user() -> u32 {
    // SAFETY: cannot fail and touches no memory.
    unsafe { libc::geteuid() }
}
