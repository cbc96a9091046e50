//! The options of cube-ctl: they may stand anywhere, up to the first word that names a target and a command.

use ctys_plugin::model::Bytes;

/// What was typed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-v`.
    pub verbose: bool,
    /// `--auto=TAG`, `--auto TAG`, `auto=TAG`.
    pub auto: Option<String>,
    /// `-u [SUBUID]`.
    pub subuid: Option<u32>,
    /// `-F`.
    pub force: bool,
    /// `-n NAME`.
    pub name: Option<String>,
    /// `-a`: attach the console before the start.
    pub attach: bool,
    /// `-f`: in the foreground.
    pub foreground: bool,
    /// `-i`: with a terminal.
    pub interactive: bool,
    /// `-t`: what to sort by, or the type of what is added.
    pub kind: Option<String>,
    /// `--json`.
    pub json: bool,
    /// `-h`.
    pub help: bool,
    /// What is no option.
    pub words: Vec<String>,
    /// `TARGET:COMMAND ARGS`, the command untouched.
    pub execute: Option<(String, Vec<Bytes>)>,
}

/// The id a `-u` without a number means.
const SUBUID: u32 = 800_000;

/// Reads the words. The error is a line of complaint.
pub fn read(words: &[Bytes]) -> Result<Options, String> {
    let mut options = Options::default();
    let mut at = 0;
    while at < words.len() {
        let word = &words[at];
        // Sources have colons of their own: tags, properties.
        if options.words.first().is_none_or(|verb| !matches!(verb.as_str(), "store" | "add"))
            && let Some(execute) = execution(word, &words[at + 1..])
        {
            options.execute = Some(execute);
            return Ok(options);
        }
        let text =
            std::str::from_utf8(word.as_slice()).map_err(|_| format!("[ERROR]: {word:?} is not text in UTF-8"))?;
        at += 1;
        let (flag, mut given) = match text.split_once('=') {
            Some((flag, value)) if flag == "auto" || flag.starts_with('-') => (flag, Some(value.to_string())),
            _ => (text, None),
        };
        let mut value = || {
            given.take().map_or_else(
                || {
                    at += 1;
                    let next = words.get(at - 1).map(|next| next.to_text().into_owned());
                    next.ok_or_else(|| format!("[ERROR]: {text} needs a value"))
                },
                Ok,
            )
        };
        match flag {
            "--auto" => options.auto = Some(value()?),
            "auto" if text.contains('=') => options.auto = Some(value()?),
            "-n" | "--n" | "--name" => options.name = Some(value()?),
            "-t" | "--t" => options.kind = Some(value()?),
            // Cubes of another folder would be seen by no other call.
            "-o" | "--o" => {
                let where_to = "CTYS_CUBE_CONTAINERS names another folder for all of them";
                return Err(format!("[ERROR]: {flag} is not known here: containers are in one folder, {where_to}"));
            }
            "-u" | "--u" => {
                let given = words.get(at).and_then(|next| next.to_text().parse::<u64>().ok());
                at += usize::from(given.is_some());
                match given.unwrap_or(SUBUID.into()) {
                    number @ 100_000.. => options.subuid = u32::try_from(number).ok(),
                    _ => return Err("Error: -u requires a subuid number no less than 100000".into()),
                }
            }
            "-v" | "--verbose" => options.verbose = true,
            // Tracking was a snapshot of btrfs; there is none to be made here.
            "--track" => {}
            "-F" => options.force = true,
            "-a" | "--attach" => options.attach = true,
            "-f" | "--foreground" => options.foreground = true,
            "-i" | "--i" => options.interactive = true,
            "--json" => options.json = true,
            "-h" | "--help" => options.help = true,
            "--" => {}
            _ if flag.starts_with('-') && flag.len() > 1 => {
                return Err(format!("[ERROR]: {flag} is no option of cube-ctl"));
            }
            _ => options.words.push(text.to_string()),
        }
    }
    Ok(options)
}

/// A word with a colon that begins no address ends the options: the rest is the target's.
fn execution(word: &Bytes, rest: &[Bytes]) -> Option<(String, Vec<Bytes>)> {
    let at = word.as_slice().iter().position(|&byte| byte == b':')?;
    let (target, command) = (&word.as_slice()[..at], &word.as_slice()[at + 1..]);
    let is_option = target.starts_with(b"-");
    if command.starts_with(b"//") || is_option || target.contains(&b'=') {
        return None;
    }
    let first = (!command.is_empty()).then(|| Bytes(command.to_vec()));
    Some((Bytes(target.to_vec()).to_text().into_owned(), first.into_iter().chain(rest.iter().cloned()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &[&str], want: Result<Options, &str>) {
        let words: Vec<Bytes> = words.iter().map(|word| Bytes::from(*word)).collect();
        assert_eq!(read(&words), want.map_err(String::from), "{words:?}");
    }

    fn said<const N: usize>(words: [&str; N]) -> Options {
        Options { words: words.map(String::from).to_vec(), ..Options::default() }
    }

    #[test]
    fn options_stand_anywhere() {
        let both = Options { foreground: true, interactive: true, ..said(["start", "web"]) };
        check(&["start", "-f", "web", "-i"], Ok(both.clone()));
        check(&["-i", "start", "web", "-f"], Ok(both));
        for words in [&["start", "--auto=dom0"][..], &["--auto", "dom0", "start"], &["start", "auto=dom0"]] {
            check(words, Ok(Options { auto: Some("dom0".into()), ..said(["start"]) }));
        }
        check(&["list", "-t"], Err("[ERROR]: -t needs a value"));
        let one = "containers are in one folder, CTYS_CUBE_CONTAINERS names another folder for all of them";
        check(&["add", "-o", "/srv", "/src"], Err(&format!("[ERROR]: -o is not known here: {one}")));
        check(&["list", "--nosuch"], Err("[ERROR]: --nosuch is no option of cube-ctl"));
    }

    #[test]
    fn a_subuid_is_large_enough() {
        check(&["add", "-u", "/src"], Ok(Options { subuid: Some(800_000), ..said(["add", "/src"]) }));
        check(&["add", "-u", "900000", "/src"], Ok(Options { subuid: Some(900_000), ..said(["add", "/src"]) }));
        check(&["add", "-u", "5"], Err("Error: -u requires a subuid number no less than 100000"));
    }

    #[test]
    fn a_target_with_a_command_ends_the_options() {
        let run = |target: &str, command: &[&str]| Options {
            execute: Some((target.into(), command.iter().map(|word| Bytes::from(*word)).collect())),
            ..Options::default()
        };
        check(&["web:sh", "-c", "exit 7"], Ok(run("web", &["sh", "-c", "exit 7"])));
        check(&["web:echo", "a:b", "-v", ""], Ok(run("web", &["echo", "a:b", "-v", ""])));
        check(&["web:", "ls", "-l"], Ok(run("web", &["ls", "-l"])));
        check(&["-i", "host:tty"], Ok(Options { interactive: true, ..run("host", &["tty"]) }));
        check(&["add", "docker://a:b"], Ok(said(["add", "docker://a:b"])));
        check(&["add", "/a/web.tar:vty=3"], Ok(said(["add", "/a/web.tar:vty=3"])));
        check(&["store", "web", "reg/a:1"], Ok(said(["store", "web", "reg/a:1"])));
    }
}
