//! What is asked of a place for the probes of all plugins, and which answer is whose.
//!
//! Equal probes are asked once, walks through the same folders are one walk, looks at the processes one look. Where the
//! plugins want the same of the next host it is not put together again: with 64 hosts in the works, what each of them
//! kept of its own was a tenth of the memory of the call (41.7 and 37.8 MiB with 500 hosts).

use crate::script::Item;
use crate::{processes, scan, talk};
use ctys_model::probe::Scan;
use ctys_model::{Answer, Place, Probe, ProcessTable};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What each plugin wants to know, in the order in which they are asked. Lists are shared where plugins were not asked
/// again.
pub type Wanted = Vec<Arc<[Probe]>>;

/// What was put together last, shared by all jobs of one call.
#[derive(Default)]
pub struct LastAsked(Mutex<Option<(Wanted, Arc<Questions>)>>);

impl LastAsked {
    /// The questions for these probes.
    pub fn questions(&self, wanted: &Wanted) -> Arc<Questions> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |other: &Wanted| {
            other.len() == wanted.len() && other.iter().zip(wanted).all(|(one, other)| Arc::ptr_eq(one, other))
        };
        if let Some((_, questions)) = last.as_ref().filter(|(other, _)| same(other)) {
            return questions.clone();
        }
        let questions = Arc::new(Questions::new(wanted));
        *last = Some((wanted.clone(), questions.clone()));
        questions
    }
}

/// All that is asked for one target.
pub struct Questions {
    /// By place, in the order in which the places were first named.
    pub places: Vec<AtPlace>,
}

/// What is asked at one place.
pub struct AtPlace {
    /// Where.
    pub place: Place,
    /// What the plugins want, each once.
    probes: Vec<Probe>,
    /// What is asked in the place of that.
    asked: Vec<Probe>,
    /// The same, as a shell is asked.
    pub items: Vec<Item>,
    /// For each item, what it is called where it was refused.
    pub names: Vec<String>,
}

impl Questions {
    fn new(wanted: &Wanted) -> Questions {
        let mut places: Vec<(Place, Vec<Probe>)> = Vec::new();
        for probe in wanted.iter().flat_map(|probes| probes.iter()) {
            match places.iter_mut().find(|(place, _)| place == probe.place()) {
                Some((_, probes)) if probes.contains(probe) => {}
                Some((_, probes)) => probes.push(probe.clone()),
                None => places.push((probe.place().clone(), vec![probe.clone()])),
            }
        }
        Questions { places: places.into_iter().map(|(place, probes)| AtPlace::new(place, probes)).collect() }
    }
}

impl AtPlace {
    fn new(place: Place, probes: Vec<Probe>) -> AtPlace {
        let (walks, looks) = (walks(&probes), looks(&probes));
        let alone = |probe: &&Probe| !matches!(probe, Probe::Scan(_) | Probe::Processes(_));
        let mut asked: Vec<Probe> = probes.iter().filter(alone).cloned().collect();
        for (n, walk) in walks.iter().enumerate() {
            let first = !walks[..n].iter().any(|earlier| scan::same_walk(earlier, walk));
            let same: Vec<&Scan> = walks.iter().copied().filter(|other| scan::same_walk(other, walk)).collect();
            if let (true, Some(whole)) = (first, scan::merge(&same)) {
                asked.push(Probe::Scan(whole));
            }
        }
        asked.extend(processes::merge(&looks).map(Probe::Processes));
        let items = asked.iter().map(item_of).collect();
        let names = asked.iter().map(probe_name).collect();
        AtPlace { place, probes, asked, items, names }
    }

