//! The one door for sentences and lines: what the user typed and what a host said in them harms no terminal. Records
//! keep their bytes, whoever prints them escapes them.

use ctys_model::bytes::escape_for_eyes;
use ctys_model::{Effect, Findings, Next, Problem};
use std::borrow::Cow;

/// The effect with its sentences and lines escaped.
pub fn effect(effect: Effect) -> Effect {
    match effect {
        Effect::Report(report) => Effect::Report(findings(report)),
        other => other,
    }
}

/// The same for what follows an effect.
pub fn next(next: Next) -> Next {
    match next {
        Next::Done(report) => Next::Done(findings(report)),
        Next::Later { delay_ms, effect, why } => {
            Next::Later { delay_ms, effect, why: escape_for_eyes(&why).into_owned() }
        }
        then => then,
    }
}

fn findings(mut findings: Findings) -> Findings {
    let sentences = findings.problems.iter_mut().flat_map(|problem| {
        let Problem { message, hints, .. } = problem;
        std::iter::once(message).chain(hints)
    });
    for text in sentences.chain(&mut findings.text).chain(&mut findings.stderr) {
        if let Cow::Owned(escaped) = escape_for_eyes(text) {
            *text = escaped;
        }
    }
    findings
}
