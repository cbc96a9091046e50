//! One file per verb of ctys. What is done to cubes is in [`crate::work`], the same for the tools.

use crate::cube::Cube;
use crate::parse::survey::{self, Survey};
use crate::places::Places;
use crate::{columns, probes};
use ctys_plugin::model::{Facts, Findings, MachineAddress, Phase, Probe, Problem, Request};
use ctys_plugin::outputs;

pub mod ask;
pub mod cancel;
pub mod create;
pub mod info;
pub mod list;

/// The one look.
pub fn look(request: &Request) -> Probe {
    probes::survey(&Places::of(request))
}

/// What the look told. The error holds what a listing says.
pub fn seen(request: &Request, facts: &Facts) -> Result<Survey, Findings> {
    let places = Places::of(request);
    let trouble = |phase: Phase, message: String| Problem::new(phase, message);
    let problem = match outputs::text(facts, &look(request), "the look at the containers") {
        // Not even a folder to look in: the look was not begun.
        Ok(text) if text.is_empty() => return Ok(Survey::default()),
        Ok(text) => match survey::parse(&text, &places.containers) {
            // Without root the records cannot be read; where there are none, nothing is missing.
            Some(survey) if survey.uid == Some(0) || !(survey.has_folder || survey.has_records) => return Ok(survey),
            Some(_) => trouble(Phase::Privilege, "the records of the runtime are root's".into())
                .hint("-Z SUDO or -Z KSU lets it look as root"),
            None => trouble(Phase::Parse, "the look at the containers was not understood".into()),
        },
        Err(why) => {
            let phase = match why {
                ctys_plugin::model::Missing::NoPermission(_) => Phase::Privilege,
                _ => Phase::Run,
            };
            trouble(phase, format!("the containers are not known: {}", why.detail().unwrap_or(why.word())))
        }
    };
    // Where all types are listed, that one cannot be looked at is remarked: rows may be missing.
    let phase = if request.session_type.is_none() { Phase::Notice } else { problem.phase };
    Err(Findings::problem(Problem { phase, ..problem }))
}

/// The one container that an address means. `None` when nothing fits. Of a cube and somebody's container with the same id it is the cube.
pub fn resolve<'a>(places: &Places, address: &MachineAddress, survey: &'a Survey) -> Result<Option<Cube<'a>>, Problem> {
    find(places, address, survey, false)
}

/// The same, but of these two the one at work.
pub fn resolve_at_work<'a>(
    places: &Places,
    address: &MachineAddress,
    survey: &'a Survey,
) -> Result<Option<Cube<'a>>, Problem> {
    find(places, address, survey, true)
}

fn find<'a>(
    places: &Places,
    address: &MachineAddress,
    survey: &'a Survey,
    at_work: bool,
) -> Result<Option<Cube<'a>>, Problem> {
    if let Some(number) = address.db_record {
        return Err(Problem::new(Phase::Here, format!("the database record {number} was not looked up")));
    }
    if address.is_empty() {
        return Err(Problem::new(Phase::Usage, "which container is not said")
            .hint("l:<name>, p:<bundle>, f:<part of the path>, u:<uuid> or t:<address>"));
    }
    let fits: Vec<Cube<'_>> = Cube::all(survey).filter(|cube| is_meant(places, address, cube)).collect();
    match fits[..] {
        [] => Ok(None),
        [cube] => Ok(Some(cube)),
        [cube, other] if cube.name == other.name => Ok(Some(if at_work { other } else { cube })),
        _ => {
            let names: Vec<&str> = fits.iter().map(|cube| cube.name).collect();
            Err(Problem::new(Phase::Ambiguous, format!("{} containers fit: {}", names.len(), names.join(", ")))
                .hint("name one of them by l:<name>"))
        }
    }
}

fn is_meant(places: &Places, address: &MachineAddress, cube: &Cube<'_>) -> bool {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record: _ } = address;
    let bundle = match (cube.folder, cube.record) {
        (None, Some(record)) => record.bundle.clone(),
        _ => places.cube(cube.name),
    };
    let config = format!("{bundle}/config.json");
    let all = |part: &Option<String>, fits: &dyn Fn(&str) -> bool| part.as_deref().is_none_or(fits);
    all(id, &|path| path.trim_end_matches('/') == bundle || path == config)
        && all(file_name, &|fragment| config.contains(fragment))
        && all(label, &|label| label == cube.name)
        && all(uuid, &|uuid| columns::uuid(cube).is_some_and(|own| own.eq_ignore_ascii_case(uuid)))
        && all(mac, &|mac| cube.lines("cube.network.mac").any(|own| own.eq_ignore_ascii_case(mac)))
        && all(tcp, &|tcp| cube.addresses().contains(&tcp))
}

/// That nothing fits, in words.
pub fn nothing_fits(address: &MachineAddress) -> Problem {
    let MachineAddress { id, file_name, label, uuid, mac, tcp, base: _, db_record: _ } = address;
    let parts: Vec<&str> = [label, id, file_name, uuid, mac, tcp].into_iter().flatten().map(String::as_str).collect();
    Problem::new(Phase::Run, format!("there is no container {}", parts.join(" ")))
        .hint("ctys -t cube -a enumerate shows those that there are")
}
