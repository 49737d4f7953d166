//! The service manager of Windows, and the guard's program in its place.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use windows_service::service::{
    Service, ServiceAccess, ServiceAction, ServiceActionType, ServiceErrorControl, ServiceExitCode,
    ServiceFailureActions, ServiceFailureResetPeriod, ServiceInfo, ServiceStartType, ServiceState, ServiceType,
};
use windows_service::service_manager::{ServiceManager, ServiceManagerAccess};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_SERVICE_ALREADY_RUNNING, ERROR_SERVICE_DOES_NOT_EXIST, ERROR_SERVICE_NEVER_STARTED,
    ERROR_SERVICE_NOT_ACTIVE, LocalFree,
};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{DACL_SECURITY_INFORMATION, PSECURITY_DESCRIPTOR};
use windows_sys::Win32::System::Com::CoTaskMemFree;
use windows_sys::Win32::System::Services::SetServiceObjectSecurity;
use windows_sys::Win32::UI::Shell::{FOLDERID_ProgramFiles, SHGetKnownFolderPath};

use super::{
    DESCRIPTION, DISPLAY_NAME, NAME, REGISTERED_AT, Registration, UNTIL_CLOSED, registration, understood, words,
};
use crate::service::{Activity, Change, Definition, Ended, Manager, ServiceError, State};

/// A service has this long to stop: the guard gives its agent ten seconds.
const STOPS_WITHIN: Duration = Duration::from_secs(20);

/// Nothing tells us of the change, so it is asked for.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// Longest path of Windows, in units.
const PATH_UNITS_MAX: usize = 32_767;

/// What is asked of a service that is there.
const LOOK: ServiceAccess = ServiceAccess::QUERY_STATUS.union(ServiceAccess::QUERY_CONFIG);

/// The service manager of this machine.
#[derive(Debug, Default)]
pub struct Scm;

