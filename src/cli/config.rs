//! `sessionforge config`: what `agent.json` decides, with the origin of each value, read and changed one by one.

use std::path::Path;

use clap::Subcommand;
use serde::Serialize;
use serde_json::{Map, Value};

use super::args::DataDir;
use super::failure::{Exit, Failure};
use super::output::{Output, printable};
use super::paths;
use super::table::{self, Cell};
use crate::agent::config::{CONFIG_FILE, ConfigFile};
use crate::agent::credentials::Credentials;
use crate::base::private;

/// See [`ConfigCommand`].
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(super) struct Config {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(subcommand)]
    command: ConfigCommand,
}

const HELP: &str = "\
A running agent reads it when it is started again; `session` and `run` read it each time.

Examples:
  sessionforge config show                            every value, and where it comes from
  sessionforge config set allow claude,bash,python3   programs that may be started from the page
  sessionforge config set ca_file /etc/ssl/company.pem
  sessionforge config unset ca_file";

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print every setting with its value and where that comes from
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Print one setting's value
    Get {
        /// Its name, as `config show` has it
        name: String,
    },
    /// Change one setting
    Set {
        /// Its name, as `config show` has it
        name: String,
        /// Its value: a text, true or false, or for a list its items with commas between
        value: String,
    },
    /// Let one setting be as by default
    Unset {
        /// Its name, as `config show` has it
        name: String,
    },
    /// Print where the file is
    Path,
}

/// One setting.
#[derive(Debug, Serialize)]
struct Setting {
    name: String,
    value: Value,
    origin: &'static str,
}

pub(super) fn run(config: Config, output: &mut Output) -> Result<(), Failure> {
    let data_dir = paths::data_dir(config.data_dir)?;
    match config.command {
        ConfigCommand::Show { json } => show(&data_dir, json, output),
        ConfigCommand::Get { name } => {
            let settings = settings(&data_dir)?;
            let known = settings.iter().find(|setting| setting.name == name);
            output.line(printable(&text(&known.ok_or_else(|| unknown(&name))?.value)));
            Ok(())
        }
        ConfigCommand::Set { name, value } => {
            let value = value_of(&name, &value)?;
            change(&data_dir, |map| {
                map.insert(name, value);
            })
        }
        ConfigCommand::Unset { name } => {
            value_of(&name, "true")?;
            change(&data_dir, |map| {
                map.remove(&name);
            })
        }
        ConfigCommand::Path => {
            output.line(data_dir.join(CONFIG_FILE).display());
            Ok(())
        }
    }
}

fn show(data_dir: &Path, json: bool, output: &mut Output) -> Result<(), Failure> {
    let settings = settings(data_dir)?;
    if json {
        output.json(&settings);
        return Ok(());
    }
    let rows: Vec<Vec<Cell>> = settings
        .iter()
        .map(|setting| {
            let value = printable(&text(&setting.value));
            vec![Cell::plain(&setting.name), Cell::plain(value), Cell::plain(setting.origin)]
        })
        .collect();
    table::print(&["NAME", "VALUE", "FROM"], &rows, output);
    Ok(())
}

/// All of them: where state is, what `auth login` stored, and the file's.
fn settings(data_dir: &Path) -> Result<Vec<Setting>, Failure> {
    let file = ConfigFile::read(data_dir).map_err(failed)?;
    let written = read(data_dir)?;
    let login = Credentials::read(data_dir).map_err(failed)?;
    let from_environment = std::env::var_os(paths::DATA_DIR_VARIABLE).is_some_and(|set| set == data_dir.as_os_str());
    let setting = |name: &str, value: Value, origin| Setting { name: name.to_owned(), value, origin };
    let place = if from_environment { paths::DATA_DIR_VARIABLE } else { "--data-dir, or the system's place" };
    let mut all = vec![setting("data_dir", data_dir.display().to_string().into(), place)];
    let server = login.as_ref().map(|login| login.server.clone());
    all.push(setting("server", server.clone().into(), if server.is_some() { "auth login" } else { "not set" }));
    for (name, value) in map_of(&file) {
        let stored_name = login.as_ref().and_then(|login| login.name.clone()).filter(|_| name == "name");
        let (value, origin) = match stored_name {
            Some(stored) => (stored.into(), "auth login"),
            None if written.contains_key(&name) => (value, CONFIG_FILE),
            None => (value, "default"),
        };
        all.push(Setting { name, value, origin });
    }
    Ok(all)
}

