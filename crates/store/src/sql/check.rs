//! Trying all statements of a schema on the live database, without leaving a trace.
//!
//! Every statement is prepared. Load statements are run with a limit, and their rows go through the
//! readers of the tracker. Flush statements are run with made-up rows of the first user and torrent
//! that were loaded, each in a transaction of its own that is rolled back. What cannot be undone is
//! not run: statements that end a transaction, and those that write tables without transactions.

mod facts;
mod flushes;
mod loads;
mod synthetic;
mod words;

use super::SqlStore;
use super::backend::{Arguments, Backend, Session, timeouts};
use crate::schema::{AnyStatement, Dialect, FileKind, Schema, SchemaFile, Statement};
use crate::store::StoreError;
pub use facts::Facts;
use synthetic::{Subject, Variant};

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// As it should be.
    Ok,
    /// As it should be, but somebody should know.
    Note,
    /// It does not work.
    Bad,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// How good it is.
    pub grade: Grade,
    /// What was found, in the database's words where it has some.
    pub text: String,
    /// What to do; empty if there is nothing to do, or nothing is known.
    pub hint: String,
}

/// What was found with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The file, or `migrations`.
    pub file: &'static str,
    /// What was found.
    pub remarks: Vec<Remark>,
}

impl Check {
    fn new(file: &'static str) -> Self {
        Self { file, remarks: Vec::new() }
    }

    /// The worst of its remarks.
    pub fn grade(&self) -> Grade {
        self.remarks.iter().map(|remark| remark.grade).max().unwrap_or(Grade::Ok)
    }

    fn add(&mut self, grade: Grade, text: impl Into<String>, hint: impl Into<String>) {
        self.remarks.push(Remark { grade, text: text.into(), hint: hint.into() });
    }

    fn ok(&mut self, text: impl Into<String>) {
        self.add(Grade::Ok, text, "");
    }

    fn note(&mut self, text: impl Into<String>) {
        self.add(Grade::Note, text, "");
    }

    fn bad(&mut self, text: impl Into<String>, hint: impl Into<String>) {
        self.add(Grade::Bad, text, hint);
    }
}

/// What was found with a schema on a database.
#[derive(Debug, Clone)]
pub struct Report {
    /// What the database is like.
    pub facts: Facts,
    /// Tables without transactions that batches write, with their engines.
    pub without_transactions: Vec<(String, String)>,
    /// File by file.
    pub checks: Vec<Check>,
}

impl Report {
    /// The worst of all files.
    pub fn grade(&self) -> Grade {
        self.checks.iter().map(Check::grade).max().unwrap_or(Grade::Ok)
    }
}

impl<B: Backend> SqlStore<B> {
    /// Tries all statements; `now_seconds` is the Unix time.
    ///
    /// # Errors
    /// Those of the connection. What is wrong with statements is in the report.
    pub async fn check(&self, now_seconds: u32) -> Result<Report, StoreError> {
        let greeted = self.backend.greet(timeouts::ACQUIRE).await;
        greeted.map_err(|error| self.backend.error(error))?;
        let checked = check(&self.backend, &self.schema, now_seconds).await;
        self.named(checked.map_err(Into::into))
    }
}

async fn check(
    backend: &dyn Backend,
    schema: &Schema,
    now_seconds: u32,
) -> Result<Report, sqlx::Error> {
    let mut session = backend.read().await?;
    let facts = facts::read(session.as_mut(), schema.dialect).await?;
    let migrated = migrated(backend, session.as_mut(), schema).await?;
    session.rollback().await?;
    let pending = schema.migrations.get(migrated..).unwrap_or_default();
    let mut checker = Checker {
        backend,
        schema,
        made_at_start: pending.iter().flat_map(words::tables_made).collect(),
        facts,
        subject: Subject::default(),
        now_seconds,
        without_transactions: Vec::new(),
    };
    let mut checks = Vec::new();
    checks.extend(checker.migrations(migrated).await?);
    for file in SchemaFile::ALL {
        if let Some(statement) = schema.statement(file) {
            checks.push(checker.file(file, statement).await?);
        }
    }
    let without_transactions = checker.without_transactions;
    Ok(Report { facts: checker.facts, without_transactions, checks })
}

