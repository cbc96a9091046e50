//! How many connections a local port has, by the kernel's table.
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//!    0: 0100007F:173E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 81273 1 ...
//!    1: 0100007F:173E 0100007F:C2A8 01 00000000:00000000 00:00000000 00000000  1000        0 81290 1 ...
//!    2: 0100007F:C1F4 0100007F:173E 06 00000000:00000000 03:00001500 00000000     0        0 0 3 ...
//! ```
//!
//! A client that came and went between two looks is found by what TCP keeps of it for a minute (TIME_WAIT, `06`), on the side
//! that closed first.

use std::collections::BTreeSet;

/// What the table says of a port on 127.0.0.1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Somebody listens.
    pub listens: bool,
    /// So many connections are held by a process. One that nobody holds any more (TIME_WAIT, or closed and not yet
    /// acknowledged) has the inode 0 and does not count.
    pub connected: usize,
    /// The clients that have gone a short while ago, by their port.
    pub gone: BTreeSet<u16>,
}

/// Looks. The error: the table cannot be read.
pub fn look(port: u16) -> std::io::Result<Clients> {
    Ok(read(&std::fs::read_to_string("/proc/net/tcp")?, port))
}

fn read(table: &str, port: u16) -> Clients {
    // The address is in the byte order of the machine.
    let local = format!("{:08X}:{port:04X}", u32::from_ne_bytes([127, 0, 0, 1]));
    let mut clients = Clients::default();
    for line in table.lines().skip(1) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, here, there, state, _, _, _, _, _, inode, ..] = words[..] else { continue };
        let port_of = |address: &str| u16::from_str_radix(address.rsplit(':').next()?, 16).ok();
        match (here == local, there == local, state) {
            (true, _, "0A") => clients.listens = true,
            (true, _, "06") => clients.gone.extend(port_of(there)),
            (_, true, "06") => clients.gone.extend(port_of(here)),
            (true, ..) if inode != "0" => clients.connected += 1,
            _ => {}
        }
    }
    clients
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn connections_count_while_somebody_holds_them() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(look(port).unwrap(), Clients { listens: true, ..Clients::default() });
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (served, from) = listener.accept().unwrap();
        assert_eq!(look(port).unwrap(), Clients { listens: true, connected: 1, gone: BTreeSet::new() });
        drop(served);
        drop(client);
        let gone = BTreeSet::from([from.port()]);
        assert_eq!(look(port).unwrap(), Clients { listens: true, connected: 0, gone: gone.clone() });
        // The other way round it is the client's end that is kept.
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (served, from) = listener.accept().unwrap();
        drop(client);
        drop(served);
        drop(listener);
        let gone = gone.into_iter().chain([from.port()]).collect();
        assert_eq!(look(port).unwrap(), Clients { listens: false, connected: 0, gone });
    }
}
