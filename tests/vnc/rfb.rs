//! The picture that a VNC server has, asked of the server itself, beside any viewer (RFC 6143).

use crate::picture::Picture;
use std::io::{Read, Write};

/// Reads the whole screen of a server that wants no password. It shares the screen with whoever looks at it already.
/// None when the server goes away meanwhile.
pub fn picture(mut input: impl Read, mut output: impl Write) -> Option<Picture> {
    let mut greeting = [0; 12];
    input.read_exact(&mut greeting).ok()?;
    assert!(greeting.starts_with(b"RFB 003."), "{greeting:?}");
    output.write_all(b"RFB 003.008\n").ok()?;
    let kinds = byte(&mut input)?;
    let kinds = bytes(&mut input, kinds.into())?;
    assert!(kinds.contains(&1), "the server has no way in without a password: {kinds:?}");
    output.write_all(&[1]).ok()?;
    let result = bytes(&mut input, 4)?;
    assert_eq!(result, [0; 4], "the server refuses");
    output.write_all(&[1]).ok()?;
    let head = bytes(&mut input, 24)?;
    let (width, height) = (number(&head[..2]), number(&head[2..4]));
    let name = u32::from_be_bytes(head[20..24].try_into().unwrap());
    bytes(&mut input, name as usize)?;
    // 32 bits, 24 of colour, little end first, true colours of 255 each: blue, green, red, nothing. And raw points only.
    output.write_all(&[0, 0, 0, 0, 32, 24, 0, 1, 0, 255, 0, 255, 0, 255, 16, 8, 0, 0, 0, 0]).ok()?;
    output.write_all(&[2, 0, 0, 1, 0, 0, 0, 0]).ok()?;
    output.write_all(&[&[3, 0, 0, 0, 0, 0], &head[..4]].concat()).ok()?;
    output.flush().ok()?;
    let mut points = vec![[0; 3]; width * height];
    let mut painted = 0;
    while painted < points.len() {
        match byte(&mut input)? {
            0 => {
                let head = bytes(&mut input, 3)?;
                for _ in 0..number(&head[1..]) {
                    let head = bytes(&mut input, 12)?;
                    let [x, y, w, h] = [0, 2, 4, 6].map(|at| number(&head[at..at + 2]));
                    assert_eq!(head[8..], [0; 4], "it was told to send raw points");
                    let raw = bytes(&mut input, w * h * 4)?;
                    for (n, point) in raw.chunks_exact(4).enumerate() {
                        points[(y + n / w) * width + x + n % w] = [point[2], point[1], point[0]];
                    }
                    painted += w * h;
                }
            }
            // A bell, and a text for the clipboard.
            2 => {}
            3 => {
                let head = bytes(&mut input, 7)?;
                bytes(&mut input, u32::from_be_bytes(head[3..].try_into().unwrap()) as usize)?;
            }
            other => panic!("the server says {other}"),
        }
    }
    Some(Picture::of(width, height, points))
}

fn number(two: &[u8]) -> usize {
    u16::from_be_bytes([two[0], two[1]]).into()
}

fn byte(input: &mut impl Read) -> Option<u8> {
    Some(bytes(input, 1)?[0])
}

fn bytes(input: &mut impl Read, count: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; count];
    input.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