/// How many migrations have run.
async fn migrated(
    backend: &dyn Backend,
    session: &mut dyn Session,
    schema: &Schema,
) -> Result<usize, sqlx::Error> {
    if !backend.tables(session).await?.iter().any(|table| table == "mika_schema") {
        return Ok(0);
    }
    let query = Statement::portable("SELECT version FROM mika_schema WHERE id = 1", schema.dialect);
    let mut version = 0;
    let mut each = |row: &dyn super::backend::Columns| {
        let found = row.integer("version").ok().flatten();
        version = found.and_then(|found| usize::try_from(found).ok()).unwrap_or(usize::MAX);
    };
    session.fetch(query.sql(), Arguments::NONE, &mut each).await?;
    Ok(version)
}

struct Checker<'a> {
    backend: &'a dyn Backend,
    schema: &'a Schema,
    facts: Facts,
    /// Tables that `mika serve` makes when it starts.
    made_at_start: Vec<String>,
    /// Whom the made-up rows are of.
    subject: Subject,
    now_seconds: u32,
    without_transactions: Vec<(String, String)>,
}

impl Checker<'_> {
    async fn migrations(&self, migrated: usize) -> Result<Option<Check>, sqlx::Error> {
        let known = self.schema.migrations.len();
        let mut check = Check::new("migrations");
        if migrated > known {
            check.bad(
                format!("the tables were made by a newer version ({migrated}, here {known})"),
                "run that version, or restore a backup",
            );
        } else if migrated < known {
            self.pending(&mut check, migrated).await?;
        } else if known > 0 {
            check.ok("the tracker's own tables are there");
        }
        Ok((!check.remarks.is_empty()).then_some(check))
    }

    /// Tries those that have not run yet, where making a table can be undone.
    async fn pending(&self, check: &mut Check, migrated: usize) -> Result<(), sqlx::Error> {
        let missing: Vec<_> =
            self.made_at_start.iter().filter(|table| !self.facts.has_table(table)).collect();
        let missing: Vec<_> = missing.into_iter().map(String::as_str).collect();
        check.note(match missing.is_empty() {
            true => "`mika serve` runs them when it starts".to_owned(),
            false => format!("`mika serve` makes {} when it starts", missing.join(", ")),
        });
        if self.facts.can_create == Some(false) {
            check.bad("this user may not make tables", self.grant_create());
        } else if self.schema.dialect != Dialect::Mysql {
            let mut session = self.backend.write().await?;
            for migration in self.schema.migrations.iter().skip(migrated) {
                if let Err(error) = session.execute_script(migration.sql()).await {
                    let Some(words) = error.as_database_error() else { return Err(error) };
                    let hint = "drop or rename what is in the way, or edit migrations/";
                    check.bad(words.message(), hint);
                    break;
                }
            }
            session.rollback().await?;
        }
        Ok(())
    }

    async fn file(
        &mut self,
        file: &'static SchemaFile,
        statement: AnyStatement<'_>,
    ) -> Result<Check, sqlx::Error> {
        let mut check = Check::new(file.name);
        let tried = match (file.kind, statement) {
            (FileKind::Load(columns), AnyStatement::Plain(query)) => {
                self.load(&mut check, query, columns, &[]).await
            }
            (FileKind::Changes(columns), AnyStatement::Plain(query)) => {
                let since = [self.now_seconds.saturating_sub(3600).into()];
                self.load(&mut check, query, columns, &since).await
            }
            (FileKind::Start, AnyStatement::Plain(statement)) => {
                self.start(&mut check, statement).await
            }
            (FileKind::Checkpoint, AnyStatement::Plain(statement)) => {
                self.checkpoint(&mut check, statement).await
            }
            (FileKind::Log(columns), AnyStatement::Flush(statement)) => {
                self.log(&mut check, statement, columns).await
            }
            (FileKind::Torrents(columns), AnyStatement::Flush(statement)) => {
                let tried = self.flush(&mut check, statement, columns, false, &Variant::ALL).await;
                // That its torrent is made up is as it should be.
                check.remarks.retain(|remark| remark.grade == Grade::Bad);
                tried
            }
            (FileKind::Flush { columns, changes_each }, AnyStatement::Flush(statement)) => {
                self.flush(&mut check, statement, columns, changes_each, &Variant::ALL).await
            }
            _ => Ok(()),
        };
        match tried {
            Ok(()) => Ok(check),
            Err(error) => match error.as_database_error() {
                Some(words) => {
                    let text = match statement {
                        AnyStatement::Plain(statement) => statement.text(),
                        AnyStatement::Flush(statement) => statement.template(),
                    };
                    let remark = self.explained(file, text, words);
                    check.remarks.push(remark);
                    Ok(check)
                }
                None => Err(error),
            },
        }
    }
}
