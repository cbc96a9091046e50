//! Cubes that have the tools themselves: this program, the plugin and their libraries, and nothing else of the host. What they may
//! reach is the folder with their socket.

use crate::bed::{Bed, Outcome, until};
use crate::sealed::{plugins, settled};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The password of root in cubes made here.
pub const PASSWORD: &str = "open sesame";

/// Its hash.
pub const HASH: &str = "$6$ab$dIW3Wji1L7H/EtbFwNcdf.McauHx1B7jmcs3f1sQjmZYvEKFavmsR71FW66s0rLLa4yQZ1P8weM6xnx8mp6uH/";

/// A cube with the tools.
pub fn cube(bed: &Bed, name: &str, app: &str) {
    bed.cube(name, app);
    let root = bed.file(name, "rootfs");
    let plugin = plugins().join("libctys_cube.so");
    for file in [Path::new(env!("CARGO_BIN_EXE_ctys")), &plugin, Path::new("/usr/bin/perl")] {
        libraries(&root, file);
    }
    fs::copy("/usr/bin/perl", root.join("bin/perl")).unwrap();
    settled(&root.join("bin/perl"));
    for tool in ["cube-ctl", "cube-cfg", "cube-console", "cube-cmd", "cube", "c3"] {
        std::os::unix::fs::symlink("ctys", root.join("bin").join(tool)).unwrap();
    }
    let mounts =
        format!("{}:/bin/ctys\n{}:/lib/ctys/plugins/libctys_cube.so", env!("CARGO_BIN_EXE_ctys"), plugin.display());
    bed.set(name, ".cube.mount.bind", &mounts);
    fs::write(root.join("etc/passwd"), format!("root:{HASH}:0:0:root:/root:/bin/sh\n")).unwrap();
    fs::write(root.join("etc/hostname"), format!("this-is-{name}\n")).unwrap();
}

/// The same with copies of its own, for a cube whose root is another one than the host's: a plugin has to be his.
pub fn cube_with_copies(bed: &Bed, name: &str, app: &str) {
    cube(bed, name, app);
    let root = bed.file(name, "rootfs");
    fs::create_dir_all(root.join("lib/ctys/plugins")).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_ctys"), root.join("bin/ctys")).unwrap();
    settled(&root.join("bin/ctys"));
    fs::copy(plugins().join("libctys_cube.so"), root.join("lib/ctys/plugins/libctys_cube.so")).unwrap();
    fs::remove_file(bed.file(name, ".cube.mount.bind")).unwrap();
}

/// The libraries of a file of the host, where they are on the host.
fn libraries(root: &Path, file: &Path) {
    let output = Command::new("ldd").arg(file).output().unwrap();
    for word in String::from_utf8_lossy(&output.stdout).split_whitespace().filter(|word| word.starts_with('/')) {
        let inside = root.join(word.trim_start_matches('/'));
        fs::create_dir_all(inside.parent().unwrap()).unwrap();
        fs::copy(word, inside).unwrap();
    }
}

/// Runs a command in a cube, by the runtime itself.
pub fn inside(bed: &Bed, name: &str, words: &[&str]) -> Outcome {
    inside_with(bed, name, words, b"")
}

/// The same with an input.
pub fn inside_with(bed: &Bed, name: &str, words: &[&str], input: &[u8]) -> Outcome {
    let mut command = Command::new("runc");
    command.arg("--root").arg(bed.folder.join("records")).args(["exec", name]).args(words).stdin(Stdio::null());
    Outcome::of(&mut command, input)
}

/// The line that gives a shell with a terminal in a cube, by the runtime itself.
pub fn shell(bed: &Bed, name: &str) -> String {
    format!("PS1='{name}> ' runc --root {} exec -t -e PS1='{name}> ' {name} sh", bed.folder.join("records").display())
}

/// The folder of a cube's socket, on the host.
pub fn door(bed: &Bed, name: &str) -> PathBuf {
    bed.folder.join("state/.channel").join(name)
}

/// The process that serves the cubes of this bed.
pub fn server(bed: &Bed) -> Option<u32> {
    let folder = bed.folder.join("state/.channel");
    let is_it = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|&byte| byte == 0).collect();
        words.get(1) == Some(&&b"__cube_channel"[..]) && words.get(2) == Some(&folder.to_str().unwrap().as_bytes())
    };
    let pids = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.into_iter().find(is_it)
}

/// Ends the server at once.
pub fn kill_server(bed: &Bed) {
    until("a server", || server(bed).is_some());
    let pid = server(bed).unwrap();
    // SAFETY: kill takes two numbers; the process was found by the folder of this bed.
    assert_eq!(unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) }, 0);
    until("its end", || server(bed) != Some(pid));
}

/// What was asked of the server, as it was written down.
pub fn log(bed: &Bed) -> String {
    fs::read_to_string(bed.folder.join("state/.channel/.log")).unwrap_or_default()
}
