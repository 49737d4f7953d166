//! Asks Windows.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{CloseHandle, HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::{ConvertSidToStringSidW, ConvertStringSidToSidW};
use windows_sys::Win32::Security::{
    GetTokenInformation, LookupAccountNameW, LookupAccountSidW, PSID, TOKEN_QUERY, TOKEN_USER, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

/// A `TOKEN_USER` with the longest security identifier that there is, in words of 8 bytes: 16 for the struct, 68 for it.
const TOKEN_USER_WORDS: usize = 12;

/// Longest identifier (`SECURITY_MAX_SID_SIZE`), in words of 8 bytes.
const SID_WORDS: usize = 9;

/// Longest identifier as text, in units (`SECURITY_MAX_SID_STRING_CHARACTERS`).
const TEXT_UNITS_MAX: usize = 187;

/// Longest name of an account or a domain, in units with the NUL (`UNLEN` and `DNLEN` of lmcons.h are shorter).
const NAME_UNITS: usize = 512;

/// As whom this process runs.
pub fn own() -> io::Result<String> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the process's own pseudo handle is always valid; the result is written to a place of ours.
    if unsafe { OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &raw mut token) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: opened above for queries.
    let sid = unsafe { of_token(token) };
    // SAFETY: opened above, closed once.
    unsafe { CloseHandle(token) };
    sid
}

/// Whose token that is.
///
/// # Safety
///
/// It is open, for queries at least.
pub unsafe fn of_token(token: HANDLE) -> io::Result<String> {
    let mut user = [0_u64; TOKEN_USER_WORDS];
    let mut bytes = u32::try_from(size_of_val(&user)).unwrap_or_default();
    // SAFETY: the buffer is aligned as a `TOKEN_USER` is, and as long as is said.
    let read = unsafe { GetTokenInformation(token, TokenUser, user.as_mut_ptr().cast(), bytes, &raw mut bytes) };
    if read == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the buffer holds a `TOKEN_USER`, whose identifier points into it.
    unsafe { text((*user.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
}

/// The identifier of the account that is called so: `ada`, `MACHINE\ada` or `ada@example.org`.
pub fn of_name(name: &str) -> io::Result<String> {
    let name = units(name);
    let mut sid = [0_u64; SID_WORDS];
    let mut domain = [0_u16; NAME_UNITS];
    let mut sid_bytes = u32::try_from(size_of_val(&sid)).unwrap_or_default();
    let (mut domain_units, mut usage) = (u32::try_from(NAME_UNITS).unwrap_or_default(), 0);
    // SAFETY: the name ends with a NUL, and both buffers are as long as is said.
    let found = unsafe {
        LookupAccountNameW(
            ptr::null(),
            name.as_ptr(),
            sid.as_mut_ptr().cast(),
            &raw mut sid_bytes,
            domain.as_mut_ptr(),
            &raw mut domain_units,
            &raw mut usage,
        )
    };
    if found == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the buffer holds the identifier that was found.
    unsafe { text(sid.as_mut_ptr().cast()) }
}

/// What the account of this identifier is called, with its domain.
pub fn name(sid: &str) -> io::Result<String> {
    let mut binary: PSID = ptr::null_mut();
    // SAFETY: the text ends with a NUL, and the result is written to a place of ours.
    if unsafe { ConvertStringSidToSidW(units(sid).as_ptr(), &raw mut binary) } == 0 {
        return Err(io::Error::last_os_error());
    }
    let (mut name, mut domain) = ([0_u16; NAME_UNITS], [0_u16; NAME_UNITS]);
    let most = u32::try_from(NAME_UNITS).unwrap_or_default();
    let (mut name_units, mut domain_units, mut usage) = (most, most, 0);
    // SAFETY: the identifier was made above, and both buffers are as long as is said.
    let found = unsafe {
        LookupAccountSidW(
            ptr::null(),
            binary,
            name.as_mut_ptr(),
            &raw mut name_units,
            domain.as_mut_ptr(),
            &raw mut domain_units,
            &raw mut usage,
        )
    };
    let failed = io::Error::last_os_error();
    // SAFETY: allocated by the conversion above, freed once.
    unsafe { LocalFree(binary) };
    if found == 0 {
        return Err(failed);
    }
    let shown = |units: &[u16], length: u32| String::from_utf16_lossy(&units[..usize::try_from(length).unwrap_or(0)]);
    Ok(format!("{}\\{}", shown(&domain, domain_units), shown(&name, name_units)))
}

/// # Safety
///
/// It points to an identifier.
unsafe fn text(sid: PSID) -> io::Result<String> {
    let mut text: *mut u16 = ptr::null_mut();
    // SAFETY: as the caller says.
    if unsafe { ConvertSidToStringSidW(sid, &raw mut text) } == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the system's text ends with a NUL.
    let units = unsafe {
        let length = (0..TEXT_UNITS_MAX).take_while(|at| *text.add(*at) != 0).count();
        std::slice::from_raw_parts(text, length)
    };
    let sid = String::from_utf16_lossy(units);
    // SAFETY: allocated by the conversion above, freed once.
    unsafe { LocalFree(text.cast()) };
    Ok(sid)
}

/// As Windows takes text.
fn units(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
