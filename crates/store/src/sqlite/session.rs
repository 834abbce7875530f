//! A transaction on a SQLite file: one placeholder per value.

use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Decode, Row, Type, TypeInfo, ValueRef};

use crate::schema::Value;
use crate::sql::backend::{Columns, RowSet, column_error, parse_integer, timeouts};
use crate::sql::session::session;

type SqliteQuery<'q> = Query<'q, Sqlite, SqliteArguments>;

session!(SqliteSession, Sqlite, SqliteRow, bind, bind_rows, timeouts::NONE);

fn bind<'q>(query: SqliteQuery<'q>, value: &Value) -> SqliteQuery<'q> {
    match value {
        Value::Null(_) => query.bind(None::<i64>),
        Value::Integer(integer) => query.bind(*integer),
        Value::Bytes(bytes) => query.bind(bytes.clone()),
        Value::Text(text) => query.bind(text.clone()),
    }
}

fn bind_rows<'q>(query: SqliteQuery<'q>, rows: &RowSet) -> SqliteQuery<'q> {
    rows.values.iter().fold(query, bind)
}

fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: &str,
) -> Result<T, String> {
    row.try_get(column).map_err(|error| column_error(column, &error))
}

impl Columns for SqliteRow {
    fn has(&self, column: &str) -> bool {
        self.try_column(column).is_ok()
    }

    fn integer(&self, column: &str) -> Result<Option<i128>, String> {
        let value = self.try_get_raw(column).map_err(|error| column_error(column, &error))?;
        if value.type_info().name() == "TEXT" {
            let text: Option<String> = get(self, column)?;
            return text.map(|text| parse_integer(column, &text)).transpose();
        }
        Ok(get::<Option<i64>>(self, column)?.map(i128::from))
    }

    fn text(&self, column: &str) -> Result<Option<String>, String> {
        get(self, column)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, String> {
        get(self, column)
    }
}
