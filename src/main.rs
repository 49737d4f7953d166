//! Parse, run, one error, exit code.

fn main() {}
