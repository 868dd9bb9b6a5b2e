//! What the operating system says about this process, and what is said when this program is at fault.

use std::fs;
use std::panic;

use crate::output;

/// Longest part of a fault's text that is shown, in characters.
const FAULT_TEXT_LEN_MAX: usize = 200;

/// A fault inside is told in one line. The analysis of the app it happened in is fenced off; the rest goes on.
pub(crate) fn tell_faults_briefly() {
    panic::set_hook(Box::new(|fault| {
        let payload = fault.payload();
        let text =
            payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
        let text: String = text.unwrap_or("no text").chars().take(FAULT_TEXT_LEN_MAX).collect();
        let place = fault.location().map(|at| format!(" at {}:{}", at.file(), at.line())).unwrap_or_default();
        output::message(&format!("fault inside this program{place}: {text}"));
    }));
}

/// Most memory this process has held, in KiB. Known on Linux only.
pub(crate) fn peak_memory_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// Time all threads have run so far, in hundredths of a second. Known on Linux only.
pub(crate) fn cpu_hundredths() -> Option<u64> {
    // proc(5): the name may hold spaces and parentheses; the fields after it are utime and stime as numbers 14 and 15.
    // Their unit is USER_HZ, which is 100 on every architecture Linux supports for user programs.
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}
