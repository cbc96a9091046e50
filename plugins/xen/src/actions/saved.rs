//! Where SUSPEND puts the state of a domain, and RESUME finds it.
//!
//! The file is `/var/lib/xen/ctys/<name>.save`, where the setting SAVE_DIR names no other folder. xl writes it readable for
//! all, with every secret of the guest's memory in it: so the folder is one of our own, which only root may enter, and not
//! `/var/lib/xen/save`. The name of a domain is unique on its host, and is all that is known when it is resumed; what is no
//! letter, digit, `.`, `_` or `-` in it is written `%XX`.
//!
//! A state is good once: memory that is older than its disks destroys them. So RESUME renames the file before it reads it
//! and removes it afterwards, and a start without RESUME renames one that it finds.

use ctys_plugin::model::Request;

const FOLDER: &str = "/var/lib/xen/ctys";
/// How long `xl save` and `xl restore` may take: as long as they want. Memory goes to disk as fast as the disk is, and an xl that
/// is ended on its way leaves neither the guest nor its state.
pub const LIMIT_MS: u32 = 86_400_000;

/// The folder of the state files.
pub fn folder(request: &Request) -> &str {
    let set = request.settings.get("SAVE_DIR").map(|folder| folder.trim_end_matches('/'));
    set.filter(|folder| folder.starts_with('/')).unwrap_or(FOLDER)
}

/// The state file of a domain.
pub fn state_file(request: &Request, name: &str) -> String {
    let mut file = format!("{}/", folder(request));
    for (n, byte) in name.bytes().enumerate() {
        let is_plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || byte == b'.' && n > 0;
        match is_plain {
            true => file.push(byte.into()),
            false => file.push_str(&format!("%{byte:02X}")),
        }
    }
    file + ".save"
}

/// The name it has while it is read.
pub fn in_use(file: &str) -> String {
    format!("{file}.resuming")
}

/// The name of one that is out of date.
pub fn outdated(file: &str) -> String {
    format!("{file}.old")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_plugin::testing;

    #[test]
    fn every_name_gives_a_file_of_its_own_in_the_folder() {
        let mut request = testing::request(ctys_plugin::model::Action::Info);
        let check = |request: &Request, name: &str, want: &str| assert_eq!(state_file(request, name), want);
        check(&request, "tst100", "/var/lib/xen/ctys/tst100.save");
        check(&request, "two words", "/var/lib/xen/ctys/two%20words.save");
        check(&request, "../../etc/x", "/var/lib/xen/ctys/%2E.%2F..%2Fetc%2Fx.save");
        check(&request, "50%25", "/var/lib/xen/ctys/50%2525.save");
        check(&request, "ü\n", "/var/lib/xen/ctys/%C3%BC%0A.save");
        request.settings.insert("SAVE_DIR".into(), "/srv/save/".into());
        check(&request, "a", "/srv/save/a.save");
        request.settings.insert("SAVE_DIR".into(), "save".into());
        check(&request, "a", "/var/lib/xen/ctys/a.save");
    }
}
