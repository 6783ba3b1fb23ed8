//! Gives back the pages of the program's own code that only the start needed.
//!
//! The kernel maps 64 KiB around every page of code that is touched once, and keeps them until memory
//! is short. Reading arguments and configuration, setting up TLS and opening the store walk through
//! most of the program, and little of that runs again.

use std::ffi::c_void;
use std::fs;

/// Tells the kernel that the code's pages are not needed now. What runs next maps them again from the
/// page cache, 16 at a time. Without effect where /proc cannot be read.
pub fn give_back_code() {
    let Ok(program) = fs::read_link("/proc/self/exe") else {
        return;
    };
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for (start, len) in code(&maps, &program.to_string_lossy()) {
        drop_pages(start, len);
    }
}

/// The code and the constants before it, in proc_pid_maps(5): where the mappings begin and their bytes.
/// What stands behind the code is left alone: the linker has written to those pages.
fn code(maps: &str, program: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let own = maps.lines().filter(|l| l.ends_with(program));
    for line in own {
        let mut fields = line.splitn(6, ' ');
        let (Some(range), Some(mode)) = (fields.next(), fields.next()) else {
            break;
        };
        if !matches!(mode, "r--p" | "r-xp") || fields.nth(3).map(str::trim_start) != Some(program) {
            break;
        }
        let hex = |text| usize::from_str_radix(text, 16).ok();
        let ends = range.split_once('-').and_then(|(a, b)| hex(a).zip(hex(b)));
        found.extend(ends.and_then(|(a, b)| Some((a, b.checked_sub(a)?))));
        if mode == "r-xp" {
            return found;
        }
    }
    Vec::new()
}

#[expect(unsafe_code, reason = "madvise on code has no safe wrapper")]
fn drop_pages(start: usize, len: usize) {
    let start = std::ptr::without_provenance_mut::<c_void>(start);
    // SAFETY: the range is a private mapping of the running program's file that cannot be written and has
    // no relocations, so that no page of it differs from the file: each comes back as it was.
    let _ = unsafe { rustix::mm::madvise(start, len, rustix::mm::Advice::LinuxDontNeed) };
}

#[cfg(test)]
mod tests {
    use crate::base::own::code::{code, give_back_code};
    use std::fs;

    #[test]
    fn only_what_is_run_and_never_written_is_given_back() {
        let maps = "\
55d0a0000000-55d0a0600000 r--p 00000000 fe:00 123                        /usr/bin/bon gsu
55d0a0600000-55d0a1a80000 r-xp 00600000 fe:00 123                        /usr/bin/bon gsu
55d0a1a80000-55d0a1c40000 r--p 01a7f000 fe:00 123                        /usr/bin/bon gsu
7f8260000000-7f8260160000 r-xp 00026000 fe:00 9                          /lib/x86_64-linux-gnu/libc.so.6
7ffd39699000-7ffd3969b000 r-xp 00000000 00:00 0                          [vdso]
";
        assert_eq!(
            code(maps, "/usr/bin/bon gsu"),
            [
                (0x55d0_a000_0000, 0x60_0000),
                (0x55d0_a060_0000, 0x148_0000)
            ]
        );
        assert_eq!(code("x", "x"), []);
    }

    #[test]
    fn what_was_given_back_runs_on() {
        give_back_code();
        assert_eq!(
            code(&fs::read_to_string("/proc/self/maps").unwrap(), ""),
            []
        );
    }
}
