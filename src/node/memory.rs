//! Windows on the SharedArrayBuffers that JavaScript shares with its endpoint.

use std::ptr::{self, NonNull};

use napi::bindgen_prelude::{Error, Object};
use napi::{JsValue, sys};

use super::error::{Code, Result};
use crate::memory::SharedBytes;

/// A window, and the reference that keeps the memory allocated.
pub struct Pinned {
    /// The window's reference to the typed array. Deleted by [`Pinned::release`], else with the environment.
    reference: sys::napi_ref,
}

impl Pinned {
    /// Pins a Uint8Array over a SharedArrayBuffer.
    ///
    /// A view is given, never the SharedArrayBuffer itself, which Node before 22.21 does not take. A
    /// SharedArrayBuffer can neither be detached nor made smaller, whoever else has it.
    pub fn new(env: sys::napi_env, array: &Object<'_>) -> Result<(Self, SharedBytes)> {
        let mut kind = 0;
        let mut length = 0;
        let mut data = ptr::null_mut();
        let mut buffer = ptr::null_mut();
        let mut is_private = true;
        let mut reference = ptr::null_mut();
        // SAFETY: a live environment and a value of the current call; every out-pointer is valid.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                env,
                array.raw(),
                &mut kind,
                &mut length,
                &mut data,
                &mut buffer,
                ptr::null_mut(),
            )
        };
        // An ArrayBuffer can be transferred away although its view is held; a SharedArrayBuffer is none for this question.
        if status == sys::Status::napi_ok {
            // SAFETY: as above; the buffer was given, for the status is good.
            unsafe { sys::napi_is_arraybuffer(env, buffer, &mut is_private) };
        }
        let start = NonNull::new(data.cast::<u8>())
            .filter(|start| !is_private && (start.as_ptr() as usize).is_multiple_of(8));
        let (sys::Status::napi_ok, sys::TypedarrayType::uint8_array, Some(start)) =
            (status, kind, start)
        else {
            return Err(Error::new(
                Code::Argument,
                "expected a Uint8Array over a SharedArrayBuffer",
            ));
        };
        // SAFETY: as above.
        let status = unsafe { sys::napi_create_reference(env, array.raw(), 1, &mut reference) };
        if status != sys::Status::napi_ok {
            return Err(Error::new(
                Code::Internal,
                "no reference to shared memory could be made",
            ));
        }
        // SAFETY: the reference keeps the buffer allocated; the alignment was checked.
        let bytes = unsafe { SharedBytes::new(start, length) };
        Ok((Self { reference }, bytes))
    }

    /// A pin that lets the memory go when it is dropped, on its own thread. For objects that JavaScript
    /// collects: also at the end of an environment their finalizers run before references are deleted.
    pub fn until_drop(self, env: sys::napi_env) -> PinnedUntilDrop {
        PinnedUntilDrop {
            env,
            pinned: Some(self),
        }
    }

    /// Lets the memory go. The window must not be used any more.
    pub fn release(self, env: sys::napi_env) {
        // SAFETY: made in `new` for this environment, deleted once.
        unsafe { sys::napi_delete_reference(env, self.reference) };
    }
}

/// See [`Pinned::until_drop`].
pub struct PinnedUntilDrop {
    env: sys::napi_env,
    pinned: Option<Pinned>,
}

impl Drop for PinnedUntilDrop {
    fn drop(&mut self) {
        if let Some(pinned) = self.pinned.take() {
            pinned.release(self.env);
        }
    }
}
