//! What this plugin wants to know of a host. Each function is one question; the verbs pick the ones they need.

use ctys_plugin::model::{Command, Probe};

/// The description of a physical machine.
pub const PM_CONF: &str = "/etc/ctys.d/pm.conf";
/// The description of a virtual machine, seen from inside.
pub const VM_CONF: &str = "/etc/ctys.d/vm.conf";
/// Where the caller's table of hardware addresses is, below the home folder.
pub const MACMAP: &str = ".ctys/db/default/macmap.fdb";

/// [`PM_CONF`].
pub fn pm_conf() -> Probe {
    Probe::file(PM_CONF)
}

/// [`VM_CONF`].
pub fn vm_conf() -> Probe {
    Probe::file(VM_CONF)
}

/// The network interfaces. The text of `ip addr` is read and not its JSON, since busybox and iproute2 before 4.13 have
/// only the text.
pub fn addresses() -> Probe {
    Probe::run_first(vec![Command::new("ip").arg("addr").unwatched(), Command::new("ifconfig").arg("-a").unwatched()])
}

/// The routes, without any tool.
pub fn routes() -> Probe {
    Probe::file("/proc/net/route")
}

/// The uuid of the board. The kernel shows it to root only; nobody becomes root for it.
pub fn product_uuid() -> Probe {
    Probe::file("/sys/class/dmi/id/product_uuid")
}

/// Sizes of memory and swap.
pub fn meminfo() -> Probe {
    Probe::file("/proc/meminfo")
}

/// The processors. 256 KiB of it hold a hundred of them.
pub fn cpuinfo() -> Probe {
    Probe::file("/proc/cpuinfo")
}

/// The build of the kernel, where `SMP` stands.
pub fn kernel_version() -> Probe {
    Probe::file("/proc/version")
}

/// The distribution.
pub fn os_release() -> Probe {
    Probe::file("/etc/os-release")
}

/// The processes, once. procps and busybox understand the same words.
pub fn top() -> Probe {
    Probe::run(Command::new("top").args(["-b", "-n1"]).limit_ms(5_000))
}

/// Temperatures, fans, voltages. Chips on slow buses take a second or two.
pub fn sensors() -> Probe {
    Probe::run(Command::new("sensors").limit_ms(5_000))
}

/// Whether a tool is there: the cheapest call that ends by itself, whatever its status.
pub fn tool(program: &str, arg: &str) -> Probe {
    Probe::run(Command::new(program).arg(arg).limit_ms(3_000))
}

/// The caller's table of hardware addresses; the setting MACMAP names another file.
pub fn macmap(setting: Option<&String>) -> Probe {
    Probe::caller_file(setting.map_or(MACMAP, String::as_str))
}
