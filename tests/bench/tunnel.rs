//! A tunnel of ours side by side with `ssh -L`, in one run on one machine: throughput with one stream and with eight, and the
//! round-trip time.
//!
//!     cargo bench -p ctys --features real --bench tunnel
//!
//! Both lead through the same real sshd on loopback (see `tests/bed`) to the same service in this process, which sends as
//! fast as it can, or sends back what it gets. `ssh -W` for each connection stands beside them: a tunnel could be made of that,
//! too. The rounds of all are interleaved, so that what the machine does meanwhile hits all of them alike.
//!
//! Environment: `CTYS_BENCH_ROUNDS` (default 5), `CTYS_BENCH_MIB` (MiB for each measurement of throughput, default 256).

#[path = "../bed/mod.rs"]
mod bed;

use bed::Bed;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How many times there and back make one measurement.
const ECHOES: usize = 2000;

/// One way from here to the service.
struct Way {
    name: &'static str,
    connect: Box<dyn Fn() -> Stream>,
    one: Vec<f64>,
    eight: Vec<f64>,
    echo: Vec<f64>,
    opened: Vec<f64>,
}

/// Both directions of a connection, and the process behind it where there is one.
struct Stream {
    read: Box<dyn Read + Send>,
    write: Box<dyn Write + Send>,
    child: Option<Child>,
}

impl Drop for Stream {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn main() {
    let setting = |name: &str, default: usize| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let (rounds, mib) = (setting("CTYS_BENCH_ROUNDS", 5), setting("CTYS_BENCH_MIB", 256));
    let bed = Bed::start(1);
    let host = bed.hosts[0].clone();
    let service = service();

    let ours = open_ours(&bed, &host, service);
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let mut plain = ssh(&bed);
    plain.args(["-N", "-o", "ExitOnForwardFailure=yes", "-L", &format!("127.0.0.1:{free}:localhost:{service}"), &host]);
    let mut plain = plain.spawn().unwrap();
    while TcpStream::connect(("127.0.0.1", free)).is_err() {
        std::thread::sleep(Duration::from_millis(10));
    }
    // Ours closes when its last client goes: one stays until the end.
    let _kept = TcpStream::connect(("127.0.0.1", ours)).unwrap();

    let way = |name, connect: Box<dyn Fn() -> Stream>| Way {
        name,
        connect,
        one: Vec::new(),
        eight: Vec::new(),
        echo: Vec::new(),
        opened: Vec::new(),
    };
    let config = bed.config.display().to_string();
    let each = move || {
        let mut call = Command::new("ssh");
        call.args(["-F", &config, "-o", "BatchMode=yes", "-W", &format!("localhost:{service}"), &host]);
        let mut child = call.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (read, write) = (child.stdout.take().unwrap(), child.stdin.take().unwrap());
        Stream { read: Box::new(read), write: Box::new(write), child: Some(child) }
    };
    let mut ways = [
        way("ssh -L", Box::new(move || by_port(free))),
        way("ctys", Box::new(move || by_port(ours))),
        way("ssh -W for each", Box::new(each)),
    ];
    for _ in 0..rounds {
        for way in &mut ways {
            let one = throughput(way, 1, mib);
            let eight = throughput(way, 8, mib);
            let (opened, echo) = echo(way);
            way.one.push(one);
            way.eight.push(eight);
            way.echo.push(echo);
            way.opened.push(opened);
        }
    }
    println!("{rounds} rounds of {mib} MiB and {ECHOES} echoes, medians; in brackets: times ssh -L");
    println!(
        "  {:<16} {:>18} {:>18} {:>18} {:>12}",
        "", "1 stream MB/s", "8 streams MB/s", "round trip us", "connect ms"
    );
    let base = [median(&ways[0].one), median(&ways[0].eight), median(&ways[0].echo)];
    for way in &ways {
        let cell = |values: &[f64], base: f64| format!("{:.1} ({:.2})", median(values), median(values) / base);
        let cells = [cell(&way.one, base[0]), cell(&way.eight, base[1]), cell(&way.echo, base[2])];
        let opened = median(&way.opened);
        println!("  {:<16} {:>18} {:>18} {:>18} {opened:>12.2}", way.name, cells[0], cells[1], cells[2]);
    }
    let _ = plain.kill();
    let _ = plain.wait();
}

fn ssh(bed: &Bed) -> Command {
    let mut command = Command::new("ssh");
    command.arg("-F").arg(&bed.config).args(["-o", "BatchMode=yes"]).stdin(Stdio::null());
    command
}

/// The port of a tunnel that ctys has opened.
fn open_ours(bed: &Bed, host: &str, service: u16) -> u16 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctys"));
    command.env("CTYS_PLUGIN_PATH", std::env::current_exe().unwrap().parent().unwrap());
    command.env("XDG_STATE_HOME", bed.path("state"));
    let create = format!("create=l:bench{},PORT:{service}", std::process::id());
    command.arg("--ssh-config").arg(&bed.config).args(["-t", "digger", "-a", &create, host]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let port = said.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    port.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

fn by_port(port: u16) -> Stream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    Stream { read: Box::new(stream.try_clone().unwrap()), write: Box::new(stream), child: None }
}

/// After one byte: `s` and a number of MiB to send; anything else is sent back.
fn service() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            std::thread::spawn(move || serve(client));
        }
    });
    port
}

fn serve(mut client: TcpStream) {
    client.set_nodelay(true).unwrap();
    let mut order = [0; 3];
    if client.read_exact(&mut order).is_err() {
        return;
    }
    if order[0] == b's' {
        // Not zeros: some hop may compress.
        let block: Vec<u8> = (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for _ in 0..u16::from_be_bytes([order[1], order[2]]) {
            if client.write_all(&block).is_err() {
                return;
            }
        }
        return;
    }
    let mut byte = [0; 1];
    while client.read_exact(&mut byte).is_ok() && client.write_all(&byte).is_ok() {}
}

/// MB/s of all streams together, from the first byte asked for to the last one that came.
fn throughput(way: &Way, streams: usize, mib: usize) -> f64 {
    let each = mib / streams;
    let mut open: Vec<Stream> = (0..streams).map(|_| (way.connect)()).collect();
    let start = Instant::now();
    std::thread::scope(|scope| {
        for stream in &mut open {
            scope.spawn(move || {
                let count = (each as u16).to_be_bytes();
                stream.write.write_all(&[b's', count[0], count[1]]).unwrap();
                stream.write.flush().unwrap();
                let (mut buffer, mut left) = (vec![0; 256 * 1024], each << 20);
                while left > 0 {
                    let got = stream.read.read(&mut buffer).unwrap();
                    assert!(got > 0, "the stream ended early");
                    left -= got;
                }
            });
        }
    });
    (each * streams * (1 << 20)) as f64 / 1e6 / start.elapsed().as_secs_f64()
}

/// The time until the first echo of a new connection, in ms; the median time of one byte there and back, in us.
fn echo(way: &Way) -> (f64, f64) {
    let start = Instant::now();
    let mut stream = (way.connect)();
    stream.write.write_all(b"e..").unwrap();
    let mut times = Vec::new();
    let mut opened = 0.0;
    for n in 0..ECHOES {
        let sent = Instant::now();
        stream.write.write_all(b"x").unwrap();
        stream.write.flush().unwrap();
        stream.read.read_exact(&mut [0; 1]).unwrap();
        times.push(sent.elapsed().as_secs_f64() * 1e6);
        if n == 0 {
            opened = start.elapsed().as_secs_f64() * 1e3;
        }
    }
    (opened, median(&times))
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
