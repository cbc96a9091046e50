//! The smallest values: words of a list, numbers, times, hardware addresses. Each reports what it does not understand.

use crate::mistakes::{Desk, Fault, shown};
use crate::text::Text;
use std::ops::RangeInclusive;
use std::time::Duration;

/// Words with their other spellings and what they mean; the canonical spelling first.
pub(crate) type Words<'a, T> = &'a [(&'a [&'a str], T)];

/// The meaning of a word in any case; anything else is a mistake. `what` names the thing: "a place for -L".
pub(crate) fn one_of<T: Clone>(desk: &mut Desk<'_>, text: &Text, what: &str, words: Words<'_, T>) -> Option<T> {
    let found = words.iter().find(|(names, _)| names.iter().any(|name| text.is_word(name)));
    if let Some((_, meaning)) = found {
        return Some(meaning.clone());
    }
    let canonical: Vec<&str> = words.iter().map(|(names, _)| names[0]).collect();
    let all = words.iter().flat_map(|(names, _)| names.iter());
    let message = if text.is_empty() { format!("{what} is missing") } else { format!("{} is not {what}", shown(text)) };
    desk.fault(Fault::at(text.spot(), message).expected(canonical.join(", ")).near(&text.to_string(), all));
    None
}

/// A number in a range.
pub(crate) fn number(desk: &mut Desk<'_>, text: &Text, what: &str, range: RangeInclusive<u64>) -> Option<u64> {
    let digits = !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    match text.to_string().parse::<u64>() {
        Ok(number) if digits && range.contains(&number) => Some(number),
        _ => {
            let message =
                if text.is_empty() { format!("{what} is missing") } else { format!("{} is not {what}", shown(text)) };
            let expected = match *range.end() {
                u64::MAX => format!("a number from {}", range.start()),
                end => format!("a number from {} to {end}", range.start()),
            };
            desk.fault(Fault::at(text.spot(), message).expected(expected));
            None
        }
    }
}

/// A time: `5`, `5s`, `500ms`, `2m`; a bare number counts seconds.
pub(crate) fn duration(desk: &mut Desk<'_>, text: &Text) -> Option<Duration> {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let number = text.slice(0..digits).to_string().parse::<u64>().ok().filter(|&number| number > 0);
    let time = number.and_then(|number| match text.from(digits).to_string().as_str() {
        "" | "s" => Some(Duration::from_secs(number)),
        "ms" => Some(Duration::from_millis(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    });
    if time.is_none() {
        let fault = Fault::at(text.spot(), format!("\"{}\" is not a time", shown(text)));
        desk.fault(fault.expected("a number above 0 with s, ms or m behind it; seconds without"));
    }
    time
}

/// Width and height: `1024x768`.
pub(crate) fn size(text: &str) -> Option<(u32, u32)> {
    let (width, height) = text.split_once(['x', 'X'])?;
    let number = |text: &str| {
        (text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten().filter(|&n| n > 0)
    };
    Some((number(width)?, number(height)?))
}

/// The six pairs of a hardware address, upper case with colons; none when it is something else.
pub(crate) fn mac(text: &str) -> Option<String> {
    let pairs: Vec<&str> = text.split(':').collect();
    let right = pairs.len() == 6 && pairs.iter().all(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()));
    right.then(|| text.to_ascii_uppercase())
}

/// 32 lower-case digits without dashes; none when it is something else.
pub(crate) fn uuid(text: &str) -> Option<String> {
    let dashes: Vec<usize> = text.bytes().enumerate().filter(|&(_, b)| b == b'-').map(|(at, _)| at).collect();
    let digits: String = text.chars().filter(|&c| c != '-').collect();
    let placed = dashes.is_empty() || dashes == [8, 13, 18, 23];
    (placed && digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit())).then(|| digits.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_and_uuids_are_normalised() {
        assert_eq!(mac("00:50:56:13:11:4a").as_deref(), Some("00:50:56:13:11:4A"));
        for bad in ["00:50:56:13:11", "00:50:56:13:11:4g", "0:50:56:13:11:40", "00-50-56-13-11-40", ""] {
            assert_eq!(mac(bad), None, "{bad}");
        }
        let plain = "6842caf91e3e43249ed596b8b9f2c5c2";
        assert_eq!(uuid("6842CAF9-1e3e-4324-9ed5-96b8b9f2c5c2").as_deref(), Some(plain));
        assert_eq!(uuid(plain).as_deref(), Some(plain));
        for bad in ["6842caf9", "6842caf91e3e-43249ed596b8b9f2c5c2", "6842caf91e3e43249ed596b8b9f2c5cx", ""] {
            assert_eq!(uuid(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_have_two_numbers() {
        assert_eq!(size("1024x768"), Some((1024, 768)));
        for bad in ["1024", "x768", "0x1", "1024x768x3", "-1x2", "99999999999x1"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }
}
