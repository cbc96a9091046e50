//! The side of the host: a door for each cube. Cubes and their programs do not depend on it: it can end and be started again at any
//! time. Started in the background, it ends by itself when no cube has an open folder any more.
//!
//! ```text
//! /var/lib/cube/.channel/            0711, no cube sees it
//!     .lock   .log                   who serves; what was asked
//!     .server                        process and start time of who serves and will look at the folders once more
//!     web/                           what the cube web has as /var/lib/cube/.channel, read-only
//!         name                       its name: the folder is open, and who sees it is in a cube
//!         command                    its socket
//! ```

use super::caller::{Cubes, known};
use super::session::{self, Servant};
use crate::cube::keeper::alone;
use std::collections::BTreeMap;
use std::ffi::{CString, OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{Error, ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `ctys __cube_channel <folder> <cubes> <cgroups> <cube, or nothing> <NAME=value> ...`
///
/// With a cube: its folder is made, and the server is started in the background unless one is there. Without: it serves in the
/// foreground. The rest is the environment of what it starts.
pub const HIDDEN_VERB: &str = "__cube_channel";

/// The socket of a cube.
const SOCKET: &str = "command";

/// The file that tells a cube its name.
const NAME: &str = "name";

/// Who serves. While it is there, its process looks at the folders after whatever is done in them: so a script can open a folder
/// without a process of ours (`plugins/cube/src/work/launch.rs`).
const RECORD: &str = ".server";

/// The beginning of names that only tell the server to look.
const KNOCK: &str = ".knock-";

/// How many calls of one cube may be under way.
const AT_ONCE: usize = 16;

/// How large the file of what was asked may become; then it begins anew.
const LOG: u64 = 1024 * 1024;

/// How often the folders are looked at even if nothing was told of them.
const EVERY_MS: i32 = 2_000;

/// The name by which the processes are started.
const SERVANT: &str = "cube-cmd";

/// Serves, or sees to it that somebody does. Returns the exit code.
pub fn serve(words: &[OsString]) -> u8 {
    let [folder, containers, cgroups, cube, settings @ ..] = words else {
        eprintln!("ctys {HIDDEN_VERB} is for ctys itself");
        return 1;
    };
    match begin(Path::new(folder), Path::new(containers), cgroups, cube, settings) {
        Ok(()) => 0,
        Err(why) => {
            eprintln!("[ERROR]: the command channel of the containers cannot be served: {why}");
            1
        }
    }
}

fn begin(folder: &Path, containers: &Path, cgroups: &OsStr, cube: &OsStr, settings: &[OsString]) -> Result<(), String> {
    let failed = |error: Error| format!("{}: {error}", folder.display());
    // Cubes with ids of their own have to get through, whatever the caller keeps for himself.
    // SAFETY: umask takes a number; no other thread makes files.
    unsafe { libc::umask(0o022) };
    DirBuilder::new().recursive(true).mode(0o711).create(folder).map_err(failed)?;
    let is_needed = !cube.is_empty();
    if is_needed {
        room(folder, cube).map_err(failed)?;
    }
    let lock = File::options().create(true).truncate(false).write(true).mode(0o600).open(folder.join(".lock"));
    let lock = lock.map_err(failed)?;
    if !take(&lock) {
        return match is_needed {
            true => Ok(()),
            false => Err(format!("{}: another process serves it", folder.display())),
        };
    }
    let server = Server {
        folder: folder.to_path_buf(),
        cubes: Arc::new(Cubes {
            containers: containers.to_path_buf(),
            cgroups: cgroups.to_str().unwrap_or("/runc/").to_string(),
        }),
        servant: Arc::new(Servant {
            program: std::env::current_exe().map_err(|error| error.to_string())?,
            name: SERVANT,
            environment: environment(settings),
        }),
        log: Arc::new(folder.join(".log")),
        in_background: is_needed,
        doors: BTreeMap::new(),
        calls: Arc::default(),
    };
    if is_needed {
        // SAFETY: this process has one thread: it has only read its words so far.
        match unsafe { libc::fork() } {
            -1 => return Err(Error::last_os_error().to_string()),
            0 => alone(&[lock.as_raw_fd()]),
            _ => return Ok(()),
        }
    }
    server.run(lock).map_err(failed)
}

/// Takes the lock of the one who serves. False when somebody else has it.
fn take(lock: &File) -> bool {
    // SAFETY: flock takes two numbers.
    unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) == 0 }
}

/// The folder of a cube, with its name in it.
fn room(folder: &Path, cube: &OsStr) -> Result<(), Error> {
    let room = folder.join(cube);
    DirBuilder::new().recursive(true).mode(0o755).create(&room)?;
    let held = directory(&room)?;
    let file = at(&held, NAME);
    // One that leads elsewhere is not ours: the folder was a cube's, which may have been at it.
    if fs::symlink_metadata(&file).is_ok_and(|found| !found.is_file()) {
        fs::remove_file(&file)?;
    }
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o644)
        .custom_flags(libc::O_NOFOLLOW)
        .open(file)?;
    file.write_all(cube.as_bytes())?;
    drop(file);
    // The server watches the folder above.
    let knock = folder.join(format!("{KNOCK}{}", std::process::id()));
    File::create(&knock)?;
    // The server may have heard it already, and taken it away.
    let _ = fs::remove_file(&knock);
    Ok(())
}

