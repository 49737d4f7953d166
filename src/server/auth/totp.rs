//! The second factor: codes of an authenticator app (RFC 6238, with the SHA-1, six digits and thirty seconds that every app
//! knows), and recovery codes for the day the app is lost.

use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use qrcodegen::{QrCode, QrCodeEcc};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

use crate::base::clock::millis;
use crate::base::id::fill_random;
use crate::base::percent::percent;
use crate::base::secret::Secret;

/// How long one code is shown.
const STEP: Duration = Duration::from_secs(30);

/// Steps before and after the present one whose codes are taken too: clocks differ, and people type slowly.
const STEPS_BESIDE: u64 = 1;

/// The shared secret, in bytes: as long as the hash (RFC 4226, 4).
const SECRET_BYTES: usize = 20;

/// Recovery codes of one person.
pub(crate) const RECOVERY_CODES: usize = 10;

/// Of a recovery code: 100 bits, in four groups of five letters and digits.
const RECOVERY_CHARS: usize = 20;
/// See [`RECOVERY_CHARS`].
const RECOVERY_GROUP: usize = 5;

/// A new shared secret, in base32.
pub(crate) fn new_secret() -> Secret {
    let mut raw = [0u8; SECRET_BYTES];
    fill_random(&mut raw);
    Secret::new(BASE32_NOPAD.encode(&raw))
}

/// What the app reads from the QR code.
pub(crate) fn uri(secret: &Secret, account: &str) -> Secret {
    let account = percent(account);
    Secret::new(format!("otpauth://totp/SessionForge:{account}?secret={}&issuer=SessionForge", secret.expose()))
}

/// `text` as a QR code: an SVG path on a field of `size` modules, four of them quiet on each side.
pub(crate) fn qr(text: &Secret) -> Option<(u32, String)> {
    use std::fmt::Write as _;
    let code = QrCode::encode_text(text.expose(), QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            // Writing into a string cannot fail.
            let _ = write!(path, "M{} {}h1v1h-1z", x + 4, y + 4);
        }
    }
    Some((u32::try_from(code.size() + 8).ok()?, path))
}

/// The time step whose code this is, if it is one that is taken at `now` (milliseconds since 1970).
pub(crate) fn step_of(secret: &Secret, code: &str, now: u64) -> Option<u64> {
    let key = BASE32_NOPAD.decode(secret.expose().as_bytes()).ok()?;
    let typed: String = code.chars().filter(char::is_ascii_digit).collect();
    let present = now / millis(STEP);
    let steps = present.saturating_sub(STEPS_BESIDE)..=present + STEPS_BESIDE;
    // All are compared, so that the time tells nothing.
    let fits = |step: u64| bool::from(code_at(&key, step).as_bytes().ct_eq(typed.as_bytes()));
    steps.fold(None, |found, step| if fits(step) { Some(step) } else { found })
}

/// RFC 4226, 5.3.
fn code_at(key: &[u8], step: u64) -> String {
    // HMAC takes keys of any length.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return String::new() };
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest.last().copied().unwrap_or_default() & 0xF);
    let four = digest.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).unwrap_or_default();
    format!("{:06}", (u32::from_be_bytes(four) & 0x7FFF_FFFF) % 1_000_000)
}

/// New recovery codes, as people write them down.
pub(crate) fn new_recovery_codes() -> Vec<Secret> {
    let code = |_| {
        let mut raw = [0u8; RECOVERY_CHARS];
        fill_random(&mut raw);
        // Five bits of each byte are one of base32's characters.
        let chars: Vec<char> =
            raw.iter().map(|byte| char::from(b"abcdefghijklmnopqrstuvwxyz234567"[usize::from(byte & 31)])).collect();
        let groups: Vec<String> = chars.chunks(RECOVERY_GROUP).map(|group| group.iter().collect()).collect();
        Secret::new(groups.join("-"))
    };
    (0..RECOVERY_CODES).map(code).collect()
}

/// What is stored and compared of a recovery code: without the dashes and blanks that people leave out or put in.
pub(crate) fn plain(code: &str) -> Secret {
    Secret::new(code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, the last six of their eight digits.
        let key = b"12345678901234567890";
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert_eq!(code_at(key, seconds / 30), code);
        }
    }

    #[test]
    fn a_code_is_taken_half_a_minute_early_and_late() {
        let secret = Secret::new(BASE32_NOPAD.encode(b"12345678901234567890"));
        for seconds in [29, 59, 89] {
            assert_eq!(step_of(&secret, "287 082", seconds * 1_000), Some(1), "{seconds}");
        }
        for (code, seconds) in [("287082", 120), ("287083", 59), ("", 59), ("2870820", 59)] {
            assert_eq!(step_of(&secret, code, seconds * 1_000), None, "{code} at {seconds}");
        }
    }

    #[test]
    fn a_recovery_code_is_read_as_people_write_it() {
        let codes = new_recovery_codes();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let code = codes[0].expose();
        assert_eq!(code.len(), RECOVERY_CHARS + 3);
        assert!(plain(&format!(" {} ", code.to_uppercase().replace('-', " "))).same_as(&plain(code)));
    }

    #[test]
    fn the_app_is_told_who_and_where() {
        let uri = uri(&Secret::new("AAAA"), "ada@example.org");
        assert_eq!(uri.expose(), "otpauth://totp/SessionForge:ada%40example.org?secret=AAAA&issuer=SessionForge");
        let (size, path) = qr(&uri).unwrap();
        assert!(size > 29 && path.starts_with("M4 4h1v1h-1z"), "the corner's square begins behind the quiet zone");
    }
}
