#![no_main]
//! The user's ssh_config. It may include itself by the name `self`; other files are not read.

use ctys_engine::ssh::{Config, Environment};
use ctys_fuzz::{bounded, folder};
use ctys_model::Target;
use libfuzzer_sys::Corpus;
use std::path::PathBuf;
use std::sync::LazyLock;

static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = folder("ssh");
    let ssh = folder.join(".ssh");
    std::fs::create_dir_all(&ssh).expect("a folder");
    let _ = std::os::unix::fs::symlink("config", ssh.join("self"));
    folder
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| -> Corpus {
    let lower = data.to_ascii_lowercase();
    // What is beyond the folder is no part of the input.
    if lower.windows(7).any(|word| word == b"include") && data.iter().any(|byte| b"/~%$*?[".contains(byte)) {
        return Corpus::Reject;
    }
    let file = FOLDER.join(".ssh/config");
    std::fs::write(&file, data).expect("a file");
    let environment = Environment {
        user: "acue".into(),
        uid: unsafe { libc::getuid() },
        home: FOLDER.clone(),
        machine: "ws2.soho".into(),
        config: None,
        system_config: "/nowhere".into(),
        ssh: "ssh".into(),
        variables: Default::default(),
        kerberos: false,
    };
    bounded(|| {
        let config = Config::read(&environment);
        for (host, user, port) in [("lab00", None, None), ("10.0.0.1", Some("root"), Some(2222)), ("a.b", None, None)] {
            let target = Target { host: host.into(), user: user.map(String::from), port, local: false };
            let resolved = config.resolve(&environment, &target);
            // What the call says is stronger than any file.
            assert!(user.is_none_or(|user| resolved.user == user), "another account: {}", resolved.user);
            assert!(port.is_none_or(|port| resolved.port == port), "another port: {}", resolved.port);
        }
    });
    Corpus::Keep
});
