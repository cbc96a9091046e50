//! One message in, one message out. The same function stands behind the library, behind the linked-in plugin and behind the
//! child process.

use crate::Plugin;
use ctys_model::field::Known;
use ctys_model::{Action, Call, Effect, Enumerate, Envelope, Field, PROTOCOL, PROTOCOL_MIN, Reply, Request};
use serde::Deserialize;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind, set_hook, take_hook};
use std::sync::Once;

/// Answers one [`Envelope`] with one [`Reply`], both as MessagePack with named fields. Never unwinds: a panic is
/// [`Reply::Panicked`], a message that is not understood is [`Reply::NotUnderstood`].
pub fn call_bytes<P: Plugin>(message: &[u8]) -> Vec<u8> {
    let reply = match understand(message) {
        Ok(call) => match without_unwinding(|| encode(&answer::<P>(call))) {
            Ok(encoded) => return encoded,
            Err(panicked) => panicked,
        },
        Err(reason) => Reply::NotUnderstood(reason),
    };
    encode(&reply)
}

fn answer<P: Plugin>(call: Call) -> Reply {
    match call {
        Call::Manifest => Reply::Manifest(Box::new(P::manifest())),
        Call::Wants { request } => Reply::Wants(P::wants(&request)),
        Call::Plan { request, facts } => Reply::Plan(Box::new(as_asked(&request, P::plan(&request, &facts)))),
        Call::Read { request, facts, replies } => Reply::Read(Box::new(P::read(&request, &facts, &replies))),
    }
}

/// An inventory without the fields that nobody will see: thousands of records with dozens of fields would cross the
/// boundary for three columns.
pub(crate) fn as_asked(request: &Request, mut effect: Effect) -> Effect {
    if let (Action::Enumerate(Enumerate { fields: Some(wanted), .. }), Effect::Report(findings)) =
        (&request.action, &mut effect)
    {
        let is_seen = |known: &Known| *known == Known::SessionType || wanted.contains(&Field::Known(*known));
        let seen: Vec<Known> = Known::ALL.iter().copied().filter(is_seen).collect();
        findings.records.iter_mut().for_each(|record| record.fields.keep(&seen));
    }
    effect
}

fn encode(reply: &Reply) -> Vec<u8> {
    // With names: the form without them silently decodes as something else once a field is added.
    rmp_serde::to_vec_named(reply).unwrap_or_else(|error| panic!("the reply cannot be written: {error}"))
}

/// The question, or the reason why it is not understood.
fn understand(message: &[u8]) -> Result<Call, String> {
    /// The part that every protocol has.
    #[derive(Deserialize)]
    struct Head {
        protocol: u32,
    }
    let speaks = |protocol: u32| (PROTOCOL_MIN..=PROTOCOL).contains(&protocol);
    let wrong =
        |protocol: u32| format!("asked in plugin protocol {protocol}, this plugin speaks {PROTOCOL_MIN} to {PROTOCOL}");
    match rmp_serde::from_slice::<Envelope>(message) {
        Ok(envelope) if speaks(envelope.protocol) => Ok(envelope.call),
        Ok(envelope) => Err(wrong(envelope.protocol)),
        Err(error) => match rmp_serde::from_slice::<Head>(message) {
            Ok(head) if !speaks(head.protocol) => Err(wrong(head.protocol)),
            _ => Err(error.to_string()),
        },
    }
}

