//! The process that the service manager runs: it starts the agent as the person, and does nothing else.
//!
//! It writes to no file, because it runs as `LocalSystem` and a person's directories hold what that person puts there: what it
//! has to say is in the event log of Windows.

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use windows_service::service::{
    ServiceControl, ServiceControlAccept, ServiceExitCode, ServiceState, ServiceStatus, ServiceType,
};
use windows_service::service_control_handler::{self, ServiceControlHandlerResult, ServiceStatusHandle};
use windows_service::{define_windows_service, service_dispatcher};
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, REPORT_EVENT_TYPE, RegisterEventSourceW,
    ReportEventW,
};

use super::person::{self, Agent, Started};
use super::{NAME, Next, after_end, scm, understood};

/// An agent has this long to end in order.
const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// The agent's exit code when it could not be started at all: none of its own.
const NOT_STARTED: u32 = 1;

/// Somebody who signs in is told of; this is for the case that it was missed.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// What happens to the guard.
#[derive(Debug)]
enum Event {
    Stop,
    /// Somebody has signed in or out.
    Sessions,
    /// The agent has ended, with this code.
    Ended(u32),
}

define_windows_service!(entry, serve);

/// Runs as what the service manager has started. Called by a person it says so, by its exit code alone.
pub fn main() -> ExitCode {
    match service_dispatcher::start(NAME, entry) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The life of the service; its arguments are the process's.
fn serve(_: Vec<OsString>) {
    let (events, happening) = mpsc::channel();
    let told = events.clone();
    let handler = move |control| {
        let event = match control {
            ServiceControl::Stop | ServiceControl::Shutdown => Event::Stop,
            ServiceControl::SessionChange(_) => Event::Sessions,
            ServiceControl::Interrogate => return ServiceControlHandlerResult::NoError,
            _ => return ServiceControlHandlerResult::NotImplemented,
        };
        // Whoever listened has ended, and the service with it.
        let _ = told.send(event);
        ServiceControlHandlerResult::NoError
    };
    let Ok(status) = service_control_handler::register(NAME, handler) else { return };
    tell(status, ServiceState::Running, ServiceExitCode::NO_ERROR);
    // What is no Unicode was not registered by us.
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|it| it.to_string_lossy().into_owned()).collect();
    let ended = if let Some((person, agent)) = understood(&arguments) {
        // Refused to a guard that runs as a person, whose service is complete; and no reason to start no agent.
        let _ = scm::complete(person, agent);
        guard(person, agent, &events, &happening, status)
    } else {
        log(EVENTLOG_ERROR_TYPE, "the service was registered with other arguments than ours: install it again");
        ServiceExitCode::ServiceSpecific(2)
    };
    tell(status, ServiceState::Stopped, ended);
}

/// Until it is told to stop, or only a person can help.
fn guard(
    person: &str,
    words: &[String],
    events: &Sender<Event>,
    happening: &Receiver<Event>,
    status: ServiceStatusHandle,
) -> ServiceExitCode {
    let mut agent = None;
    let mut next_start = Some(Instant::now());
    let mut said_signed_out = false;
    loop {
        if agent.is_none() && next_start.is_some_and(|at| at <= Instant::now()) {
            match begin(person, words, events) {
                Ok(Some(started)) => {
                    log(EVENTLOG_INFORMATION_TYPE, &format!("the agent of {person} was started"));
                    (agent, next_start, said_signed_out) = (Some(started), None, false);
                }
                Ok(None) => {
                    if !std::mem::replace(&mut said_signed_out, true) {
                        log(EVENTLOG_INFORMATION_TYPE, &format!("the agent starts when {person} signs in"));
                    }
                    next_start = Some(Instant::now() + LOOK_EVERY);
                }
                Err(error) => {
                    log(EVENTLOG_ERROR_TYPE, &format!("the agent could not be started: {error}"));
                    next_start = again(NOT_STARTED);
                }
            }
        }
        let event = match next_start {
            Some(at) => happening.recv_timeout(at.saturating_duration_since(Instant::now())),
            None => happening.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match event {
            Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => {
                tell(status, ServiceState::StopPending, ServiceExitCode::NO_ERROR);
                if let Some(agent) = agent {
                    end(agent);
                }
                return ServiceExitCode::NO_ERROR;
            }
            Ok(Event::Sessions) if agent.is_none() => next_start = Some(Instant::now()),
            Ok(Event::Sessions) | Err(RecvTimeoutError::Timeout) => {}
            Ok(Event::Ended(code)) => {
                agent = None;
                log(EVENTLOG_ERROR_TYPE, &format!("the agent has ended with exit code {code}"));
                next_start = again(code);
                if next_start.is_none() {
                    return ServiceExitCode::ServiceSpecific(code);
                }
            }
        }
    }
}

fn again(code: u32) -> Option<Instant> {
    match after_end(code) {
        Next::Again(after) => Some(Instant::now() + after),
        Next::GiveUp => None,
    }
}

/// Starts the agent, and has somebody wait for its end; nothing while the person is not signed in.
fn begin(person: &str, words: &[String], events: &Sender<Event>) -> io::Result<Option<Agent>> {
    let Started::Agent(agent) = person::start(person, words)? else { return Ok(None) };
    let (process, events) = (agent.process()?, events.clone());
    std::thread::Builder::new().name("agent-wait".to_owned()).spawn(move || {
        let code = person::wait(&process, None).unwrap_or(NOT_STARTED);
        // Whoever listened has ended, and the agent with it.
        let _ = events.send(Event::Ended(code));
    })?;
    Ok(Some(agent))
}

fn end(agent: Agent) {
    let process = agent.close();
    if person::wait(&process, u32::try_from(ENDS_WITHIN.as_millis()).ok()).is_none() {
        log(EVENTLOG_ERROR_TYPE, "the agent did not end in time, and was killed; its sessions go on");
        person::kill(&process);
    }
}

/// Tells the service manager how it is. What it does not take is not ours to mend.
fn tell(status: ServiceStatusHandle, current_state: ServiceState, exit_code: ServiceExitCode) {
    let controls_accepted = if current_state == ServiceState::Running {
        ServiceControlAccept::STOP | ServiceControlAccept::SHUTDOWN | ServiceControlAccept::SESSION_CHANGE
    } else {
        ServiceControlAccept::empty()
    };
    let stopping = current_state == ServiceState::StopPending;
    let _ = status.set_service_status(ServiceStatus {
        service_type: ServiceType::OWN_PROCESS,
        current_state,
        controls_accepted,
        exit_code,
        checkpoint: u32::from(stopping),
        wait_hint: if stopping { ENDS_WITHIN + Duration::from_secs(2) } else { Duration::ZERO },
        process_id: None,
    });
}

/// Writes to the event log of Windows.
fn log(kind: REPORT_EVENT_TYPE, text: &str) {
    let wide = |text: &str| -> Vec<u16> { text.encode_utf16().chain([0]).collect() };
    let (source, text) = (wide(NAME), wide(text));
    let strings = [text.as_ptr()];
    // SAFETY: the texts end with a NUL and live until the calls return. Without a log nothing is written.
    unsafe {
        let log = RegisterEventSourceW(std::ptr::null(), source.as_ptr());
        if !log.is_null() {
            ReportEventW(log, kind, 0, 1, std::ptr::null_mut(), 1, 0, strings.as_ptr(), std::ptr::null());
            DeregisterEventSource(log);
        }
    }
}
