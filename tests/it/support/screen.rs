//! What a viewer sees: the terminal that a test browser keeps.

use std::time::Instant;

use sessionforge::base::limits::SCROLLBACK_LINES;
use sessionforge::stream::screen::Screen as Model;
use sessionforge::wire::frame::SnapshotAt;

/// A terminal of a test viewer. It is silent: questions are answered by the PTY host alone.
pub struct Screen(Model);

impl Screen {
    /// A blank one.
    pub fn new(cols: u16, rows: u16) -> Self {
        Self(Model::new(cols, rows, SCROLLBACK_LINES))
    }

    /// Starts anew, as a repaint asks.
    pub fn reset(&mut self, at: SnapshotAt) {
        *self = Self::new(at.cols, at.rows);
    }

    /// Output came.
    pub fn feed(&mut self, bytes: &[u8]) {
        let mut unsaid = Vec::new();
        self.0.feed(bytes, Instant::now(), &mut unsaid);
    }

    /// The visible rows, without trailing blanks and empty last rows.
    pub fn text(&self) -> String {
        let rows: Vec<String> = self.0.text().iter().map(|row| row.trim_end().to_owned()).collect();
        rows.join("\n").trim_end().to_owned()
    }
}
