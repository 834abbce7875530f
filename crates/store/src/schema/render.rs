//! From the text of a file to a statement for the database.

use std::borrow::Cow;

#[cfg(feature = "sqlite")]
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

/// What stands for a batch's rows in a flush statement.
const ROWS: &str = "{{rows}}";

/// How a kind of database writes a derived table of constant rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite 3.38 or later.
    Sqlite,
}

impl Dialect {
    /// The derived table with these columns and as many rows of placeholders.
    fn derived_table(self, columns: &[&str], rows: usize) -> String {
        match self {
            // A `UNION ALL` ends at 500 terms; `VALUES` has no limit, but names its columns itself.
            Self::Sqlite => {
                let names: Vec<_> = columns
                    .iter()
                    .zip(1..)
                    .map(|(name, position)| format!("column{position} AS {name}"))
                    .collect();
                let row = format!("({})", vec!["?"; columns.len()].join(","));
                format!("(SELECT {} FROM (VALUES {}))", names.join(","), vec![row; rows].join(","))
            }
        }
    }
}

/// A statement that is sent as it stands.
#[derive(Debug, Clone)]
pub struct Statement(Cow<'static, str>);

impl Statement {
    /// From the text of a file.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self(without_comments(&text.into()).into())
    }

    /// The statement, without its comments.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The statement for the database.
    #[cfg(feature = "sqlite")]
    pub(crate) fn sql(&self) -> SqlStr {
        assert_safe(self.0.clone())
    }
}

/// A statement that writes a batch's rows.
#[derive(Debug, Clone)]
pub struct FlushStatement {
    template: String,
    dialect: Dialect,
}

impl FlushStatement {
    /// From the text of a file.
    pub fn new(text: &str, dialect: Dialect) -> Self {
        Self { template: without_comments(text), dialect }
    }

    /// The statement for so many rows with these columns, one placeholder per value.
    pub fn text(&self, columns: &[&str], rows: usize) -> String {
        self.template.replacen(ROWS, &self.dialect.derived_table(columns, rows), 1)
    }

    /// The statement for the database.
    #[cfg(feature = "sqlite")]
    pub(crate) fn sql(&self, columns: &[&str], rows: usize) -> SqlStr {
        assert_safe(self.text(columns, rows).into())
    }
}

/// The one place that vouches for a statement: its text is a file that we or the operator wrote,
/// and what is put into it are column names of ours and placeholders, never a value.
#[cfg(feature = "sqlite")]
fn assert_safe(text: Cow<'static, str>) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

/// A header may speak of `{{rows}}`, and a database need not parse prose.
fn without_comments(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    lines.join("\n").trim().to_owned()
}
