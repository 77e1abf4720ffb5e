//! Bytes outside of what agentwire manages: what a caller wants copied in, and where he wants a copy.

use std::marker::PhantomData;
use std::ptr::NonNull;

/// Bytes to copy from. Another thread may write them meanwhile (a view on a SharedArrayBuffer); then any
/// bytes are copied. No reference to them is ever made.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    start: NonNull<u8>,
    len: usize,
    bytes: PhantomData<&'a [u8]>,
}

impl<'a> Source<'a> {
    /// The bytes at an address.
    ///
    /// # Safety
    /// `len` bytes at `start` stay allocated for `'a`.
    pub unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Self {
        Self {
            start,
            len,
            bytes: PhantomData,
        }
    }

    /// Their address.
    #[inline]
    pub fn start(self) -> NonNull<u8> {
        self.start
    }

    /// How many there are.
    #[inline]
    pub fn len(self) -> usize {
        self.len
    }

    /// True when there are none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len == 0
    }

    /// The bytes from `from` to `to`.
    #[inline]
    pub fn range(self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.len);
        // SAFETY: within the span (checked).
        unsafe { Self::from_raw(self.start.add(from), to - from) }
    }
}

impl<'a> From<&'a [u8]> for Source<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        // SAFETY: borrowed for 'a.
        unsafe { Self::from_raw(NonNull::from(bytes).cast(), bytes.len()) }
    }
}

/// Bytes to copy to. Another thread may read or write them meanwhile.
#[derive(Debug)]
pub struct Target<'a> {
    start: NonNull<u8>,
    len: usize,
    bytes: PhantomData<&'a mut [u8]>,
}

impl<'a> Target<'a> {
    /// The bytes at an address.
    ///
    /// # Safety
    /// `len` bytes at `start` stay allocated for `'a`, and this thread holds no reference to them.
    pub unsafe fn from_raw(start: NonNull<u8>, len: usize) -> Self {
        Self {
            start,
            len,
            bytes: PhantomData,
        }
    }

    /// Their address.
    #[inline]
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// True when there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bytes from `from` to `to`.
    #[inline]
    pub fn range(&mut self, from: usize, to: usize) -> Target<'_> {
        assert!(from <= to && to <= self.len);
        // SAFETY: within the span (checked).
        unsafe { Target::from_raw(self.start.add(from), to - from) }
    }
}

impl<'a> From<&'a mut [u8]> for Target<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        let len = bytes.len();
        // SAFETY: borrowed mutably for 'a.
        unsafe { Self::from_raw(NonNull::from(bytes).cast(), len) }
    }
}
