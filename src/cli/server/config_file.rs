//! The configuration file: TOML, because people write it by hand and want to say why, and its keys are the flags' names.
//!
//! Its values pass the same parser as flags do, so a flag, a variable and a key can never mean different things. They
//! count only where neither a flag nor a variable says something.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _, ValueHint};

use super::args::Server;
use crate::cli::args::Args;
use crate::cli::failure::{Exit, Failure};

/// A configuration file, in bytes: whoever names the wrong file should not wait for its end.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// In the data directory, used without being named.
const DEFAULT_NAME: &str = "server.toml";

/// The subcommand whose options these are.
const SUBCOMMAND: &str = "server";

/// Options that are about this very file, or about one start.
const NO_KEYS: [&str; 4] = ["config", "data-dir", "daemon", "help"];

/// `args` with what the configuration file adds to them.
pub(super) fn apply(args: Server, data_dir: &Path) -> Result<Server, Failure> {
    apply_to(std::env::args_os().collect(), args, data_dir)
}

/// Where the file says that new versions of the server come from, and by which key they are signed.
pub(super) fn update_of(data_dir: &Path) -> Result<(Option<String>, Option<String>), Failure> {
    let argv = ["sessionforge", SUBCOMMAND].map(OsString::from).to_vec();
    let matches = Args::command().try_get_matches_from(&argv).map_err(|error| wrong(data_dir, first_line(&error)))?;
    let matches = matches.subcommand_matches(SUBCOMMAND).ok_or_else(|| wrong(data_dir, "it is for the server"))?;
    let args = Server::from_arg_matches(matches).map_err(|error| wrong(data_dir, first_line(&error)))?;
    let args = apply_to(argv, args, data_dir)?;
    Ok((args.update_url, args.update_key))
}

fn apply_to(argv: Vec<OsString>, args: Server, data_dir: &Path) -> Result<Server, Failure> {
    let named = args.config.clone();
    let path = named.clone().unwrap_or_else(|| data_dir.join(DEFAULT_NAME));
    let text = match read(&path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(args),
        Err(error) => return Err(wrong(&path, format_args!("it cannot be read: {error}"))),
    };
    let more = flags_of(&text, &path, &argv)?;
    let said = argv.into_iter().chain(more);
    let matches = Args::command().try_get_matches_from(said).map_err(|error| wrong(&path, first_line(&error)))?;
    let matches = matches.subcommand_matches(SUBCOMMAND).ok_or_else(|| wrong(&path, "it is for the server"))?;
    Server::from_arg_matches(matches).map_err(|error| wrong(&path, first_line(&error)))
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_string(&mut text)?;
    Ok(text)
}

/// What the file says as flags, without those that are given already.
fn flags_of(text: &str, path: &Path, argv: &[OsString]) -> Result<Vec<OsString>, Failure> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        wrong(path, format_args!("line {line}: {}", error.message()))
    })?;
    let command = Args::command();
    let Some(command) = command.find_subcommand(SUBCOMMAND) else { return Ok(Vec::new()) };
    let given = Args::command().try_get_matches_from(argv).map_err(|error| wrong(path, first_line(&error)))?;
    let given = given.subcommand_matches(SUBCOMMAND);
    let here = std::path::absolute(path).ok().and_then(|path| path.parent().map(Path::to_owned));
    let mut flags = Vec::new();
    for (key, value) in &table {
        let known = keys(command).find(|arg| arg.get_long() == Some(key)).ok_or_else(|| unknown(path, key, command))?;
        if given.is_some_and(|given| is_given(given, known.get_id().as_str())) {
            continue;
        }
        let is_path = matches!(known.get_value_hint(), ValueHint::AnyPath | ValueHint::FilePath | ValueHint::DirPath);
        let base = here.as_deref().filter(|_| is_path);
        flags.extend(flag(known, value, base).map_err(|what| wrong(path, format_args!("{key}: {what}")))?);
    }
    // One at a time, so that a value that does not fit is named by its key.
    for (number, one) in flags.iter().enumerate() {
        let alone = [OsString::from("sessionforge"), OsString::from(SUBCOMMAND), one.clone()];
        let fits = Args::command().try_get_matches_from(alone);
        if let Err(error) = fits.map_err(|error| first_line(&error))
            && !error.contains("required arguments")
        {
            let key = flags.get(number).map(|flag| flag.to_string_lossy().into_owned()).unwrap_or_default();
            let key = key.trim_start_matches('-').split('=').next().unwrap_or_default().to_owned();
            return Err(wrong(path, format_args!("{key}: {error}")));
        }
    }
    Ok(flags)
}

/// For fuzzing: whatever the file says, it sets options of the server alone, and never those that are no keys.
#[cfg(fuzzing)]
pub(in crate::cli) fn check(text: &str) {
    let argv = ["sessionforge", SUBCOMMAND].map(OsString::from);
    let Ok(flags) = flags_of(text, Path::new("/nowhere/server.toml"), &argv) else { return };
    for flag in flags {
        let flag = flag.to_string_lossy().into_owned();
        let name = flag.strip_prefix("--").expect("a flag").split('=').next().unwrap_or_default();
        assert!(!NO_KEYS.contains(&name), "{flag}");
        assert!(
            keys(Args::command().find_subcommand(SUBCOMMAND).expect("it is there"))
                .any(|arg| arg.get_long() == Some(name))
        );
    }
}

/// The options a file may set.
fn keys(command: &Command) -> impl Iterator<Item = &clap::Arg> {
    command.get_arguments().filter(|arg| arg.get_long().is_some_and(|name| !NO_KEYS.contains(&name)))
}

