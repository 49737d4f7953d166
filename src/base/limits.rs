//! Every bound that more than one layer must agree on, with its unit and its reason.

use std::time::Duration;

use super::gap::BEAT_EVERY;

/// Payload of one output or snapshot frame, in bytes.
///
/// Large enough that framing costs nothing at full speed (32 KiB at 30 MB/s is a thousand frames a
/// second), small enough that an echo never waits for more than one of them on a slow line.
pub const FRAME_PAYLOAD_BYTES_MAX: usize = 32 * 1024;

/// Payload of one input frame, in bytes. A paste is cut into pieces of this size.
pub const INPUT_BYTES_MAX: usize = 8 * 1024;

/// One control message as JSON, in bytes. The longest is a list of a machine's sessions.
pub const CONTROL_BYTES_MAX: usize = 256 * 1024;

/// One whole frame, header included, in bytes. A decoder refuses a longer one before it reads it.
pub const FRAME_BYTES_MAX: usize = CONTROL_BYTES_MAX + 64;

/// Output that a PTY host keeps for readers that fall behind, in bytes.
///
/// At the 40 MB/s of the terminal model these are 50 ms in which a reader may be kept off the
/// processor and still miss nothing.
pub const OUTPUT_LOG_BYTES_MAX: usize = 2 * 1024 * 1024;

/// Output that the server keeps of a session somebody watches, in bytes. Nothing is kept of others.
pub const HUB_LOG_BYTES_MAX: usize = 2 * 1024 * 1024;

/// One snapshot, in bytes: 5,000 lines of 120 columns with a new colour at every cell stay below it.
pub const SNAPSHOT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Scrollback lines the terminal model keeps, and a viewer shows.
pub const SCROLLBACK_LINES: usize = 5_000;

/// Smallest window of a reader, in bytes: two full screens of text on the slowest line.
pub const WINDOW_BYTES_MIN: u32 = 4 * 1024;

/// Window a reader starts with, in bytes, before its rate is known: a quarter of a second at 1 Mbit/s.
pub const WINDOW_BYTES_START: u32 = 32 * 1024;

/// Largest window of a reader, in bytes.
///
/// xterm.js grows sluggish beyond about 500 kB of waiting input (xtermjs.org/docs/guides/flowcontrol).
pub const WINDOW_BYTES_MAX: u32 = 512 * 1024;

/// What may be queued between the program and a viewer's screen, as time at the viewer's own rate.
pub const QUEUED_TIME_TARGET: Duration = Duration::from_millis(100);

/// A reader whose queue and backlog would take longer than this to drain is painted anew instead.
///
/// This is how long Ctrl-C may seem to do nothing; with the way there and back it stays below half a second.
pub const REPAINT_AFTER: Duration = Duration::from_millis(350);

/// Input that could not be delivered within this time is dropped visibly: a late "y" must not confirm
/// something else.
pub const INPUT_KEPT_FOR: Duration = Duration::from_secs(15);

/// Terminal size bounds, in cells. A PTY takes 16 bits; the model's memory is what limits.
pub const COLS_MAX: u16 = 1_000;
/// See [`COLS_MAX`].
pub const ROWS_MAX: u16 = 500;

/// Both sides send a ping when they have been silent for this long.
pub const PING_EVERY: Duration = Duration::from_secs(5);

/// A dead line is noticed on both its sides within this time of the last byte that came over it.
pub const DEAD_NOTICED_WITHIN: Duration = Duration::from_secs(15);

/// A peer that has been silent for this long is gone. Whoever looks once a second notices a second later, and a busy
/// machine may look a second late.
pub const SILENCE_MAX: Duration = Duration::from_secs(13);

/// What was sent has this long to leave, in part at least each time it is looked at. A peer that takes nothing while it
/// goes on asking is no page of ours; a slow line that takes a little now and then is.
pub const UNSENT_MAX: Duration = Duration::from_mins(1);

/// Time from a connection's start to its `hello`.
pub const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// First and largest delay before another try to connect (full jitter between zero and the bound).
pub const RECONNECT_DELAY_MIN: Duration = Duration::from_millis(250);
/// See [`RECONNECT_DELAY_MIN`].
pub const RECONNECT_DELAY_MAX: Duration = Duration::from_secs(30);

/// Sessions one agent runs at a time.
pub const SESSIONS_PER_MACHINE_MAX: usize = 200;

/// Sessions of one machine that are known, those that have ended included. Beyond it the oldest ended ones are
/// forgotten.
pub const SESSIONS_KNOWN_MAX: usize = 4 * SESSIONS_PER_MACHINE_MAX;

/// Viewers one session has at a time. The bar is 1,000; a host's gate keeps a few bytes for each.
pub const VIEWERS_PER_SESSION_MAX: usize = 2_000;

/// Pages and other connections that one person's sign-ins and keys hold open at a time. The bar is a thousand viewers.
pub const PAGES_PER_PERSON_MAX: usize = 2_000;

/// Channels one viewer connection holds at a time: a page with a tile for each of a fleet's sessions.
pub const CHANNELS_PER_VIEWER_MAX: usize = 256;

/// Names, titles and labels, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 256;

/// One argument, command or path, in bytes; Linux allows 128 KiB for one argument, no person does.
pub const ARGUMENT_BYTES_MAX: usize = 8 * 1024;

/// Arguments of one command.
pub const ARGUMENTS_MAX: usize = 256;

const _: () = assert!(WINDOW_BYTES_MAX as usize >= 4 * FRAME_PAYLOAD_BYTES_MAX, "a window holds several frames");
const _: () = assert!(OUTPUT_LOG_BYTES_MAX >= 4 * WINDOW_BYTES_MAX as usize, "a log holds several windows");
const _: () = assert!(SILENCE_MAX.as_millis() + 2 * BEAT_EVERY.as_millis() <= DEAD_NOTICED_WITHIN.as_millis());
const _: () = assert!(SILENCE_MAX.as_millis() >= 2 * PING_EVERY.as_millis(), "one lost ping is not death");
