//! What programs print in these measurements: coloured text of the kind that builds and tests print, always the same.

use std::io::{BufWriter, Write};
use std::path::Path;

/// Writes about `bytes` of it.
pub fn write(path: &Path, bytes: u64) -> std::io::Result<()> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let mut written = 0u64;
    let mut state = 0x9e37_79b9_7f4a_7c15_u64; // any odd number: the text must only be the same each time
    let mut number = 0u64;
    while written < bytes {
        number += 1;
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let colour = 31 + state % 6;
        let word = &["compiled", "checked", "linked", "cached", "fetched", "tested"][(state >> 8) as usize % 6];
        let line = format!(
            "\x1b[2m{number:>9}\x1b[0m \x1b[{colour}m{word:>9}\x1b[0m crate-{:05x} v{}.{}.{} \x1b[38;5;{}m({:04x})\x1b[0m\n",
            state >> 44,
            state % 4,
            state % 30,
            state % 9,
            state % 256,
            state >> 48
        );
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
    }
    out.flush()
}
