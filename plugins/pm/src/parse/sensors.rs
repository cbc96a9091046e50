//! `sensors` of lm_sensors: one block per chip, a line per reading.
//!
//! ```text
//! coretemp-isa-0000
//! Adapter: ISA adapter
//! Package id 0:  +101.0°C  (high = +84.0°C, crit = +100.0°C)  ALARM (CRIT)
//!
//! drivetemp-scsi-0-0
//! Adapter: SCSI adapter
//! temp1:        +35.0°C  (low  =  +0.0°C, high = +60.0°C)
//! ```

/// What SHOW prints of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// `chip: reading`, for every reading in alarm and every broken sensor.
    pub lines: Vec<String>,
    /// How many of them are alarms.
    pub alarms: usize,
    /// `chip: reading`, for the temperatures of disks.
    pub disks: Vec<String>,
}

/// Reads the output.
pub fn parse(text: &str) -> Health {
    let mut health = Health::default();
    let mut chip: Option<&str> = None;
    for line in text.lines() {
        let Some((name, reading)) = line.split_once(':') else {
            // A line without a colon names the chip of the readings below it, or goes on with a reading.
            if !line.starts_with(char::is_whitespace) {
                chip = line.contains('-').then(|| line.trim());
            }
            continue;
        };
        if name == "Adapter" {
            continue;
        }
        let Some(chip) = chip else { continue };
        let shown = || format!("{chip}: {}: {}", name.trim(), reading.split_whitespace().collect::<Vec<_>>().join(" "));
        let alarm = reading.contains("ALARM");
        health.alarms += usize::from(alarm);
        if alarm || reading.contains("FAULT") {
            health.lines.push(shown());
        }
        // Without any tool of their own and without root: the kernel shows disks as chips.
        if (chip.starts_with("drivetemp-") || chip.starts_with("nvme-")) && reading.contains("°C") {
            health.disks.push(shown());
        }
    }
    health
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_and_disks() {
        let check = |text: &str, alarms: usize, lines: &[&str], disks: &[&str]| {
            let health = parse(text);
            assert_eq!(health.lines, lines);
            assert_eq!(health.disks, disks);
            assert_eq!(health.alarms, alarms);
        };
        check(
            include_str!("../../captures/sensors-3.6-server-alarms.txt"),
            3,
            &[
                "coretemp-isa-0000: Package id 0: +101.0°C (high = +84.0°C, crit = +100.0°C) ALARM (CRIT)",
                "nct6775-isa-0290: Vcore: +0.72 V (min = +0.80 V, max = +1.74 V) ALARM",
                "nct6775-isa-0290: fan2: 0 RPM (min = 600 RPM) ALARM",
                "nct6775-isa-0290: AUXTIN: FAULT (high = +80.0°C, hyst = +75.0°C) sensor = thermistor",
            ],
            &["drivetemp-scsi-0-0: temp1: +35.0°C (low = +0.0°C, high = +60.0°C)"],
        );
        check(
            include_str!("../../captures/sensors-3.6-laptop-quiet.txt"),
            0,
            &[],
            &[
                "nvme-pci-0100: Composite: +38.9°C (low = -273.1°C, high = +81.8°C)",
                "nvme-pci-0100: Sensor 1: +38.9°C (low = -273.1°C, high = +65261.8°C)",
            ],
        );
        check("", 0, &[], &[]);
        check("No sensors found!\nMake sure you loaded all the kernel drivers you need.\n", 0, &[], &[]);
        check("temp1: +35.0°C ALARM\n", 0, &[], &[]);
    }
}
