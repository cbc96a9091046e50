//! `/proc/cpuinfo`. Every architecture has keys of its own.
//!
//! ```text
//! processor   : 0                              processor  : 0
//! vendor_id   : AuthenticAMD                   BogoMIPS   : 108.00
//! model name  : AMD EPYC                       Features   : fp asimd evtstrm crc32 cpuid
//! cpu MHz     : 2596.138                       CPU implementer    : 0x41
//! cache size  : 1024 KB                        CPU part   : 0xd08
//! flags       : fpu vme de pae mce svm
//! ```

/// The processors of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Processors {
    /// One line for each: its model, clock and cache as far as the kernel tells.
    pub each: Vec<String>,
    /// Intel's virtualization is offered.
    pub vmx: bool,
    /// AMD's virtualization is offered.
    pub svm: bool,
    /// Physical address extension.
    pub pae: bool,
}

/// Reads the file.
pub fn parse(text: &str) -> Processors {
    let mut found = Processors::default();
    let mut blocks: Vec<Vec<(&str, &str)>> = Vec::new();
    let mut shared: Vec<(&str, &str)> = Vec::new();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else { continue };
        // `Processor : ARMv7 ...` with a capital is a name for all of them.
        if key == "processor" && value.bytes().all(|b| b.is_ascii_digit()) {
            blocks.push(Vec::new());
        }
        match blocks.last_mut() {
            Some(block) => block.push((key, value)),
            None => shared.push((key, value)),
        }
    }
    for block in &blocks {
        let get = |key: &str| {
            let hit = |pairs: &[(&str, &str)]| {
                pairs.iter().find(|(k, v)| *k == key && !v.is_empty()).map(|p| p.1.to_string())
            };
            hit(block).or_else(|| hit(&shared))
        };
        let arm = || Some(format!("ARM implementer {} part {}", get("CPU implementer")?, get("CPU part")?));
        // "model name" x86 and 32-bit ARM, "cpu" POWER, "cpu model" MIPS, "Processor" ARM before Linux 3.8, "uarch" RISC-V.
        let name =
            ["model name", "cpu", "cpu model", "Processor", "uarch"].iter().find_map(|key| get(key)).or_else(arm);
        let mut line = name.unwrap_or_else(|| "unknown model".into());
        for (key, unit) in [("cpu MHz", " MHz"), ("clock", ""), ("cache size", " cache")] {
            if let Some(value) = get(key) {
                line.push_str(&format!(", {value}{unit}"));
            }
        }
        found.each.push(line);
        let flags = get("flags").unwrap_or_default();
        for flag in flags.split_whitespace() {
            match flag {
                "vmx" => found.vmx = true,
                "svm" => found.svm = true,
                "pae" => found.pae = true,
                _ => {}
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processors() {
        let check = |text: &str, each: &[&str], flags: &str| {
            let found = parse(text);
            assert_eq!(found.each, each);
            let shown = [(found.vmx, "vmx"), (found.svm, "svm"), (found.pae, "pae")];
            let shown: Vec<&str> = shown.iter().filter(|(on, _)| *on).map(|(_, name)| *name).collect();
            assert_eq!(shown.join(" "), flags);
        };
        check(
            include_str!("../../captures/proc-cpuinfo-x86_64-amd-epyc.txt"),
            &["AMD EPYC, 2596.138 MHz, 1024 KB cache", "AMD EPYC, 2596.138 MHz, 1024 KB cache"],
            "pae",
        );
        check(
            include_str!("../../captures/proc-cpuinfo-i686-intel-core-duo.txt"),
            &["Genuine Intel(R) CPU T2300 @ 1.66GHz, 1000.000 MHz, 2048 KB cache"],
            "vmx pae",
        );
        check(
            include_str!("../../captures/proc-cpuinfo-aarch64-pi4.txt"),
            &["ARM implementer 0x41 part 0xd08", "ARM implementer 0x41 part 0xd08"],
            "",
        );
        check(
            include_str!("../../captures/proc-cpuinfo-armv7-old-kernel.txt"),
            &["ARMv7 Processor rev 4 (v7l)", "ARMv7 Processor rev 4 (v7l)"],
            "",
        );
        check(
            include_str!("../../captures/proc-cpuinfo-ppc64le-power9.txt"),
            &["POWER9, altivec supported, 2300.000000MHz", "POWER9, altivec supported, 2300.000000MHz"],
            "",
        );
        check("", &[], "");
        check("processor\t: 0\n", &["unknown model"], "");
        check("processor : 0\nmodel name : X\nflags : svm2 xpae\n", &["X"], "");
        check("no colon\n:\n: :\n", &[], "");
    }
}