/// What the processes get as environment: a search path, where our plugins are, and what was handed over.
fn environment(settings: &[OsString]) -> Vec<(OsString, OsString)> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    let mut all: Vec<(OsString, OsString)> = [("PATH", path), ("HOME", "/root"), ("LANG", "C.UTF-8")]
        .map(|(name, value)| (name.into(), value.into()))
        .into();
    all.extend(std::env::var_os("CTYS_PLUGIN_PATH").map(|value| ("CTYS_PLUGIN_PATH".into(), value)));
    let pairs = settings.iter().filter_map(|word| {
        let at = word.as_bytes().iter().position(|&byte| byte == b'=')?;
        let (name, value) = word.as_bytes().split_at(at);
        Some((OsStr::from_bytes(name).to_os_string(), OsStr::from_bytes(&value[1..]).to_os_string()))
    });
    all.extend(pairs);
    all
}

struct Server {
    folder: PathBuf,
    cubes: Arc<Cubes>,
    servant: Arc<Servant>,
    log: Arc<PathBuf>,
    in_background: bool,
    doors: BTreeMap<OsString, Door>,
    /// How many calls are under way.
    calls: Arc<AtomicUsize>,
}

/// Where one cube knocks.
struct Door {
    listener: UnixListener,
    /// Which folder and which socket these are: others may stand there later.
    folder: (u64, u64),
    socket: (u64, u64),
    busy: Arc<AtomicUsize>,
}

impl Server {
    fn run(mut self, lock: File) -> Result<(), Error> {
        // Whoever is in a user namespace has another number, and the check of who asks does not lean on permissions.
        // SAFETY: umask takes a number; no other thread is there yet. What is started sets its own.
        unsafe { libc::umask(0) };
        more_descriptors();
        let watch = Watch::over(&self.folder)?;
        self.record()?;
        loop {
            if !self.look()? || (self.doors.is_empty() && self.is_idle(&lock)?) {
                return Ok(());
            }
            let mut asked = vec![(watch.0.as_raw_fd(), true, false)];
            asked.extend(self.doors.values().map(|door| (door.listener.as_raw_fd(), true, false)));
            let ready = crate::cube::poll(&asked, EVERY_MS)?;
            if ready[0].0 {
                watch.forget();
            }
            let knocked: Vec<OsString> =
                self.doors.keys().zip(&ready[1..]).filter(|(_, ready)| ready.0).map(|(name, _)| name.clone()).collect();
            knocked.iter().for_each(|name| self.admit(name));
        }
    }

    /// Whether there is nothing to do any more for one that was started in the background. Whoever opens a folder looks for the
    /// lock behind that: either it is free and he serves, or the folder is open when we have given it back.
    fn is_idle(&mut self, lock: &File) -> Result<bool, Error> {
        if !self.in_background || self.calls.load(Ordering::Relaxed) > 0 {
            return Ok(false);
        }
        match fs::remove_file(self.folder.join(RECORD)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // SAFETY: flock takes two numbers.
        unsafe { libc::flock(lock.as_raw_fd(), libc::LOCK_UN) };
        if !self.look()? || self.doors.is_empty() || !take(lock) {
            return Ok(true);
        }
        self.record()?;
        Ok(false)
    }

    /// Says who serves: the number of a process alone may be somebody else's later.
    fn record(&self) -> Result<(), Error> {
        let stat = fs::read_to_string("/proc/self/stat")?;
        // Field 22 of proc(5); the second one, the name, may hold anything.
        let start = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(19)).unwrap_or_default();
        let path = self.folder.join(RECORD);
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        file.write_all(format!("{} {start}\n", std::process::id()).as_bytes())
    }

