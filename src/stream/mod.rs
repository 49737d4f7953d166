//! The stream's pure parts: what is kept, what is shown, how much may be outstanding, who may type.
//!
//! No I/O and no clock of their own: time is handed in, so that all of it can be simulated.

pub mod backoff;
pub mod credit;
pub mod input_gate;
pub mod output_log;
pub mod reader;
pub mod screen;

pub use credit::{Credit, OverAcknowledged};
pub use output_log::{Behind, OutputLog};
pub use reader::{Painting, Reader, Step};
pub use screen::{LateScreen, Screen, ScreenCursor, ScreenEvents, ScreenSignal, ScreenTheme};
