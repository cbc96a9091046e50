//! `groups.conf` and the group files of ClusterShell (groups.conf(5)).
//!
//! ```text
//! [Main]
//! default: cluster
//! confdir: /etc/clustershell/groups.conf.d $CFGDIR/groups.conf.d
//! autodir: /etc/clustershell/groups.d $CFGDIR/groups.d
//!
//! [cluster]
//! map: sed -n 's/^$GROUP:\(.*\)/\1/p' /etc/cluster.groups
//! all: cut -d: -f2 /etc/cluster.groups
//! list: cut -d: -f1 /etc/cluster.groups
//! ```

use std::collections::BTreeMap;

/// One source: up to four shell commands of the administrator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// Prints the members of `$GROUP`.
    pub map: Option<String>,
    /// Prints all nodes.
    pub all: Option<String>,
    /// Prints all groups.
    pub list: Option<String>,
    /// Prints the groups of `$NODE`.
    pub reverse: Option<String>,
}

/// One file of that kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The usual source.
    pub default: Option<String>,
    /// Folders with more files of that kind.
    pub confdir: Vec<String>,
    /// Folders with files that hold groups themselves.
    pub autodir: Vec<String>,
    /// The sources by name.
    pub sources: BTreeMap<String, Source>,
}

/// Reads a file. `folder`: what `$CFGDIR` stands for.
///
/// # Errors
/// The line and what is wrong with it.
pub fn parse(text: &str, folder: &str) -> Result<Config, String> {
    let mut config = Config::default();
    let mut section = String::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.trim().to_string();
            if section != "Main" {
                // Several sources may share one section.
                for name in section.split(',') {
                    config.sources.entry(name.trim().to_string()).or_default();
                }
            }
            continue;
        }
        let at = line.find([':', '=']).ok_or_else(|| format!("line {}: there is no : in it", number + 1))?;
        let (key, value) = (line[..at].trim(), line[at + 1..].trim().replace("$CFGDIR", folder));
        match (section.as_str(), key) {
            ("", _) => return Err(format!("line {}: it stands before the first [section]", number + 1)),
            ("Main", "default") => config.default = Some(value),
            ("Main", "confdir" | "groupsdir") => config.confdir = words(&value),
            ("Main", "autodir") => config.autodir = words(&value),
            ("Main", _) => {}
            (section, key) => {
                for name in section.split(',') {
                    let source = config.sources.entry(name.trim().to_string()).or_default();
                    // $SOURCE tells the sources of one section apart.
                    let value = Some(value.replace("$SOURCE", name.trim()));
                    match key {
                        "map" => source.map = value,
                        "all" => source.all = value,
                        "list" => source.list = value,
                        "reverse" => source.reverse = value,
                        // cache_time and the like change no answer.
                        _ => {}
                    }
                }
            }
        }
    }
    Ok(config)
}

/// A command with a name put into it.
///
/// # Errors
/// When the name could change the meaning of the command: it is text of the administrator with a hole in it, and no
/// quoting fits every place where the hole may stand.
pub fn fill(command: &str, variable: &str, name: &str) -> Result<String, String> {
    let harmless = |c: char| c.is_alphanumeric() || "_-.@:+/%=".contains(c);
    if name.is_empty() || name.starts_with('-') || !name.chars().all(harmless) {
        return Err(format!(
            "{name} is not handed to a command of groups.conf: it holds more than letters, digits and _-.@:+/%="
        ));
    }
    Ok(command.replace(&format!("${{{variable}}}"), name).replace(&format!("${variable}"), name))
}

/// The groups of a file in `groups.d`: sources, in them groups, in each an expression or a list of them.
///
/// ```text
/// racks:
///   r1: 'lab[00-07]'
///   r2:
///     - lab08
///     - lab09
/// ```
///
/// # Errors
/// The line that is more of YAML than these files need.
pub fn parse_yaml(text: &str) -> Result<BTreeMap<String, BTreeMap<String, String>>, String> {
    let mut sources: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    let (mut source, mut group) = (None::<String>, None::<String>);
    for (number, line) in text.lines().enumerate() {
        let wrong = |what: &str| format!("line {}: {what}", number + 1);
        let body = without_comment(line);
        if body.trim().is_empty() || body.trim() == "---" {
            continue;
        }
        if body.contains('\t') {
            return Err(wrong("tabs do not indent"));
        }
        let indented = body.starts_with(' ');
        let body = body.trim();
        if let Some(item) = body.strip_prefix("- ") {
            let members = source.as_ref().zip(group.as_ref()).and_then(|(s, g)| sources.get_mut(s)?.get_mut(g));
            let members = members.ok_or_else(|| wrong("this list belongs to no group"))?;
            if !members.is_empty() {
                members.push(',');
            }
            members.push_str(&scalar(item).map_err(|what| wrong(&what))?);
            continue;
        }
        let (key, value) = split_key(body).ok_or_else(|| wrong("there is no : in it"))?;
        let (key, value) = (scalar(key).map_err(|w| wrong(&w))?, scalar(value).map_err(|w| wrong(&w))?);
        if !indented {
            if !value.is_empty() {
                return Err(wrong("a source holds groups, not a value"));
            }
            sources.entry(key.clone()).or_default();
            (source, group) = (Some(key), None);
        } else {
            let groups = source.as_ref().and_then(|source| sources.get_mut(source));
            groups.ok_or_else(|| wrong("this group belongs to no source"))?.insert(key.clone(), value);
            group = Some(key);
        }
    }
    Ok(sources)
}

