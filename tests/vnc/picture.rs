//! Pictures of windows, by xwd(1).

use std::process::Command;

/// A picture: width, height, and red, green, blue of each point.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    pub width: usize,
    pub height: usize,
    points: Vec<[u8; 3]>,
}

impl Picture {
    /// Of these points, line by line.
    #[allow(dead_code, reason = "only where a server is asked itself")]
    pub fn of(width: usize, height: usize, points: Vec<[u8; 3]>) -> Picture {
        Picture { width, height, points }
    }

    /// How many colours are in it.
    #[allow(dead_code, reason = "only where nobody knows the colours")]
    pub fn colours(&self) -> usize {
        self.points.iter().collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Of the window with this title, or of the whole screen.
    pub fn take(display: &str, home: &std::path::Path, title: Option<&str>) -> Option<Picture> {
        let mut call = Command::new("xwd");
        call.args(["-silent", "-display", display]).env("HOME", home).env_remove("XAUTHORITY");
        match title {
            Some(title) => call.args(["-name", title]),
            None => call.arg("-root"),
        };
        let output = call.output().expect("xwd (Debian: x11-apps)");
        output.status.success().then(|| Picture::read(&output.stdout))
    }

    /// A header of numbers in network order, the colours, then the points (XWDFile.h). Those of 24 bits have four bytes.
    fn read(xwd: &[u8]) -> Picture {
        let number = |n: usize| u32::from_be_bytes(xwd[4 * n..4 * n + 4].try_into().unwrap()) as usize;
        let (header, width, height, little, bits) = (number(0), number(4), number(5), number(7) == 0, number(11));
        let (line, colours) = (number(12), number(19));
        assert_eq!(bits, 32, "points have 32 bits");
        let start = header + 12 * colours;
        let point = |x: usize, y: usize| {
            let at = start + y * line + 4 * x;
            let raw: [u8; 4] = xwd[at..at + 4].try_into().unwrap();
            let value = if little { u32::from_le_bytes(raw) } else { u32::from_be_bytes(raw) };
            [(value >> 16) as u8, (value >> 8) as u8, value as u8]
        };
        let points = (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| point(x, y)).collect();
        Picture { width, height, points }
    }

    /// Which share of the points is the same in both.
    pub fn likeness(&self, other: &Picture) -> f64 {
        if (self.width, self.height) != (other.width, other.height) {
            return 0.0;
        }
        let same = self.points.iter().zip(&other.points).filter(|(a, b)| a == b).count();
        same as f64 / self.points.len() as f64
    }

    /// Which share of the points has this colour.
    #[allow(dead_code, reason = "only where the colours are known")]
    pub fn share(&self, colour: [u8; 3]) -> f64 {
        self.points.iter().filter(|point| **point == colour).count() as f64 / self.points.len() as f64
    }
}
