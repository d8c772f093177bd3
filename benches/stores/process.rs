//! What a process takes, as Linux counts it. Elsewhere nothing is known.

/// Bytes that were resident at once, at most, since the process began or [`reset_peak`] was called.
pub fn peak(pid: u32) -> Option<u64> {
    field(pid, "VmHWM:")
}

/// Bytes that are resident now.
pub fn resident(pid: u32) -> Option<u64> {
    field(pid, "VmRSS:")
}

/// Lets the peak begin anew.
pub fn reset_peak(pid: u32) {
    // Refused for a process of somebody else, whose peak is then that of its whole life.
    let _ = std::fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// Seconds that it has worked, on all processors together. Other work on the machine makes a run longer, but not this.
pub fn worked(pid: u32) -> Option<f64> {
    // Linux tells hundredths, whatever its own clock does.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold anything; user and system time are the 12th and 13th after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// Processes that wanted to work in the last minute, on average.
pub fn load() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn field(pid: u32, name: &str) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with(name))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}
