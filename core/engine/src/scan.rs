//! One walk through the folders of a host for all plugins together: which files have one of these names, and what is in
//! them.
//!
//! The host's `find` looks, and a small shell prints each file between marks on standard output:
//!
//! ```text
//! /root/xen/tst100/tst100.conf NUL 0 NUL ...content... <nonce>;NL      it could be read
//! /root/xen/private.conf       NUL d NUL <nonce>;NL                    the account may not
//! /root/gone                   NUL a NUL <nonce>;NL                    a base that is no folder
//! ```
//!
//! The nonce is the session's; it travels in the environment, where no other user of the host sees it.

use crate::quote::{NulByte, quote};
use ctys_model::probe::{FoundFile, Scan, Scanned};
use ctys_model::{Bytes, FileAnswer};

/// How long one walk may take, in seconds: a home on a slow network file system.
pub const SCAN_LIMIT_S: u32 = 60;

/// What the far side runs for each handful of files where it has perl: 2,000 files in a tenth of a second.
const PRINT_PERL: &str = "shift; binmode STDOUT; ($c, $n) = @ENV{qw(ctys_c ctys_n)}; for (@ARGV) { next unless -f; \
    my $b = \"\"; if (open my $h, \"<:raw\", $_) { read $h, $b, $c; print \"$_\\0000\\0$b$n;\\n\" } \
    else { print \"$_\\0d\\0$n;\\n\" } }";

/// The same where it has none: a process for each file.
const PRINT: &str = "for f; do if [ ! -f \"$f\" ]; then continue; fi; \
    if [ -r \"$f\" ]; then printf '%s\\0000\\000' \"$f\"; head -c \"$ctys_c\" \"$f\" </dev/null; \
    else printf '%s\\000d\\000' \"$f\"; fi; printf '%s;\\n' \"$ctys_n\"; done";

/// The shell text of a walk, without its frame. Bases are walked in their order; one that is no folder is told of.
pub fn script(out: &mut Vec<u8>, scan: &Scan) -> Result<(), NulByte> {
    let mut bases: Vec<Vec<u8>> = Vec::new();
    for base in &scan.bases {
        bases.push(quote(&below_home(base.as_slice()))?);
    }
    let mut line = b"export ctys_n; ctys_c=".to_vec();
    line.extend_from_slice(scan.limit.saturating_add(1).to_string().as_bytes());
    line.extend_from_slice(b"; export ctys_c; set --\nfor ctys_d in");
    for base in &bases {
        line.push(b' ');
        line.extend_from_slice(base);
    }
    line.extend_from_slice(
        b"; do\nif [ -d \"$ctys_d\" ]; then set -- \"$@\" \"$ctys_d\"; \
          else printf '%s\\000a\\000%s;\\n' \"$ctys_d\" \"$ctys_n\"; fi\ndone\n\
          if command -v perl >/dev/null 2>&1; then ctys_x=perl ctys_o=-e ctys_p=",
    );
    line.extend_from_slice(&quote(PRINT_PERL.as_bytes())?);
    line.extend_from_slice(b"; else ctys_x=sh ctys_o=-c ctys_p=");
    line.extend_from_slice(&quote(PRINT.as_bytes())?);
    line.extend_from_slice(b"; fi\nif [ $# -gt 0 ]; then ctys_t ");
    line.extend_from_slice(format!("{SCAN_LIMIT_S} find -H \"$@\" -maxdepth {} ", scan.depth).as_bytes());
    // A base that is a link to a folder is walked. A link to a file counts as well; a link to a folder is not followed, so no walk is endless.
    line.extend_from_slice(b"'(' -type f -o -type l ')' '('");
    for (n, name) in scan.names.iter().enumerate() {
        line.extend_from_slice(if n == 0 { b" -name " } else { b" -o -name " });
        line.extend_from_slice(&quote(name.as_bytes())?);
    }
    line.extend_from_slice(b" ')' -exec \"$ctys_x\" \"$ctys_o\" \"$ctys_p\" sh '{}' + </dev/null; fi");
    out.extend_from_slice(&line);
    Ok(())
}

/// `~` and `~/x` are the home folder, where the script stands; a relative base is below it anyway.
pub fn below_home(base: &[u8]) -> Vec<u8> {
    let rest = match base {
        b"~" => b"",
        _ => base.strip_prefix(b"~/").unwrap_or(base),
    };
    if rest.starts_with(b"/") { rest.to_vec() } else { [b"./", rest].concat() }
}

/// The files of a walk, sorted by path, each once. `home` makes relative paths absolute.
pub fn parse(nonce: &str, scan: &Scan, home: &[u8], stdout: &[u8], cut: bool) -> Scanned {
    let end = format!("{nonce};\n").into_bytes();
    let mut files: Vec<FoundFile> = Vec::new();
    let mut rest = stdout;
    let mut broken = cut;
    while !rest.is_empty() {
        let Some((path, tail)) = until(rest, b"\0") else {
            broken = true;
            break;
        };
        let Some((status, tail)) = until(tail, b"\0") else {
            broken = true;
            break;
        };
        let Some((content, tail)) = until(tail, &end) else {
            broken = true;
            break;
        };
        let answer = match status {
            b"0" => {
                let kept = &content[..content.len().min(scan.limit as usize)];
                FileAnswer::Content { content: Bytes(kept.to_vec()), cut: kept.len() < content.len() }
            }
            b"d" => FileAnswer::Denied,
            _ => FileAnswer::Absent,
        };
        files.push(FoundFile { path: Bytes(absolute(path, home)), file: answer });
        rest = tail;
    }
    settle(files, broken)
}

