//! The stream's pure parts: what is kept, what is shown, how much may be outstanding, who may type.
//!
//! No I/O and no clock of their own: time is handed in, so that all of it can be simulated.

pub mod input_gate;
