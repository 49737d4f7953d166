//! A named pipe that only its owner may open.

use std::io;
use std::path::{Path, PathBuf};
use std::ptr;

use tokio::net::windows::named_pipe::{NamedPipeServer, ServerOptions};
use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, LocalFree};
use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{PSECURITY_DESCRIPTOR, SECURITY_ATTRIBUTES};

use crate::base::sid;

/// What peers connect to: the instance of the pipe that the next one will get.
pub(in crate::host) struct Listener {
    path: PathBuf,
    next: NamedPipeServer,
}

/// Makes the pipe `path`. One that is there already, whoever made it, is an error.
pub(in crate::host) fn bind(path: &Path) -> io::Result<Listener> {
    let next = instance(path, true).map_err(|error| match error.raw_os_error() {
        Some(code) if code.cast_unsigned() == ERROR_ACCESS_DENIED => io::ErrorKind::AddrInUse.into(),
        _ => error,
    })?;
    Ok(Listener { path: path.to_owned(), next })
}

impl Listener {
    /// The next peer of the owner's.
    pub(super) async fn accept(&mut self) -> io::Result<NamedPipeServer> {
        self.next.connect().await?;
        // Before this one is served: whoever comes meanwhile would find no pipe.
        let next = instance(&self.path, false)?;
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// One instance of the pipe. Without a descriptor of its own everybody on the machine could read from it.
fn instance(path: &Path, first: bool) -> io::Result<NamedPipeServer> {
    let descriptor = Descriptor::of_owner()?;
    let mut attributes = SECURITY_ATTRIBUTES {
        nLength: u32::try_from(size_of::<SECURITY_ATTRIBUTES>()).unwrap_or_default(),
        lpSecurityDescriptor: descriptor.0,
        bInheritHandle: 0,
    };
    let mut options = ServerOptions::new();
    options.first_pipe_instance(first).reject_remote_clients(true);
    // SAFETY: the attributes and the descriptor in them live until the call returns.
    unsafe { options.create_with_security_attributes_raw(path, ptr::from_mut(&mut attributes).cast()) }
}

/// A security descriptor that the system has allocated.
struct Descriptor(PSECURITY_DESCRIPTOR);

impl Descriptor {
    /// Everything to who runs this process, nothing to anybody else.
    fn of_owner() -> io::Result<Self> {
        let text: Vec<u16> = format!("D:P(A;;GA;;;{})", sid::own()?).encode_utf16().chain([0]).collect();
        let mut descriptor: PSECURITY_DESCRIPTOR = ptr::null_mut();
        // SAFETY: the text ends with a NUL, and the result is written to a place of ours.
        let made = unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                text.as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor,
                ptr::null_mut(),
            )
        };
        if made == 0 { Err(io::Error::last_os_error()) } else { Ok(Self(descriptor)) }
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: allocated by the conversion above, freed once.
        unsafe { LocalFree(self.0) };
    }
}
