//! A thousand hosts of which one in a hundred is dead.

use crate::scene::{MOST_KIB, Scene};
use std::collections::BTreeMap;

#[test]
fn a_thousand_hosts_and_ten_of_them_are_dead() {
    let scene = Scene::start(990);
    let mut targets: Vec<&str> = scene.bed.hosts.iter().map(String::as_str).collect();
    for (place, dead) in ["refusing", "silent", "nowhere", "refusing", "silent"].iter().cycle().take(10).enumerate() {
        targets.insert(place * 100 + 50, dead);
    }
    assert_eq!(targets.len(), 1000);
    let words = ["--connect-timeout", "20s", "--total-timeout", "300s", "-t", "pm", "-a", "list=json"];
    let ended = scene.ctys(&[&words[..], &targets].concat());
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let listed: Vec<&str> =
        json["records"].as_array().unwrap().iter().map(|record| record["target"].as_str().unwrap()).collect();
    assert_eq!(listed, scene.bed.hosts, "every good host once, in the order of the call");
    let mut dead: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for problem in json["problems"].as_array().unwrap() {
        *dead.entry((problem["target"].as_str().unwrap(), problem["phase"].as_str().unwrap())).or_default() += 1;
    }
    let wanted = [(("nowhere", "resolve"), 2), (("refusing", "connect"), 4), (("silent", "timeout"), 4)];
    assert_eq!(dead, BTreeMap::from(wanted), "each dead one is named with its phase:\n{}", ended.stderr);
    assert!(ended.peak_kib < MOST_KIB, "it took {} KiB", ended.peak_kib);
    scene.nothing_left();
}
