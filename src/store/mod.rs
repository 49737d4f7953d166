//! State in redb, one typed face per table; no redb type leaves this module.
