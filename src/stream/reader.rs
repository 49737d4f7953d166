//! One reader of an output log: its position and its credit. The same at a PTY host, whose readers are the agent and
//! local terminals, and in the server's hub, whose readers are viewers.
//!
//! It decides, one [`Step`] at a time, between going on with the output, painting the screen anew, and waiting. What
//! it is never: a queue. The log is read when there is credit, so a slow reader costs its position.
//!
//! ```text
//!             ┌────────── repainted ─────────┐
//!             ▼                              │
//!   follows the log ── fell behind, or ──▶ waits for credit ── Step::Repaint ──▶ waits for a snapshot
//!             ▲        too much to drain
//!             └─ last piece sent ── paints (Step::Paint …)
//! ```

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::credit::{Credit, OverAcknowledged};
use super::output_log::OutputLog;
use crate::base::limits::REPAINT_AFTER;
use crate::base::offset::Offset;

/// What to do next for a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// Send this output.
    Output {
        /// Of its first byte.
        offset: Offset,
        /// At most one frame's payload.
        bytes: Bytes,
    },
    /// Send this piece of the repaint that [`Reader::repainted`] was given.
    Paint {
        /// What the snapshot was labelled with.
        label: T,
        /// The first piece of it.
        first: bool,
        /// The last piece of it.
        last: bool,
        /// At most one frame's payload.
        bytes: Bytes,
    },
    /// Send this piece of a snapshot that [`Reader::answered`] or [`Reader::answered_at_once`] was given.
    Answer {
        /// What the snapshot was labelled with.
        label: T,
        /// The first piece of it.
        first: bool,
        /// The last piece of it.
        last: bool,
        /// At most one frame's payload.
        bytes: Bytes,
    },
    /// Take a snapshot of the newest screen and hand it to [`Reader::repainted`]. Said once.
    Repaint,
    /// Nothing until the log grows or an acknowledgement comes.
    Wait,
}

/// A snapshot on its way to a reader, in pieces that several readers may share. Its label `T` comes back with every
/// piece: what a frame must say of it.
#[derive(Debug, Clone)]
pub struct Painting<T> {
    label: T,
    pieces: Arc<[Bytes]>,
    piece: usize,
    skip: usize,
    begun: bool,
}

impl<T: Copy> Painting<T> {
    /// Of a snapshot whose bytes follow each other in these pieces.
    pub fn new(label: T, pieces: Arc<[Bytes]>) -> Self {
        Self { label, pieces, piece: 0, skip: 0, begun: false }
    }

    /// Of a snapshot in one piece.
    pub fn of(label: T, bytes: Bytes) -> Self {
        Self::new(label, Arc::new([bytes]))
    }

    /// The next bytes, at most `max`, and whether they are the first and the last.
    fn next(&mut self, max: usize) -> (bool, bool, Bytes) {
        let first = !std::mem::replace(&mut self.begun, true);
        let bytes = match self.pieces.get(self.piece) {
            Some(piece) => piece.slice(self.skip..piece.len().min(self.skip.saturating_add(max))),
            None => Bytes::new(),
        };
        self.skip += bytes.len();
        while self.pieces.get(self.piece).is_some_and(|piece| self.skip >= piece.len()) {
            self.piece += 1;
            self.skip = 0;
        }
        (first, self.piece >= self.pieces.len(), bytes)
    }

    fn remaining(&self) -> usize {
        let later = self.pieces.iter().skip(self.piece).map(Bytes::len).sum::<usize>();
        later.saturating_sub(self.skip)
    }
}

/// Where a reader stands with repaints.
#[derive(Debug)]
enum Repaint<T> {
    /// It follows the log.
    None,
    /// It needs one as soon as there is credit. Until then `screen` says whether what it shows is right, only late.
    Due { screen: bool },
    /// [`Step::Repaint`] was said; the snapshot is awaited. `screen` as before.
    Asked { screen: bool },
    /// It is being sent. `next` is a newer one that came after this one had begun.
    Painting { now: Painting<T>, next: Option<(Offset, Painting<T>)> },
}

