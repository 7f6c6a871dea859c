//! Bytes that a piece of work takes from the heap, given back since or not.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;
static TAKEN: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all is the system's own, with what it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        TAKEN.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        TAKEN.fetch_add(size, Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Does it; fails if it took more than so many bytes.
pub fn within<T>(most: usize, work: impl FnOnce() -> T) -> T {
    let before = TAKEN.load(Relaxed);
    let done = work();
    let taken = TAKEN.load(Relaxed) - before;
    assert!(taken <= most, "{taken} bytes taken, {most} allowed");
    done
}
