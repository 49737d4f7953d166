//! `sessionforge server backup`, `restore`, `reset-password` and `audit verify`: of a running server through its local port, of one that
//! stands still straight from its data directory.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use axum::body::Body;
use futures_util::StreamExt as _;
use http_body_util::Empty;
use hyper::StatusCode;
use hyper_util::rt::TokioIo;

use super::args::{AuditCommand, Maintain};
use crate::base::percent::percent;
use crate::cli::failure::{Exit, Failure};
use crate::cli::output::{Look, Output};
use crate::server::{LocalServer, console_reset_link};
use crate::store::audit::Checked;
use crate::store::{OpenError, Store, restore};

/// An answer that is no backup, in bytes: a problem, or what a check found of every organisation.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where a backup goes if it is to be passed on.
const STANDARD_OUTPUT: &str = "-";

pub(super) fn run(command: Maintain, data_dir: &Path, output: &mut Output) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start")?;
    match command {
        Maintain::Backup { file } => runtime.block_on(backup(data_dir, &file, output)),
        Maintain::Restore { file } => put_back(data_dir, &file, output),
        Maintain::ResetPassword { email, remove_second_factor } => {
            runtime.block_on(reset_password(data_dir, &email, remove_second_factor, output))
        }
        Maintain::AllowAnyAddress { organisation } => {
            runtime.block_on(allow_any_address(data_dir, organisation, output))
        }
        Maintain::Update(wanted) => super::update::run(&wanted, data_dir, output),
        Maintain::Audit { command: AuditCommand::Verify { noted } } => {
            runtime.block_on(verify(data_dir, noted, output))
        }
    }
}

/// The state of a server that stands still, or the running one.
enum State {
    Still(Store),
    Running(LocalServer),
}

fn state(data_dir: &Path) -> Result<State, Failure> {
    if !data_dir.join("state.redb").exists() {
        return Err(Failure::new(Exit::Failed, format_args!("there is no server's state in {}", data_dir.display()))
            .hint("name the server's data directory with --data-dir"));
    }
    match Store::open(data_dir) {
        Ok(store) => Ok(State::Still(store)),
        Err(OpenError::Locked { .. }) => LocalServer::read(data_dir).map(State::Running).ok_or_else(|| {
            Failure::new(Exit::Failed, "the server that runs here cannot be asked: it has left no word where")
                .hint("an older build may run; stop it first")
        }),
        Err(error) => Err(Failure::new(Exit::Failed, error)),
    }
}

pub(super) async fn backup(data_dir: &Path, file: &Path, output: &mut Output) -> Result<(), Failure> {
    let to_output = file == Path::new(STANDARD_OUTPUT);
    if !to_output && file.exists() {
        return Err(Failure::new(Exit::Failed, format_args!("{} is there already", file.display()))
            .hint("a backup is never written over another file"));
    }
    let failed = |cause: std::io::Error| Failure::of_io(format_args!("{} cannot be written", file.display()), &cause);
    // Beside its place until it is whole: whoever finds FILE has all of it.
    let mut beside = file.as_os_str().to_owned();
    beside.push(".part");
    let beside = if to_output { data_dir.join("backup.part") } else { PathBuf::from(beside) };
    let written = match state(data_dir)? {
        State::Still(store) => {
            let absolute = std::path::absolute(&beside).map_err(failed)?;
            store.backup_to(absolute).await.map(|_| ()).map_err(|error| Failure::new(Exit::Failed, error))
        }
        State::Running(server) => fetch(&server, &beside).await,
    };
    let placed = written.and_then(|()| {
        if to_output {
            let mut from = std::fs::File::open(&beside).map_err(failed)?;
            std::io::copy(&mut from, &mut std::io::stdout()).map_err(failed)?;
            return std::fs::remove_file(&beside).map_err(failed);
        }
        std::fs::rename(&beside, file).map_err(failed)
    });
    if placed.is_err() {
        // What failed is reported; a leftover is only untidy.
        let _ = std::fs::remove_file(&beside);
    }
    placed?;
    if !to_output {
        let bytes = std::fs::metadata(file).map(|facts| facts.len()).unwrap_or_default();
        output.line(format_args!("{} holds the whole state, {} KiB", file.display(), bytes.div_ceil(1024)));
    }
    Ok(())
}

async fn fetch(server: &LocalServer, path: &Path) -> Result<(), Failure> {
    let answer = ask(server, "/backup").await?;
    let wanted =
        answer.headers().get(hyper::header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let failed = |cause: std::io::Error| Failure::of_io(format_args!("{} cannot be written", path.display()), &cause);
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).map_err(failed)?;
    let mut pieces = answer.into_body().into_data_stream();
    let mut bytes = 0u64;
    while let Some(piece) = pieces.next().await {
        let piece = piece.context("the server broke off")?;
        file.write_all(&piece).map_err(failed)?;
        bytes += piece.len() as u64;
    }
    if wanted.is_some_and(|wanted: u64| wanted != bytes) {
        return Err(Failure::new(Exit::Failed, "the server broke off; the backup is not whole").hint("say it again"));
    }
    file.sync_all().map_err(failed)
}

