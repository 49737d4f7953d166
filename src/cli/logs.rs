//! `sessionforge logs`: what the agent that runs as a service, or `up`, has written of itself.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::args::DataDir;
use super::failure::{Exit, Failure};
use super::output::{Output, printable};
use super::paths;

/// Where logs are inside the data directory.
const DIRECTORY: &str = "logs";

/// Of whom. A name is followed by the day.
const NAMES: [&str; 2] = ["agent.log", "up.log"];

/// A log's end that is looked through for its last lines, in bytes.
const TAIL_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Nothing tells us that a file has grown, so it is looked at this often.
const LOOKED_AT_EVERY: Duration = Duration::from_millis(200);

/// Bytes read at a time.
const READ_BYTES: usize = 64 * 1024;

/// See [`run`].
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Logs {
    #[command(flatten)]
    data_dir: DataDir,
    /// Go on with what is written from now on, until Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Lines from the end
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 50)]
    lines: usize,
    /// Print where the log is instead
    #[arg(long)]
    path: bool,
}

const HELP: &str = "\
An agent that was started in a terminal logs there. What is logged is chosen with SESSIONFORGE_LOG, like debug. Terminal \
content and secrets never are.

Examples:
  sessionforge logs -f
  sessionforge logs --lines 1000 | grep WARN";

pub(super) fn run(args: Logs, output: &mut Output) -> Result<(), Failure> {
    let directory = paths::data_dir(args.data_dir)?.join(DIRECTORY);
    let Some(mut path) = newest(&directory) else {
        return Err(Failure::new(Exit::Failed, format_args!("there is no log in {}", directory.display()))
            .hint("an agent logs there as a service or with --log-file; in a terminal it logs to that"));
    };
    if args.path {
        output.line(path.display());
        return Ok(());
    }
    let (mut file, mut at) = open_at_tail(&path, args.lines)?;
    loop {
        let more = copy(&mut file, &mut at, output)?;
        if !args.follow || !output.is_read() {
            return Ok(());
        }
        if more {
            continue;
        }
        // At midnight another file goes on; what the old one got last has just been read.
        if let Some(next) = newest(&directory).filter(|next| *next != path) {
            (file, at) = (open(&next)?, Vec::new());
            path = next;
            continue;
        }
        std::thread::sleep(LOOKED_AT_EVERY);
    }
}

/// The log that was written to last.
pub(super) fn newest(directory: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(directory).ok()?.flatten();
    let ours = entries.map(|entry| entry.path()).filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        NAMES.iter().any(|ours| name.starts_with(ours))
    });
    // The day is in the name, should two have the same time.
    ours.max_by_key(|path| (path.metadata().and_then(|it| it.modified()).ok(), path.file_name().map(ToOwned::to_owned)))
}

fn open(path: &Path) -> Result<File, Failure> {
    Ok(File::open(path).with_context(|| format!("the log {} cannot be read", path.display()))?)
}

/// Opens a log so that the last `lines` lines come next; the second part is what was read of them already.
fn open_at_tail(path: &Path, lines: usize) -> Result<(File, Vec<u8>), Failure> {
    let mut file = open(path)?;
    let context = || format!("the log {} cannot be read", path.display());
    let bytes = file.metadata().with_context(context)?.len();
    file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL_BYTES_MAX))).with_context(context)?;
    let mut tail = Vec::new();
    file.by_ref().take(TAIL_BYTES_MAX).read_to_end(&mut tail).with_context(context)?;
    let start = last_lines(&tail, lines);
    Ok((file, tail.split_off(start)))
}

/// Where the last `lines` lines begin.
fn last_lines(text: &[u8], lines: usize) -> usize {
    let ends = text.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    // A line that is not ended yet counts as one.
    ends.filter(|end| *end < text.len()).nth(lines.saturating_sub(1)).filter(|_| lines > 0).unwrap_or(if lines == 0 {
        text.len()
    } else {
        0
    })
}

/// Prints all whole lines that are there, and keeps the rest in `at`. Tells whether there was anything new.
fn copy(file: &mut File, at: &mut Vec<u8>, output: &mut Output) -> Result<bool, Failure> {
    let mut buffer = vec![0; READ_BYTES];
    let mut any = false;
    loop {
        while let Some(end) = at.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = at.drain(..=end).collect();
            output.line(printable(String::from_utf8_lossy(&line).trim_end()));
        }
        let count = file.read(&mut buffer).context("the log cannot be read")?;
        if count == 0 {
            return Ok(any);
        }
        at.extend_from_slice(buffer.get(..count).unwrap_or_default());
        any = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_are_counted_from_the_end() {
        let text = b"one\ntwo\nthree\n";
        let last = |lines| String::from_utf8_lossy(&text[last_lines(text, lines)..]).into_owned();
        assert_eq!(last(0), "");
        assert_eq!(last(1), "three\n");
        assert_eq!(last(2), "two\nthree\n");
        assert_eq!(last(9), "one\ntwo\nthree\n");
    }
}
