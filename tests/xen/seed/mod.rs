//! The calls of the seed page, as they are written there: each function has the line of the page in its name. What the
//! page calls lab00 is reached as `acue`, with tickets for `ksu`; lab01 as root. Both are the one dom0, but where a call
//! needs two. `/homen/acue` is `/home/acue` here. Left out are the windows of terminals and editors, which the tests of QEMU have.

mod cancel;
mod create;
mod enumerate;
mod info;
mod list;
mod screens;

use crate::dom0::{Dom0, Taken};
use crate::sealed::Outcome;
use crate::terminal::{Terminal, shell_with_ctys};
use std::path::PathBuf;
use std::process::Command;

/// The laboratory of the seed.
pub struct Lab {
    pub dom0: Taken,
    /// The client's configuration, which knows both names.
    pub config: PathBuf,
}

impl Lab {
    /// With exactly these machines running.
    pub fn with(names: &[&str]) -> Lab {
        Lab::of(Dom0::with(names))
    }

    /// With exactly these machines running and up.
    pub fn with_up(names: &[&str]) -> Lab {
        Lab::of(Dom0::with_up(names))
    }

    fn of(dom0: Taken) -> Lab {
        dom0.tickets();
        let config = dom0.config.with_file_name("ssh_config.seed");
        let of_root = std::fs::read_to_string(&dom0.config).unwrap();
        let of_acue = of_root.replace("User root", "User acue");
        std::fs::write(&config, format!("{of_acue}\n{}", of_root.replace("Host lab00", "Host lab01"))).unwrap();
        Lab { dom0, config }
    }

    /// Runs a call as it would be typed.
    pub fn call(&self, line: &str) -> Outcome {
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(format!("{}\n{line}", shell_with_ctys(&self.config)));
        self.dom0.seal(&mut shell);
        Outcome::of(shell.output().unwrap(), line.to_string())
    }

    /// A terminal to type calls in.
    pub fn terminal(&self) -> Terminal {
        Terminal::start(&self.dom0, &self.config)
    }
}
