//! `mika client export` and `import`: the whole state.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use futures_util::stream;
use mika_client::types::ImportReport;

use super::session::Session;
use crate::{exit, output};

/// Read from a file at a time.
const CHUNK_BYTES: usize = 64 << 10;
/// The end of an export is looked for in so much of it.
const TAIL_BYTES: usize = 1000;

#[derive(Debug, Args)]
pub struct ExportArguments {
    /// The file, which only you will be able to read [default: standard output].
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ImportArguments {
    /// The file, or `-` for standard input.
    #[arg(default_value = "-")]
    file: PathBuf,
}

impl ExportArguments {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let Some(path) = &self.file else {
            let mut output = io::stdout().lock();
            copy(session, &mut output).await?;
            return Ok(output.flush()?);
        };
        // An older export is not lost if this one fails.
        let part = path.with_added_extension("part");
        let failed = || format!("{} cannot be written", part.display());
        let options =
            || OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        let mut file = options().open(&part).with_context(failed)?;
        copy(session, &mut file).await?;
        file.sync_all().with_context(failed)?;
        let failed = || format!("{} cannot be written", path.display());
        std::fs::rename(&part, path).with_context(failed)
    }
}

async fn copy(session: &Session, output: &mut impl Write) -> anyhow::Result<()> {
    let mut export = session.client.export().await?;
    let mut tail = Vec::new();
    while let Some(bytes) = export.next().await? {
        output.write_all(&bytes)?;
        tail.extend_from_slice(&bytes);
        tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
    }
    anyhow::ensure!(is_whole(&tail), "the tracker has cut the export short: try again");
    Ok(())
}

/// Whether the last line is that of a whole export.
fn is_whole(tail: &[u8]) -> bool {
    let text = String::from_utf8_lossy(tail);
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default();
    let line: Option<serde_json::Value> = serde_json::from_str(last).ok();
    line.is_some_and(|line| line.get("kind").and_then(|kind| kind.as_str()) == Some("end"))
}

impl ImportArguments {
    pub async fn run(self, session: &Session) -> anyhow::Result<ExitCode> {
        let input = open(&self.file)?;
        session.confirm("Change every record that is in the import, if it is there already?")?;
        let chunks = stream::unfold(Some(input), |input| async move {
            // Whoever writes to a pipe may take his time.
            match tokio::task::spawn_blocking(move || input.map(chunk)).await {
                Ok(Some(Ok((bytes, _)))) if bytes.is_empty() => None,
                Ok(Some(Ok((bytes, input)))) => Some((Ok(bytes), Some(input))),
                Ok(Some(Err(error))) => Some((Err(error), None)),
                Ok(None) => None,
                Err(error) => Some((Err(error.into()), None)),
            }
        });
        let report = session.client.import_stream(chunks).await?;
        session.print(&report, words)?;
        let failed = ExitCode::from(exit::FAILED);
        Ok(if report.failed == 0 { ExitCode::SUCCESS } else { failed })
    }
}

/// What there is to read, and where to go on; nothing at the end.
fn chunk(mut input: Box<dyn Read + Send>) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut bytes = vec![0; CHUNK_BYTES];
    let length = input.read(&mut bytes)?;
    bytes.truncate(length);
    Ok((bytes, input))
}

/// A file, or standard input.
pub(super) fn open(path: &Path) -> anyhow::Result<Box<dyn Read + Send>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(Box::new(file))
}

fn words(report: &ImportReport) -> String {
    let mut text = output::fields(&[
        ("lines", report.lines.to_string()),
        ("created", report.created.to_string()),
        ("updated", report.updated.to_string()),
        ("failed", report.failed.to_string()),
    ]);
    for error in &report.errors {
        let line = format!("line {}: {} ({})", error.line, error.detail, error.code);
        text.push_str(&format!("{}\n", output::printable(&line)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_export_with_its_end_is_whole() {
        assert!(is_whole(b"ing\"}\n{\"kind\":\"end\",\"lines\":3}\n"));
        assert!(!is_whole(b"{\"kind\":\"end\",\"lines\":3}\n{\"kind\":\"user\"}\n"));
        assert!(!is_whole(b"{\"kind\":\"end\",\"li"));
        assert!(!is_whole(b""));
    }
}
