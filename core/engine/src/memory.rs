//! How this process asks the system for memory.

/// One heap for all threads. glibc gives each thread one of its own, which grows by single pages with a call to the system
/// for each: in the few tenths of a second that a call takes, that costs more than threads waiting for each other do, and
/// what one thread is through with is of no use to the next. Called before there is a second thread.
pub fn one_heap() {
    // SAFETY: sets one number of the allocator, at a moment when nobody else is in it.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}
