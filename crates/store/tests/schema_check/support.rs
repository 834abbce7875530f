//! Databases of their own, and schemas that differ from a preset in a few files.

use std::collections::BTreeMap;

use mika_store::schema::{Dialect, Files, Schema, folder};
use mika_store::sql::check::{Check, Grade, Report};
use mika_test_servers::{Database, Missing, Options, SqlMode};

/// Some Unix time.
pub const NOW: u32 = 1_700_000_000;

/// A new, empty database, which goes with the value.
pub fn new_database(dialect: Dialect) -> Result<Database, Missing> {
    let options = match dialect {
        Dialect::Postgres => Options::postgresql(),
        // As MariaDB comes; What.CD's tables have dates of zero.
        _ => Options::mariadb().sql_mode(SqlMode::StrictButZeroDates),
    };
    Ok(mika_test_servers::shared(&options)?.create_database())
}

/// The same database as another user.
pub fn as_user(url: &str, user: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    format!("{scheme}://{user}@{place}")
}

/// A preset with other files in the place of some, or without them.
pub fn schema(preset: &str, dialect: Dialect, changes: &[(&str, Option<&str>)]) -> Schema {
    let mut files: Files = folder::embedded(preset, dialect).unwrap();
    for (name, text) in changes {
        match text {
            Some(text) => files.0.insert((*name).to_owned(), (*text).to_owned()),
            None => files.0.remove(*name),
        };
    }
    Schema::from_files(preset, dialect, &files, &BTreeMap::new()).unwrap()
}

pub fn of<'a>(report: &'a Report, file: &str) -> &'a Check {
    let found = report.checks.iter().find(|check| check.file == file);
    found.unwrap_or_else(|| panic!("{file} was not checked: {report:#?}"))
}

/// Text and hint of the first remark that is bad.
pub fn fault(report: &Report, file: &str) -> (String, String) {
    let check = of(report, file);
    let bad = check.remarks.iter().find(|remark| remark.grade == Grade::Bad);
    let bad = bad.unwrap_or_else(|| panic!("nothing is wrong with {file}: {check:#?}"));
    (bad.text.clone(), bad.hint.clone())
}

/// The files in which something is wrong.
pub fn faulty(report: &Report) -> Vec<&'static str> {
    let bad = report.checks.iter().filter(|check| check.grade() == Grade::Bad);
    bad.map(|check| check.file).collect()
}
