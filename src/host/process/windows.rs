//! Windows: there is no fork. The host was started without a console and in no process group of its starter's, which is all
//! that ties a process to another there; its standard output stays open and is not written to after the report.

use std::process::ExitCode;
use std::rc::Rc;

use super::{live, read_spec};
use crate::host::session::Session;

/// The subcommand `host`: reads a [`Spec`](crate::host::spec::Spec) on standard input, writes a
/// [`Report`](crate::host::spec::Report) to standard output, and serves. The result is the host's own, which nobody reads.
pub fn run() -> ExitCode {
    live(read_spec(), std::io::stdout())
}

/// Nothing tells a process without console and window to end; who ends it, kills it.
pub(super) async fn end_on_signal(_session: Rc<Session>) {
    std::future::pending::<()>().await;
}

/// Windows has one arena for each process.
pub(super) fn spare_memory() {}