/// A key up to the colon that a blank or the end follows.
fn split_key(body: &str) -> Option<(&str, &str)> {
    if let Some(quote) = body.chars().next().filter(|c| ['\'', '"'].contains(c)) {
        let end = body[1..].find(quote)? + 2;
        return body[end..].trim_start().strip_prefix(':').map(|value| (&body[..end], value));
    }
    match body.find(": ") {
        Some(at) => Some((&body[..at], &body[at + 2..])),
        None => body.strip_suffix(':').map(|key| (key, "")),
    }
}

fn scalar(text: &str) -> Result<String, String> {
    let text = text.trim();
    for quote in ['\'', '"'] {
        if let Some(inner) = text.strip_prefix(quote) {
            let inner = inner.strip_suffix(quote).ok_or("a quote is not closed")?;
            return Ok(inner.to_string());
        }
    }
    match text.starts_with(['{', '[', '&', '*', '|', '>', '!']) {
        true => Err(format!("{text} is more of YAML than group files need")),
        false => Ok(text.to_string()),
    }
}

fn without_comment(line: &str) -> &str {
    let mut quote = None;
    for (at, c) in line.char_indices() {
        match (c, quote) {
            ('\'' | '"', None) => quote = Some(c),
            (c, Some(open)) if c == open => quote = None,
            ('#', None) if at == 0 || line[..at].ends_with(' ') => return &line[..at],
            _ => {}
        }
    }
    line
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration() {
        let config = parse(
            "# x\n[Main]\ndefault: cluster\nautodir: /etc/clustershell/groups.d $CFGDIR/groups.d\n\n[cluster]\n\
             map: sed -n 's/^$GROUP:\\(.*\\)/\\1/p' $CFGDIR/groups\nlist = cut -d: -f1 x\ncache_time: 3\n\n[a,b]\nall: show $SOURCE\n",
            "/home/u",
        )
        .unwrap();
        assert_eq!(config.default.as_deref(), Some("cluster"));
        assert_eq!(config.autodir, ["/etc/clustershell/groups.d", "/home/u/groups.d"]);
        assert_eq!(config.sources["cluster"].map.as_deref(), Some("sed -n 's/^$GROUP:\\(.*\\)/\\1/p' /home/u/groups"));
        assert_eq!(config.sources["cluster"].list.as_deref(), Some("cut -d: -f1 x"));
        assert_eq!(config.sources["b"].all.as_deref(), Some("show b"));
        assert!(parse("x: y\n", "").unwrap_err().contains("line 1"));
        assert!(parse("[a]\nnothing\n", "").unwrap_err().contains("line 2"));
    }

    #[test]
    fn a_name_in_a_command_is_only_a_name() {
        let check = |name: &str, want: Result<&str, ()>| {
            let got = fill("sed -n 's/^$GROUP:/p' ${GROUP}", "GROUP", name);
            assert_eq!(got.as_deref().map_err(|_| ()), want, "{name}");
        };
        check("lab", Ok("sed -n 's/^lab:/p' lab"));
        check("racks:r1", Ok("sed -n 's/^racks:r1:/p' racks:r1"));
        check("x'; rm -rf ~; '", Err(()));
        check("$(id)", Err(()));
        check("a b", Err(()));
        check("-x", Err(()));
        check("", Err(()));
    }

    #[test]
    fn groups_in_yaml() {
        let text = "---\nroles:\n  adm: 'lab0'   # the door\n  login: \"lab[1-2]\"\n  'all': '@adm,@login'\n\nracks:\n  r1:\n    - lab0\n    - lab[1-2]\n  empty:\n";
        let sources = parse_yaml(text).unwrap();
        assert_eq!(sources["roles"]["login"], "lab[1-2]");
        assert_eq!(sources["roles"]["all"], "@adm,@login");
        assert_eq!(sources["racks"]["r1"], "lab0,lab[1-2]");
        assert_eq!(sources["racks"]["empty"], "");
        for bad in ["a: b\n", "  x: y\n", "a:\n  x: {y: z}\n", "a:\n  - x\n", "a:\n\tb: c\n", "a:\n  x: 'y\n"] {
            assert!(parse_yaml(bad).unwrap_err().starts_with("line "), "{bad}");
        }
    }
}
