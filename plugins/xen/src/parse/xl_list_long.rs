//! `xl list -l`: the whole configuration of every domain as JSON.
//!
//! ```text
//! [
//!     { "domid": 8,
//!       "config": {
//!         "c_info": { "type": "pv", "name": "tst100", "uuid": "6842caf9-1e3e-4324-9ed5-96b8b9f2c5c2", ... },
//!         "b_info": { "max_memkb": 196608, "target_memkb": 131072, ... },
//!         "nics": [ { "devid": 0, "mac": "00:50:56:13:11:40", "bridge": "xenbr0", "nictype": "vif" } ],
//! ```
//!
//! Fields at their default are left out, and a domain that is being made or torn down, or was made by halves, is left out
//! as a whole. The number is the outer `domid`; the one in `c_info` is 4294967295. `tests/lists.rs` holds all of this
//! against every recorded list.

use ctys_plugin::json::{self, Value};
use ctys_plugin::magic::plain_mac;

/// What only this list knows of a domain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The number.
    pub id: u32,
    /// How the guest runs.
    pub kind: Option<Kind>,
    /// Whether it is to have a VNC server.
    pub vnc: bool,
    /// Whether it is started again when it has powered off.
    pub restarts: bool,
    /// The network interfaces in their order.
    pub nics: Vec<Nic>,
}

/// How a guest runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Paravirtualised.
    Pv,
    /// Paravirtualised devices on hardware virtualisation.
    Pvh,
    /// A full virtual machine.
    Hvm,
}

impl Kind {
    /// From the word of xl, in JSON as in configuration files.
    pub fn from_word(word: &str) -> Option<Kind> {
        match word.to_ascii_lowercase().as_str() {
            "pv" | "linux" | "generic" => Some(Kind::Pv),
            "pvh" => Some(Kind::Pvh),
            "hvm" => Some(Kind::Hvm),
            _ => None,
        }
    }

    /// The word in the field ACCELERATOR (ctys.md 4.1).
    pub fn word(self) -> &'static str {
        match self {
            Kind::Pv => "PARA",
            Kind::Pvh => "PVH",
            Kind::Hvm => "HVM",
        }
    }
}

/// One network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nic {
    /// The name of its end in the host: `vif1.0`, or as configured.
    pub name: String,
    /// Upper case with colons.
    pub mac: Option<String>,
}

/// The domains in the order of xl. The error is a sentence.
pub fn parse(text: &str) -> Result<Vec<Details>, String> {
    // Libraries talk on standard output before the list begins.
    let start = text.find('[').ok_or("no list in it")?;
    let list: Vec<Value> = json::from_str(&text[start..]).map_err(|error| error.to_string())?;
    Ok(list.iter().filter_map(details).collect())
}

fn details(domain: &Value) -> Option<Details> {
    let id = u32::try_from(domain.get("domid")?.as_u64()?).ok()?;
    let config = &domain["config"];
    let kind = config["c_info"]["type"].as_str().and_then(Kind::from_word);
    // Switched on by default, and then not always said.
    let has_vnc = |device: &Value| device["vnc"].is_object() && device["vnc"]["enable"] != "False";
    let vfbs = config["vfbs"].as_array().map_or(&[][..], Vec::as_slice);
    let vnc = vfbs.iter().any(has_vnc) || has_vnc(&config["b_info"]["type.hvm"]);
    // `restart`, `rename_restart`, `coredump_restart`.
    let restarts = config["on_poweroff"].as_str().is_some_and(|what| what.ends_with("restart"));
    let nics = config["nics"].as_array().map_or(&[][..], Vec::as_slice);
    let nic = |(n, nic): (usize, &Value)| {
        let devid = nic["devid"].as_u64().unwrap_or(n as u64);
        let name = nic["ifname"].as_str().map_or_else(|| format!("vif{id}.{devid}"), str::to_string);
        Nic { name, mac: nic["mac"].as_str().and_then(plain_mac) }
    };
    Some(Details { id, kind, vnc, restarts, nics: nics.iter().enumerate().map(nic).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str) -> String {
        let line = |d: &Details| {
            let nics: Vec<String> =
                d.nics.iter().map(|nic| format!("{}={}", nic.name, nic.mac.as_deref().unwrap_or("-"))).collect();
            let vnc = if d.vnc { "VNC " } else { "" };
            let restarts = if d.restarts { "restarts " } else { "" };
            let kind = d.kind.map_or("-", Kind::word);
            format!("{} {kind} {vnc}{restarts}{}", d.id, nics.join(" ")).trim_end().to_string()
        };
        match parse(text) {
            Ok(all) => all.iter().map(line).collect::<Vec<_>>().join("\n"),
            Err(why) => why,
        }
    }

    #[test]
    fn fields_may_be_missing_or_strange() {
        let check = |text: &str, want: &str| assert_eq!(show(text), want, "{text:?}");
        check("[]", "");
        check("libxl: warning\n[{\"domid\":7}]\n", "7 -");
        check(
            "[{\"domid\":7,\"config\":{\"nics\":[{}, {\"devid\":4,\"ifname\":\"dmz\",\"mac\":\"x\"}]}}]",
            "7 - vif7.0=- dmz=-",
        );
        check("[{\"domid\":7,\"config\":{\"c_info\":{\"type\":\"HVM\"},\"nics\":5}}]", "7 HVM");
        check("[{\"domid\":7,\"config\":{\"vfbs\":[{\"vnc\":{\"enable\":\"False\"}},{\"sdl\":{}}]}}]", "7 -");
        check("[{\"domid\":7,\"config\":{\"vfbs\":[{\"vnc\":{\"display\":2}}]}}]", "7 - VNC");
        check("[{\"domid\":7,\"config\":{\"b_info\":{\"type.hvm\":{\"vnc\":{}}}}}]", "7 - VNC");
        check("[{\"domid\":7,\"config\":{\"on_poweroff\":\"rename_restart\"}}]", "7 - restarts");
        check("[{\"domid\":7,\"config\":{\"on_poweroff\":\"preserve\",\"on_reboot\":\"restart\"}}]", "7 -");
        check("[{\"domid\":-1},{\"domid\":4294967296},{\"domid\":\"7\"},7,null]", "");
        check("", "no list in it");
        check("{\"domid\":7}", "no list in it");
        assert!(show("[{\"domid\":7").starts_with("EOF while parsing"));
    }
}
