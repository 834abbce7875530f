//! The memory of this process.

/// Resident memory in bytes, as Linux tells it; `None` elsewhere.
pub fn resident_bytes() -> Option<u64> {
    resident_in(&std::fs::read_to_string("/proc/self/status").ok()?)
}

/// `status` has kilobytes, whereas `statm` counts pages, whose size would have to be asked for.
fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_size_is_read_in_bytes() {
        assert_eq!(resident_in("VmSize:\t  99 kB\nVmRSS:\t   1234 kB\n"), Some(1_263_616));
        assert_eq!(resident_in("VmSize:\t  99 kB\n"), None);
        assert_eq!(resident_in("VmRSS:\t 12 pages\n"), None);
    }
}
