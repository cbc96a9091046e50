//! One line per change, for whoever asks later what was done: in a file of the user, or with the system's log.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

/// Where syslogd and journald listen.
const LOG_SOCKET: &str = "/dev/log";

/// `authpriv.notice`, as sudo has it.
const PRIORITY: u32 = 10 * 8 + 5;

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audit {
    /// To this file, a line at a time, so that calls at the same time do not mix theirs.
    File(PathBuf),
    /// To the system's log; to this file where nobody listens.
    System(PathBuf, Option<PathBuf>),
    /// Nowhere.
    Off,
}

impl Audit {
    /// As a setting says: `off`, `syslog`, an absolute path; none for the usual file in the state folder.
    pub fn of(setting: Option<&str>) -> Result<Audit, String> {
        let usual = crate::files::state_folder().map(|folder| folder.join("audit.log"));
        let usual = usual.ok_or_else(|| "neither HOME nor XDG_STATE_HOME is set".to_string());
        match setting.unwrap_or_default() {
            "" => usual.map(Audit::File),
            "off" => Ok(Audit::Off),
            "syslog" => Ok(Audit::System(LOG_SOCKET.into(), usual.ok())),
            path if path.starts_with('/') => Ok(Audit::File(path.into())),
            _ => Err("it is neither off, nor syslog, nor an absolute path".to_string()),
        }
    }

    /// Writes one line, without its end. The error says why it stands nowhere.
    pub fn write(&self, line: &str) -> Result<(), String> {
        match self {
            Audit::Off => Ok(()),
            Audit::File(path) => append(path, line).map_err(|error| format!("{}: {error}", path.display())),
            Audit::System(socket, file) => match (to_system(socket, line), file) {
                (Ok(()), _) => Ok(()),
                (Err(error), None) => Err(format!("{}: {error}", socket.display())),
                (Err(first), Some(path)) => append(path, line)
                    .map_err(|error| format!("{}: {first}; {}: {error}", socket.display(), path.display())),
            },
        }
    }
}

fn append(path: &Path, line: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        crate::files::private_folder(folder)?;
    }
    // O_NOFOLLOW: nobody else decides where the line goes.
    let mut file =
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())
}

fn to_system(log: &Path, line: &str) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    let message = format!("<{PRIORITY}>ctys[{}]: {line}", std::process::id());
    socket.send_to(message.as_bytes(), log).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn lines_go_where_the_setting_says_and_to_the_file_where_nobody_listens() {
        let folder = std::env::temp_dir().join(format!("ctys-audit-{}", std::process::id()));
        let (socket, file) = (folder.join("log"), folder.join("deep/audit.log"));
        crate::files::private_folder(&folder).unwrap();
        let listener = UnixDatagram::bind(&socket).unwrap();
        let audit = Audit::System(socket.clone(), Some(file.clone()));
        audit.write("who=acue").unwrap();
        let mut heard = [0; 200];
        let length = listener.recv(&mut heard).unwrap();
        let heard = String::from_utf8_lossy(&heard[..length]).into_owned();
        assert!(heard.starts_with("<85>ctys[") && heard.ends_with("]: who=acue"), "{heard}");
        assert!(!file.exists());
        drop(listener);
        std::fs::remove_file(&socket).unwrap();
        audit.write("one").unwrap();
        Audit::File(file.clone()).write("two").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        // A file that is none: both reasons are told.
        let why = Audit::System(socket, Some(folder.clone())).write("three").unwrap_err();
        assert!(why.contains("log: ") && why.contains(&format!("{}: ", folder.display())), "{why}");
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn settings() {
        assert_eq!(Audit::of(Some("off")), Ok(Audit::Off));
        assert_eq!(Audit::of(Some("/var/log/x")), Ok(Audit::File("/var/log/x".into())));
        assert!(matches!(Audit::of(Some("syslog")), Ok(Audit::System(socket, _)) if socket == Path::new("/dev/log")));
        assert!(Audit::of(Some("sylog")).is_err());
    }
}