/// A configuration as the fields of its file.
fn map_of(file: &ConfigFile) -> Map<String, Value> {
    match serde_json::to_value(file) {
        Ok(Value::Object(map)) => map,
        // It is a struct of texts and lists, which always has a form.
        _ => Map::new(),
    }
}

/// What stands in the file, and nothing else.
fn read(data_dir: &Path) -> Result<Map<String, Value>, Failure> {
    match std::fs::read(data_dir.join(CONFIG_FILE)) {
        Ok(json) => serde_json::from_slice(&json).map_err(failed),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => Err(failed(error)),
    }
}

/// Rewrites the file in one step, if it is one that an agent takes.
fn change(data_dir: &Path, how: impl FnOnce(&mut Map<String, Value>)) -> Result<(), Failure> {
    // Whatever is wrong in it is told, not overwritten.
    ConfigFile::read(data_dir).map_err(failed)?;
    let mut map = read(data_dir)?;
    how(&mut map);
    let changed = Value::Object(map);
    let checked: Result<ConfigFile, _> = serde_json::from_value(changed.clone());
    checked.map_err(|cause| {
        Failure::new(Exit::Usage, format_args!("this cannot be set: {cause}"))
            .hint("`sessionforge config show` shows each setting and its value")
    })?;
    let mut json = serde_json::to_vec_pretty(&changed).map_err(failed)?;
    json.push(b'\n');
    private::replace_file(&data_dir.join(CONFIG_FILE), &json).map_err(|cause| {
        Failure::of_io(format_args!("{} cannot be written", data_dir.join(CONFIG_FILE).display()), &cause)
    })
}

/// What `text` means for the setting `name`, by what kind of value it has by default.
fn value_of(name: &str, text: &str) -> Result<Value, Failure> {
    let defaults = map_of(&ConfigFile::default());
    match (name, defaults.get(name)) {
        ("server", _) => Err(Failure::new(Exit::Usage, "the server is set together with its key")
            .hint("sessionforge auth login --server URL --key KEY")),
        ("data_dir", _) => Err(Failure::new(Exit::Usage, "the data directory is where this file itself is")
            .hint(format_args!("set {}, or say --data-dir with each command", paths::DATA_DIR_VARIABLE))),
        (_, None) => Err(unknown(name)),
        ("detach_key", _) if text.parse::<super::attach::DetachKey>().is_err() && text != "true" => {
            Err(Failure::new(Exit::Usage, format_args!("{} is no such key", printable(text)))
                .hint("write it like ctrl-q"))
        }
        (_, Some(Value::Bool(_))) => text.parse().map(Value::Bool).map_err(|_| {
            Failure::new(Exit::Usage, format_args!("{name} is true or false, and nothing else"))
                .hint(format_args!("sessionforge config set {name} true"))
        }),
        (_, Some(Value::Array(_))) => {
            let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
            Ok(Value::Array(items.map(Value::from).collect()))
        }
        (_, Some(_)) => Ok(text.into()),
    }
}

/// A value as a person writes it.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn unknown(name: &str) -> Failure {
    let known: Vec<String> = map_of(&ConfigFile::default()).into_iter().map(|(name, _)| name).collect();
    Failure::new(Exit::Usage, format_args!("there is no setting {}", printable(name)))
        .hint(format_args!("there are {}", known.join(", ")))
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::of_config(error)
}
