//! The agent's HTTP for programs of its machine: head, host, token and bodies, as bytes of a connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sessionforge::agent::fuzzing;

fuzz_target!(|asked: &[u8]| fuzzing::local_http(asked));
