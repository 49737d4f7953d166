//! Parse, run, one error, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    sessionforge::cli::main()
}