fn is_given(matches: &ArgMatches, id: &str) -> bool {
    matches!(matches.value_source(id), Some(ValueSource::CommandLine | ValueSource::EnvVariable))
}

/// One key as flags: a list is the flag several times.
fn flag(arg: &clap::Arg, value: &toml::Value, base: Option<&Path>) -> Result<Vec<OsString>, String> {
    let name = arg.get_long().unwrap_or_default();
    let with = |text: &str| {
        let value = base.map_or_else(|| PathBuf::from(text), |base| base.join(text));
        let mut flag = OsString::from(format!("--{name}="));
        flag.push(value);
        flag
    };
    let takes_value = arg.get_action().takes_values();
    match value {
        toml::Value::Boolean(on) if !takes_value => {
            Ok(on.then(|| OsString::from(format!("--{name}"))).into_iter().collect())
        }
        toml::Value::String(text) if takes_value => Ok(vec![with(text)]),
        toml::Value::Integer(number) if takes_value => Ok(vec![with(&number.to_string())]),
        toml::Value::Array(all) if takes_value && matches!(arg.get_action(), clap::ArgAction::Append) => all
            .iter()
            .map(|one| one.as_str().map(with).ok_or_else(|| "write a list of texts, like [\"10.0.0.1\"]".to_owned()))
            .collect(),
        _ if takes_value => Err("write a text, like \"…\"".to_owned()),
        _ => Err("write true or false".to_owned()),
    }
}

fn unknown(path: &Path, key: &str, command: &Command) -> Failure {
    if NO_KEYS.contains(&key) {
        return wrong(path, format_args!("{key} cannot stand in a file; give it as --{key}"));
    }
    let names = keys(command).filter_map(clap::Arg::get_long);
    let nearest = names.max_by(|a, b| strsim::jaro(a, key).total_cmp(&strsim::jaro(b, key)));
    wrong(path, format_args!("there is no setting \"{key}\"")).hint(format_args!(
        "the nearest one is \"{}\"; `sessionforge server --help` shows all",
        nearest.unwrap_or_default()
    ))
}

fn wrong(path: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Usage, format_args!("the configuration file {}: {what}", path.display()))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Command as Parsed;

    fn server(file: Option<&str>, flags: &[&str]) -> Result<Server, Failure> {
        let dir = tempfile::tempdir().unwrap();
        if let Some(file) = file {
            std::fs::write(dir.path().join(DEFAULT_NAME), file).unwrap();
        }
        let argv: Vec<OsString> = ["sessionforge", "server"].iter().chain(flags).map(OsString::from).collect();
        let Parsed::Server(args) = Args::try_parse_from(&argv).unwrap().command else { unreachable!("it is server") };
        apply_to(argv, *args, dir.path())
    }

    #[test]
    fn a_flag_goes_before_the_file_and_the_file_before_the_default() {
        assert_eq!(server(None, &[]).unwrap().listen, crate::server::LISTEN_DEFAULT);
        let file = "# why\nlisten = \"127.0.0.1:1\"\nlog-days = 30\n";
        let from_file = server(Some(file), &[]).unwrap();
        assert_eq!((from_file.listen.port(), from_file.log_days), (1, 30));
        let both = server(Some(file), &["--listen", "127.0.0.1:2"]).unwrap();
        assert_eq!((both.listen.port(), both.log_days), (2, 30));
    }

    #[test]
    fn lists_switches_and_paths_are_written_as_toml_has_them() {
        let file = "trusted-proxy = [\"10.0.0.1\", \"10.0.0.2\"]\ninsecure-http = true\ntls-cert = \"a.pem\"\ntls-key = \"/etc/b.key\"";
        let args = server(Some(file), &[]).unwrap();
        assert_eq!(args.trusted_proxies.len(), 2);
        assert!(args.insecure_http);
        let certificate = args.tls_cert.unwrap();
        assert!(certificate.is_absolute() && certificate.ends_with("a.pem"), "beside the file: {certificate:?}");
        assert!(args.tls_key.unwrap().ends_with("etc/b.key"), "where it is said to be");
        assert!(!server(Some("insecure-http = false"), &[]).unwrap().insecure_http);
        let allow = server(Some("notify-allow = [\"10.0.0.0/8\", \"::1/128\"]"), &[]).unwrap().notify_allow;
        assert_eq!(allow, ["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]);
    }

    #[test]
    fn a_mistake_is_named_with_its_key_and_what_was_meant() {
        for (file, sentence, hint) in [
            ("listne = \"127.0.0.1:1\"", "there is no setting \"listne\"", "\"listen\""),
            ("trusted_proxies = []", "there is no setting \"trusted_proxies\"", "\"trusted-proxy\""),
            ("data-dir = \"/x\"", "data-dir cannot stand in a file", ""),
            ("listen = \"nowhere\"", "listen: invalid value 'nowhere'", ""),
            ("listen = true", "listen: write a text", ""),
            ("insecure-http = 1", "insecure-http: write true or false", ""),
            ("listen =\n", "line 1", ""),
            ("tls-cert = \"a\"", "required arguments", ""),
        ] {
            let failure = server(Some(file), &[]).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.sentence.contains("server.toml"), "{}", failure.sentence);
            assert!(failure.sentence.contains(sentence), "{file}: {}", failure.sentence);
            assert!(failure.hint.unwrap_or_default().contains(hint), "{file}");
        }
    }
}
