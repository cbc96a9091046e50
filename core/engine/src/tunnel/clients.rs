//! How many connections a local port has, by the kernel's table.
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
//!    0: 0100007F:173E 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 81273 1 ...
//!    1: 0100007F:173E 0100007F:C2A8 01 00000000:00000000 00:00000000 00000000  1000        0 81290 1 ...
//! ```

/// What the table says of a port on 127.0.0.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// Somebody listens.
    pub listens: bool,
    /// So many connections are held by a process. One that nobody holds any more (TIME_WAIT, or closed and not yet
    /// acknowledged) has the inode 0 and does not count.
    pub connected: usize,
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
        let mut words = line.split_ascii_whitespace().skip(1);
        if words.next() != Some(&local) {
            continue;
        }
        match (words.nth(1), words.nth(5)) {
            (Some("0A"), _) => clients.listens = true,
            (Some(_), Some(inode)) if inode != "0" => clients.connected += 1,
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
        assert_eq!(look(port).unwrap(), Clients { listens: true, connected: 0 });
        let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let (served, _) = listener.accept().unwrap();
        assert_eq!(look(port).unwrap(), Clients { listens: true, connected: 1 });
        // The client's own end has another local port; the server closes first and keeps it in TIME_WAIT.
        drop(served);
        drop(client);
        assert_eq!(look(port).unwrap(), Clients { listens: true, connected: 0 });
        drop(listener);
        assert_eq!(look(port).unwrap(), Clients::default());
    }
}