    /// The answers to the items by what the plugins wanted. What has no answer is not among them.
    pub fn share_out(&self, got: Vec<Option<Answer>>) -> HashMap<&Probe, Answer> {
        let mut answers = HashMap::new();
        for (asked, answer) in self.asked.iter().zip(got) {
            let Some(answer) = answer else { continue };
            match asked {
                Probe::Processes(_) => {
                    for (probe, own) in self.probes.iter().filter_map(|probe| Some((probe, look(probe)?))) {
                        let share = match &answer {
                            Answer::Processes(found) => Answer::Processes(processes::share(found, own)),
                            other => other.clone(),
                        };
                        answers.insert(probe, share);
                    }
                }
                Probe::Scan(whole) => {
                    let is_part = |probe: &&Probe| walk(probe).is_some_and(|own| scan::same_walk(own, whole));
                    let parts: Vec<&Probe> = self.probes.iter().filter(is_part).collect();
                    if let [alone] = parts[..] {
                        answers.insert(alone, answer);
                        continue;
                    }
                    for (probe, own) in parts.into_iter().filter_map(|probe| Some((probe, walk(probe)?))) {
                        let share = match &answer {
                            Answer::Scanned(found) => Answer::Scanned(scan::share(found, own)),
                            other => other.clone(),
                        };
                        answers.insert(probe, share);
                    }
                }
                Probe::Talk(_) => {
                    let heard = if let Answer::Output(output) = answer { talk::read(output) } else { answer };
                    answers.insert(asked, heard);
                }
                Probe::Run { .. } | Probe::File { .. } => {
                    answers.insert(asked, answer);
                }
            }
        }
        answers
    }
}

fn walk(probe: &Probe) -> Option<&Scan> {
    if let Probe::Scan(scan) = probe { Some(scan) } else { None }
}

fn look(probe: &Probe) -> Option<&ProcessTable> {
    if let Probe::Processes(table) = probe { Some(table) } else { None }
}

fn walks(probes: &[Probe]) -> Vec<&Scan> {
    probes.iter().filter_map(walk).collect()
}

fn looks(probes: &[Probe]) -> Vec<&ProcessTable> {
    probes.iter().filter_map(look).collect()
}

fn item_of(probe: &Probe) -> Item {
    match probe {
        Probe::Run { tries } => Item::Run(tries.clone()),
        Probe::File { path, limit, .. } => Item::File { path: path.clone(), limit: *limit },
        Probe::Scan(scan) => Item::Scan(scan.clone()),
        Probe::Talk(talk) => Item::Run(talk::tries(talk)),
        Probe::Processes(table) => Item::Processes(table.clone()),
    }
}

fn probe_name(probe: &Probe) -> String {
    match probe {
        Probe::Run { tries } => tries.first().map_or("", |command| &command.program).to_string(),
        Probe::File { path, .. } => path.to_text().into_owned(),
        Probe::Scan(scan) => format!("the walk for {}", scan.names.join(" ")),
        Probe::Processes(table) => format!("the look for {}", table.names.join(" ")),
        Probe::Talk(talk) => {
            talk.sockets.first().map_or_else(String::new, |socket| format!("the talk with {socket:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctys_model::{Command, Exit, Output};

    fn wanted(programs: &[&str]) -> Arc<[Probe]> {
        programs.iter().map(|program| Probe::run(Command::new(program))).collect()
    }

    #[test]
    fn it_is_put_together_once_while_the_plugins_were_not_asked_again() {
        let last = LastAsked::default();
        let lists = vec![wanted(&["a", "b"]), wanted(&["b"])];
        let first = last.questions(&lists);
        assert_eq!(first.places[0].items.len(), 2, "equal probes are asked once");
        assert!(Arc::ptr_eq(&first, &last.questions(&lists)));

        let again = vec![lists[0].clone(), wanted(&["c"])];
        let other = last.questions(&again);
        assert_eq!(other.places[0].names, ["a", "b", "c"]);
        assert_eq!(last.questions(&again[..1].to_vec()).places[0].items.len(), 2, "a list less is not the same");
    }

    #[test]
    fn what_has_no_answer_is_not_there() {
        let lists = vec![wanted(&["a", "b"])];
        let questions = LastAsked::default().questions(&lists);
        let output = Answer::Output(Output::ended(Exit::Code(0)));
        let answers = questions.places[0].share_out(vec![None, Some(output.clone())]);
        assert_eq!(answers.get(&lists[0][0]), None);
        assert_eq!(answers.get(&lists[0][1]), Some(&output));
    }
}
