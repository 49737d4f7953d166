//! A person's own terminal on the machine: a PTY with a program in it, a screen, and the answers a real terminal gives.

use std::io::{Read, Write};
use std::os::fd::BorrowedFd;
use std::process::Command;
use std::sync::{Arc, Mutex};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, SlavePty, native_pty_system};
use sessionforge::stream::screen::Screen as Model;

use super::wait::{Changes, WAIT_MAX, poll, poll_within};

/// The terminal, and the program that was started in it. Dropping it hangs up.
pub struct Local {
    master: Box<dyn MasterPty + Send>,
    /// Held open, so that what is asked of the terminal can be asked after the program has ended.
    _slave: Box<dyn SlavePty + Send>,
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
    child: Box<dyn Child + Send + Sync>,
    seen: Arc<Seen>,
    before: Settings,
}

struct Seen {
    state: Mutex<State>,
    changes: Changes,
    /// Whether the terminal reads; a person's may be stopped or slow.
    reading: (Mutex<bool>, std::sync::Condvar),
}

struct State {
    screen: Model,
    /// Everything that was written to it.
    bytes: Vec<u8>,
}

/// What `stty -a` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings(String);

impl Local {
    /// Starts `command` in a terminal of this size.
    pub fn start(command: &Command, cols: u16, rows: u16) -> Self {
        let size = PtySize { cols, rows, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a PTY");
        let before = settings(&*pair.master);
        let mut builder = CommandBuilder::new(command.get_program());
        builder.env_clear();
        builder.env("TERM", "xterm-256color");
        builder.args(command.get_args());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                builder.env(name, value);
            }
        }
        builder.cwd(command.get_current_dir().expect("a place has one"));
        let child = pair.slave.spawn_command(builder).unwrap_or_else(|error| panic!("{error}: {command:?}"));
        let writer = Arc::new(Mutex::new(pair.master.take_writer().expect("the first writer")));
        let state = Mutex::new(State { screen: Model::new(cols, rows, 1000), bytes: Vec::new() });
        let reading = (Mutex::new(true), std::sync::Condvar::new());
        let seen = Arc::new(Seen { state, changes: Changes::default(), reading });
        follow(pair.master.try_clone_reader().expect("a reader"), Arc::clone(&seen), Arc::clone(&writer));
        Self { master: pair.master, _slave: pair.slave, writer, child, seen, before }
    }

    /// Types.
    pub fn type_text(&self, text: &str) {
        self.writer.lock().unwrap().write_all(text.as_bytes()).expect("the terminal is open");
    }

    /// Drags the window.
    pub fn resize(&self, cols: u16, rows: u16) {
        self.seen.state.lock().unwrap().screen.resize(cols, rows);
        self.master.resize(PtySize { cols, rows, pixel_width: 0, pixel_height: 0 }).expect("a size");
    }

    /// Stops taking in what is written, or goes on.
    pub fn read(&self, reading: bool) {
        *self.seen.reading.0.lock().unwrap() = reading;
        self.seen.reading.1.notify_all();
    }

    /// The visible rows, without trailing blanks.
    pub fn text(&self) -> String {
        self.look(|screen| {
            let rows: Vec<String> = screen.text().iter().map(|row| row.trim_end().to_owned()).collect();
            rows.join("\n").trim_end().to_owned()
        })
    }

    /// Looks at the screen.
    pub fn look<T>(&self, look: impl FnOnce(&Model) -> T) -> T {
        look(&self.seen.state.lock().unwrap().screen)
    }

    /// All that was written to the terminal so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.state.lock().unwrap().bytes.clone()
    }

    /// Asks the terminal, as a program could.
    pub fn ask(&self, question: &str) -> String {
        let mut answer = Vec::new();
        let mut state = self.seen.state.lock().unwrap();
        state.screen.feed(question.as_bytes(), std::time::Instant::now(), &mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Waits until the visible screen is as wanted.
    pub async fn expect(&self, why: &str, look: impl Fn(&str) -> bool) {
        let found = self.seen.changes.wait(WAIT_MAX, || look(&self.text()).then_some(())).await;
        assert!(found.is_some(), "waited {WAIT_MAX:?} in vain: {why}\nthe screen:\n{}", self.text());
    }

    /// Waits until the visible screen holds `text`, on one row or flowing over the margin.
    pub async fn expect_text(&self, text: &str) {
        let shows = |screen: &str| screen.contains(text) || screen.replace('\n', "").contains(text);
        self.expect(&format!("the screen shows {text:?}"), shows).await;
    }

    /// Waits for the program's end, and tells its exit code.
    pub async fn expect_exit(&mut self) -> u32 {
        let seen = Arc::clone(&self.seen);
        let text = move || {
            let state = seen.state.lock().unwrap();
            state.screen.text().join("\n").trim_end().to_owned()
        };
        let child = &mut self.child;
        let status = poll("the program in the terminal ends", async || child.try_wait().ok().flatten()).await;
        assert!(status.signal().is_none(), "{status:?}; the screen:\n{}", text());
        status.exit_code()
    }

    /// Process id of the program.
    pub fn pid(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// Kills the program and reaps it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether the terminal is as it was before the program.
    pub fn is_restored(&self) -> bool {
        settings(&*self.master) == self.before
    }

    /// Waits until the terminal and all its modes are as they were before the program. The last that a program wrote may
    /// still be on its way when it has ended.
    pub async fn expect_restored(&self) {
        let mut wrong = self.not_restored();
        let restored = poll_within(WAIT_MAX, async || {
            wrong = self.not_restored();
            wrong.is_empty().then_some(())
        });
        let restored = restored.await.is_some();
        assert!(restored, "the terminal is not as it was: {wrong:?}");
    }

    fn not_restored(&self) -> Vec<String> {
        // Mouse, focus, paste, synchronized updates, application cursor and keypad, origin mode, alternate screen: off.
        const OFF: [u16; 14] = [1, 6, 9, 66, 1000, 1002, 1003, 1004, 1006, 1016, 2004, 2026, 47, 1049];
        let rows = self.look(|screen| screen.size().1);
        let mut asked: Vec<(String, String)> =
            OFF.iter().map(|mode| (format!("\x1b[?{mode}$p"), format!("\x1b[?{mode};2$y"))).collect();
        asked.extend([
            ("\x1b[?7$p".to_owned(), "\x1b[?7;1$y".to_owned()),   // lines wrap
            ("\x1b[4$p".to_owned(), "\x1b[4;2$y".to_owned()),     // typing does not insert
            ("\x1b[?25$p".to_owned(), "\x1b[?25;1$y".to_owned()), // the cursor is there
            ("\x1bP$qm\x1b\\".to_owned(), "\x1bP1$r0m\x1b\\".to_owned()), // the pen is plain
            ("\x1bP$qr\x1b\\".to_owned(), format!("\x1bP1$r1;{rows}r\x1b\\")), // no margins
        ]);
        let mut wrong: Vec<String> = asked
            .iter()
            .map(|(question, wanted)| (self.ask(question), wanted))
            .filter(|(answer, wanted)| answer != *wanted)
            .map(|(answer, wanted)| format!("{answer:?} instead of {wanted:?}"))
            .collect();
        if !self.is_restored() {
            wrong.push(format!("{:?} instead of {:?}", settings(&*self.master), self.before));
        }
        wrong
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- the local terminal shows:\n{}\n----", self.text());
        }
        self.read(true);
        self.kill();
    }
}

fn settings(master: &dyn MasterPty) -> Settings {
    let descriptor = master.as_raw_fd().expect("a descriptor");
    // SAFETY: `master` holds it open for the time of this call.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    Settings(format!("{:?}", rustix::termios::tcgetattr(descriptor).expect("a terminal")))
}

/// Takes in what is written, and answers what is asked, as a terminal does.
fn follow(mut reader: Box<dyn Read + Send>, seen: Arc<Seen>, writer: Arc<Mutex<Box<dyn Write + Send>>>) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let mut reading = seen.reading.0.lock().unwrap();
            while !*reading {
                reading = seen.reading.1.wait(reading).unwrap();
            }
            drop(reading);
            let Ok(count @ 1..) = reader.read(&mut buffer) else { break };
            let mut answers = Vec::new();
            {
                let mut state = seen.state.lock().unwrap();
                state.screen.feed(&buffer[..count], std::time::Instant::now(), &mut answers);
                state.bytes.extend_from_slice(&buffer[..count]);
            }
            seen.changes.raise();
            if !answers.is_empty() {
                let _ = writer.lock().unwrap().write_all(&answers);
            }
        }
        seen.changes.raise();
    });
}
