//! How many arenas the C library's allocator may open. One a thread is its habit; a dozen threads that each
//! hold a little then cost a fifth more memory at 1,000 assets (90 MB against 74), and gain nothing on two cores.
#![expect(
    unsafe_code,
    reason = "mallopt is the only way to say it from inside; it reads nothing and keeps no pointer"
)]

/// Enough for two busy threads not to wait for each other.
#[cfg(target_env = "gnu")]
const ARENAS: libc::c_int = 2;

/// Sets the bound. Call it before the first thread starts.
pub(super) fn bound() {
    // SAFETY: plain integers, called before any other thread exists; a refusal changes nothing.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}
