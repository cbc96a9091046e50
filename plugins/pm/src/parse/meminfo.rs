//! `/proc/meminfo`. The unit is written `kB` and means 1024 bytes.
//!
//! ```text
//! MemTotal:       24684096 kB
//! MemFree:        24051016 kB
//! MemAvailable:   24333500 kB
//! SwapTotal:             0 kB
//! ```

/// The sizes that SHOW and INFO print, in bytes; none where the kernel gives none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// All memory the kernel manages.
    pub total: Option<u64>,
    /// Memory nobody uses.
    pub free: Option<u64>,
    /// Memory that could be had without swapping (since Linux 3.14).
    pub available: Option<u64>,
    /// All swap space.
    pub swap_total: Option<u64>,
    /// Swap space nobody uses.
    pub swap_free: Option<u64>,
}

/// Reads the file.
pub fn parse(text: &str) -> Memory {
    let size = |key: &str| {
        text.lines().find_map(|line| {
            let mut words = line.strip_prefix(key)?.strip_prefix(':')?.split_whitespace();
            let number: u64 = words.next()?.parse().ok()?;
            match words.next() {
                Some("kB") => number.checked_mul(1024),
                None => Some(number),
                Some(_) => None,
            }
        })
    };
    Memory {
        total: size("MemTotal"),
        free: size("MemFree"),
        available: size("MemAvailable"),
        swap_total: size("SwapTotal"),
        swap_free: size("SwapFree"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes() {
        const K: u64 = 1024;
        let check = |text: &str, want: [Option<u64>; 5]| {
            let [total, free, available, swap_total, swap_free] = want;
            assert_eq!(parse(text), Memory { total, free, available, swap_total, swap_free }, "{text}");
        };
        check(
            include_str!("../../captures/proc-meminfo-linux-6.18-vm.txt"),
            [Some(24684096 * K), Some(24051016 * K), Some(24333500 * K), Some(0), Some(0)],
        );
        check(
            include_str!("../../captures/proc-meminfo-linux-2.6.18-xen.txt"),
            [Some(3989504 * K), Some(102400 * K), None, Some(2031608 * K), Some(2031516 * K)],
        );
        check("", [None; 5]);
        check("MemTotal: many kB\nMemFree:\nSwapTotal: 1 MB", [None; 5]);
        check("MemTotalX: 1 kB\nXMemTotal: 2 kB\nMemTotal: 3 kB", [Some(3 * K), None, None, None, None]);
        check("MemTotal: 18446744073709551615 kB", [None; 5]);
    }
}
