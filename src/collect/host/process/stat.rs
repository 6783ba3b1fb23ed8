//! One line of /proc/PID/stat.

/// Set in the flags of a thread of the kernel.
const KERNEL_THREAD: u64 = 0x0020_0000;
/// Names of kernel workers are longer than the 15 bytes of all others; they are cut here.
pub(crate) const NAME: usize = 32;

/// What the line tells. Plain bytes: a pass over all processes allocates nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stat {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// Clock ticks after boot.
    pub(crate) started: u64,
    /// Clock ticks spent, in user and system mode.
    pub(crate) ticks: u64,
    pub(crate) rss_pages: u64,
    pub(crate) threads: u32,
    pub(crate) state: u8,
    pub(crate) kernel: bool,
    name: [u8; NAME],
    name_len: u8,
}

impl Stat {
    pub(crate) fn name(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.name[..usize::from(self.name_len)])
    }

    pub(crate) fn name_bytes(&self) -> &[u8] {
        &self.name[..usize::from(self.name_len)]
    }
}

/// The process that has this pid on this machine now.
pub(crate) fn of(pid: i32) -> Option<Stat> {
    parse(&std::fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// `pid (name) state parent ...`. The name may hold blanks and brackets, so it ends at the last
/// bracket. `None` where the line is not of that form.
pub(crate) fn parse(line: &[u8]) -> Option<Stat> {
    let open = memchr::memchr(b'(', line)?;
    let close = memchr::memrchr(b')', line)?;
    let pid = number(line.get(..open)?.trim_ascii())? as i32;
    let name_bytes = line.get(open + 1..close)?;
    let mut words = line[close + 1..]
        .split(|b| b.is_ascii_whitespace())
        .filter(|w| !w.is_empty());
    let state = *words.next()?.first()?;
    let parent = number(words.next()?)? as i32;
    // Counted from the parent: flags are the 5th, the times the 10th and 11th, ...
    let flags = number(words.nth(4)?)?;
    let user = number(words.nth(4)?)?;
    let system = number(words.next()?)?;
    let threads = number(words.nth(4)?)? as u32;
    let started = number(words.nth(1)?)?;
    let rss_pages = number(words.nth(1)?)?;
    let mut name = [0; NAME];
    let name_len = name_bytes.len().min(NAME);
    name[..name_len].copy_from_slice(&name_bytes[..name_len]);
    Some(Stat {
        pid,
        parent,
        started,
        ticks: user.saturating_add(system),
        rss_pages,
        threads,
        state,
        kernel: flags & KERNEL_THREAD != 0,
        name,
        name_len: name_len as u8,
    })
}

/// Digits; a negative number (a process that is going has some) counts as 0.
fn number(word: &[u8]) -> Option<u64> {
    if word.first() == Some(&b'-') {
        return Some(0);
    }
    if word.is_empty() || word.len() > 20 {
        return None;
    }
    word.iter().try_fold(0_u64, |sum, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "4242 (odd ) (name) S 17 4242 4242 0 -1 4194560 900 0 3 0 120 30 7 8 20 0 \
                        12 0 987654 123456789 2048 18446744073709551615 1 1 0 0 0 0 0 4096 0 0 0";

    #[test]
    fn a_name_may_hold_brackets_and_blanks() {
        let stat = parse(LINE.as_bytes()).unwrap();
        assert_eq!(stat.name(), "odd ) (name");
        assert_eq!((stat.pid, stat.parent, stat.state), (4242, 17, b'S'));
        assert_eq!((stat.ticks, stat.threads, stat.started), (150, 12, 987_654));
        assert_eq!((stat.rss_pages, stat.kernel), (2048, false));
    }

    #[test]
    fn a_kernel_thread_is_known_by_its_flag() {
        let line = "9 (kworker/u16:3-events_unbound_and_more) I 2 0 0 0 -1 69238880 0 0 0 0 0 1 \
                    0 0 20 0 1 0 27 0 0 0";
        let stat = parse(line.as_bytes()).unwrap();
        assert!(stat.kernel);
        assert_eq!(stat.name().len(), NAME);
    }

    #[test]
    fn our_own_line_is_understood() {
        let stat = parse(&std::fs::read("/proc/self/stat").unwrap()).unwrap();
        assert_eq!(stat.pid, std::process::id() as i32);
        assert!(stat.rss_pages > 0 && stat.threads > 0 && !stat.kernel);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in any::<Vec<u8>>(), cut in 0..LINE.len()) {
            let _ = parse(&bytes);
            let _ = parse(&LINE.as_bytes()[..cut]);
            let mut bent = LINE.as_bytes().to_vec();
            bent[cut] = bytes.first().copied().unwrap_or(b' ');
            let _ = parse(&bent);
        }
    }
}
