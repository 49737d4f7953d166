//! UTF-8, decoded the way xterm.js does it: what is not valid is dropped without a replacement mark.

/// What the bytes at hand begin with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// A character of this many bytes.
    Char(u32, usize),
    /// This many bytes mean nothing.
    Invalid(usize),
    /// A character that is not all here yet.
    Incomplete,
}

/// Decodes one character from `bytes`, which begin with one of 0x80 or above.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Decoded {
    let (len, bits) = match bytes[0] {
        lead @ 0xc0..=0xdf => (2, lead & 0x1f),
        lead @ 0xe0..=0xef => (3, lead & 0x0f),
        lead @ 0xf0..=0xf7 => (4, lead & 0x07),
        _ => return Decoded::Invalid(1),
    };
    let mut ch = u32::from(bits);
    for at in 1..len {
        match bytes.get(at) {
            None => return Decoded::Incomplete,
            Some(byte) if byte & 0xc0 != 0x80 => return Decoded::Invalid(at),
            Some(byte) => ch = ch << 6 | u32::from(byte & 0x3f),
        }
    }
    match len {
        // The second byte of an overlong pair is looked at again; it is a stray and dropped as well.
        2 if ch < 0x80 => Decoded::Invalid(1),
        3 if ch < 0x800 || (0xd800..0xe000).contains(&ch) || ch == 0xfeff => Decoded::Invalid(3),
        4 if !(0x1_0000..=0x10_ffff).contains(&ch) => Decoded::Invalid(4),
        _ => Decoded::Char(ch, len),
    }
}

/// How many bytes at the start are printable ASCII.
#[inline]
pub(super) fn printable_ascii(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let mut at = 0;
    while let Some(chunk) = bytes[at..].first_chunk::<8>() {
        let word = u64::from_le_bytes(*chunk);
        // A byte's high bit is set where the byte is below 0x20, is DEL, or is not ASCII. A borrow may
        // set it for a byte above a hit as well, never below: the lowest hit is exact.
        let low = word.wrapping_sub(ONES * 0x20);
        let del = (word ^ (ONES * 0x7f)).wrapping_sub(ONES);
        let hits = (low | del | word) & HIGH;
        if hits != 0 {
            return at + hits.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    at + bytes[at..].iter().take_while(|byte| (0x20..0x7f).contains(*byte)).count()
}
