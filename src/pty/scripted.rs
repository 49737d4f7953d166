//! A terminal without a program: a test prints, reads what was typed, and ends it.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::{Ending, Exit, Pty, Size};

#[derive(Default)]
struct State {
    printed: VecDeque<u8>,
    closed: bool,
    typed: Vec<u8>,
    /// Typed bytes taken before the terminal takes no more.
    room: usize,
    exit: Option<Exit>,
    sizes: Vec<Size>,
    endings: Vec<Ending>,
    wakers: Vec<Waker>,
}

impl State {
    fn wait(&mut self, cx: &Context<'_>) {
        if !self.wakers.iter().any(|known| known.will_wake(cx.waker())) {
            self.wakers.push(cx.waker().clone());
        }
    }

    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

/// The terminal's side, for the code under test.
pub struct ScriptedPty(Rc<RefCell<State>>);

/// The program's side, for the test.
#[derive(Clone)]
pub struct Script(Rc<RefCell<State>>);

/// A terminal and its script.
pub fn pair() -> (ScriptedPty, Script) {
    let state = Rc::new(RefCell::new(State { room: usize::MAX, ..State::default() }));
    (ScriptedPty(Rc::clone(&state)), Script(state))
}

impl Script {
    /// The program prints.
    pub fn print(&self, bytes: &[u8]) {
        let mut state = self.0.borrow_mut();
        state.printed.extend(bytes);
        state.wake();
    }

    /// Bytes printed and not yet read by the terminal's owner.
    pub fn unread(&self) -> usize {
        self.0.borrow().printed.len()
    }

    /// All that was typed so far.
    pub fn typed(&self) -> Vec<u8> {
        self.0.borrow().typed.clone()
    }

    /// From now on the program reads only `bytes` more.
    pub fn take_only(&self, bytes: usize) {
        let mut state = self.0.borrow_mut();
        state.room = bytes;
        state.wake();
    }

    /// The program ends. The terminal stays open until [`Self::close`]: something it started holds it.
    pub fn exit(&self, exit: Exit) {
        let mut state = self.0.borrow_mut();
        state.exit = Some(exit);
        state.wake();
    }

    /// Nothing has the terminal open any more.
    pub fn close(&self) {
        let mut state = self.0.borrow_mut();
        state.closed = true;
        state.wake();
    }

    /// Sizes the terminal was told, in order.
    pub fn sizes(&self) -> Vec<Size> {
        self.0.borrow().sizes.clone()
    }

    /// How the program was asked to end, in order.
    pub fn endings(&self) -> Vec<Ending> {
        self.0.borrow().endings.clone()
    }
}

impl Pty for ScriptedPty {
    fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.borrow_mut();
        if state.printed.is_empty() {
            if state.closed {
                return Poll::Ready(Ok(0));
            }
            state.wait(cx);
            return Poll::Pending;
        }
        let bytes = into.len().min(state.printed.len());
        for (slot, byte) in into.iter_mut().zip(state.printed.drain(..bytes)) {
            *slot = byte;
        }
        Poll::Ready(Ok(bytes))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut state = self.0.borrow_mut();
        let taken = bytes.len().min(state.room);
        if taken == 0 {
            state.wait(cx);
            return Poll::Pending;
        }
        state.room -= taken;
        state.typed.extend_from_slice(&bytes[..taken]);
        Poll::Ready(Ok(taken))
    }

    fn poll_exit(&mut self, cx: &mut Context<'_>) -> Poll<Exit> {
        let mut state = self.0.borrow_mut();
        if let Some(exit) = &state.exit {
            return Poll::Ready(exit.clone());
        }
        state.wait(cx);
        Poll::Pending
    }

    fn resize(&mut self, size: Size) -> io::Result<()> {
        self.0.borrow_mut().sizes.push(size);
        Ok(())
    }

    fn pid(&self) -> Option<u32> {
        None
    }

    fn end(&mut self, how: Ending) {
        self.0.borrow_mut().endings.push(how);
    }

    fn interrupt(&mut self, bytes: &[u8]) -> Option<usize> {
        let at = bytes.iter().rposition(|byte| *byte == 0x03)?;
        self.0.borrow_mut().typed.push(0x03);
        Some(at + 1)
    }
}
