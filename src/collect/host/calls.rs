//! The system calls that no safe wrapper offers here: the kernel clock's state and the time zone.

use std::ffi::CStr;

/// Clock ticks per second, the unit of times in /proc.
pub(crate) fn ticks_per_second() -> f64 {
    rustix::param::clock_ticks_per_second() as f64
}

/// What `adjtimex` says, and the clock's state. Reads only: no mode bit is set.
#[expect(
    unsafe_code,
    reason = "adjtimex has no safe wrapper; it fills a structure that is ours and zeroed"
)]
pub(crate) fn clock_state() -> std::io::Result<(libc::timex, i32)> {
    // SAFETY: `timex` is plain numbers, for which zero is valid, and the pointer is to a live one.
    let (state, timex) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex)
    };
    if state < 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok((timex, state))
}

/// Abbreviation and offset from UTC in seconds of the server's zone at a time.
#[expect(
    unsafe_code,
    reason = "no crate here knows the zone's abbreviation; localtime_r fills a structure of ours"
)]
pub(crate) fn zone(unix_seconds: i64) -> Option<(String, i64)> {
    let time = unix_seconds as _;
    // SAFETY: `tm` is numbers and a pointer, for which zero is valid; the zone's name is copied
    // at once, before anything could change the zone.
    unsafe {
        let mut tm: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&raw const time, &raw mut tm).is_null() {
            return None;
        }
        let name = if tm.tm_zone.is_null() {
            String::new()
        } else {
            CStr::from_ptr(tm.tm_zone).to_string_lossy().into_owned()
        };
        Some((name, tm.tm_gmtoff))
    }
}
