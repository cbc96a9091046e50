//! An opened plugin: the questions of the contract, with an error in the place of an answer where there is none.

use super::carrier::{Carrier, CarrierKind, Entry, Thread};
use super::child::Process;
use super::error::{Cause, PluginError, Step};
use super::inspect::common_protocol;
use super::pool::Pool;
use super::registry::Limits;
use crate::job::Thinker;
use ctys_model::manifest::Category;
use ctys_model::{Call, Effect, Envelope, Facts, Manifest, Next, Probe, Problem, Replies, Reply, Request};
use serde::Serialize;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// An opened plugin. Several threads may ask it at the same time.
pub struct Plugin {
    manifest: Manifest,
    file: Option<PathBuf>,
    protocol: u32,
    carrier: Carrier,
    /// The last question that changes nothing, and what the plugin wants to know for it: the hosts of a call share it.
    wanted: Mutex<Option<Arc<Wanted>>>,
}

/// A question, and which facts it needs.
struct Wanted {
    request: Request,
    probes: Arc<[Probe]>,
}

/// An [`Envelope`] that borrows what it carries: facts may be large, and are not copied to be asked about.
#[derive(Serialize)]
struct Question<'a> {
    protocol: u32,
    call: Asked<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Asked<'a> {
    Wants { request: &'a Request },
    Plan { request: &'a Request, facts: &'a Facts },
    Read { request: &'a Request, facts: &'a Facts, replies: &'a Replies },
}

impl Plugin {
    /// Opens a library, in this process or in a child.
    pub(super) fn open(
        manifest: Manifest,
        file: &Path,
        kind: CarrierKind,
        program: &[OsString],
        limits: &Limits,
        real: &Path,
    ) -> Result<Plugin, PluginError> {
        let fails = |cause| PluginError::new(&manifest.name, Some(file), Step::Open, cause);
        let carrier = match kind {
            CarrierKind::Child => {
                let (program, path, limit) = (program.to_vec(), file.to_path_buf(), limits.call);
                let start = move || Process::start(&program, &path, limit);
                // A child that loops is killed, so a few time-outs are forgiven; each costs the caller the whole limit.
                let pool = Pool::new(
                    start()?,
                    limits.workers,
                    limits.child_time_outs,
                    limits.call,
                    Box::new(move || start().map_err(|error| *error.cause)),
                );
                Carrier::Child(pool)
            }
            CarrierKind::InProcess | CarrierKind::Builtin => {
                let module = super::load::open(real, &manifest.name).map_err(fails)?;
                Carrier::InProcess(threads(&manifest.name, Entry::Module(module), limits).map_err(fails)?)
            }
        };
        Plugin::greet(manifest, Some(file.to_path_buf()), carrier)
    }

    /// Takes a linked-in plugin into use.
    pub(super) fn builtin(
        manifest: Manifest,
        call: fn(&[u8]) -> Vec<u8>,
        limits: &Limits,
    ) -> Result<Plugin, PluginError> {
        let pool = threads(&manifest.name, Entry::Function(call), limits)
            .map_err(|cause| PluginError::new(&manifest.name, None, Step::Open, cause))?;
        Plugin::greet(manifest, None, Carrier::Builtin(pool))
    }

    /// The first call: the code has to say the same of itself as the section of the file.
    fn greet(manifest: Manifest, file: Option<PathBuf>, carrier: Carrier) -> Result<Plugin, PluginError> {
        let fails = |cause| PluginError::new(&manifest.name, file.as_deref(), Step::Open, cause);
        let protocol = common_protocol(manifest.protocol).map_err(fails)?;
        let question = encode(&Envelope { protocol, call: Call::Manifest }).map_err(fails)?;
        match understand(carrier.call(&question).map_err(fails)?).map_err(fails)? {
            Reply::Manifest(said) if *said == manifest => {
                Ok(Plugin { manifest, file, protocol, carrier, wanted: Mutex::default() })
            }
            Reply::Manifest(_) => Err(fails(Cause::BadManifest("the code says something else of itself".into()))),
            other => Err(fails(mismatch(&other))),
        }
    }

    /// What it says about itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its name, lower case.
    pub fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Its file; none for a linked-in one.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The protocol version both sides speak.
    pub fn protocol(&self) -> u32 {
        self.protocol
    }

    /// How it is run.
    pub fn carrier(&self) -> CarrierKind {
        self.carrier.kind()
    }

    /// Why it is not asked any more in this run, when it did not answer in time.
    pub fn dead(&self) -> Option<PluginError> {
        let cause = self.carrier.dead()?;
        Some(PluginError::new(self.name(), self.file(), Step::Open, cause))
    }

    /// Which facts it needs for this request. For one that changes nothing, the plugin is not told the name of the host
    /// ([`ctys_model::Call::Wants`]), so that it is asked once for all hosts of a call.
    pub fn wants(&self, request: &Request) -> Result<Arc<[Probe]>, PluginError> {
        if request.action.verb().changes() {
            return self.ask_wants(request);
        }
        let mut request = request.clone();
        request.target.host.clear();
        let last = self.wanted.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last.filter(|last| last.request == request) {
            return Ok(last.probes.clone());
        }
        let probes = self.ask_wants(&request)?;
        let wanted = Arc::new(Wanted { request, probes: probes.clone() });
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = Some(wanted);
        Ok(probes)
    }

    fn ask_wants(&self, request: &Request) -> Result<Arc<[Probe]>, PluginError> {
        match self.ask(Step::Wants, Asked::Wants { request })? {
            Reply::Wants(probes) => Ok(probes.into()),
            other => Err(self.failed(Step::Wants, mismatch(&other))),
        }
    }

    /// What is to be done, given these facts.
    pub fn plan(&self, request: &Request, facts: &Facts) -> Result<Effect, PluginError> {
        match self.ask(Step::Plan, Asked::Plan { request, facts })? {
            Reply::Plan(effect) => Ok(*effect),
            other => Err(self.failed(Step::Plan, mismatch(&other))),
        }
    }

    /// What follows from the replies.
    pub fn read(&self, request: &Request, facts: &Facts, replies: &Replies) -> Result<Next, PluginError> {
        match self.ask(Step::Read, Asked::Read { request, facts, replies })? {
            Reply::Read(next) => Ok(*next),
            other => Err(self.failed(Step::Read, mismatch(&other))),
        }
    }

    fn ask(&self, step: Step, call: Asked<'_>) -> Result<Reply, PluginError> {
        encode(&Question { protocol: self.protocol, call })
            .and_then(|question| self.carrier.call(&question))
            .and_then(understand)
            .map_err(|cause| self.failed(step, cause))
    }

    fn failed(&self, step: Step, cause: Cause) -> PluginError {
        PluginError::new(self.name(), self.file(), step, cause)
    }
}

impl Thinker for Plugin {
    fn name(&self) -> &str {
        self.name()
    }
    fn category(&self) -> Category {
        self.manifest.category
    }
    fn wants(&self, request: &Request) -> Result<Arc<[Probe]>, Problem> {
        Plugin::wants(self, request).map_err(|error| Problem::from(&error))
    }
    fn plan(&self, request: &Request, facts: &Facts) -> Result<Effect, Problem> {
        Plugin::plan(self, request, facts).map_err(|error| Problem::from(&error))
    }
    fn read(&self, request: &Request, facts: &Facts, replies: &Replies) -> Result<Next, Problem> {
        Plugin::read(self, request, facts, replies).map_err(|error| Problem::from(&error))
    }
}

fn threads(name: &str, entry: Entry, limits: &Limits) -> Result<Pool<Thread>, Cause> {
    // Once per plugin and run: an exit handler has to find the name without owning it.
    let name: &'static str = Box::leak(name.to_string().into_boxed_str());
    let start = move || Thread::start(name, entry);
    // The first time-out leaves a thread behind that nothing can stop, so there is no second one.
    Ok(Pool::new(start()?, limits.workers, 1, limits.call, Box::new(start)))
}

fn encode(question: &impl Serialize) -> Result<Vec<u8>, Cause> {
    rmp_serde::to_vec_named(question)
        .map_err(|error| Cause::BadReply(format!("the question cannot be written: {error}")))
}

fn understand(answer: Vec<u8>) -> Result<Reply, Cause> {
    match rmp_serde::from_slice(&answer) {
        Ok(Reply::Panicked { message, place }) => Err(Cause::Panicked { message, place }),
        Ok(reply) => Ok(reply),
        Err(error) => Err(Cause::BadReply(error.to_string())),
    }
}

/// An answer to another question than the one that was asked.
fn mismatch(reply: &Reply) -> Cause {
    Cause::BadReply(match reply {
        Reply::NotUnderstood(reason) => format!("it did not understand the question: {reason}"),
        Reply::Manifest(_) => "it sent a manifest".into(),
        Reply::Wants(_) => "it sent probes".into(),
        Reply::Plan(_) => "it sent a plan".into(),
        Reply::Read(_) => "it sent what follows".into(),
        Reply::Panicked { message, .. } => format!("it panicked: {message}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::{Action, List, Target};

    #[test]
    fn a_borrowed_question_has_the_bytes_of_an_envelope() {
        let request = Request {
            action: Action::List(List::default()),
            target: Target { host: "lab00".into(), ..Target::default() },
            caller: Default::default(),
            session_type: None,
            force: false,
            ambiguous: false,
            scope: Default::default(),
            location: Default::default(),
            geometry: None,
            resolution: None,
            server_options: vec![],
            settings: Default::default(),
        };
        let facts = Facts { now: 7, ..Facts::default() };
        let replies = Replies::default();
        let check = |asked: Asked<'_>, call: Call| {
            let question = encode(&Question { protocol: 1, call: asked }).unwrap();
            assert_eq!(question, encode(&Envelope { protocol: 1, call }).unwrap());
        };
        let owned = || Box::new(request.clone());
        check(Asked::Wants { request: &request }, Call::Wants { request: owned() });
        let call = Call::Plan { request: owned(), facts: Box::new(facts.clone()) };
        check(Asked::Plan { request: &request, facts: &facts }, call);
        let call = Call::Read { request: owned(), facts: Box::new(facts.clone()), replies: Box::new(replies.clone()) };
        check(Asked::Read { request: &request, facts: &facts, replies: &replies }, call);
    }
}
