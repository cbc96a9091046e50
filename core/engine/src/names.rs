//! Addresses to names and back, by the caller's resolver, many at once and never for long.

use std::collections::HashMap;
use std::ffi::CStr;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// How many look-ups run at the same time.
const THREADS: usize = 16;

/// Names and addresses that are being looked up in the background.
#[derive(Clone, Default)]
pub struct Names {
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default)]
struct State {
    queue: Vec<Question>,
    answers: HashMap<Question, Option<String>>,
    open: usize,
    threads: usize,
}

/// A question to the resolver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The name of an address, with the trailing dot of the DNS (ctys.md 8.44).
    NameOf(IpAddr),
    /// The first address of a name, IPv4 before IPv6.
    AddressOf(String),
}

impl Names {
    /// Begins a look-up, once per question.
    pub fn ask(&self, question: Question) {
        let (lock, _) = &*self.state;
        let mut state = lock.lock().unwrap_or_else(|broken| broken.into_inner());
        if state.answers.contains_key(&question) {
            return;
        }
        state.answers.insert(question.clone(), None);
        state.open += 1;
        state.queue.push(question);
        if state.threads < THREADS {
            state.threads += 1;
            let shared = self.state.clone();
            let thread =
                std::thread::Builder::new().name("names".into()).stack_size(256 * 1024).spawn(move || work(&shared));
            if thread.is_err() {
                state.threads -= 1;
            }
        }
    }

    /// Waits until everything that was asked is answered, at most this long; false when something is still open.
    pub fn wait(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let (lock, changed) = &*self.state;
        let mut state = lock.lock().unwrap_or_else(|broken| broken.into_inner());
        while state.open > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = changed.wait_timeout(state, left).unwrap_or_else(|broken| broken.into_inner()).0;
        }
        true
    }

    /// The answer, if there is one by now.
    pub fn answer(&self, question: &Question) -> Option<String> {
        let state = self.state.0.lock().unwrap_or_else(|broken| broken.into_inner());
        state.answers.get(question).cloned().flatten()
    }
}

fn work(shared: &(Mutex<State>, Condvar)) {
    let (lock, changed) = shared;
    loop {
        let question = {
            let mut state = lock.lock().unwrap_or_else(|broken| broken.into_inner());
            match state.queue.pop() {
                Some(question) => question,
                None => {
                    state.threads -= 1;
                    return;
                }
            }
        };
        let answer = match &question {
            Question::NameOf(address) => name_of(*address),
            Question::AddressOf(name) => address_of(name),
        };
        let mut state = lock.lock().unwrap_or_else(|broken| broken.into_inner());
        state.answers.insert(question, answer);
        state.open -= 1;
        changed.notify_all();
    }
}

fn address_of(name: &str) -> Option<String> {
    let mut addresses: Vec<IpAddr> = (name, 0).to_socket_addrs().ok()?.map(|address| address.ip()).collect();
    addresses.sort_by_key(|address| address.is_ipv6());
    addresses.first().map(|address| address.to_string())
}

fn name_of(address: IpAddr) -> Option<String> {
    let mut host = [0 as libc::c_char; 1025];
    let found = match address {
        IpAddr::V4(v4) => {
            let mut place: libc::sockaddr_in = zeroed();
            place.sin_family = libc::AF_INET as libc::sa_family_t;
            place.sin_addr.s_addr = u32::from_ne_bytes(v4.octets());
            lookup(&place, &mut host)
        }
        IpAddr::V6(v6) => {
            let mut place: libc::sockaddr_in6 = zeroed();
            place.sin6_family = libc::AF_INET6 as libc::sa_family_t;
            place.sin6_addr.s6_addr = v6.octets();
            lookup(&place, &mut host)
        }
    };
    if !found {
        return None;
    }
    let bytes: Vec<u8> = host.iter().take_while(|&&c| c != 0).map(|&c| c as u8).collect();
    let name = String::from_utf8(bytes).ok()?;
    (!name.is_empty()).then(|| if name.ends_with('.') { name } else { format!("{name}.") })
}

/// A socket address with every byte zero.
trait SocketAddress {}
impl SocketAddress for libc::sockaddr_in {}
impl SocketAddress for libc::sockaddr_in6 {}

fn zeroed<T: SocketAddress>() -> T {
    // SAFETY: the socket address structures are plain integers, for which all zero bits are a value.
    unsafe { std::mem::zeroed() }
}

fn lookup<T: SocketAddress>(place: &T, host: &mut [libc::c_char; 1025]) -> bool {
    // SAFETY: both pointers come with the length of what they point to, and live across the call.
    let result = unsafe {
        libc::getnameinfo(
            std::ptr::from_ref(place).cast(),
            std::mem::size_of::<T>() as libc::socklen_t,
            host.as_mut_ptr(),
            (host.len() - 1) as libc::socklen_t,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    debug_assert!(result != 0 || CStr::from_bytes_until_nul(&host.map(|c| c as u8)).is_ok());
    result == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_name_and_an_address() {
        let names = Names::default();
        let question = Question::NameOf("127.0.0.1".parse().unwrap());
        let back = Question::AddressOf("localhost".into());
        names.ask(question.clone());
        names.ask(question.clone());
        names.ask(back.clone());
        assert!(names.wait(Duration::from_secs(20)));
        assert_eq!(names.answer(&question).as_deref(), Some("localhost."));
        assert!(matches!(names.answer(&back).as_deref(), Some("127.0.0.1" | "::1")));
    }

    #[test]
    fn what_was_never_asked_has_no_answer() {
        assert_eq!(Names::default().answer(&Question::AddressOf("x".into())), None);
    }
}
