use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::schema::{Dialect, Files, Schema, folder};

#[test]
fn the_checked_in_reference_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema.md");
    if std::env::var_os("MIKA_UPDATE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap();
    assert!(
        checked_in == reference(),
        "docs/schema.md is out of date: run this test with MIKA_UPDATE=1"
    );
}

/// The columns of `{{rows}}`.
fn rows_of(file: &SchemaFile) -> Option<&'static [Column]> {
    match file.kind {
        FileKind::Flush { columns, .. } | FileKind::Torrents(columns) | FileKind::Log(columns) => {
            Some(columns)
        }
        _ => None,
    }
}

#[test]
fn every_column_of_a_batch_is_explained() {
    for file in SchemaFile::ALL {
        let Some(columns) = rows_of(file) else { continue };
        assert!(!columns.is_empty(), "{}", file.name);
        for column in columns {
            assert!(about(file.name, column.name).is_some(), "{}: {}", file.name, column.name);
        }
    }
}

#[test]
fn every_explanation_is_of_a_column_that_there_is() {
    let has = |of: Option<&str>, name: &str| {
        SchemaFile::ALL.iter().filter(|file| of.is_none_or(|of| of == file.name)).any(|file| {
            rows_of(file).is_some_and(|rows| rows.iter().any(|column| column.name == name))
        })
    };
    for (file, name, _) in SPECIAL {
        assert!(has(Some(file), name), "{file}: {name}");
    }
    for (name, _) in COMMON {
        assert!(has(None, name), "{name}");
    }
}

#[test]
fn the_files_listed_are_those_that_are_read() {
    let mut files = Files::default();
    let manifest = "dialect = \"sqlite\"\ntitle = \"x\"\n";
    files.0.insert("schema.toml".to_owned(), manifest.to_owned());
    for file in SchemaFile::ALL {
        let text = match file.kind {
            FileKind::Flush { .. } | FileKind::Torrents(_) | FileKind::Log(_) => {
                format!("-- {}\nSELECT * FROM {{{{rows}}}}", file.name)
            }
            _ => format!("SELECT '{}'", file.name),
        };
        files.0.insert(file.name.to_owned(), text);
    }
    let open = |files: &Files| Schema::from_files("all", Dialect::Sqlite, files, &BTreeMap::new());
    let schema = open(&files).unwrap();
    for file in SchemaFile::ALL {
        assert!(schema.statement(file).is_some(), "{}", file.name);
        let mut fewer = files.clone();
        fewer.0.remove(file.name);
        match open(&fewer) {
            Ok(schema) => {
                assert!(!file.required, "{}", file.name);
                assert!(schema.statement(file).is_none(), "{}", file.name);
            }
            Err(_) => assert!(file.required, "{}", file.name),
        }
    }
}

#[test]
fn every_preset_has_a_title() {
    for (preset, dialects) in folder::presets() {
        for dialect in dialects {
            assert!(!crate::schema::title(&preset, dialect).unwrap().is_empty());
        }
    }
}
