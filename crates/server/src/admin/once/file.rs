//! The file of keys: JSON lines, readable for its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{Answer, Digest32};

/// A line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    /// A request is about to be done.
    Begun {
        #[serde(with = "hex")]
        key: Digest32,
        #[serde(with = "hex")]
        digest: Digest32,
        at_seconds: u32,
    },
    /// It was not done.
    Refused {
        #[serde(with = "hex")]
        key: Digest32,
    },
    /// It was done.
    Done {
        #[serde(with = "hex")]
        key: Digest32,
        answer: Option<Answer>,
    },
}

/// The open file.
#[derive(Debug)]
pub(super) struct PostsFile {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl PostsFile {
    /// The lines of a file, and the file. What a crash left of a line is no line.
    pub(super) fn open(path: &Path) -> io::Result<(Vec<Line>, Self)> {
        let lines = match File::open(path) {
            Ok(file) => {
                let lines = BufReader::new(file).split(b'\n').collect::<io::Result<Vec<_>>>()?;
                lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let file = append(path)?;
        let bytes = file.metadata()?.len();
        Ok((lines, Self { path: path.to_owned(), file, bytes }))
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds a line, and waits until the disk has it.
    pub(super) fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        self.file.sync_data()
    }

    /// Puts a file with these lines in place of this one.
    pub(super) fn rewrite(&mut self, lines: &[Line]) -> io::Result<()> {
        let unfinished = self.path.with_extension("new");
        match fs::remove_file(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        let mut file = append(&unfinished)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&unfinished, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        (self.file, self.bytes) = (file, text.len() as u64);
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Digest32;

    pub(super) fn serialize<S: Serializer>(digest: &Digest32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&crate::control::to_hex(*digest))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Digest32, D::Error> {
        let text = String::deserialize(from)?;
        crate::control::from_hex(&text).ok_or_else(|| D::Error::custom("not 64 hexadecimal digits"))
    }
}