    /// Makes the doors those of the folders that are there. False when our own folder is gone.
    fn look(&mut self) -> Result<bool, Error> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut names: Vec<OsString> = entries.flatten().map(|entry| entry.file_name()).collect();
        for knock in names.iter().filter(|name| name.as_bytes().starts_with(KNOCK.as_bytes())) {
            // One that cannot be removed is looked at again, no more.
            let _ = fs::remove_file(self.folder.join(knock));
        }
        names.retain(|name| !name.as_bytes().starts_with(b"."));
        self.doors.retain(|name, _| names.contains(name));
        for name in names {
            match self.door(&name) {
                Ok(Some(door)) => drop(self.doors.insert(name, door)),
                Ok(None) => {}
                Err(error) => {
                    self.doors.remove(&name);
                    // A folder that is closed, or something that is none, has no door.
                    if !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP)) {
                        self.note(&name, &format!("no socket: {error}"));
                    }
                }
            }
        }
        Ok(true)
    }

    /// A new door for this folder; none where the one that is there serves. The cube may have changed what is in the folder: nothing
    /// in it is followed.
    fn door(&self, name: &OsStr) -> Result<Option<Door>, Error> {
        let held = directory(&self.folder.join(name))?;
        let folder = identity(&File::from(held.try_clone()?).metadata()?);
        if !fs::symlink_metadata(at(&held, NAME))?.is_file() {
            return Err(Error::from_raw_os_error(libc::ENOENT));
        }
        let path = at(&held, SOCKET);
        let found = fs::symlink_metadata(&path);
        if let (Some(door), Ok(found)) = (self.doors.get(name), &found)
            && door.folder == folder
            && door.socket == identity(found)
        {
            return Ok(None);
        }
        if found.is_ok() {
            fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        listener.set_nonblocking(true)?;
        let socket = identity(&fs::symlink_metadata(&path)?);
        let busy = self.doors.get(name).map(|door| door.busy.clone()).unwrap_or_default();
        Ok(Some(Door { listener, folder, socket, busy }))
    }

    /// Lets in who has knocked at this door, each in a thread of its own.
    fn admit(&self, name: &OsStr) {
        let Some(door) = self.doors.get(name) else { return };
        let mut stream = match door.listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                if !crate::cube::is_momentary(&error) {
                    self.note(name, &format!("no connection: {error}"));
                    // Without descriptors it would knock on at once.
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                return;
            }
        };
        let Some(cube) = name.to_str().map(String::from) else { return };
        if door.busy.load(Ordering::Relaxed) >= AT_ONCE {
            session::turn_away(&mut stream, "[ERROR]: too many requests of this container are under way");
            return;
        }
        let turn = Turn::taken([&door.busy, &self.calls]);
        let (cubes, servant, log, aloud) =
            (self.cubes.clone(), self.servant.clone(), self.log.clone(), !self.in_background);
        let work = move || {
            let _turn = turn;
            let line = match known(&stream, &cube, &cubes) {
                Ok(pid) => format!("process {pid}: {}", session::serve(stream, &cube, &servant)),
                Err(why) => {
                    session::refuse_stranger(stream);
                    format!("refused: {why}")
                }
            };
            note(&log, aloud, &cube, &line);
        };
        if let Err(error) = std::thread::Builder::new().name("call".into()).spawn(work) {
            self.note(name, &format!("no thread: {error}"));
        }
    }

    fn note(&self, name: &OsStr, line: &str) {
        note(&self.log, !self.in_background, &name.to_string_lossy(), line);
    }
}

/// Writes a line about a cube down; in the foreground it is also said.
fn note(log: &Path, aloud: bool, cube: &str, line: &str) {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let line = ctys_model::bytes::escape_for_eyes(&format!("{seconds} {cube}: {line}")).into_owned() + "\n";
    if aloud {
        let _ = std::io::stderr().write_all(line.as_bytes());
    }
    let anew = fs::metadata(log).is_ok_and(|file| file.len() > LOG);
    let file = OpenOptions::new().create(true).append(!anew).write(true).truncate(anew).mode(0o600).open(log);
    // A full disk is no reason to serve nobody.
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// One of the calls a cube may have under way, as long as it lives; counted for the cube and for all.
struct Turn([Arc<AtomicUsize>; 2]);

impl Turn {
    fn taken(counts: [&Arc<AtomicUsize>; 2]) -> Turn {
        let counts = counts.map(Arc::clone);
        for count in &counts {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Turn(counts)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        for count in &self.0 {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// A folder, which is no link to one.
fn directory(path: &Path) -> Result<OwnedFd, Error> {
    let file = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(path)?;
    Ok(file.into())
}

/// A path of something in a folder that is held open. It is also short enough for a socket, wherever the folder is.
fn at(folder: &OwnedFd, name: &str) -> PathBuf {
    format!("/proc/self/fd/{}/{name}", folder.as_raw_fd()).into()
}

fn identity(found: &fs::Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// As many descriptors as we may have: each call takes four.
fn more_descriptors() {
    // SAFETY: the structure is plain data that the first call fills and the second reads.
    unsafe {
        let mut limit: libc::rlimit = std::mem::zeroed();
        if libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
        }
    }
}

/// Tells when something comes into a folder or goes.
struct Watch(File);

impl Watch {
    fn over(folder: &Path) -> Result<Watch, Error> {
        let path = CString::new(folder.as_os_str().as_bytes())?;
        let what = libc::IN_CREATE | libc::IN_DELETE | libc::IN_MOVED_FROM | libc::IN_MOVED_TO | libc::IN_DELETE_SELF;
        // SAFETY: the calls take numbers and a text that ends with NUL; what the first gives is open, and nobody else's.
        unsafe {
            let fd: RawFd = libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK);
            if fd < 0 {
                return Err(Error::last_os_error());
            }
            let watch = Watch(File::from_raw_fd(fd));
            match libc::inotify_add_watch(fd, path.as_ptr(), what) {
                -1 => Err(Error::last_os_error()),
                _ => Ok(watch),
            }
        }
    }

    /// What was told has been heard.
    fn forget(&self) {
        let mut buffer = [0; 4096];
        while (&self.0).read(&mut buffer).is_ok_and(|count| count > 0) {}
    }
}
