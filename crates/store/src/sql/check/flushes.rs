//! Flush statements, in transactions that are rolled back.

use super::synthetic::{self, Variant};
use super::words;
use super::{Check, Checker, Grade};
use crate::schema::{Column, Dialect, FlushStatement, Statement, Value};
use crate::sql::backend::{Arguments, RowSet};

impl Checker<'_> {
    pub(super) async fn flush(
        &mut self,
        check: &mut Check,
        statement: &FlushStatement,
        columns: &'static [Column],
        changes_each: bool,
        variants: &[Variant],
    ) -> Result<(), sqlx::Error> {
        let sql = || statement.sql(columns, 1);
        if !self.can_be_undone(check, statement.template()) {
            return Ok(());
        }
        let mut session = self.backend.write().await?;
        let prepared = session.prepare(sql()).await?;
        session.rollback().await?;
        let right = match self.schema.dialect {
            Dialect::Mysql => 1,
            Dialect::Sqlite | Dialect::Postgres => columns.len(),
        };
        if prepared.placeholders != right {
            check.bad(
                "it has placeholders of its own: only {{rows}} is filled in",
                "take each ? or $ out of it",
            );
            return Ok(());
        }
        if self.writes_without_transactions(check, statement.template()) {
            return Ok(());
        }
        for variant in variants {
            if !self.try_row(check, statement, columns, changes_each, *variant).await? {
                break;
            }
        }
        Ok(())
    }

    /// Tried like others, but on tables without transactions only prepared: nothing is counted in
    /// them, so that they are good enough.
    pub(super) async fn log(
        &mut self,
        check: &mut Check,
        statement: &FlushStatement,
        columns: &'static [Column],
    ) -> Result<(), sqlx::Error> {
        if self.facts.without_transactions(statement.template()).is_empty() {
            return self.flush(check, statement, columns, false, &Variant::OF_REQUESTS).await;
        }
        let mut session = self.backend.write().await?;
        session.prepare(statement.sql(columns, 1)).await?;
        session.rollback().await?;
        check.ok("the database knows how; it was not run");
        Ok(())
    }

    /// Runs the statement with one row; false if that does not work.
    async fn try_row(
        &mut self,
        check: &mut Check,
        statement: &FlushStatement,
        columns: &'static [Column],
        changes_each: bool,
        variant: Variant,
    ) -> Result<bool, sqlx::Error> {
        let missing = self.missing_subject(check.file, columns);
        let values = synthetic::row(check.file, columns, variant, &self.subject, self.now_seconds);
        let rows = RowSet { columns, values, rows: 1 };
        let mut session = self.backend.write().await?;
        let sql = statement.sql(columns, 1);
        let mut tried = session.execute(sql, Arguments::Rows(&rows), false).await;
        // Constraints that wait for the commit do not get one.
        if tried.is_ok() && self.schema.dialect == Dialect::Postgres {
            let now = Statement::new("SET CONSTRAINTS ALL IMMEDIATE");
            if let Err(error) = session.execute_script(now.sql()).await {
                tried = Err(error);
            }
        }
        match tried {
            Ok(changed) => {
                session.rollback().await?;
                self.judge(check, changed, changes_each, variant, missing);
                Ok(check.grade() != Grade::Bad)
            }
            Err(error) => {
                session.rollback().await?;
                let Some(refusal) = self.backend.refusal(&error) else { return Err(error) };
                match missing {
                    Some(what) => check.note(format!(
                        "its columns are there; no row was written, for no {what} was loaded"
                    )),
                    None => check.bad(
                        format!("the database refuses {}: {refusal}", variant.words()),
                        "every such row would be put aside: change the statement or the column",
                    ),
                }
                Ok(false)
            }
        }
    }

    fn judge(
        &self,
        check: &mut Check,
        changed: u64,
        changes_each: bool,
        variant: Variant,
        missing: Option<&'static str>,
    ) {
        if variant != Variant::Whole {
            return;
        }
        match (missing, changed) {
            (Some(what), _) => {
                check.note(format!("tried with a made-up id, for no {what} was loaded"));
            }
            (None, 0) if changes_each => check.bad(
                format!("it changes nothing for {}", self.subject_words(check.file)),
                "every row would be put aside as unknown: does it look for the id that the load \
                 statement returns?",
            ),
            (None, 0) => check.note("it changes nothing for an ordinary row"),
            (None, _) => check.ok(format!("tried with {}", self.subject_words(check.file))),
        }
    }

    fn subject_words(&self, file: &str) -> String {
        let user = self.subject.user_id.map(|id| format!("user {id}"));
        let torrent = self.subject.torrent.map(|(id, _)| format!("torrent {id}"));
        if let Some((user_id, torrent_id)) = self.subject.token
            && file == "token_uses.flush.sql"
        {
            return format!("the token of user {user_id} for torrent {torrent_id}");
        }
        match (file, user, torrent) {
            ("users.flush.sql" | "unregistered.flush.sql", Some(user), _) => user,
            ("torrents.flush.sql", _, Some(torrent)) => torrent,
            ("registered.flush.sql", ..) => "a torrent of its own".to_owned(),
            (_, Some(user), Some(torrent)) => format!("{user} on {torrent}"),
            _ => "a made-up row".to_owned(),
        }
    }

    /// What there is none of, though the rows refer to it.
    fn missing_subject(&self, file: &str, columns: &[Column]) -> Option<&'static str> {
        if file == "token_uses.flush.sql" && self.schema.loads.tokens.is_some() {
            return self.subject.token.is_none().then_some("token");
        }
        let has = |name: &str| columns.iter().any(|column| column.name == name);
        if has("user_id") && self.subject.user_id.is_none() {
            return Some("user");
        }
        // The torrent of `registered` is a new one.
        let refers = has("torrent_id") && !has("registered_at_seconds");
        (refers && self.subject.torrent.is_none()).then_some("torrent")
    }

    pub(super) async fn checkpoint(
        &mut self,
        check: &mut Check,
        statement: &Statement,
    ) -> Result<(), sqlx::Error> {
        if !self.can_be_undone(check, statement.text())
            || self.writes_without_transactions(check, statement.text())
        {
            return Ok(());
        }
        let mut session = self.backend.write().await?;
        let prepared = session.prepare(statement.sql()).await?;
        if prepared.placeholders != 1 {
            let found = prepared.placeholders;
            check.bad(format!("it has {found} placeholders, and should have one"), "");
            return session.rollback().await;
        }
        let number = [Value::from(1_i64 << 40)];
        let changed = session.execute(statement.sql(), Arguments::Values(&number), false).await?;
        session.rollback().await?;
        match changed {
            1 => check.ok("it changes its row"),
            changed => check.bad(
                format!("it changes {changed} rows, and has to change one"),
                "the table of the checkpoint needs its one row: see the folder's migrations",
            ),
        }
        Ok(())
    }

    /// Only asks for the plan: the statement may change each row of a table.
    pub(super) async fn start(
        &mut self,
        check: &mut Check,
        statement: &Statement,
    ) -> Result<(), sqlx::Error> {
        if !self.can_be_undone(check, statement.text()) {
            return Ok(());
        }
        let mut session = self.backend.write().await?;
        let prepared = session.prepare(statement.sql()).await?;
        if prepared.placeholders != 0 {
            check.bad("it has placeholders, and should have none", "");
            return session.rollback().await;
        }
        session.execute_script(statement.explain().sql()).await?;
        session.rollback().await?;
        self.writes_without_transactions(check, statement.text());
        check.ok("the database knows how; it was not run");
        Ok(())
    }

    /// Whether running it in a transaction leaves that transaction open. Says so if not.
    fn can_be_undone(&self, check: &mut Check, text: &str) -> bool {
        if words::is_several(text) {
            check.bad("it holds several statements", "one statement per file; it was not run");
            return false;
        }
        let verb = words::verb(text);
        let good = ["INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "WITH", "SELECT"];
        if good.contains(&verb.as_str()) {
            return true;
        }
        check.bad(
            format!("it begins with {verb}, which may end the transaction of a batch"),
            format!("begin with one of {}; it was not run", good.join(", ")),
        );
        false
    }

    /// Whether it writes tables on which nothing can be undone. Says so if it does.
    fn writes_without_transactions(&mut self, check: &mut Check, text: &str) -> bool {
        let found = self.facts.without_transactions(text);
        for (table, engine) in &found {
            check.bad(
                format!("{table} is {engine}, which knows no transactions: it was not run"),
                format!(
                    "a batch that is cut short would be counted twice: ALTER TABLE {table} \
                     ENGINE=InnoDB"
                ),
            );
        }
        let is_there = !found.is_empty();
        for table in found {
            if !self.without_transactions.contains(&table) {
                self.without_transactions.push(table);
            }
        }
        is_there
    }
}