/// One reader of one log.
#[derive(Debug)]
pub struct Reader<T> {
    position: Offset,
    credit: Credit,
    repaint: Repaint<T>,
    /// Goes before output.
    urgent_answer: Option<Painting<T>>,
    /// Goes behind output.
    answer: Option<Painting<T>>,
    /// All bytes sent up to the end of the last repaint: when they are acknowledged, it has been seen.
    painted_until: u64,
}

impl<T: Copy> Reader<T> {
    /// One that has everything before `offset`.
    pub fn at(offset: Offset) -> Self {
        Self {
            position: offset,
            credit: Credit::new(),
            repaint: Repaint::None,
            urgent_answer: None,
            answer: None,
            painted_until: 0,
        }
    }

    /// One that has nothing: its first step is [`Step::Repaint`].
    pub fn unpainted() -> Self {
        Self { repaint: Repaint::Due { screen: false }, ..Self::at(Offset::ZERO) }
    }

    /// The offset of the next output byte it will be sent.
    pub fn position(&self) -> Offset {
        self.position
    }

    /// Its credit, to look at.
    pub fn credit(&self) -> &Credit {
        &self.credit
    }

    /// Whether [`Step::Repaint`] was said and not yet answered by [`Reader::repainted`].
    pub fn awaits_repaint(&self) -> bool {
        matches!(self.repaint, Repaint::Asked { .. })
    }

    /// Whether it follows the log, neither painted nor waiting to be.
    pub fn follows(&self) -> bool {
        matches!(self.repaint, Repaint::None)
    }

    /// Whether the last [`Reader::answered`] is still being sent.
    pub fn is_answering(&self) -> bool {
        self.answer.is_some()
    }

    /// Its screen is no longer right: paint it anew at the next chance.
    pub fn repaint_needed(&mut self) {
        if let Repaint::None | Repaint::Due { .. } = self.repaint {
            self.repaint = Repaint::Due { screen: false };
        }
    }

    /// The snapshot that was asked for did not come: ask again at the next chance.
    pub fn repaint_failed(&mut self) {
        if let Repaint::Asked { .. } = self.repaint {
            self.repaint = Repaint::Due { screen: false };
        }
    }

    /// Its screen becomes this snapshot, taken at `offset`, whether it asked or not. Output goes on from there.
    ///
    /// A repaint that has begun is finished first; of those that have not, only the newest is sent.
    pub fn repainted(&mut self, offset: Offset, snapshot: Painting<T>) {
        match &mut self.repaint {
            Repaint::Painting { now, next } if now.begun => *next = Some((offset, snapshot)),
            repaint => {
                self.position = offset;
                *repaint = Repaint::Painting { now: snapshot, next: None };
            }
        }
    }

    /// Sends this snapshot too, behind all output and only while credit is left. Replaces an earlier one.
    ///
    /// For the scrollback: long, and nobody waits for it.
    pub fn answered(&mut self, snapshot: Painting<T>) {
        self.answer = Some(snapshot);
    }

    /// Sends this snapshot too, before any more output. Replaces an earlier one.
    ///
    /// For the visible screen: short, and somebody waits for it while output may never end.
    pub fn answered_at_once(&mut self, snapshot: Painting<T>) {
        self.urgent_answer = Some(snapshot);
    }

    /// Whether the last [`Reader::answered_at_once`] is still being sent.
    pub fn is_answering_at_once(&self) -> bool {
        self.urgent_answer.is_some()
    }

    /// It has everything before `offset` by now and goes on there, with the credit it has.
    pub fn go_on_at(&mut self, offset: Offset) {
        self.position = offset;
        self.repaint = Repaint::None;
    }

    /// Sends no more of the last [`Reader::answered`].
    pub fn cancel_answer(&mut self) {
        self.answer = None;
    }

    /// The reader has consumed this many payload bytes since its beginning.
    pub fn acked(&mut self, consumed: u64, now: Instant) -> Result<(), OverAcknowledged> {
        self.credit.acked(consumed, now)
    }

