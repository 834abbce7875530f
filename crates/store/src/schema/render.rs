//! From the text of a file to a statement for the database.

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "sql")]
use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};

use super::rows::{Column, Kind};

/// What stands for a batch's rows in a flush statement.
pub const ROWS: &str = "{{rows}}";

/// The kinds of SQL that statements are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dialect {
    /// SQLite 3.38 or later.
    Sqlite,
    /// PostgreSQL 15 or later.
    Postgres,
    /// MariaDB 10.6 or later and MySQL 8 or later.
    Mysql,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Dialect; 3] = [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql];

    /// Its name, as in `schemas/<preset>/<dialect>/`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mysql => "mysql",
        }
    }

    /// The derived table with these columns and as many rows. How its values are handed over is
    /// the adapter's to know: one placeholder each on SQLite, an array per column on PostgreSQL,
    /// one JSON document on MariaDB and MySQL. In the latter two the statement is the same for any
    /// number of rows, so that it is prepared once.
    fn derived_table(self, columns: &[Column], rows: usize) -> String {
        match self {
            // A `UNION ALL` ends at 500 terms; `VALUES` has no limit, but names its columns itself.
            Self::Sqlite => {
                let names = join(columns.iter().zip(1..), |(column, position)| {
                    format!("column{position} AS {}", column.name)
                });
                let row = format!("({})", vec!["?"; columns.len()].join(","));
                format!("(SELECT {names} FROM (VALUES {}))", vec![row; rows].join(","))
            }
            Self::Postgres => {
                let arrays = join(columns.iter().zip(1..), |(column, position)| {
                    format!("${position}::{}[]", column.kind.postgres_type())
                });
                let names = join(columns.iter(), |column| column.name.to_owned());
                format!("(SELECT * FROM unnest({arrays}) AS batch ({names}))")
            }
            Self::Mysql => {
                let names = join(columns.iter(), |column| match column.kind {
                    Kind::Bytes => format!("UNHEX({0}) AS {0}", column.name),
                    Kind::Integer | Kind::Text | Kind::LongText => column.name.to_owned(),
                });
                let fields = join(columns.iter().zip(0..), |(column, position)| {
                    format!("{} {} PATH '$[{position}]'", column.name, column.kind.mysql_type())
                });
                format!("(SELECT {names} FROM JSON_TABLE(?, '$[*]' COLUMNS ({fields})) AS batch)")
            }
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Kind {
    fn postgres_type(self) -> &'static str {
        match self {
            Self::Integer => "bigint",
            Self::Bytes => "bytea",
            Self::Text | Self::LongText => "text",
        }
    }

    fn mysql_type(self) -> &'static str {
        match self {
            Self::Integer => "BIGINT",
            // Hexadecimal: an info-hash, a peer id or an address.
            Self::Bytes => "VARCHAR(64) CHARACTER SET ascii",
            Self::Text => "VARCHAR(255) CHARACTER SET utf8mb4",
            Self::LongText => "VARCHAR(1024) CHARACTER SET utf8mb4",
        }
    }
}

fn join<T>(items: impl Iterator<Item = T>, each: impl Fn(T) -> String) -> String {
    items.map(each).collect::<Vec<_>>().join(",")
}

/// A statement that is sent as it stands.
#[derive(Debug, Clone)]
pub struct Statement(Cow<'static, str>);

impl Statement {
    /// From the text of a file.
    pub fn new(text: &str) -> Self {
        Self(without_comments(text).into())
    }

    /// A statement of our own with `?` for each value, as the dialect writes it.
    pub(crate) fn portable(text: &'static str, dialect: Dialect) -> Self {
        match dialect {
            Dialect::Postgres => Self(numbered(text).into()),
            Dialect::Sqlite | Dialect::Mysql => Self(text.into()),
        }
    }

    /// The rows of this query that fit a condition, which has `?` for each value.
    pub(crate) fn narrowed(&self, condition: &'static str, dialect: Dialect) -> Self {
        let condition = Self::portable(condition, dialect);
        let query = self.0.trim_end_matches([';', ' ', '\n']);
        Self(format!("SELECT * FROM ({query}) AS found WHERE {}", condition.text()).into())
    }

    /// The statement that asks for this one's plan.
    pub(crate) fn explain(&self) -> Self {
        Self(format!("EXPLAIN {}", self.0).into())
    }

    /// The statement, without its comments.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// This query, waiting for whoever is about to change its row.
    pub(crate) fn locking(&self, dialect: Dialect) -> Self {
        match dialect {
            // Its transactions that write are one at a time from their beginning.
            Dialect::Sqlite => self.clone(),
            Dialect::Postgres | Dialect::Mysql => {
                let text = self.0.trim_end_matches([';', ' ', '\n']);
                Self(format!("{text}\nFOR UPDATE").into())
            }
        }
    }

    /// The statement for the database.
    #[cfg(feature = "sql")]
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

    /// Its text, with `{{rows}}` in it.
    pub fn template(&self) -> &str {
        &self.template
    }

    /// How often `{{rows}}` stands in it; once is right.
    pub fn rows_placeholders(&self) -> usize {
        self.template.matches(ROWS).count()
    }

    /// Whether its text does not depend on how many rows there are.
    pub fn is_same_for_any_size(&self) -> bool {
        self.dialect != Dialect::Sqlite
    }

    /// The statement for so many rows with these columns.
    pub fn text(&self, columns: &[Column], rows: usize) -> String {
        self.template.replacen(ROWS, &self.dialect.derived_table(columns, rows), 1)
    }

    /// The statement for the database.
    #[cfg(feature = "sql")]
    pub(crate) fn sql(&self, columns: &[Column], rows: usize) -> SqlStr {
        assert_safe(self.text(columns, rows).into())
    }
}

/// Values numbered as PostgreSQL wants them.
fn numbered(text: &str) -> String {
    let mut numbered = String::with_capacity(text.len() + 16);
    let mut parts = text.split('?');
    numbered.push_str(parts.next().unwrap_or_default());
    for (part, number) in parts.zip(1..) {
        numbered.push_str(&format!("${number}"));
        numbered.push_str(part);
    }
    numbered
}

/// The one place that vouches for a statement: its text is a file that we or the operator wrote,
/// and what is put into it are names and placeholders, never a value.
#[cfg(feature = "sql")]
fn assert_safe(text: Cow<'static, str>) -> SqlStr {
    AssertSqlSafe(text).into_sql_str()
}

/// A header may speak of `{{rows}}`, and a database need not parse prose.
fn without_comments(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    lines.join("\n").trim().to_owned()
}
