#![no_main]
//! Inventories of others: what `ansible-inventory --list` prints, leases and static hosts of DHCP servers.

use ctys_fuzz::{bounded, grown, numbered};
use ctys_inventory::borrowed::{ansible, leases};
use ctys_inventory::keys::mac;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let ([times], rest) = numbered(data);
    let text = String::from_utf8_lossy(&grown(rest, times)).into_owned();
    for entry in bounded(|| leases::read(&text)) {
        assert_eq!(mac(&entry.mac).as_ref(), Some(&entry.mac), "an address in another form");
    }
    if let Ok(inventory) = bounded(|| ansible::read(&text)) {
        let printed = bounded(|| ansible::list(&inventory));
        let again = ansible::read(&printed).expect("what is printed can be read");
        let names = |inventory: &ansible::Inventory| inventory.hosts.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&again), names(&inventory), "{printed}");
        for name in inventory.hosts.keys().take(20) {
            serde_json::from_str::<serde_json::Value>(&ansible::host(&inventory, name)).expect("JSON");
        }
    }
});
