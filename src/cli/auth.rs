//! `sessionforge auth`: the server and the key that this machine's agent uses.

pub(super) mod args;

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

use self::args::{Auth, AuthCommand, Login};
use super::agent::{KEY_FILE_BYTES_MAX, KEY_VARIABLE, key_of_environment};
use super::failure::{Exit, Failure, LOOK_AROUND};
use super::output::{Look, Output, printable};
use super::progress::Progress;
use super::service::sight::{self, Sight};
use super::{local_agent, paths};
use crate::agent::account::{self, Account};
use crate::agent::config::{ConfigFile, Way};
use crate::agent::credentials::{Credentials, credentials_file};
use crate::agent::downloads::Downloads;
use crate::agent::error::UplinkError;
use crate::base::api_key;
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::secret::Secret;

pub(super) fn run(auth: Auth, output: &mut Output) -> Result<ExitCode, Failure> {
    let place = paths::option(&auth.data_dir);
    let data_dir = paths::data_dir(auth.data_dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("nothing can be run")?;
    runtime.block_on(async {
        match auth.command {
            AuthCommand::Login(login) => log_in(&data_dir, login, &place, output).await?,
            AuthCommand::Logout => log_out(&data_dir, output).await?,
            AuthCommand::Status => return say_stored(&data_dir, output),
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn log_in(data_dir: &Path, login: Login, place: &str, output: &mut Output) -> Result<(), Failure> {
    let file = ConfigFile::read(data_dir).map_err(Failure::of_config)?;
    // What was there before may be damaged; it is about to be replaced.
    let before = Credentials::read(data_dir).ok().flatten();
    let known = before.as_ref().map(|known| known.server.clone());
    let server = login
        .server
        .or(known)
        .ok_or_else(|| Failure::new(Exit::Usage, "no server was given").hint("say --server https://sf.example.org"))?;
    let server = server.trim_end_matches('/').to_owned();
    let name = checked_name(login.name)?;
    let key = key(login.key.as_deref())?;

    let progress = Progress::start(format!("asking {server}"));
    let account = account::of_key(&server, &key, &file.way(data_dir), login.insecure_http).await;
    drop(progress);
    let account = account.map_err(|error| refused(&error, &server))?;
    if !account.may_connect() {
        return Err(Failure::new(Exit::Refused, "this key may not connect a machine: it lacks the scope \"agent\"")
            .hint(format_args!("create one for a machine at {server}/settings/keys")));
    }
    // The same server keeps what was not said anew; of another one's nothing is kept.
    let name = name.or_else(|| before.as_ref().filter(|known| known.server == server).and_then(|it| it.name.clone()));
    let release_key = release_key(&server, file.way(data_dir), login.insecure_http).await;
    let credentials = Credentials { server, key, name, insecure_http: login.insecure_http, release_key };
    credentials.write(data_dir).map_err(failed)?;
    say_logged_in(&account, &credentials, data_dir, place, output).await;
    Ok(())
}

async fn say_logged_in(
    account: &Account,
    credentials: &Credentials,
    data_dir: &Path,
    place: &str,
    output: &mut Output,
) {
    let (user, organisation) = (printable(&account.user.name), printable(&account.organisation.name));
    let done = output.paint(Look::Good, "Logged in");
    output.line(format_args!("{done} to {} as {user}, in {organisation}.", printable(&credentials.server)));
    output.fact("Key", shown(&credentials.key));
    if let Some(name) = &credentials.name {
        output.fact("Name", printable(name));
    }
    output.fact("Stored in", credentials_file(data_dir).display());
    let next = if local_agent::status(data_dir).await.is_some() {
        "the agent that runs still uses what it was started with: restart it".to_owned()
    } else if cfg!(windows) && matches!(sight::look(data_dir), Sight::Installed { runs: true, .. }) {
        "the service that is installed connects this machine now: `sessionforge service status`".to_owned()
    } else {
        format!("`sessionforge agent{place}` connects this machine, `sessionforge service install{place}` for good")
    };
    output.fact("Next", output.paint(Look::Faint, next));
}

/// The key by which the server will sign what it offers as updates; `None` of one that is too old to have one.
async fn release_key(server: &str, way: Way, insecure_http: bool) -> Option<String> {
    let downloads = Downloads::of(server, way, insecure_http).ok()?;
    downloads.public_key().await.inspect_err(|cause| tracing::debug!(%cause, "no key of release files")).ok()
}

fn say_stored(data_dir: &Path, output: &mut Output) -> Result<ExitCode, Failure> {
    let Some(known) = Credentials::read(data_dir).map_err(failed)? else {
        output.line("Not logged in.");
        return Ok(ExitCode::FAILURE);
    };
    output.fact("Server", printable(&known.server));
    output.fact("Key", shown(&known.key));
    if let Some(name) = &known.name {
        output.fact("Name", printable(name));
    }
    output.fact("Stored in", credentials_file(data_dir).display());
    Ok(ExitCode::SUCCESS)
}

async fn log_out(data_dir: &Path, output: &mut Output) -> Result<(), Failure> {
    // One that is damaged is removed all the same.
    let server = Credentials::read(data_dir).ok().flatten().map(|known| known.server);
    if !Credentials::remove(data_dir).map_err(failed)? {
        output.line("Not logged in.");
        return Ok(());
    }
    let server = server.map_or_else(|| "the server".to_owned(), |server| printable(&server));
    output.line(format_args!("Logged out of {server}: the key is no longer on this machine."));
    output.line(output.paint(Look::Faint, "It is good until it is revoked on the server's page, under API keys."));
    if local_agent::status(data_dir).await.is_some() {
        output.warning("an agent is running and stays connected until it is stopped");
    }
    Ok(())
}

/// As much of a key as may be shown.
fn shown(key: &Secret) -> String {
    format!("{}…", key.expose().get(..api_key::SHOWN_CHARS).unwrap_or_default())
}

/// From the arguments, standard input or the environment. A typing error is told before anybody is asked.
fn key(given: Option<&str>) -> Result<Secret, Failure> {
    let key = match given {
        Some("-") => from_standard_input()?,
        Some(key) => Secret::new(key.trim()),
        None => key_of_environment().ok_or_else(|| {
            Failure::new(Exit::Usage, "no API key was given").hint(format_args!(
                "create one on the server's page, under API keys, and say --key KEY, --key - for standard input, or set \
                 {KEY_VARIABLE}"
            ))
        })?,
    };
    if api_key::is_well_formed(key.expose()) {
        return Ok(key);
    }
    Err(Failure::new(Exit::Usage, "this is not an API key: there is a typing error in it, or a part is missing")
        .hint(format_args!("a key begins with {} and has 40 characters", api_key::PREFIX)))
}

fn from_standard_input() -> Result<Secret, Failure> {
    if std::io::stdin().is_terminal() {
        return Err(Failure::new(Exit::Usage, "--key - reads the key from a pipe or file, and this is a terminal")
            .hint("sessionforge auth login --key - < key.txt"));
    }
    let mut text = String::new();
    let reading = std::io::stdin().take(KEY_FILE_BYTES_MAX).read_to_string(&mut text);
    reading.context("the key cannot be read from standard input")?;
    Ok(Secret::new(text.trim()))
}

const NAME_HINT: &str = "say another --name, or leave it out for this machine's host name";

fn checked_name(name: Option<String>) -> Result<Option<String>, Failure> {
    match name {
        Some(name) if name.trim().is_empty() => Err(Failure::new(Exit::Usage, "the name is empty").hint(NAME_HINT)),
        Some(name) if name.len() > NAME_BYTES_MAX => {
            Err(Failure::new(Exit::Usage, format_args!("the name is longer than {NAME_BYTES_MAX} bytes"))
                .hint(NAME_HINT))
        }
        Some(name) if name.chars().any(char::is_control) => {
            Err(Failure::new(Exit::Usage, "the name holds characters that cannot be shown").hint(NAME_HINT))
        }
        name => Ok(name),
    }
}

/// The file with server and key cannot be read, written or removed.
fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, error).hint("see whose that file is, and whether its disk takes anything")
}

/// Why a server could not be asked, and what to do about it.
pub(super) fn refused(error: &UplinkError, server: &str) -> Failure {
    match error {
        UplinkError::Address { .. } | UplinkError::InsecureHttp { .. } => Failure::new(Exit::Usage, error),
        UplinkError::KeyRefused => Failure::new(Exit::Refused, format_args!("{server} refuses the key"))
            .hint("it may have been revoked or have expired: create a new one on the server's page, under API keys"),
        UplinkError::Untrusted { .. } => Failure::new(Exit::Failed, error).hint(
            "if the server has a certificate of your own authority: `sessionforge config set ca_file FILE.pem`; else look \
             at this machine's clock",
        ),
        UplinkError::Proxy { .. } => Failure::new(Exit::Failed, error)
            .hint("it comes from HTTPS_PROXY, or from `sessionforge config get proxy`"),
        UplinkError::Unreachable(_) | UplinkError::NoAnswer => {
            Failure::new(Exit::Failed, format_args!("{server}: {error}"))
                .hint("is the address right, and does the server run?")
        }
        UplinkError::NotSessionForge | UplinkError::Status(_) => {
            Failure::new(Exit::Failed, format_args!("{server}: {error}")).hint("is the address right?")
        }
        error => Failure::new(Exit::Failed, error).hint(LOOK_AROUND),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_key_no_more_is_shown_than_tells_it_from_others() {
        let key = api_key::random();
        assert_eq!(shown(&key).chars().count(), api_key::SHOWN_CHARS + 1);
        assert_eq!(shown(&Secret::new("short")), "…");
    }

    #[test]
    fn a_name_that_cannot_be_shown_is_refused_and_a_strange_one_is_not() {
        for wrong in ["", "  ", "a\nb", "\u{1b}[31m", &"x".repeat(NAME_BYTES_MAX + 1)] {
            assert!(checked_name(Some(wrong.to_owned())).is_err(), "{wrong:?}");
        }
        for right in ["Büro \"2\" 🦀", "it's mine", "日本"] {
            assert_eq!(checked_name(Some(right.to_owned())).ok().flatten().as_deref(), Some(right));
        }
    }
}
