//! What is added, as a configuration line of the installer names it (overc.md 2, 4.2): the source, then properties.
//!
//! ```text
//! cube-server-genericx86-64.tar.bz2:vty=3,active:net=20
//! ```

use crate::settings::DISCOVERY;
use crate::work::vt::ACTIVE;

/// A source with its properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The archive or folder.
    pub path: String,
    /// The virtual terminal.
    pub vt: Option<u8>,
    /// The files of the cube that follow from the properties.
    pub files: Vec<(&'static str, String)>,
}

/// Reads a word. Only what begins as a property is one; other colons belong to the source.
pub fn read(word: &str) -> Result<Source, String> {
    const PROPERTIES: [&str; 4] = ["vty", "net", "console", "discovery"];
    let is_property = |text: &str| PROPERTIES.contains(&text.split('=').next().unwrap_or(""));
    let (mut path, mut properties) = (word, Vec::new());
    while let Some((before, last)) = path.rsplit_once(':').filter(|(_, last)| is_property(last)) {
        properties.insert(0, last);
        path = before;
    }
    let mut source = Source { path: path.into(), ..Source::default() };
    for property in properties {
        let (name, value) = property.split_once('=').unwrap_or((property, ""));
        let wrong = |why: &str| format!("[ERROR]: {property}: {why}");
        match name {
            "vty" => {
                let (number, active) = value.split_once(',').map_or((value, None), |(n, rest)| (n, Some(rest)));
                let number = number.parse::<u8>().ok().filter(|n| (2..=63).contains(n) && n.to_string() == number);
                let number = number.ok_or_else(|| wrong("virtual terminals of containers are numbers from 2 to 63"))?;
                if active.is_some_and(|word| word != "active") {
                    return Err(wrong("a number is followed by ',active' or nothing"));
                }
                if source.vt.replace(number).is_some() {
                    return Err(wrong("a container is given one virtual terminal here"));
                }
                source.files.push((".cube.device.vt", format!("/dev/tty{number}:/dev/tty{number}")));
                source.files.extend(active.map(|_| (ACTIVE, number.to_string())));
            }
            "net" => {
                let last = value.parse::<u8>().ok().filter(|last| (5..=254).contains(last));
                let last = last.ok_or_else(|| wrong("fixed addresses end in a number from 5 to 254"))?;
                source.files.push(("cube.network.type", "static".into()));
                source.files.push(("cube.network.ip", format!("192.168.42.{last}/24")));
            }
            "discovery" if matches!(value, "on" | "off") => source.files.push((DISCOVERY, value.into())),
            "console" if value.is_empty() => source.files.push(("cube.console.mgr", "screen-tty".into())),
            _ => return Err(wrong("is no property of a container")),
        }
    }
    Ok(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_follow_the_source() {
        let check = |word: &str, path: &str, vt: Option<u8>, files: &[(&'static str, &str)]| {
            let files = files.iter().map(|(file, text)| (*file, text.to_string())).collect();
            assert_eq!(read(word), Ok(Source { path: path.into(), vt, files }), "{word}");
        };
        check("docker://a:1.2", "docker://a:1.2", None, &[]);
        check("/a/b.tar", "/a/b.tar", None, &[]);
        check("a.tar:vty=3", "a.tar", Some(3), &[(".cube.device.vt", "/dev/tty3:/dev/tty3")]);
        let both = [(".cube.device.vt", "/dev/tty4:/dev/tty4"), (ACTIVE, "4"), (DISCOVERY, "off")];
        check("a:vty=4,active:discovery=off", "a", Some(4), &both);
        let fixed = [("cube.network.type", "static"), ("cube.network.ip", "192.168.42.20/24")];
        check("a:net=20", "a", None, &fixed);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let bad = ["vty=0", "vty=1", "vty=64", "vty=x", "vty=", "vty", "vty=+3", "vty=3,now", "vty=3:vty=4"];
        for property in bad.into_iter().chain(["net=4", "net=255", "net=x", "discovery=maybe", "console=x"]) {
            assert!(read(&format!("a.tar:{property}")).is_err(), "{property}");
        }
    }
}
