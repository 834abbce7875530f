//! What a database's complaint means, and what to do about it.

use sqlx::error::DatabaseError;

use super::{Checker, Facts, Grade, Remark};
use crate::schema::{Dialect, FileKind, SchemaFile, Statement};

/// Columns and tables that a hint lists at most.
const LISTED: usize = 60;

/// What a database complains of.
#[derive(Debug, PartialEq, Eq)]
enum Complaint {
    NoTable(String),
    NoColumn(String),
    /// What is not allowed, and on what.
    Denied(String),
    Other,
}

/// The words of a statement: names and keywords, without quotes around them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'))
        .filter(|word| !word.is_empty())
}

/// The first word, in capitals.
pub(super) fn verb(text: &str) -> String {
    words(text).next().unwrap_or_default().to_ascii_uppercase()
}

/// Whether more follows a semicolon that is not in quotes.
pub(super) fn is_several(text: &str) -> bool {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '\'' | '"' | '`') => quote = Some(c),
            None if c == ';' => {
                let rest = text.get(at..).unwrap_or_default();
                return rest.chars().any(|c| c != ';' && !c.is_whitespace());
            }
            None => {}
        }
    }
    false
}

/// The tables that a migration makes.
pub(super) fn tables_made(migration: &Statement) -> Vec<String> {
    let words: Vec<_> = words(migration.text()).collect();
    let after_create = |at: usize| {
        let mut rest = words.iter().skip(at).copied();
        let is = |word: Option<&str>, what: &str| {
            word.is_some_and(|word| word.eq_ignore_ascii_case(what))
        };
        if !is(rest.next(), "CREATE") || !is(rest.next(), "TABLE") {
            return None;
        }
        rest.find(|word| {
            !["IF", "NOT", "EXISTS"].iter().any(|skip| word.eq_ignore_ascii_case(skip))
        })
    };
    (0..words.len()).filter_map(after_create).map(str::to_owned).collect()
}

/// The table that a statement writes: the word after INTO, UPDATE or DELETE FROM.
fn target(text: &str) -> Option<&str> {
    let mut words = words(text).skip_while(|word| {
        !["INTO", "UPDATE", "FROM"].iter().any(|verb| word.eq_ignore_ascii_case(verb))
    });
    words.next();
    words.next()
}

impl Checker<'_> {
    /// A remark on a statement that the database did not take.
    pub(super) fn explained(
        &self,
        file: &SchemaFile,
        text: &str,
        error: &dyn DatabaseError,
    ) -> Remark {
        let said = error.message();
        let mut remark = Remark { grade: Grade::Bad, text: said.to_owned(), hint: String::new() };
        match complaint(self.schema.dialect, error) {
            Complaint::NoTable(name) => {
                if self.made_at_start.contains(&name) {
                    remark.grade = Grade::Note;
                    remark.text = format!("`mika serve` makes {name} when it starts");
                } else {
                    remark.hint = self.other_tables(&name);
                }
            }
            Complaint::NoColumn(name) => remark.hint = self.other_columns(file, text, &name),
            Complaint::Denied(said) => {
                let is_new = self.made_at_start.iter().find(|table| {
                    !self.facts.has_table(table) && words(&said).any(|word| word == *table)
                });
                remark.hint = match is_new {
                    Some(_) => self.grant_create(),
                    None => grant(self.schema.dialect, &self.facts, text, &said),
                };
            }
            Complaint::Other => {}
        }
        remark
    }

    /// What allows making the tracker's own tables, and using them.
    pub(super) fn grant_create(&self) -> String {
        let (place, user) = (&self.facts.database, &self.facts.user);
        if self.schema.dialect != Dialect::Mysql {
            return format!("GRANT CREATE ON SCHEMA {place} TO {user};");
        }
        let one = |table: &String| {
            let user = account(user);
            format!("GRANT CREATE, SELECT, INSERT, UPDATE, DELETE ON {place}.{table} TO {user};")
        };
        self.made_at_start.iter().map(one).collect::<Vec<_>>().join(" ")
    }

    fn other_tables(&self, name: &str) -> String {
        let mut tables: Vec<&str> =
            self.facts.columns.iter().map(|(table, _)| table.as_str()).collect();
        tables.dedup();
        let alike = |table: &&str| table.contains(name) || name.contains(*table);
        let like: Vec<_> = tables.iter().copied().filter(alike).collect();
        let shown = if like.is_empty() { tables } else { like };
        match shown.is_empty() {
            true => "there are no tables at all: is it the right database?".to_owned(),
            false => format!("there are {}", listed(&shown)),
        }
    }

    /// The columns that there are: of `{{rows}}` if the name is looked up there, or of the tables
    /// that the statement names.
    fn other_columns(&self, file: &SchemaFile, text: &str, name: &str) -> String {
        if let (Some((alias, _)), FileKind::Flush { columns, .. }) =
            (name.split_once('.'), file.kind)
            && rows_alias(text) == Some(alias)
        {
            let names: Vec<_> = columns.iter().map(|column| column.name).collect();
            return format!("{{{{rows}}}} has {}", listed(&names));
        }
        let mut hints = Vec::new();
        let mut tables: Vec<&str> = words(text).collect();
        tables.sort_unstable();
        tables.dedup();
        for table in tables {
            let of_it = self.facts.columns.iter().filter(|(of, _)| of == table);
            let columns: Vec<_> = of_it.map(|(_, column)| column.as_str()).collect();
            if !columns.is_empty() {
                hints.push(format!("{table} has {}", listed(&columns)));
            }
        }
        hints.join("; ")
    }
}

