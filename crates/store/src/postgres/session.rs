//! A transaction on PostgreSQL: one array per column of a batch's rows.

use sqlx::postgres::{PgArguments, PgRow, Postgres};
use sqlx::query::Query;
use sqlx::{Decode, Row, Type, TypeInfo, ValueRef};

use crate::schema::{Kind, Value};
use crate::sql::backend::{Columns, RowSet, column_error, parse_integer, timeouts};
use crate::sql::session::session;

type PostgresQuery<'q> = Query<'q, Postgres, PgArguments>;

session!(PostgresSession, Postgres, PgRow, bind, bind_rows, timeouts::ANSWER);

fn bind<'q>(query: PostgresQuery<'q>, value: &Value) -> PostgresQuery<'q> {
    match value {
        Value::Null(Kind::Integer) => query.bind(None::<i64>),
        Value::Null(Kind::Bytes) => query.bind(None::<Vec<u8>>),
        Value::Null(Kind::Text | Kind::LongText) => query.bind(None::<String>),
        Value::Integer(integer) => query.bind(*integer),
        Value::Bytes(bytes) => query.bind(bytes.clone()),
        Value::Text(text) => query.bind(text.clone()),
    }
}

fn bind_rows<'q>(mut query: PostgresQuery<'q>, rows: &RowSet) -> PostgresQuery<'q> {
    for (position, column) in rows.columns.iter().enumerate() {
        let values = rows.values.iter().skip(position).step_by(rows.columns.len());
        query = match column.kind {
            Kind::Integer => query.bind(values.map(integer).collect::<Vec<_>>()),
            Kind::Bytes => query.bind(values.map(bytes).collect::<Vec<_>>()),
            Kind::Text | Kind::LongText => query.bind(values.map(text).collect::<Vec<_>>()),
        };
    }
    query
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(integer) => Some(*integer),
        Value::Null(_) | Value::Bytes(_) | Value::Text(_) => None,
    }
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        Value::Null(_) | Value::Integer(_) | Value::Text(_) => None,
    }
}

/// Without the character 0, which PostgreSQL has no place for.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.replace('\0', "")),
        Value::Null(_) | Value::Integer(_) | Value::Bytes(_) => None,
    }
}

fn get<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: &str,
) -> Result<T, String> {
    row.try_get(column).map_err(|error| column_error(column, &error))
}

impl Columns for PgRow {
    fn has(&self, column: &str) -> bool {
        self.try_column(column).is_ok()
    }

    fn integer(&self, column: &str) -> Result<Option<i128>, String> {
        let value = self.try_get_raw(column).map_err(|error| column_error(column, &error))?;
        let kind = value.type_info();
        Ok(match kind.name() {
            "BOOL" => get::<Option<bool>>(self, column)?.map(i128::from),
            "INT2" => get::<Option<i16>>(self, column)?.map(i128::from),
            "INT4" => get::<Option<i32>>(self, column)?.map(i128::from),
            "INT8" => get::<Option<i64>>(self, column)?.map(i128::from),
            "TEXT" | "VARCHAR" | "BPCHAR" => {
                let text = get::<Option<String>>(self, column)?;
                text.map(|text| parse_integer(column, &text)).transpose()?
            }
            other => {
                return Err(format!("{column}: of type {other}; write CAST({column} AS bigint)"));
            }
        })
    }

    fn text(&self, column: &str) -> Result<Option<String>, String> {
        get(self, column)
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, String> {
        get(self, column)
    }
}
