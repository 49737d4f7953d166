//! Another version of this program in the place of this one, so that at each moment one that works is there.
//!
//! [`swap`] is what happens to files, [`course`] decides what happens when, and what if something fails; [`offer`] says which
//! versions are newer. [`manifest`] is what a server has, for which [`target`], and [`signature`] who says so. Sessions are not
//! concerned: their PTY hosts run on from the file that they were started from.

pub mod checksum;
pub mod course;
pub mod manifest;
pub mod offer;
pub mod signature;
pub mod swap;
pub mod target;
