//! The session types (ctys.md 1.5 `-t`, 5): the classic ones and those of the plugins at hand.

use crate::mistakes::{Desk, Fault, shown};
use crate::text::Text;
use ctys_model::Manifest;
use ctys_model::manifest::Category;

/// The types of the original and of the bundled plugins, known also when their plugin is not installed.
const CLASSIC: &[(&str, Category)] = &[
    ("CLI", Category::Hosts),
    ("X11", Category::Hosts),
    ("VNC", Category::Hosts),
    ("RDP", Category::Hosts),
    ("QEMU", Category::Vms),
    ("KVM", Category::Vms),
    ("VBOX", Category::Vms),
    ("VMW", Category::Vms),
    ("XEN", Category::Vms),
    ("CUBE", Category::Vms),
    ("PM", Category::Pms),
];

/// The word for every type.
pub(crate) const ALL: &str = "ALL";

/// The manifest of the plugin that serves a type, if it is at hand.
pub(crate) fn manifest<'w>(desk: &Desk<'w>, session_type: &str) -> Option<&'w Manifest> {
    desk.world.manifests.iter().find(|manifest| manifest.session_types.iter().any(|t| t == session_type))
}

/// Whether a type is a desktop, a machine or the host itself. An unknown one, which is a mistake anyway, is taken for
/// the kind that asks for least.
pub(crate) fn category(desk: &Desk<'_>, session_type: &str) -> Category {
    let classic = CLASSIC.iter().find(|(name, _)| *name == session_type).map(|(_, category)| *category);
    manifest(desk, session_type).map(|manifest| manifest.category).or(classic).unwrap_or(Category::Pms)
}

/// A session type in upper case, or ALL; an unknown one is a mistake.
pub(crate) fn known(desk: &mut Desk<'_>, word: &Text) -> Option<String> {
    let upper = word.upper();
    if upper == "KVM" {
        // One program runs both, with or without the processor's help (ctys-original.md 1.2).
        return Some("QEMU".into());
    }
    let classic = CLASSIC.iter().map(|(name, _)| name.to_string());
    let plugins = desk.world.manifests.iter().flat_map(|manifest| manifest.session_types.iter().cloned());
    let mut all: Vec<String> = classic.chain(plugins).chain([ALL.to_string()]).collect();
    if all.contains(&upper) {
        return Some(upper);
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|name| seen.insert(name.clone()));
    let fault = Fault::at(word.spot(), format!("the session type {} is not known", shown(word)));
    desk.fault(fault.expected(all.join(", ")).near(&upper, &all));
    None
}
