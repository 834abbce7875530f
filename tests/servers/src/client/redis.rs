//! A client of Redis and Valkey: lines go out as they are, for servers read commands that way, too.

use std::io::{self, BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// Sends commands, one a line, and returns their replies as `redis-cli` prints them for a program.
/// Ends at the first that fails.
pub(super) fn run(
    socket: &Path,
    password: &str,
    database: &str,
    commands: &str,
) -> io::Result<String> {
    let stream = UnixStream::connect(socket)?;
    let mut replies = BufReader::new(stream.try_clone()?);
    let mut ask = |command: &str| {
        (&stream).write_all(format!("{command}\r\n").as_bytes())?;
        read_reply(&mut replies)
    };
    if !password.is_empty() {
        ask(&format!("AUTH {password}"))?;
    }
    ask(&format!("SELECT {database}"))?;
    let mut printed = Vec::new();
    for command in commands.lines().filter(|line| !line.trim().is_empty()) {
        printed.push(ask(command)?);
    }
    Ok(printed.join("\n"))
}

fn read_reply(replies: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if replies.read_line(&mut line)? == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let line = line.trim_end();
    let (kind, rest) = line.split_at_checked(1).ok_or(ErrorKind::InvalidData)?;
    match kind {
        "+" | ":" => Ok(rest.to_owned()),
        "-" => Err(Error::other(rest.to_owned())),
        "$" => match rest.parse::<usize>() {
            Ok(length) => read_text(replies, length),
            // None there: -1.
            Err(_) => Ok(String::new()),
        },
        "*" => {
            let count = rest.parse::<usize>().unwrap_or(0);
            let parts: io::Result<Vec<_>> = (0..count).map(|_| read_reply(replies)).collect();
            Ok(parts?.join("\n"))
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

fn read_text(replies: &mut impl Read, length: usize) -> io::Result<String> {
    let mut text = vec![0; length + 2];
    replies.read_exact(&mut text)?;
    text.truncate(length);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

#[cfg(test)]
mod tests {
    use super::read_reply;

    fn reply(bytes: &[u8]) -> String {
        let mut rest = bytes;
        let reply = read_reply(&mut rest).unwrap_or_else(|error| format!("error: {error}"));
        assert_eq!(rest, b"", "bytes were left");
        reply
    }

    #[test]
    fn every_kind_of_reply_is_read() {
        assert_eq!(reply(b"+OK\r\n"), "OK");
        assert_eq!(reply(b":42\r\n"), "42");
        assert_eq!(reply(b"$5\r\na\r\nbc\r\n"), "a\r\nbc");
        assert_eq!(reply(b"$0\r\n\r\n"), "");
        assert_eq!(reply(b"$-1\r\n"), "");
        assert_eq!(reply(b"*2\r\n:1\r\n*1\r\n$1\r\nx\r\n"), "1\nx");
        assert_eq!(reply(b"*0\r\n"), "");
        assert_eq!(reply(b"-WRONGPASS no\r\n"), "error: WRONGPASS no");
    }

    #[test]
    fn an_end_within_a_reply_is_an_error() {
        assert_eq!(reply(b""), "error: unexpected end of file");
        assert_eq!(reply(b"$5\r\nab"), "error: failed to fill whole buffer");
        assert_eq!(reply(b"*2\r\n:1\r\n"), "error: unexpected end of file");
    }
}
