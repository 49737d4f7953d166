//! API keys: `sf_live_`, 26 random characters, 6 of checksum. A typo or a find of a leak scanner is decided offline.

use super::id::fill_random;
use super::secret::Secret;

/// What every key begins with.
pub const PREFIX: &str = "sf_live_";

/// Random characters: 26 of 62 are 154 bits.
const RANDOM_CHARS: usize = 26;

/// Characters of checksum: six of base 62 hold 32 bits.
const CHECKSUM_CHARS: usize = 6;

/// Characters of a key that may be shown, to recognise it by: the prefix and four more leave 130 bits.
pub const SHOWN_CHARS: usize = PREFIX.len() + 4;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A new, random key.
pub fn random() -> Secret {
    let mut key = String::with_capacity(PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS);
    key.push_str(PREFIX);
    while key.len() < PREFIX.len() + RANDOM_CHARS {
        let mut raw = [0u8; 32];
        fill_random(&mut raw);
        // 248 is the largest multiple of 62 in a byte; the rest would favour the first characters.
        let fair = raw.iter().filter(|byte| **byte < 248).map(|byte| digit(u32::from(*byte)));
        key.extend(fair.take(PREFIX.len() + RANDOM_CHARS - key.len()));
    }
    completed(key)
}

/// A key that begins with `key`, which lacks nothing but the checksum.
pub fn completed(mut key: String) -> Secret {
    let sum = checksum(&key);
    key.push_str(&sum);
    Secret::new(key)
}

/// Whether `text` was written down right; not whether any server knows it.
pub fn is_well_formed(text: &str) -> bool {
    text.is_ascii()
        && text.len() == PREFIX.len() + RANDOM_CHARS + CHECKSUM_CHARS
        && text.starts_with(PREFIX)
        && text.split_at_checked(PREFIX.len() + RANDOM_CHARS).is_some_and(|(key, sum)| checksum(key) == sum)
}

fn digit(value: u32) -> char {
    char::from(ALPHABET[(value % 62) as usize])
}

/// CRC-32 of what stands before, most significant digit first.
fn checksum(key: &str) -> String {
    let mut rest = crc32(key.as_bytes());
    let mut digits = ['0'; CHECKSUM_CHARS];
    for place in digits.iter_mut().rev() {
        *place = digit(rest);
        rest /= 62;
    }
    digits.iter().collect()
}

/// CRC-32 as in ISO 3309 (zip, PNG), bit by bit: keys are short.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_known_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926, "the check value of the CRC catalogue");
    }

    #[test]
    fn a_key_is_forty_characters_and_well_formed() {
        let key = random();
        assert_eq!(key.expose().len(), 40);
        assert!(is_well_formed(key.expose()));
    }

    #[test]
    fn a_slip_of_the_pen_is_noticed() {
        let key = random();
        let key = key.expose();
        for place in PREFIX.len()..key.len() {
            let mut wrong = key.to_owned().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed(&String::from_utf8_lossy(&wrong)), "place {place}");
        }
        for wrong in ["", "sf_live_", &key[..39], &key.replace("live", "test"), &format!("{key}a"), "sf_live_é"] {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }
}