    /// The next thing to do. Ask again after doing it, until it says [`Step::Wait`].
    pub fn step(&mut self, log: &mut OutputLog, now: Instant) -> Step<T> {
        if let Repaint::None = self.repaint
            && self.is_too_far_back(log)
        {
            self.repaint = Repaint::Due { screen: true };
        }
        // A repaint that has begun is not torn apart.
        if self.urgent_answer.is_some() && !self.has_begun_painting() {
            return send_answer(&mut self.urgent_answer, &mut self.credit, now);
        }
        match &mut self.repaint {
            // The last one was seen, and this one can be sent at once: never two in flight, and a slow line shows a
            // fresh screen every round trip, which the window keeps near a tenth of a second.
            Repaint::Due { screen }
                if self.credit.consumed_bytes() >= self.painted_until
                    && self.credit.available() >= self.credit.piece_bytes_max() =>
            {
                self.repaint = Repaint::Asked { screen: *screen };
                Step::Repaint
            }
            // The output still kept goes on meanwhile: it keeps the line busy and the picture moving.
            Repaint::Due { screen: true } | Repaint::Asked { screen: true } if self.position >= log.start() => {
                self.follow(log, now)
            }
            Repaint::Due { .. } | Repaint::Asked { .. } => Step::Wait,
            Repaint::Painting { .. } => self.paint(now),
            Repaint::None => self.follow(log, now),
        }
    }

    /// Whether what it misses is gone, or more than its line takes in a reasonable time.
    fn is_too_far_back(&self, log: &OutputLog) -> bool {
        let backlog = log.end().since(self.position);
        let queued = backlog + self.credit.outstanding();
        let slow = backlog > self.credit.available() as u64 && self.credit.drain_time(queued) > REPAINT_AFTER;
        self.position < log.start() || slow
    }

    fn paint(&mut self, now: Instant) -> Step<T> {
        let Repaint::Painting { now: painting, next } = &mut self.repaint else { return Step::Wait };
        let Some(max) = room(&self.credit, painting.remaining()) else { return Step::Wait };
        let label = painting.label;
        let (first, last, bytes) = painting.next(max);
        self.credit.sent(bytes.len(), now);
        if last {
            self.painted_until = self.credit.sent_bytes();
            match next.take() {
                Some((offset, snapshot)) => {
                    self.position = offset;
                    self.repaint = Repaint::Painting { now: snapshot, next: None };
                }
                None => self.repaint = Repaint::None,
            }
        }
        Step::Paint { label, first, last, bytes }
    }

    fn follow(&mut self, log: &mut OutputLog, now: Instant) -> Step<T> {
        let backlog = log.end().since(self.position);
        if backlog == 0 {
            if let Repaint::Due { .. } = self.repaint {
                // It caught up by itself.
                self.repaint = Repaint::None;
            }
            return send_answer(&mut self.answer, &mut self.credit, now);
        }
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX);
        let Some(max) = room(&self.credit, backlog) else { return Step::Wait };
        let offset = self.position;
        match log.read(offset, max) {
            Ok(bytes) => {
                self.credit.sent(bytes.len(), now);
                self.position = offset + bytes.len();
                Step::Output { offset, bytes }
            }
            // Not reached: a position before the log's start was turned into a repaint above.
            Err(_) => Step::Wait,
        }
    }

    fn has_begun_painting(&self) -> bool {
        matches!(&self.repaint, Repaint::Painting { now, .. } if now.begun)
    }
}

fn send_answer<T: Copy>(slot: &mut Option<Painting<T>>, credit: &mut Credit, now: Instant) -> Step<T> {
    let Some(painting) = slot else { return Step::Wait };
    let Some(max) = room(credit, painting.remaining()) else { return Step::Wait };
    let label = painting.label;
    let (first, last, bytes) = painting.next(max);
    credit.sent(bytes.len(), now);
    if last {
        *slot = None;
    }
    Step::Answer { label, first, last, bytes }
}

/// How much of `remaining` bytes to send now, if any: a whole piece or all of the rest, never crumbs of a window.
fn room(credit: &Credit, remaining: usize) -> Option<usize> {
    let wanted = credit.piece_bytes_max().min(remaining);
    (credit.available() >= wanted).then_some(wanted)
}

#[cfg(test)]
mod tests;
