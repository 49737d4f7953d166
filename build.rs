//! Prepares the dashboard for the binary: one digest over all of `assets/` and the pages of Help, the page with its paths
//! filled in, and brotli and gzip forms of what they make smaller. The server then only looks files up; a file that gzip makes
//! smaller is not there as it is, because only a client without gzip would ask for it.
//!
//! What was compressed once is kept by its content, so an edit costs the compression of one file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

#[path = "build/help.rs"]
mod help;

/// Files shorter than this, in bytes, fit into one network packet either way.
const COMPRESS_FROM_BYTES: usize = 1024;

/// Brotli's effort. 11 takes ten times as long for another two per cent.
const BROTLI_QUALITY: i32 = 9;

/// What brotli and gzip make smaller; the rest is compressed already.
const COMPRESSIBLE: &[&str] = &["css", "html", "ico", "js", "json", "map", "mjs", "svg", "txt", "wasm", "webmanifest"];

fn main() -> io::Result<()> {
    for source in ["build.rs", "build", "assets", "docs"] {
        println!("cargo:rerun-if-changed={source}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?);
    let (web, cache) = (out.join("web"), out.join("compressed"));

    let mut files = BTreeMap::new();
    collect(Path::new("assets"), "", &mut files)?;
    files.insert("help.json".to_owned(), help::bundle(Path::new("docs"))?);
    let digest = digest(&files);
    let mut script_hashes = String::new();
    if let Some(page) = files.get_mut("index.html") {
        let text = String::from_utf8_lossy(page).replace("{{assets}}", &format!("/assets/{digest}"));
        script_hashes = inline_script_hashes(&text);
        *page = text.into_bytes();
    }

    if web.exists() {
        fs::remove_dir_all(&web)?;
    }
    fs::create_dir_all(&cache)?;
    // The folder must exist for rust-embed even when there is nothing to embed.
    fs::create_dir_all(&web)?;
    for (path, bytes) in &files {
        let target = web.join(path);
        fs::create_dir_all(target.parent().unwrap_or(&web))?;
        let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
        let mut inflatable = false;
        if bytes.len() >= COMPRESS_FROM_BYTES && COMPRESSIBLE.contains(&extension) {
            for (name, compress) in [("br", brotli as fn(&[u8]) -> io::Result<Vec<u8>>), ("gz", gzip)] {
                let small = cached(&cache, name, bytes, compress)?;
                if small.len() < bytes.len() {
                    fs::write(web.join(format!("{path}.{name}")), small)?;
                    inflatable |= name == "gz";
                }
            }
        }
        if !inflatable {
            fs::write(&target, bytes)?;
        }
    }
    println!("cargo:rustc-env=ASSETS_DIGEST={digest}");
    println!("cargo:rustc-env=ASSETS_SCRIPT_HASHES={script_hashes}");
    Ok(())
}

/// All files below `dir`, by their path with `/` between its parts. Hidden files and notes for developers stay out.
fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{path}/"), files)?;
        } else if !["md", "mts", "ts"].contains(&name.rsplit_once('.').map_or("", |(_, extension)| extension)) {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn digest(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut all = Sha256::new();
    for (path, bytes) in files {
        all.update(path.as_bytes());
        all.update([0]);
        all.update((bytes.len() as u64).to_be_bytes());
        all.update(bytes);
    }
    // 64 bits: it tells builds apart, it guards nothing.
    hex(&all.finalize()).chars().take(16).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn cached(cache: &Path, name: &str, bytes: &[u8], compress: fn(&[u8]) -> io::Result<Vec<u8>>) -> io::Result<Vec<u8>> {
    let path = cache.join(format!("{}.{name}", hex(&Sha256::digest(bytes))));
    if let Ok(known) = fs::read(&path) {
        return Ok(known);
    }
    let small = compress(bytes)?;
    fs::write(&path, &small)?;
    Ok(small)
}

fn brotli(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let params = brotli::enc::BrotliEncoderParams { quality: BROTLI_QUALITY, ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut small, &params)?;
    Ok(small)
}

fn gzip(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// ` 'sha256-…'` for each script that stands in the page itself, so that the policy can allow just these: the
/// import map has to stand there.
fn inline_script_hashes(page: &str) -> String {
    let mut hashes = String::new();
    for part in page.split("<script").skip(1) {
        let Some((attributes, rest)) = part.split_once('>') else { continue };
        let Some((script, _)) = rest.split_once("</script>") else { continue };
        if !attributes.contains("src=") {
            hashes += " 'sha256-";
            hashes += &base64(&Sha256::digest(script.as_bytes()));
            hashes += "'";
        }
    }
    hashes
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}
