//! A door for `fuzz/` into what is private here. Compiled for fuzzing alone.

/// Reads the server's configuration file, and checks what must hold of the outcome.
///
/// # Panics
/// When it does not.
pub fn server_toml(text: &str) {
    super::server::check_config_file(text);
}
