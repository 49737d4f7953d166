//! The PTY host: the small process that owns one session's PTY and its screen, and outlives the agent.