fn listed(names: &[&str]) -> String {
    let shown: Vec<_> = names.iter().copied().take(LISTED).collect();
    let more = if names.len() > LISTED { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The name that a statement gives to `{{rows}}`.
fn rows_alias(template: &str) -> Option<&str> {
    let (_, rest) = template.split_once(crate::schema::ROWS)?;
    words(rest).find(|word| !word.eq_ignore_ascii_case("AS"))
}

fn complaint(dialect: Dialect, error: &dyn DatabaseError) -> Complaint {
    let said = error.message();
    let code = error.code().unwrap_or_default();
    match dialect {
        Dialect::Sqlite => {
            if let Some(name) = said.strip_prefix("no such table: ") {
                return Complaint::NoTable(bare(name).to_owned());
            }
            let column = said.strip_prefix("no such column: ");
            match column.or(said.split_once(" has no column named ").map(|(_, name)| name)) {
                Some(name) => Complaint::NoColumn(name.to_owned()),
                None => Complaint::Other,
            }
        }
        Dialect::Postgres => match code.as_ref() {
            "42P01" => Complaint::NoTable(bare(quoted(said).unwrap_or(said)).to_owned()),
            "42703" => {
                let unquoted = words_after(said, "column ");
                Complaint::NoColumn(quoted(said).unwrap_or(unquoted).to_owned())
            }
            "42501" => Complaint::Denied(said.to_owned()),
            _ => Complaint::Other,
        },
        Dialect::Mysql => match number(error) {
            1146 => Complaint::NoTable(bare(quoted(said).unwrap_or(said)).to_owned()),
            1054 => Complaint::NoColumn(quoted(said).unwrap_or(said).to_owned()),
            1142 | 1143 => Complaint::Denied(said.to_owned()),
            _ => Complaint::Other,
        },
    }
}

#[cfg(feature = "mysql")]
fn number(error: &dyn DatabaseError) -> u16 {
    let error = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>();
    error.map_or(0, sqlx::mysql::MySqlDatabaseError::number)
}

#[cfg(not(feature = "mysql"))]
fn number(_: &dyn DatabaseError) -> u16 {
    0
}

/// What stands first in quotes.
fn quoted(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(['"', '\''])?;
    rest.split_once(['"', '\'']).map(|(name, _)| name)
}

/// The word after some text.
fn words_after<'a>(text: &'a str, before: &str) -> &'a str {
    let rest = text.split_once(before).map_or(text, |(_, rest)| rest);
    rest.split_whitespace().next().unwrap_or(rest)
}

/// A name without the database or schema that it is in.
fn bare(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, name)| name)
}

/// The statement that allows what was denied.
fn grant(dialect: Dialect, facts: &Facts, text: &str, said: &str) -> String {
    match dialect {
        Dialect::Mysql => grant_mysql(facts, text, said),
        Dialect::Sqlite | Dialect::Postgres => grant_postgres(facts, text, said),
    }
}

/// `permission denied for table users`, or for a schema, a sequence, a view.
fn grant_postgres(facts: &Facts, text: &str, said: &str) -> String {
    let user = &facts.user;
    let what = said.strip_prefix("permission denied for ").unwrap_or_default();
    match what.split_once(' ') {
        Some(("schema", name)) => format!("GRANT USAGE ON SCHEMA {name} TO {user};"),
        Some(("sequence", name)) => format!("GRANT USAGE ON SEQUENCE {name} TO {user};"),
        Some((_, table)) => {
            let verbs = verbs(text, target(text) == Some(table));
            format!("GRANT {verbs} ON {table} TO {user};")
        }
        None => format!("give {user} what it needs"),
    }
}

/// ``UPDATE command denied to user 'mika'@'localhost' for table `site`.`users` ``; older servers
/// write 'users'. For a column (1143): `… for column 'passkey' in table 'users'`.
fn grant_mysql(facts: &Facts, text: &str, said: &str) -> String {
    let (database, user) = (&facts.database, account(&facts.user));
    let words_of_it = said.rsplit_once("table ").map_or("", |(_, table)| table);
    let table = bare(words_of_it).trim_matches(['`', '\'', '"', ' ']);
    let (denied, _) = said.split_once(" command denied").unwrap_or_default();
    let verbs = match denied {
        "SELECT" => "SELECT".to_owned(),
        _ => verbs(text, true),
    };
    format!("GRANT {verbs} ON {database}.{table} TO {user};")
}

/// `mika@127.0.0.1` as it is written in a GRANT.
fn account(user: &str) -> String {
    match user.rsplit_once('@') {
        Some((name, host)) => format!("'{name}'@'{host}'"),
        None => format!("'{user}'"),
    }
}

/// What a statement does to a table: that it writes, or one that it only reads.
fn verbs(text: &str, writes: bool) -> String {
    let mut verbs = vec!["SELECT"];
    let has = |verb: &str| words(text).any(|word| word.eq_ignore_ascii_case(verb));
    if writes {
        verbs.extend(["INSERT", "UPDATE", "DELETE"].into_iter().filter(|verb| has(verb)));
        if has("REPLACE") && verb(text) == "REPLACE" {
            verbs.extend(["INSERT", "DELETE"]);
        }
    }
    verbs.join(", ")
}

#[cfg(test)]
mod tests;