thread_local! {
    /// Set while this thread is inside a plugin, so that the hook leaves every other panic alone.
    static INSIDE: Cell<bool> = const { Cell::new(false) };
    /// Where the panic happened, from the hook to the one who catches it.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn without_unwinding<T>(work: impl FnOnce() -> T) -> Result<T, Reply> {
    // A library has its own copy of std, so the hook of the program does not reach it; without one of our own the panic
    // would be written to the user's terminal.
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = take_hook();
        set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if INSIDE.get() {
                PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
            } else {
                previous(info);
            }
        }));
    });
    let outer = INSIDE.replace(true);
    let result = catch_unwind(AssertUnwindSafe(work));
    INSIDE.set(outer);
    result.map_err(|payload| {
        let message = payload
            .downcast_ref::<&str>()
            .map(|text| text.to_string())
            .or_else(|| payload.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".into());
        // Dropping a payload runs code of the plugin and may panic again, here with nobody to catch it.
        std::mem::forget(payload);
        Reply::Panicked { message, place: PLACE.take() }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Facts, Findings, Manifest, Next, Probe, Record, Replies, Target};
    use crate::testing;

    struct Sample;

    impl Plugin for Sample {
        fn manifest() -> Manifest {
            Manifest { name: "sample".into(), ..Manifest::default() }
        }
        fn wants(_: &Request) -> Vec<Probe> {
            vec![Probe::file("/etc/hostname")]
        }
        fn plan(_: &Request, facts: &Facts) -> Effect {
            struct Loud;
            impl Drop for Loud {
                fn drop(&mut self) {
                    panic!("again");
                }
            }
            match facts.now {
                1 => panic!("a plain text"),
                2 => panic!("a number: {}", facts.now),
                3 => std::panic::panic_any(Loud),
                5 => {
                    let record = Record::new("X").with(Known::Label, "a").with(Known::Id, "/a").with(Known::Vcpu, "1");
                    Effect::Report(Findings::records(vec![record.with(Field::Other("sample.x".into()), "y")]))
                }
                now => panic!("{}", [0][now as usize]),
            }
        }
        fn read(_: &Request, _: &Facts, _: &Replies) -> Next {
            Next::Done(Default::default())
        }
    }

    fn ask(protocol: u32, call: Call) -> Reply {
        let message = rmp_serde::to_vec_named(&Envelope { protocol, call }).unwrap();
        rmp_serde::from_slice(&call_bytes::<Sample>(&message)).unwrap()
    }

    fn plan(now: i64) -> Call {
        Call::Plan {
            request: Box::new(testing::request(Action::Show)),
            facts: Box::new(Facts { now, ..Facts::default() }),
        }
    }

    #[test]
    fn a_question_gets_its_answer() {
        let request = Box::new(Request { target: Target::default(), ..testing::request(Action::Show) });
        assert_eq!(ask(1, Call::Wants { request }), Reply::Wants(vec![Probe::file("/etc/hostname")]));
        assert!(matches!(ask(1, Call::Manifest), Reply::Manifest(manifest) if manifest.name == "sample"));
    }

    #[test]
    fn an_inventory_has_the_fields_that_were_asked_for() {
        let keys = |fields: Option<&[Known]>| {
            let fields = fields.map(|fields| fields.iter().map(|&known| known.into()).collect());
            let request = testing::request(Action::Enumerate(Enumerate { fields, ..Enumerate::default() }));
            let facts = Box::new(Facts { now: 5, ..Facts::default() });
            match ask(1, Call::Plan { request: Box::new(request), facts }) {
                Reply::Plan(effect) => match *effect {
                    Effect::Report(findings) => {
                        findings.records[0].fields.keys().map(Field::to_string).collect::<Vec<_>>().join(" ")
                    }
                    other => panic!("{other:?}"),
                },
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(keys(None), "session_type label id vcpu sample.x");
        assert_eq!(keys(Some(&[Known::Label, Known::Vcpu])), "session_type label vcpu sample.x");
        assert_eq!(keys(Some(&[])), "session_type sample.x");
    }

    #[test]
    fn a_panic_is_an_answer_with_its_place() {
        for (now, expected) in [(1, "a plain text"), (2, "a number: 2"), (3, "a panic without"), (4, "out of bounds")] {
            match ask(1, plan(now)) {
                Reply::Panicked { message, place } => {
                    assert!(message.contains(expected), "{message}");
                    assert!(place.unwrap().contains("call.rs:"));
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn what_is_not_understood_says_why() {
        let reason = |message: &[u8]| match rmp_serde::from_slice(&call_bytes::<Sample>(message)).unwrap() {
            Reply::NotUnderstood(reason) => reason,
            other => panic!("{other:?}"),
        };
        #[derive(serde::Serialize)]
        struct Later {
            protocol: u32,
            call: &'static str,
        }
        let later = |protocol| rmp_serde::to_vec_named(&Later { protocol, call: "dream" }).unwrap();
        assert!(reason(&later(7)).contains("protocol 7, this plugin speaks 1 to 1"), "{}", reason(&later(7)));
        assert!(reason(&later(1)).contains("dream"), "{}", reason(&later(1)));
        let known = rmp_serde::to_vec_named(&Envelope { protocol: 0, call: Call::Manifest }).unwrap();
        assert!(reason(&known).contains("protocol 0"), "{}", reason(&known));
        for garbage in [&b""[..], b"\xc1", b"hello", &[0xdf; 64]] {
            assert!(!reason(garbage).is_empty());
        }
    }
}
