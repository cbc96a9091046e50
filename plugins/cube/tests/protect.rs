//! A cube with the mark is not ended, by whatever method. (What `cube-ctl` does shows `tests/cube/guards.rs`.)

use ctys_cube::Cubes;
use ctys_plugin::conformance;
use ctys_plugin::model::{Facts, MachineAddress, Probe};
use ctys_plugin::story::World;
use ctys_plugin::testing::{self, output};

/// A host whose look tells this.
struct Host(String);

impl World for Host {
    fn facts(&self, wants: &[Probe]) -> Facts {
        testing::facts_with(wants.iter().map(|probe| (probe.clone(), output(self.0.as_str()))))
    }
}

#[test]
fn a_cube_with_the_mark_is_refused_by_every_method_and_ended_with_unprotect() {
    let host = |mark: &str| {
        Host(format!(
            "c\nE /opt/container/web/cube.app\nE /opt/container/web/config.json\n{mark}u 0\nk 1ffffffffff\nm 3d12\n\
             F /opt/container/web/cube.app\nL /bin/sleep 1000\n\
             R web\nr web\ni 1861 1438132\np S 1438132\nz THAWED\na 192.168.42.150\ns 0000000000004000\n"
        ))
    };
    let mark = "E /opt/container/web/cube.protect\n";
    let address = MachineAddress { label: Some("web".into()), ..MachineAddress::default() };
    conformance::protect::check::<Cubes>(&address, &host(""), &host(mark));
}
