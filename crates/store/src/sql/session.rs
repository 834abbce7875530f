//! A transaction of sqlx as a [`Session`](super::backend::Session): the same code for each
//! database, with its types.

/// Makes a session type. `$bind` adds a value to a query, `$bind_rows` the rows of a batch.
macro_rules! session {
    ($name:ident, $database:ty, $row:ty, $bind:path, $bind_rows:path, $time:expr) => {
        /// A transaction.
        pub(super) struct $name(pub(super) sqlx::Transaction<'static, $database>);

        #[async_trait::async_trait]
        impl $crate::sql::backend::Session for $name {
            async fn execute(
                &mut self,
                statement: sqlx::SqlStr,
                arguments: $crate::sql::backend::Arguments<'_>,
                is_kept: bool,
            ) -> Result<u64, sqlx::Error> {
                let query = sqlx::query::<$database>(statement).persistent(is_kept);
                let query = match arguments {
                    $crate::sql::backend::Arguments::Values(values) => {
                        values.iter().fold(query, $bind)
                    }
                    $crate::sql::backend::Arguments::Rows(rows) => $bind_rows(query, rows),
                };
                use $crate::sql::backend::timeouts::within;
                Ok(within($time, query.execute(&mut *self.0)).await?.rows_affected())
            }

            async fn execute_script(&mut self, script: sqlx::SqlStr) -> Result<(), sqlx::Error> {
                use $crate::sql::backend::timeouts::within;
                let result = within($time, sqlx::raw_sql(script).execute(&mut *self.0)).await;
                result.map(drop)
            }

            async fn fetch(
                &mut self,
                query: sqlx::SqlStr,
                arguments: $crate::sql::backend::Arguments<'_>,
                each: &mut $crate::sql::backend::EachRow<'_>,
            ) -> Result<(), sqlx::Error> {
                use futures_util::TryStreamExt;
                use $crate::sql::backend::timeouts::within;
                let query = sqlx::query::<$database>(query);
                let query = match arguments {
                    $crate::sql::backend::Arguments::Values(values) => {
                        values.iter().fold(query, $bind)
                    }
                    $crate::sql::backend::Arguments::Rows(rows) => $bind_rows(query, rows),
                };
                let mut rows = query.fetch(&mut *self.0);
                while let Some(row) = within($time, rows.try_next()).await? {
                    let row: $row = row;
                    each(&row);
                }
                Ok(())
            }

            async fn prepare(
                &mut self,
                statement: sqlx::SqlStr,
            ) -> Result<$crate::sql::backend::Prepared, sqlx::Error> {
                use sqlx::{Column, Either, Executor, Statement};
                let prepared = (&mut *self.0).prepare(statement).await?;
                let placeholders = match prepared.parameters() {
                    Some(Either::Left(kinds)) => kinds.len(),
                    Some(Either::Right(count)) => count,
                    None => 0,
                };
                let columns = prepared.columns().iter().map(|column| column.name().to_owned());
                Ok($crate::sql::backend::Prepared { columns: columns.collect(), placeholders })
            }

            async fn commit(self: Box<Self>) -> Result<(), sqlx::Error> {
                $crate::sql::backend::timeouts::within($time, self.0.commit()).await
            }

            async fn rollback(self: Box<Self>) -> Result<(), sqlx::Error> {
                $crate::sql::backend::timeouts::within($time, self.0.rollback()).await
            }
        }
    };
}

pub(crate) use session;
