//! The inventories of others: `ansible-inventory --list` in and out, lease files of DHCP servers in.

pub mod ansible;
pub mod leases;