fn put_back(data_dir: &Path, file: &Path, output: &mut Output) -> Result<(), Failure> {
    let restored = restore(data_dir, file).map_err(|error| {
        let exit = if matches!(error, OpenError::Locked { .. }) { Exit::InUse } else { Exit::Failed };
        Failure::new(exit, error).hint("nothing was changed")
    })?;
    output.line(format_args!("{} is the state now: {} rows", file.display(), restored.rows));
    if let Some(replaced) = restored.replaced {
        output.line(format_args!("What was there before is kept as {}", replaced.display()));
    }
    if let Some((book, flaw)) = restored.flaw {
        output.warning(format_args!("the audit log of {book} in this backup is not whole: {flaw}"));
    }
    Ok(())
}

async fn verify(data_dir: &Path, noted: Option<(u64, String)>, output: &mut Output) -> Result<(), Failure> {
    let checked = match state(data_dir)? {
        State::Still(store) => store.audit_verify(noted).await.map_err(|error| Failure::new(Exit::Failed, error))?,
        State::Running(server) => {
            let query = noted.map(|(seq, hash)| format!("?seq={seq}&hash={hash}")).unwrap_or_default();
            let answer = ask(&server, &format!("/audit/verify{query}")).await?;
            let json =
                axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.context("the server broke off")?;
            serde_json::from_slice::<Vec<Checked>>(&json).context("the server answered something else")?
        }
    };
    let mut flawed = None;
    for Checked { book, head, entries, flaw } in checked {
        let state = match &flaw {
            None => output.paint(Look::Good, "whole"),
            Some(flaw) => output.paint(Look::Bad, flaw),
        };
        output.line(format_args!("{book}: {entries} entries, {state}"));
        output.fact("Last", format_args!("{}:{}", head.seq, head.hash));
        flawed = flawed.or(flaw.map(|flaw| format!("the audit log of {book} is not whole: {flaw}")));
    }
    match flawed {
        None => Ok(()),
        Some(flaw) => Err(Failure::new(Exit::Failed, flaw)),
    }
}

#[derive(serde::Deserialize)]
struct Link {
    url: String,
}

async fn reset_password(
    data_dir: &Path,
    email: &str,
    remove_second_factor: bool,
    output: &mut Output,
) -> Result<(), Failure> {
    let url = match state(data_dir)? {
        State::Still(store) => {
            let made = console_reset_link(&store, "", email, remove_second_factor).await;
            made.map_err(|error| Failure::new(Exit::Failed, error))?
        }
        State::Running(server) => {
            let path = format!("/reset-password?email={}&remove_second_factor={remove_second_factor}", percent(email));
            let answer = ask(&server, &path).await?;
            let json =
                axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.context("the server broke off")?;
            serde_json::from_slice::<Link>(&json).context("the server answered something else")?.url
        }
    };
    output.line(output.paint(Look::Accent, &url));
    let how = if url.starts_with('/') { "behind the server's address, once it runs; " } else { "" };
    output.line(output.paint(Look::Faint, format_args!("{how}lets {email} choose a new password, once, within a day")));
    Ok(())
}

async fn allow_any_address(data_dir: &Path, name: Option<String>, output: &mut Output) -> Result<(), Failure> {
    let freed: Vec<String> = match state(data_dir)? {
        State::Still(store) => {
            let freed = store.allow_any_address(name).await.map_err(|error| Failure::new(Exit::Failed, error))?;
            freed.into_iter().map(|row| row.name).collect()
        }
        State::Running(server) => {
            let query = name.map(|name| format!("?organisation={}", percent(&name))).unwrap_or_default();
            let answer = ask(&server, &format!("/allow-any-address{query}")).await?;
            let json =
                axum::body::to_bytes(answer.into_body(), ANSWER_BYTES_MAX).await.context("the server broke off")?;
            serde_json::from_slice(&json).context("the server answered something else")?
        }
    };
    for name in &freed {
        output.line(format_args!("{name} lets people and machines in from any address now"));
    }
    if freed.is_empty() {
        output.line("nothing was changed: people and machines come in from any address already");
    }
    Ok(())
}

/// Asks a running server on its local port.
pub(super) async fn ask(server: &LocalServer, path: &str) -> Result<hyper::Response<Body>, Failure> {
    let gone = |cause: &dyn std::fmt::Display| {
        Failure::new(Exit::Failed, format_args!("the running server does not answer at {} ({cause})", server.address))
    };
    let stream = tokio::net::TcpStream::connect(server.address).await.map_err(|error| gone(&error))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| gone(&error))?;
    tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header(hyper::header::HOST, server.address.to_string())
        .header(hyper::header::AUTHORIZATION, format!("Bearer {}", server.token.expose()))
        .body(Empty::<bytes::Bytes>::new())
        .context("no such request")?;
    let answer = sender.send_request(request).await.map_err(|error| gone(&error))?;
    if answer.status() != StatusCode::OK {
        let body = axum::body::to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await.unwrap_or_default();
        let said: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let why = ["detail", "message"].iter().find_map(|field| said.get(field)?.as_str()).unwrap_or("no reason given");
        return Err(Failure::new(Exit::Failed, format_args!("the running server refuses: {why}")));
    }
    Ok(answer.map(Body::new))
}
