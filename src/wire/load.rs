//! How busy a machine is: said by its agent now and then, shown and forgotten.

use serde::{Deserialize, Serialize};

/// How busy a machine was a moment ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Load {
    /// Time that its processors worked, all together, in percent; at most 100.
    pub cpu_percent: u8,
    /// Memory in use, in bytes: what programs could not get without something going to disk.
    #[serde(default)]
    pub memory_used_bytes: u64,
    /// What is free of the disk with the home directory, in bytes.
    #[serde(default)]
    pub disk_free_bytes: u64,
}
