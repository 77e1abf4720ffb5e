//! The hot path: raw Node-API callbacks, each bound to its native object by its data pointer.
//!
//! A `#[napi]` class method costs 400 to 500 ns a call, a raw callback without arguments 11 to 15. So everything that
//! is called per message or per item is a raw callback, and lives in this folder: one file for each kind of
//! object. What they share is here: binding a function to an object, reading arguments, catching panics.

pub mod counter;
pub mod endpoint;
pub mod frame;
pub mod pool;
pub mod ring;
pub mod stream;

use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use napi::bindgen_prelude::{Env, Error, Object};
use napi::{JsValue, sys};

use super::error::{Code, Result};

/// What Node calls.
pub type RawCallback =
    unsafe extern "C" fn(sys::napi_env, sys::napi_callback_info) -> sys::napi_value;

/// Most arguments that a raw callback takes.
const MOST_ARGUMENTS: usize = 4;

/// A JavaScript object with functions that are bound to `owner`. Each of them owns a count of it, so it lives
/// until the last one is collected or its environment ends, and is dropped on its own thread.
pub fn functions<'env, T: 'static>(
    env: &'env Env,
    owner: &Rc<T>,
    list: &[(&CStr, RawCallback)],
) -> Result<Object<'env>> {
    let object =
        Object::new(env).map_err(|error| Error::new(Code::Internal, error.reason.clone()))?;
    for &(name, callback) in list {
        bind(env.raw(), object.raw(), name, callback, Rc::clone(owner))?;
    }
    Ok(object)
}

/// Makes a function that owns a count of its object, and sets it on `object`.
fn bind<T: 'static>(
    env: sys::napi_env,
    object: sys::napi_value,
    name: &CStr,
    callback: RawCallback,
    owner: Rc<T>,
) -> Result<()> {
    let data = Rc::into_raw(owner).cast_mut().cast::<c_void>();
    let mut function = ptr::null_mut();
    // SAFETY: a live environment; the data is what the callback and `release` take it for.
    let bound = unsafe {
        sys::napi_create_function(env, name.as_ptr(), -1, Some(callback), data, &mut function)
            == sys::Status::napi_ok
            && sys::napi_add_finalizer(
                env,
                function,
                data,
                Some(release::<T>),
                ptr::null_mut(),
                ptr::null_mut(),
            ) == sys::Status::napi_ok
            && sys::napi_set_named_property(env, object, name.as_ptr(), function)
                == sys::Status::napi_ok
    };
    if bound {
        Ok(())
    } else {
        Err(Error::new(
            Code::Internal,
            "a native function could not be made",
        ))
    }
}

/// Gives back the count that a function owns, when the function is collected or its environment ends.
unsafe extern "C" fn release<T>(_env: sys::napi_env, data: *mut c_void, _hint: *mut c_void) {
    // A panic must not unwind into Node.
    let dropped = catch_unwind(|| {
        // SAFETY: made by `bind` for this function, released once.
        drop(unsafe { Rc::from_raw(data.cast::<T>()) });
    });
    debug_assert!(dropped.is_ok(), "dropping a bound object does not panic");
}

/// The arguments of a call.
pub struct Arguments {
    env: sys::napi_env,
    values: [sys::napi_value; MOST_ARGUMENTS],
    given: usize,
}

impl Arguments {
    /// True when the function was called without arguments.
    pub fn is_empty(&self) -> bool {
        self.given == 0
    }

    /// The bytes of a Uint8Array.
    pub fn bytes(&self, index: usize) -> Option<ptr::NonNull<[u8]>> {
        self.typed_array(index, sys::TypedarrayType::uint8_array)
    }

    /// The elements of a typed array of this kind.
    fn typed_array<T>(
        &self,
        index: usize,
        wanted: sys::napi_typedarray_type,
    ) -> Option<ptr::NonNull<[T]>> {
        let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
        if index >= self.given {
            return None;
        }
        // SAFETY: a live environment and a value of the current call; every out-pointer is valid.
        let status = unsafe {
            sys::napi_get_typedarray_info(
                self.env,
                self.values[index],
                &mut kind,
                &mut length,
                &mut data,
                ptr::null_mut(),
                ptr::null_mut(),
            )
        };
        // An empty array may have no address.
        let data = ptr::NonNull::new(data.cast::<T>()).unwrap_or(ptr::NonNull::dangling());
        (status == sys::Status::napi_ok && kind == wanted)
            .then(|| ptr::NonNull::slice_from_raw_parts(data, length))
    }

    /// The elements of a Uint32Array.
    pub fn words(&self, index: usize) -> Option<ptr::NonNull<[u32]>> {
        self.typed_array(index, sys::TypedarrayType::uint32_array)
    }

    /// An unsigned integer.
    pub fn uint(&self, index: usize) -> Option<u32> {
        let mut value = 0;
        // SAFETY: as above.
        let status =
            unsafe { sys::napi_get_value_uint32(self.env, self.values[index], &mut value) };
        (index < self.given && status == sys::Status::napi_ok).then_some(value)
    }

    /// A number.
    pub fn number(&self, index: usize) -> Option<f64> {
        let mut value = 0.0;
        // SAFETY: as above.
        let status =
            unsafe { sys::napi_get_value_double(self.env, self.values[index], &mut value) };
        (index < self.given && status == sys::Status::napi_ok).then_some(value)
    }

    /// An integer to return.
    pub fn integer(&self, value: i32) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: as above.
        unsafe { sys::napi_create_int32(self.env, value, &mut result) };
        result
    }

    /// A number to return.
    pub fn double(&self, value: f64) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: as above.
        unsafe { sys::napi_create_double(self.env, value, &mut result) };
        result
    }

    /// A boolean to return.
    pub fn boolean(&self, value: bool) -> sys::napi_value {
        let mut result = ptr::null_mut();
        // SAFETY: as above.
        unsafe { sys::napi_get_boolean(self.env, value, &mut result) };
        result
    }

    /// Throws for arguments that the facade never gives.
    pub fn refuse(&self) -> sys::napi_value {
        throw(
            self.env,
            c"ERR_AGENTWIRE_ARGUMENT",
            c"wrong arguments for a native function of agentwire",
        );
        ptr::null_mut()
    }
}

/// Runs a callback's body on the object that it is bound to, which must be of the type that it was bound with;
/// a panic becomes a JavaScript error.
pub fn guarded<T>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&T, &Arguments) -> sys::napi_value,
) -> sys::napi_value {
    let mut arguments = Arguments {
        env,
        values: [ptr::null_mut(); MOST_ARGUMENTS],
        given: MOST_ARGUMENTS,
    };
    let mut data = ptr::null_mut();
    // SAFETY: the environment and the info of the current call; every out-pointer is valid. Missing
    // arguments are filled in as undefined.
    unsafe {
        sys::napi_get_cb_info(
            env,
            info,
            &mut arguments.given,
            arguments.values.as_mut_ptr(),
            ptr::null_mut(),
            &mut data,
        )
    };
    let result = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: set by `bind`; the function that is being called keeps its count of the object.
        body(unsafe { &*data.cast::<T>() }, &arguments)
    }));
    result.unwrap_or_else(|_| {
        throw(
            env,
            c"ERR_AGENTWIRE_INTERNAL",
            c"agentwire failed inside; this is a bug, please report it",
        );
        ptr::null_mut()
    })
}

fn throw(env: sys::napi_env, code: &CStr, message: &CStr) {
    // SAFETY: a live environment and strings that end in zero.
    unsafe { sys::napi_throw_error(env, code.as_ptr(), message.as_ptr()) };
}
