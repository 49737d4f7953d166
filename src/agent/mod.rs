//! The agent: finds and starts PTY hosts, holds the one outbound connection to the server.
