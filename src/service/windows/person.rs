//! The person whose service it is: whether signed in, and the agent as that person.

use std::io::{self, PipeWriter};
use std::os::windows::io::{AsRawHandle as _, FromRawHandle as _, OwnedHandle};
use std::os::windows::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::ptr;

use windows_sys::Win32::Foundation::{GetLastError, HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation, WAIT_OBJECT_0};
use windows_sys::Win32::System::Environment::{CreateEnvironmentBlock, DestroyEnvironmentBlock};
use windows_sys::Win32::System::RemoteDesktop::{
    WTS_SESSION_INFOW, WTSEnumerateSessionsW, WTSFreeMemory, WTSQueryUserToken,
};
use windows_sys::Win32::System::Threading::{
    CREATE_NEW_PROCESS_GROUP, CREATE_NO_WINDOW, CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW, GetExitCodeProcess,
    INFINITE, PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOW, TerminateProcess, WaitForSingleObject,
};

use super::words;
use crate::base::sid;

/// An agent that runs. It ends when its input does, so also with this process.
#[derive(Debug)]
pub(super) struct Agent {
    process: OwnedHandle,
    input: PipeWriter,
}

/// What came of a start.
#[derive(Debug)]
pub(super) enum Started {
    Agent(Agent),
    /// The person is not signed in.
    SignedOut,
}

/// Starts the agent as `person`: by this service's own account, if it is that person's, else as who is signed in.
pub(super) fn start(person: &str, agent: &[String]) -> io::Result<Started> {
    if sid::kind(person) != sid::Kind::Person {
        return Err(io::Error::other(format!("{person} is no person's account, and sessions run as a person")));
    }
    if sid::own()? == person {
        return start_as_ourselves(agent).map(Started::Agent);
    }
    match token_of(person)? {
        Some(token) => start_as(&token, agent).map(Started::Agent),
        None => Ok(Started::SignedOut),
    }
}

/// Somebody has the service signed in as the person, with that person's password: then nobody needs to be at the machine.
fn start_as_ourselves(agent: &[String]) -> io::Result<Agent> {
    let (program, arguments) = agent.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let (read, input) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(read).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.creation_flags(CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP).spawn()?;
    Ok(Agent { process: child.into(), input })
}

/// The token of the session in which the person is signed in; the first, if there are several.
fn token_of(person: &str) -> io::Result<Option<OwnedHandle>> {
    let (mut sessions, mut count): (*mut WTS_SESSION_INFOW, u32) = (ptr::null_mut(), 0);
    // SAFETY: no server is this one (`WTS_CURRENT_SERVER_HANDLE`); the results are written to places of ours.
    if unsafe { WTSEnumerateSessionsW(ptr::null_mut(), 0, 1, &raw mut sessions, &raw mut count) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: so many were written, and are copied before they are freed.
    let ids: Vec<u32> = unsafe {
        let all = std::slice::from_raw_parts(sessions, usize::try_from(count).unwrap_or(0));
        let ids = all.iter().map(|session| session.SessionId).collect();
        WTSFreeMemory(sessions.cast());
        ids
    };
    for id in ids {
        let mut token: HANDLE = ptr::null_mut();
        // SAFETY: as above. A session in which nobody is signed in has no token, which is no error.
        if unsafe { WTSQueryUserToken(id, &raw mut token) } == 0 {
            continue;
        }
        // SAFETY: given to us, and owned by nobody else.
        let token = unsafe { OwnedHandle::from_raw_handle(token) };
        // SAFETY: it is open, with all rights.
        if unsafe { sid::of_token(token.as_raw_handle()) }? == person {
            return Ok(Some(token));
        }
    }
    Ok(None)
}

fn start_as(token: &OwnedHandle, agent: &[String]) -> io::Result<Agent> {
    let (read, input) = io::pipe()?;
    let read: OwnedHandle = read.into();
    // SAFETY: a handle of ours. It is the only one here that a process inherits.
    if unsafe { SetHandleInformation(read.as_raw_handle(), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut environment = ptr::null_mut();
    // SAFETY: the token is open; the result is written to a place of ours.
    if unsafe { CreateEnvironmentBlock(&raw mut environment, token.as_raw_handle(), 0) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let wide = |text: &str| -> Vec<u16> { text.encode_utf16().chain([0]).collect() };
    let words: Vec<&str> = agent.iter().map(String::as_str).collect();
    let (mut line, mut desktop) = (wide(&words::line(&words)), wide(r"winsta0\default"));
    let program = wide(words.first().copied().unwrap_or_default());
    let startup = STARTUPINFOW {
        cb: u32::try_from(size_of::<STARTUPINFOW>()).unwrap_or_default(),
        lpDesktop: desktop.as_mut_ptr(),
        dwFlags: STARTF_USESTDHANDLES,
        hStdInput: read.as_raw_handle(),
        ..STARTUPINFOW::default()
    };
    let mut started = PROCESS_INFORMATION::default();
    let flags = CREATE_UNICODE_ENVIRONMENT | CREATE_NO_WINDOW | CREATE_NEW_PROCESS_GROUP;
    // SAFETY: all texts end with a NUL and, like the environment and the handles, live until the call returns.
    let done = unsafe {
        CreateProcessAsUserW(
            token.as_raw_handle(),
            program.as_ptr(),
            line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            1,
            flags,
            environment,
            ptr::null(), // Its working directory is not used.
            &raw const startup,
            &raw mut started,
        )
    };
    // SAFETY: asked before anything else can fail; the environment was made above, and is destroyed once.
    let failed = unsafe {
        let failed = GetLastError();
        DestroyEnvironmentBlock(environment);
        failed
    };
    if done == 0 {
        return Err(io::Error::from_raw_os_error(failed.cast_signed()));
    }
    // SAFETY: both were given to us, and are owned by nobody else.
    let (process, _thread) =
        unsafe { (OwnedHandle::from_raw_handle(started.hProcess), OwnedHandle::from_raw_handle(started.hThread)) };
    Ok(Agent { process, input })
}

impl Agent {
    /// A second handle, to wait by.
    pub(super) fn process(&self) -> io::Result<OwnedHandle> {
        self.process.try_clone()
    }

    /// Tells it to end, in order.
    pub(super) fn close(self) -> OwnedHandle {
        drop(self.input);
        self.process
    }
}

/// Waits for the end; the exit code, or nothing if it still runs after so many milliseconds.
pub(super) fn wait(process: &OwnedHandle, within_ms: Option<u32>) -> Option<u32> {
    let mut code = 0;
    // SAFETY: the process is open, and the result is written to a place of ours.
    unsafe {
        let waited = WaitForSingleObject(process.as_raw_handle(), within_ms.unwrap_or(INFINITE));
        (waited == WAIT_OBJECT_0 && GetExitCodeProcess(process.as_raw_handle(), &raw mut code) != 0).then_some(code)
    }
}

/// Ends it at once.
pub(super) fn kill(process: &OwnedHandle) {
    // SAFETY: it is open; one that has ended meanwhile stays so.
    unsafe { TerminateProcess(process.as_raw_handle(), 1) };
}
