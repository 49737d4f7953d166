//! What a viewer sees: the terminal that a test browser keeps.

use sessionforge::wire::frame::SnapshotAt;

/// A terminal of a test viewer.
pub struct Screen {
    cols: u16,
    rows: u16,
    bytes: Vec<u8>,
}

impl Screen {
    /// A blank one.
    pub fn new(cols: u16, rows: u16) -> Self {
        Self { cols, rows, bytes: Vec::new() }
    }

    /// Starts anew, as a repaint asks.
    pub fn reset(&mut self, at: SnapshotAt) {
        *self = Self::new(at.cols, at.rows);
    }

    /// Output came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The visible rows, without trailing blanks.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}
