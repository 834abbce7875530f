//! The lines of a file, some at a time.

use std::io::{self, BufRead, BufReader, Read};

/// A longer line is no record.
const LINE_BYTES_MAX: u64 = 1 << 20;
/// What one call may have; the server takes twice as much.
const CALL_BYTES_MAX: usize = 8 << 20;

/// Lines with their numbers.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    number: u64,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self { input: BufReader::new(input), number: 0 }
    }

    /// The next lines that are not empty, at most so many; none at the end.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or a line is too long.
    pub(super) fn next(&mut self, lines_max: usize) -> anyhow::Result<Vec<(u64, Vec<u8>)>> {
        let mut lines = Vec::new();
        let mut bytes = 0_usize;
        while lines.len() < lines_max && bytes < CALL_BYTES_MAX {
            let Some(line) = self.line()? else { break };
            if !line.trim_ascii().is_empty() {
                bytes = bytes.saturating_add(line.len());
                lines.push((self.number, line));
            }
        }
        Ok(lines)
    }

    fn line(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut limited = io::Read::take(&mut self.input, LINE_BYTES_MAX);
        let length = limited.read_until(b'\n', &mut line)?;
        self.number = self.number.saturating_add(1);
        let is_cut = u64::try_from(length)? == LINE_BYTES_MAX && !line.ends_with(b"\n");
        anyhow::ensure!(!is_cut, "line {} is longer than 1 MiB", self.number);
        Ok((length > 0).then_some(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Lines {
        Lines::new(Box::new(io::Cursor::new(text.as_bytes().to_vec())))
    }

    #[test]
    fn lines_keep_their_numbers() {
        let mut lines = lines("a\n\n b\nc");
        assert_eq!(lines.next(2).unwrap(), [(1, b"a\n".to_vec()), (3, b" b\n".to_vec())]);
        assert_eq!(lines.next(2).unwrap(), [(4, b"c".to_vec())]);
        assert_eq!(lines.next(2).unwrap(), []);
    }

    #[test]
    fn a_line_without_an_end_is_not_read_for_ever() {
        let error = lines(&"x".repeat(3 << 20)).next(10).unwrap_err();
        assert_eq!(error.to_string(), "line 1 is longer than 1 MiB");
    }

    #[test]
    fn a_call_has_a_size_that_the_server_takes() {
        let line = format!("{}\n", "x".repeat(1000));
        let mut lines = lines(&line.repeat(20_000));
        let first = lines.next(10_000).unwrap();
        let bytes: usize = first.iter().map(|(_, line)| line.len()).sum();
        assert!((CALL_BYTES_MAX..CALL_BYTES_MAX + 2000).contains(&bytes), "{bytes}");
    }
}
