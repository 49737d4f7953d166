//! Another version of this program in the place of this one, so that at each moment one that works is there.
//!
//! [`swap`] is what happens to files, [`course`] decides what happens when, and what if something fails; [`offer`] says which
//! versions are newer. Sessions are not concerned: their PTY hosts run on from the file that they were started from.

pub mod course;
pub mod offer;
pub mod swap;
