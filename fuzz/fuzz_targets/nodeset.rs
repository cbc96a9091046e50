#![no_main]
//! Host sets with groups of ClusterShell. What a set is folded to is the same set. Parts: the expression; a YAML file of
//! groups; a groups.conf.

use ctys_fuzz::{bounded, parts, text};
use ctys_inventory::nodeset::{Groups, MOST, groups, parse};
use std::collections::BTreeMap;

struct Sources(BTreeMap<String, BTreeMap<String, String>>);

impl Groups for Sources {
    fn members(&self, source: Option<&str>, group: &str) -> Result<String, String> {
        let source = self.0.get(source.unwrap_or("default")).ok_or("there is no such source")?;
        source.get(group).cloned().ok_or_else(|| "there is no such group".into())
    }
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let parts = parts(data);
    let sources = Sources(bounded(|| groups::parse_yaml(&text(&parts, 1))).unwrap_or_default());
    if let Ok(set) = bounded(|| parse(&text(&parts, 0), &sources)) {
        assert!(set.len() <= MOST, "{} names", set.len());
        let folded = bounded(|| set.to_string());
        // A star or a question mark in a name asks for names, once it is read again.
        if set.len() <= 2000 && !folded.contains(['*', '?']) {
            let again = bounded(|| parse(&folded, &sources));
            let again = again.unwrap_or_else(|why| panic!("the folded set {folded:?} is refused: {why}"));
            let names = |set: &ctys_inventory::nodeset::NodeSet| set.names().collect::<std::collections::BTreeSet<_>>();
            assert_eq!(names(&again), names(&set), "{folded}");
        }
    }
    if let Ok(config) = bounded(|| groups::parse(&text(&parts, 2), "/etc/clustershell")) {
        for source in config.sources.values() {
            for command in [&source.map, &source.all, &source.list, &source.reverse].into_iter().flatten() {
                // A name never brings a blank, a quote or an operator into the administrator's command.
                let name = text(&parts, 0);
                if let Ok(filled) = groups::fill(command, "GROUP", &name) {
                    assert!(
                        filled == *command || !name.contains(|c: char| " '\"`$;|&<>()\n\\*?[".contains(c)),
                        "{filled}"
                    );
                }
            }
        }
    }
});
