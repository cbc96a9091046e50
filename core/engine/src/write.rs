//! Files written on a host: complete beside their place before they take it.

use ctys_model::{Command, WriteFile};

/// `$1` path, `$2` mode, `$3` only if new, `$4` with folders. A link is followed, so that the file it names is the one
/// that changes; an owner is kept where we may give it.
const SCRIPT: &str = r#"
umask 077
p=$1
case $p in "~/"*) p=$HOME/${p#"~/"};; /*) ;; *) p=./$p;; esac
if [ -L "$p" ]; then p=$(readlink -f "$p") || exit 1; fi
if [ "$3" = 1 ] && [ -e "$p" ]; then echo "$p is there already" >&2; exit 17; fi
d=${p%/*}/
if [ "$4" = 1 ]; then mkdir -p "$d" || exit 1; fi
t=$(mktemp "$d.ctys.XXXXXX") || exit 1
trap 'rm -f "$t"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$t" || exit 1
if [ -e "$p" ]; then chown "$(stat -c %u:%g "$p")" "$t" 2>/dev/null || :; fi
chmod "$2" "$t" || exit 1
if [ "$3" = 1 ]; then
if ! ln "$t" "$p"; then [ -e "$p" ] && exit 17; exit 1; fi
else mv -f "$t" "$p" || exit 1; fi
"#;

/// The writing as a command.
pub fn command(file: &WriteFile) -> Command {
    let flag = |set: bool| if set { "1" } else { "0" };
    let mut command = Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(file.path.clone())
        .args([format!("{:o}", file.mode), flag(file.new).into(), flag(file.parents).into()])
        .stdin(file.content.clone())
        .at(file.place.clone())
        .changes();
    command.privilege = file.privilege;
    command.secret = file.secret;
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::{Command as Process, Stdio};

    fn write(home: &Path, file: &WriteFile) -> i32 {
        let command = command(file);
        let mut process = Process::new(&command.program)
            .args(command.args.iter().map(|arg| String::from_utf8(arg.0.clone()).unwrap()))
            .env("HOME", home)
            .current_dir(home)
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // A refusal may come before it has read anything.
        let _ = process.stdin.take().unwrap().write_all(command.stdin.unwrap().as_slice());
        process.wait().unwrap().code().unwrap()
    }

    #[test]
    fn a_file_is_whole_private_and_never_overwritten_when_it_is_to_be_new() {
        let home = std::env::temp_dir().join(format!("ctys-write-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&home);
        std::fs::create_dir_all(&home).unwrap();
        let file = |path: &str, content: &str| WriteFile {
            path: path.into(),
            content: content.into(),
            mode: 0o640,
            ..WriteFile::default()
        };
        let read = |path: &str| std::fs::read_to_string(home.join(path)).unwrap();

        assert_eq!(write(&home, &file("~/a b's", "one\0two\n")), 0);
        assert_eq!(read("a b's"), "one\0two\n");
        assert_eq!(std::fs::metadata(home.join("a b's")).unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(write(&home, &WriteFile { new: true, ..file("~/a b's", "three") }), 17);
        assert_eq!(read("a b's"), "one\0two\n");
        assert_eq!(write(&home, &file("-dash", "x")), 0);
        assert_eq!(read("-dash"), "x");

        assert_ne!(write(&home, &file("~/deep/er/file", "x")), 0);
        assert_eq!(write(&home, &WriteFile { parents: true, new: true, ..file("~/deep/er/file", "x") }), 0);
        assert_eq!(std::fs::metadata(home.join("deep/er")).unwrap().permissions().mode() & 0o7777, 0o700);

        std::os::unix::fs::symlink("a b's", home.join("link")).unwrap();
        assert_eq!(write(&home, &file("~/link", "through")), 0);
        assert_eq!(read("a b's"), "through");

        let left: Vec<_> = std::fs::read_dir(&home).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().starts_with(".ctys.")), "{left:?}");
        std::fs::remove_dir_all(home).unwrap();
    }
}