impl Scm {
    fn open(access: ServiceAccess) -> Result<Option<Service>, ServiceError> {
        let manager = ServiceManager::local_computer(None::<&str>, ServiceManagerAccess::CONNECT).map_err(refused)?;
        match manager.open_service(NAME, access) {
            Ok(service) => Ok(Some(service)),
            Err(error) if is(&error, ERROR_SERVICE_DOES_NOT_EXIST) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    fn installed(access: ServiceAccess) -> Result<Service, ServiceError> {
        Self::open(access)?.ok_or(ServiceError::NotInstalled)
    }

    /// The words of the command that is registered.
    fn command() -> Option<Vec<String>> {
        let config = Self::open(LOOK).ok()??.query_config().ok()?;
        Some(words::split(&config.executable_path.to_string_lossy()))
    }
}

impl Manager for Scm {
    fn file(&self) -> &Path {
        Path::new(REGISTERED_AT)
    }

    fn is_installed(&self) -> bool {
        matches!(Self::open(ServiceAccess::QUERY_STATUS), Ok(Some(_)))
    }

    fn install(&self, definition: &Definition) -> Result<Change, ServiceError> {
        let access = ServiceManagerAccess::CONNECT | ServiceManagerAccess::CREATE_SERVICE;
        // Before a file is touched: who may not install it hears of that first.
        let manager = ServiceManager::local_computer(None::<&str>, access).map_err(refused)?;
        let place = guard_place()?;
        let registration = registration(definition, &place.to_string_lossy())?;
        let info = info(&registration);
        let change = match Self::command() {
            None => Change::New,
            Some(command) if command == command_of(&registration) => Change::None,
            Some(_) => Change::Changed,
        };
        let copied = put_guard(&place)?;
        let all = ServiceAccess::ALL_ACCESS;
        let service = match change {
            Change::New => manager.create_service(&info, all).map_err(refused)?,
            Change::Changed | Change::None => {
                let service = Self::installed(all)?;
                service.change_config(&info).map_err(refused)?;
                service
            }
        };
        set_rest(&service, &registration)?;
        Ok(if copied && change == Change::None { Change::Changed } else { change })
    }

    fn uninstall(&self) -> Result<bool, ServiceError> {
        let Some(service) = Self::open(ServiceAccess::QUERY_STATUS | ServiceAccess::STOP | ServiceAccess::DELETE)?
        else {
            return Ok(false);
        };
        stop(&service)?;
        service.delete().map_err(refused)?;
        remove_guard(&guard_place()?)?;
        Ok(true)
    }

    fn start(&self) -> Result<(), ServiceError> {
        match Self::installed(ServiceAccess::START)?.start::<OsString>(&[]) {
            Err(error) if !is(&error, ERROR_SERVICE_ALREADY_RUNNING) => Err(refused(error)),
            _ => Ok(()),
        }
    }

    fn stop(&self) -> Result<(), ServiceError> {
        stop(&Self::installed(ServiceAccess::STOP | ServiceAccess::QUERY_STATUS)?)
    }

    fn restart(&self) -> Result<(), ServiceError> {
        self.stop()?;
        self.start()
    }

    fn state(&self) -> Result<State, ServiceError> {
        let service = Self::installed(LOOK)?;
        let status = service.query_status().map_err(refused)?;
        let enabled = service.query_config().map_err(refused)?.start_type == ServiceStartType::AutoStart;
        let ended = match status.exit_code {
            ServiceExitCode::Win32(0 | ERROR_SERVICE_NEVER_STARTED) | ServiceExitCode::ServiceSpecific(0) => None,
            ServiceExitCode::Win32(code) | ServiceExitCode::ServiceSpecific(code) => {
                Some(Ended::Code(code.cast_signed()))
            }
        };
        let activity = match (status.current_state, &ended) {
            (ServiceState::Stopped, Some(_)) => Activity::Failed,
            (ServiceState::Stopped | ServiceState::StopPending, _) => Activity::Stopped,
            _ => Activity::Running,
        };
        // Its process is the guard; the agent tells of itself.
        Ok(State { enabled, activity, ended, ..State::default() })
    }

    fn words(&self) -> Option<Vec<String>> {
        let command = Self::command()?;
        let (_, agent) = understood(command.get(1..)?)?;
        Some(agent.to_vec())
    }

    fn log_command(&self) -> Option<String> {
        let query = format!("*[System[Provider[@Name='{NAME}']]]");
        Some(format!(r#"wevtutil qe Application "/q:{query}" /c:20 /rd:true /f:text"#))
    }
}

/// Brings the service whose guard this process is to what an installation by the program itself makes of it. A package
/// (MSI) registers a command, and cannot say the rest. Refused to a guard that runs as a person, where a person's account was
/// given to the service: then there is nothing to complete.
pub(super) fn complete(person: &str, agent: &[String]) -> Result<(), ServiceError> {
    let (executable, arguments) = agent.split_first().ok_or(ServiceError::NotInstalled)?;
    let arguments = arguments.iter().filter(|word| *word != UNTIL_CLOSED).cloned().collect();
    let run_as = Some(person.to_owned());
    let definition = Definition { executable: executable.clone(), arguments, run_as, may_become_root: false };
    let guard = std::env::current_exe().map_err(|cause| said(&cause))?;
    let registration = registration(&definition, &guard.to_string_lossy())?;
    let service = Scm::installed(ServiceAccess::ALL_ACCESS)?;
    if Scm::command() != Some(command_of(&registration)) {
        service.change_config(&info(&registration)).map_err(refused)?;
    }
    set_rest(&service, &registration)
}

fn command_of(registration: &Registration) -> Vec<String> {
    std::iter::once(&registration.executable).chain(&registration.arguments).cloned().collect()
}

/// What is told in calls of its own: description, what follows a crash, and who may do what.
fn set_rest(service: &Service, registration: &Registration) -> Result<(), ServiceError> {
    service.set_description(DESCRIPTION).map_err(refused)?;
    let again = ServiceAction { action_type: ServiceActionType::Restart, delay: registration.again_after };
    let actions = ServiceFailureActions {
        // An hour without a crash, and the count begins anew.
        reset_period: ServiceFailureResetPeriod::After(Duration::from_hours(1)),
        reboot_msg: None,
        command: None,
        actions: Some(vec![again.clone(), again.clone(), again]),
    };
    service.update_failure_actions(actions).map_err(refused)?;
    set_access(service, &registration.access)
}

fn info(registration: &Registration) -> ServiceInfo {
    ServiceInfo {
        name: NAME.into(),
        display_name: DISPLAY_NAME.into(),
        service_type: ServiceType::OWN_PROCESS,
        start_type: ServiceStartType::AutoStart,
        error_control: ServiceErrorControl::Normal,
        executable_path: PathBuf::from(&registration.executable),
        launch_arguments: registration.arguments.iter().map(OsString::from).collect(),
        dependencies: Vec::new(),
        account_name: None, // LocalSystem
        account_password: None,
    }
}

/// Stops it and waits until it has; one that is stopped stays so.
fn stop(service: &Service) -> Result<(), ServiceError> {
    match service.stop() {
        Err(error) if is(&error, ERROR_SERVICE_NOT_ACTIVE) => return Ok(()),
        Err(error) => return Err(refused(error)),
        Ok(_) => {}
    }
    let until = Instant::now() + STOPS_WITHIN;
    while service.query_status().map_err(refused)?.current_state != ServiceState::Stopped {
        if Instant::now() >= until {
            let said = format!("it has not stopped within {} s", STOPS_WITHIN.as_secs());
            return Err(ServiceError::Refused { command: format!("stop {NAME}"), said });
        }
        std::thread::sleep(ASK_EVERY);
    }
    Ok(())
}

fn set_access(service: &Service, access: &str) -> Result<(), ServiceError> {
    let text: Vec<u16> = access.encode_utf16().chain([0]).collect();
    let mut descriptor: PSECURITY_DESCRIPTOR = std::ptr::null_mut();
    // SAFETY: the text ends with a NUL; the descriptor is made by the first call, used by the second while both it and the
    // service are open, and freed once.
    let done = unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            text.as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor,
            std::ptr::null_mut(),
        ) != 0
            && SetServiceObjectSecurity(service.raw_handle(), DACL_SECURITY_INFORMATION, descriptor) != 0
    };
    let failed = io::Error::last_os_error();
    // SAFETY: null, or allocated above.
    unsafe { LocalFree(descriptor) };
    if done { Ok(()) } else { Err(said(&failed)) }
}

/// Where the guard's program belongs. Not by the variable, which a person may set: what runs there runs as `LocalSystem`.
fn guard_place() -> Result<PathBuf, ServiceError> {
    let (which, mut path): (_, *mut u16) = (FOLDERID_ProgramFiles, std::ptr::null_mut());
    // SAFETY: the result is written to a place of ours; it ends with a NUL, and is freed once.
    let folder = unsafe {
        let found = SHGetKnownFolderPath(&raw const which, 0, std::ptr::null_mut(), &raw mut path);
        if found < 0 {
            return Err(said(&io::Error::from_raw_os_error(found)));
        }
        let length = (0..PATH_UNITS_MAX).take_while(|at| *path.add(*at) != 0).count();
        let folder = String::from_utf16_lossy(std::slice::from_raw_parts(path, length));
        CoTaskMemFree(path.cast());
        folder
    };
    Ok(Path::new(&folder).join("sessionforge").join("sessionforge-service.exe"))
}

/// Copies this program to `place`, where only administrators may write; whether there was another one or none.
fn put_guard(place: &Path) -> Result<bool, ServiceError> {
    let error = |cause: io::Error| ServiceError::Io { path: place.to_owned(), cause };
    let ours = std::env::current_exe().and_then(std::fs::read).map_err(error)?;
    if std::fs::read(place).is_ok_and(|there| there == ours) {
        return Ok(false);
    }
    let (new, old) = (place.with_extension("new.exe"), place.with_extension("old.exe"));
    if let Some(folder) = place.parent() {
        std::fs::create_dir_all(folder).map_err(error)?;
    }
    std::fs::write(&new, ours).map_err(error)?;
    // A program that runs can be renamed, and not replaced.
    let _ = std::fs::remove_file(&old);
    let _ = std::fs::rename(place, &old);
    std::fs::rename(&new, place).map_err(error)?;
    let _ = std::fs::remove_file(&old);
    Ok(true)
}

fn remove_guard(place: &Path) -> Result<(), ServiceError> {
    for path in [place.to_owned(), place.with_extension("old.exe"), place.with_extension("new.exe")] {
        match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(ServiceError::Io { path, cause }),
            _ => {}
        }
    }
    // An installed program may be in it as well.
    let _ = place.parent().map(std::fs::remove_dir);
    Ok(())
}

fn is(error: &windows_service::Error, code: u32) -> bool {
    matches!(error, windows_service::Error::Winapi(cause) if cause.raw_os_error() == Some(code.cast_signed()))
}

fn refused(error: windows_service::Error) -> ServiceError {
    match error {
        windows_service::Error::Winapi(cause) => said(&cause),
        other => ServiceError::Refused { command: NAME.to_owned(), said: other.to_string() },
    }
}

fn said(cause: &io::Error) -> ServiceError {
    if cause.raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed()) {
        return ServiceError::NeedsAdministrator;
    }
    ServiceError::Refused { command: NAME.to_owned(), said: cause.to_string() }
}
