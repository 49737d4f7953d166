//! What does not fit a cell, kept once and numbered: clusters, and extended attributes with their links.
//!
//! Programs can make up new ones without end, so each pool is bounded. A full pool is swept: whatever no
//! cell refers to any more is dropped. If that frees nothing, new ones are not kept, and the text goes on
//! without its mark, underline colour or link.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Entries of one pool. Screen and scrollback rarely show a hundred different ones.
const ENTRIES_MAX: usize = 8 * 1024;

/// A character with all its combining marks, in bytes. Sixteen marks are more than any script stacks;
/// without a bound one cell could hold all output.
pub(super) const CLUSTER_BYTES_MAX: usize = 64;

/// One link's address, in bytes. Browsers open no longer ones reliably.
pub(super) const LINK_BYTES_MAX: usize = 2 * 1024;

/// An underline's style and colour, and the link under the text.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Extended {
    /// 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed.
    pub underline: u8,
    /// Colour word, see [`super::cell::color`]; or [`UNDERLINE_COLOR_RESET`].
    pub color: u32,
    pub link: Option<Arc<Link>>,
}

/// What SGR 59 leaves: xterm.js tells it from a colour that was never set.
pub(super) const UNDERLINE_COLOR_RESET: u32 = 0x7ff_ffff;

/// A hyperlink (OSC 8).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Link {
    /// Tells links of the same address apart. Cells of one link light up together.
    pub identity: LinkIdentity,
    pub uri: Box<str>,
}

/// What makes two links the same one.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum LinkIdentity {
    /// The program's `id=`.
    Named(Box<str>),
    /// Each opening without a name is a link of its own.
    Numbered(u64),
}

impl Extended {
    /// Nothing a cell would have to remember. A colour alone shows nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.underline == 0 && self.link.is_none()
    }
}

/// Values numbered from 1; 0 is never given out.
#[derive(Debug)]
pub(super) struct Pool<T> {
    values: Vec<Option<T>>,
    numbers: HashMap<T, u32>,
    free: Vec<u32>,
}

impl<T: Clone + Eq + Hash> Pool<T> {
    pub(super) fn new() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new(), free: Vec::new() }
    }

    pub(super) fn get(&self, number: u32) -> Option<&T> {
        self.values.get((number as usize).checked_sub(1)?)?.as_ref()
    }

    /// The number of `value`, if it is known or there is room for it.
    pub(super) fn number(&mut self, value: &T) -> Option<u32> {
        if let Some(number) = self.numbers.get(value) {
            return Some(*number);
        }
        let number = if let Some(number) = self.free.pop() {
            self.values[number as usize - 1] = Some(value.clone());
            number
        } else {
            if self.values.len() >= ENTRIES_MAX {
                return None;
            }
            self.values.push(Some(value.clone()));
            self.values.len() as u32
        };
        self.numbers.insert(value.clone(), number);
        Some(number)
    }

    /// Drops every value whose number is not in `used`.
    pub(super) fn sweep(&mut self, used: &Marks) {
        for (at, slot) in self.values.iter_mut().enumerate() {
            let number = at as u32 + 1;
            if !used.contains(number)
                && let Some(value) = slot.take()
            {
                self.numbers.remove(&value);
                self.free.push(number);
            }
        }
    }
}

/// A set of numbers found in cells.
#[derive(Debug)]
pub(super) struct Marks(Vec<bool>);

impl Marks {
    pub(super) fn new() -> Self {
        Self(vec![false; ENTRIES_MAX + 1])
    }

    pub(super) fn insert(&mut self, number: u32) {
        if let Some(mark) = self.0.get_mut(number as usize) {
            *mark = true;
        }
    }

    fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize).copied().unwrap_or(false)
    }
}
