/**
 * Bounds of the wire, as in src/base/limits.rs: both sides must agree on them.
 * Times are in milliseconds, sizes in bytes.
 */

/** Major and minor protocol version; another major cannot talk. */
export const PROTOCOL = /** @type {const} */ ([1, 0]);
/** Payload of one output or snapshot frame. */
export const FRAME_PAYLOAD_BYTES_MAX = 32 * 1024;
/** Payload of one input frame; a paste is cut into pieces of this size. */
export const INPUT_BYTES_MAX = 8 * 1024;
/** One hello or control message. */
export const CONTROL_BYTES_MAX = 256 * 1024;
/** One snapshot, all its pieces together. */
export const SNAPSHOT_BYTES_MAX = 16 * 1024 * 1024;
/** Scrollback lines kept on the page; the host's model keeps as many. */
export const SCROLLBACK_LINES = 5_000;
/** Input that could not be delivered within this time is dropped, visibly. */
export const INPUT_KEPT_FOR = 15_000;
/** Either side pings after this much silence. */
export const PING_EVERY = 5_000;
/** A peer silent for this long is gone. */
export const SILENCE_MAX = 13_000;
/** Time from a connection's start to the server's hello. */
export const HELLO_WITHIN = 10_000;
/** First and largest bound of the delay before another try to connect. */
export const RECONNECT_DELAY_MIN = 250;
export const RECONNECT_DELAY_MAX = 30_000;
/** Terminal size, in cells. */
export const COLS_MAX = 1_000;
export const ROWS_MAX = 500;
