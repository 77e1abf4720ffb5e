//! Finds other copies of the addon in this process.
//!
//! Two copies (two versions of the package in node_modules, say) each have statics of their own, so a bus of
//! one name would be two buses, and messages would silently stay on their half. So a copy exports a C function
//! that tells which buses it has open, and who opens a bus asks every other copy that the process has loaded.
//! Both file their bus before they ask: of two that open the same name at the same moment at least one sees
//! the other.

use std::ffi::c_char;

use crate::bus::hub::Hub;

/// True when this copy has a bus of that name open. Never changes its meaning: other versions call it.
///
/// # Safety
/// `name` points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn agentwire_has_bus_v1(name: *const c_char, len: usize) -> bool {
    // SAFETY: the contract of this function.
    let name = unsafe { std::slice::from_raw_parts(name.cast::<u8>(), len) };
    std::str::from_utf8(name).is_ok_and(|name| Hub::global().has_bus(name))
}

/// The message for the user when another copy has a bus of that name open.
pub fn copy_with_bus(name: &str) -> Option<String> {
    let other = loaded::other_copy_with_bus(name)?;
    Some(format!(
        "the bus \"{name}\" is open in another copy of agentwire in this process, {other}; messages would not reach \
         it from here. Have all threads load one copy: `npm ls agentwire` shows where the copies come from, \
         `npm dedupe` may merge them"
    ))
}

#[cfg(target_os = "linux")]
mod loaded {
    use std::ffi::{CStr, CString, c_char, c_int, c_void};

    use super::agentwire_has_bus_v1;

    type HasBus = unsafe extern "C" fn(*const c_char, usize) -> bool;

    /// Path of another loaded copy that has the bus.
    pub fn other_copy_with_bus(name: &str) -> Option<String> {
        loaded_addons()
            .into_iter()
            .find_map(|path| has_bus(&path, name).then(|| path.to_string_lossy().into_owned()))
    }

    /// Paths of the loaded objects that look like Node addons.
    fn loaded_addons() -> Vec<CString> {
        let mut paths: Vec<CString> = Vec::new();
        // SAFETY: the callback gets the vector that is passed here, and is called only during this call.
        unsafe { libc::dl_iterate_phdr(Some(collect), (&raw mut paths).cast()) };
        paths
    }

    unsafe extern "C" fn collect(
        info: *mut libc::dl_phdr_info,
        _size: usize,
        paths: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader passes a valid description, and `paths` is the vector of `loaded_addons`.
        let (name, paths) = unsafe {
            (
                CStr::from_ptr((*info).dlpi_name),
                &mut *paths.cast::<Vec<CString>>(),
            )
        };
        if name.to_bytes().ends_with(b".node") {
            paths.push(name.to_owned());
        }
        0
    }

    /// Asks the object at that path; false for this copy itself and for other addons.
    fn has_bus(path: &CStr, name: &str) -> bool {
        // SAFETY: NOLOAD opens only what is loaded already; the symbol, where it exists, has the type that
        // `agentwire_has_bus_v1` has for ever; the handle is given back after the call.
        unsafe {
            let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOLOAD | libc::RTLD_LAZY);
            if handle.is_null() {
                return false;
            }
            let symbol = libc::dlsym(handle, c"agentwire_has_bus_v1".as_ptr());
            let other =
                !symbol.is_null() && symbol.cast_const() != agentwire_has_bus_v1 as *const c_void;
            let found = other
                && std::mem::transmute::<*mut c_void, HasBus>(symbol)(
                    name.as_ptr().cast(),
                    name.len(),
                );
            libc::dlclose(handle);
            found
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod loaded {
    /// Not known on this platform: the loader's list is read on Linux only so far.
    pub fn other_copy_with_bus(_name: &str) -> Option<String> {
        None
    }
}
