//! The server's configuration file, as far as the flags that it stands for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sessionforge::cli::fuzzing;

fuzz_target!(|text: &str| fuzzing::server_toml(text));
