//! Links are made behind every call, for cubes that other calls may end meanwhile.

use crate::bed::{Bed, Outcome};
use crate::sealed::executable;
use std::fs;

const SLEEP: &str = "/bin/sleep 1000";

#[test]
fn a_gate_that_ends_while_its_links_are_made_is_no_reason_to_complain() {
    let bed = Bed::with_network();
    bed.cube("gate", SLEEP);
    bed.set("gate", "cube.network.stack", "8000 web:80");
    bed.cube("web", SLEEP);
    bed.ctl(["start", "gate"]).silent();
    // The gate ends right before its rules are made: behind the look at it, and without the lock that is held for them.
    let (folder, log) = (bed.folder.join("fake"), bed.folder.join("ended"));
    fs::create_dir(&folder).unwrap();
    let records = bed.folder.join("records");
    let end = format!("runc --root '{}' delete --force gate && echo ended >>'{}'", records.display(), log.display());
    let text = format!("#!/bin/sh\ncase \"$*\" in *' -n nft '*) {end};; esac\nexec /usr/bin/nsenter \"$@\"\n");
    executable(&folder.join("nsenter"), &text);
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    Outcome::of(bed.command("cube-ctl").args(["start", "web"]).env("PATH", path), b"").silent();
    assert_eq!(fs::read_to_string(log).unwrap(), "ended\n");
    assert_eq!((bed.status("gate").as_str(), bed.status("web").as_str()), ("absent", "running"));
}