/// The answer: sorted by path, each once, since bases may lie inside each other.
pub fn settle(mut files: Vec<FoundFile>, cut: bool) -> Scanned {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files.dedup_by(|a, b| a.path == b.path);
    Scanned { files, cut }
}

fn until<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memchr::memmem::find(text, mark)?;
    Some((&text[..at], &text[at + mark.len()..]))
}

/// A path of the walk, made absolute by the home folder.
pub fn absolute(path: &[u8], home: &[u8]) -> Vec<u8> {
    let relative = match path.strip_prefix(b"./") {
        Some(relative) => relative,
        None if path.starts_with(b"/") => return path.to_vec(),
        None => path,
    };
    let mut whole = home.strip_suffix(b"/").unwrap_or(home).to_vec();
    // `find ./` prints `.//x` for the first level.
    let relative = relative.strip_prefix(b"/").unwrap_or(relative);
    if !relative.is_empty() {
        whole.push(b'/');
        whole.extend_from_slice(relative);
    }
    whole
}

/// One walk that finds all that these would: they must look in the same folders to the same depth.
pub fn merge(scans: &[&Scan]) -> Option<Scan> {
    let (first, others) = scans.split_first()?;
    let mut whole = (*first).clone();
    for scan in others {
        if !same_walk(first, scan) {
            return None;
        }
        whole.limit = whole.limit.max(scan.limit);
        whole.names.extend(scan.names.iter().filter(|name| !first.names.contains(name)).cloned());
    }
    whole.names.sort();
    whole.names.dedup();
    Some(whole)
}

/// Whether one walk can serve both.
pub fn same_walk(a: &Scan, b: &Scan) -> bool {
    a.place == b.place && a.bases == b.bases && a.depth == b.depth
}

/// What one of the merged walks would have found by itself.
pub fn share(whole: &Scanned, scan: &Scan) -> Scanned {
    let wanted = |file: &&FoundFile| {
        let name = file.path.as_slice().rsplit(|&b| b == b'/').next().unwrap_or_default();
        file.file == FileAnswer::Absent || scan.names.iter().any(|pattern| matches(pattern.as_bytes(), name))
    };
    let limit = |file: &FoundFile| {
        let mut file = file.clone();
        if let FileAnswer::Content { content, cut } = &mut file.file
            && content.0.len() > scan.limit as usize
        {
            content.0.truncate(scan.limit as usize);
            *cut = true;
        }
        file
    };
    Scanned { files: whole.files.iter().filter(wanted).map(limit).collect(), cut: whole.cut }
}

/// A name against a pattern of `*` and `?`, as `find -name` has it.
pub fn matches(pattern: &[u8], name: &[u8]) -> bool {
    // Where the last star stands, and up to where it reaches by now: one that is too short takes one byte more.
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match (pattern.get(p), star) {
            (Some(b'*'), _) => {
                star = Some((p, n));
                p += 1;
            }
            (Some(&c), _) if c == b'?' || c == name[n] => (p, n) = (p + 1, n + 1),
            (_, Some((at, reached))) => {
                star = Some((at, reached + 1));
                (p, n) = (at + 1, reached + 1);
            }
            _ => return false,
        }
    }
    pattern[p..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::Place;

    fn scan(names: &[&str], limit: u32) -> Scan {
        Scan {
            place: Place::Target,
            bases: vec!["xen".into()],
            names: names.iter().map(|name| name.to_string()).collect(),
            depth: 8,
            limit,
        }
    }

    #[test]
    fn patterns_are_those_of_find() {
        for (pattern, name, expected) in [
            ("*.conf", "tst100.conf", true),
            ("*.conf", ".conf", true),
            ("*.conf", "tst100.conf~", false),
            ("tst???.c*", "tst100.ctys", true),
            ("tst???.c*", "tst1000.ctys", false),
            ("*", "", true),
            ("a", "b", false),
            ("*a*b?", "xaxbxbz", true),
            ("*a*b?", "xaxbxb", false),
            ("**", "", true),
            ("?*?", "x", false),
            ("*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_merged_walk_is_shared_out_again() {
        let (xen, qemu) = (scan(&["*.conf", "*.cfg"], 5), scan(&["*.ctys"], 100));
        let whole = merge(&[&xen, &qemu]).unwrap();
        assert_eq!((whole.names.len(), whole.limit), (3, 100));
        let file = |path: &str| FoundFile {
            path: path.into(),
            file: FileAnswer::Content { content: "0123456789".into(), cut: false },
        };
        let found = Scanned { files: vec![file("/h/a.conf"), file("/h/b.ctys")], cut: false };
        let ours = share(&found, &xen);
        assert_eq!(ours.files.len(), 1);
        assert_eq!(ours.files[0].file, FileAnswer::Content { content: "01234".into(), cut: true });
        assert_eq!(share(&found, &qemu).files, [file("/h/b.ctys")]);
        let deeper = Scan { depth: 9, ..xen.clone() };
        assert_eq!(merge(&[&xen, &deeper]), None);
    }

    #[test]
    fn what_is_cut_in_the_middle_keeps_the_whole_files() {
        let text = b"./xen/b.conf\x000\x00two\nN;\n./xen/a.conf\x00d\x00N;\n./xen/c.conf\x000\x00thr";
        let scanned = parse("N", &scan(&["*.conf"], 100), b"/root", text, false);
        assert!(scanned.cut);
        let paths: Vec<String> = scanned.files.iter().map(|f| f.path.to_text().into_owned()).collect();
        assert_eq!(paths, ["/root/xen/a.conf", "/root/xen/b.conf"]);
        assert_eq!(scanned.files[0].file, FileAnswer::Denied);
    }
}
