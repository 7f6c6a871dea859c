//! What a piece of work takes from the heap: an allocator that counts, by thread, so that tests beside it do not show.

#![allow(unsafe_code)] // an allocator is that; this one hands everything to the system's

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

#[global_allocator]
static COUNTING: Counting = Counting;

/// What was taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// How often.
    pub(crate) times: usize,
    /// Bytes of all together, whether given back since or not.
    pub(crate) bytes: usize,
    /// Bytes of the largest.
    pub(crate) largest: usize,
}

thread_local! {
    static TAKEN: Cell<Taken> = const { Cell::new(Taken { times: 0, bytes: 0, largest: 0 }) };
}

fn note(bytes: usize) {
    // A thread that ends allocates after its locals are gone.
    let _ = TAKEN.try_with(|taken| {
        let Taken { times, bytes: all, largest } = taken.get();
        taken.set(Taken { times: times + 1, bytes: all.wrapping_add(bytes), largest: largest.max(bytes) });
    });
}

// SAFETY: all four are the system's own, with what they were given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(size);
        unsafe { System.realloc(at, layout, size) }
    }
}

/// Does it, and tells what this thread took meanwhile.
pub(crate) fn of<T>(work: impl FnOnce() -> T) -> (T, Taken) {
    TAKEN.set(Taken::default());
    let done = work();
    (done, TAKEN.get())
}

#[test]
fn what_is_taken_is_counted() {
    let (kept, taken) = of(|| (vec![0_u8; 1_000], Box::new(7_u64)));
    assert_eq!((kept.0.len(), *kept.1), (1_000, 7));
    assert_eq!(taken, Taken { times: 2, bytes: 1_008, largest: 1_000 });
    assert_eq!(of(|| 7).1, Taken::default());
}
