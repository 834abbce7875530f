//! A transaction on MariaDB or MySQL: a batch's rows as one JSON document.

use std::fmt::Write;

use sqlx::mysql::{MySql, MySqlArguments, MySqlRow};
use sqlx::query::Query;
use sqlx::{Decode, Row, Type, TypeInfo, ValueRef};

use crate::schema::Value;
use crate::sql::backend::{Columns, RowSet, column_error, parse_integer, timeouts};
use crate::sql::session::session;

type MysqlQuery<'q> = Query<'q, MySql, MySqlArguments>;

session!(MysqlSession, MySql, MySqlRow, bind, bind_rows, timeouts::ANSWER);

fn bind<'q>(query: MysqlQuery<'q>, value: &Value) -> MysqlQuery<'q> {
    match value {
        Value::Null(_) => query.bind(None::<i64>),
        Value::Integer(integer) => query.bind(*integer),
        Value::Bytes(bytes) => query.bind(bytes.clone()),
        Value::Text(text) => query.bind(text.clone()),
    }
}

fn bind_rows<'q>(query: MysqlQuery<'q>, rows: &RowSet) -> MysqlQuery<'q> {
    query.bind(json(rows))
}

/// `[[1,"00ff",null],…]`: bytes as hexadecimal text.
fn json(rows: &RowSet) -> String {
    let mut json = String::with_capacity(rows.values.len() * 8 + 2);
    json.push('[');
    for (number, row) in rows.values.chunks(rows.columns.len().max(1)).enumerate() {
        json.push_str(if number == 0 { "[" } else { ",[" });
        for (position, value) in row.iter().enumerate() {
            if position > 0 {
                json.push(',');
            }
            push_value(&mut json, value);
        }
        json.push(']');
    }
    json.push(']');
    json
}

fn push_value(json: &mut String, value: &Value) {
    // Writing to a string does not fail.
    let _: std::fmt::Result = match value {
        Value::Null(_) => write!(json, "null"),
        Value::Integer(integer) => write!(json, "{integer}"),
        Value::Bytes(bytes) => {
            json.push('"');
            let written = bytes.iter().try_for_each(|byte| write!(json, "{byte:02x}"));
            json.push('"');
            written
        }
        Value::Text(text) => write!(json, "{}", serde_json::Value::from(text.as_str())),
    };
}

fn get<'r, T: Decode<'r, MySql> + Type<MySql>>(
    row: &'r MySqlRow,
    column: &str,
) -> Result<T, String> {
    row.try_get(column).map_err(|error| column_error(column, &error))
}

impl Columns for MySqlRow {
    fn has(&self, column: &str) -> bool {
        self.try_column(column).is_ok()
    }

    fn integer(&self, column: &str) -> Result<Option<i128>, String> {
        let value = self.try_get_raw(column).map_err(|error| column_error(column, &error))?;
        let kind = value.type_info();
        let name = kind.name();
        if name == "BOOLEAN" || name.ends_with("INT") {
            return Ok(get::<Option<i64>>(self, column)?.map(i128::from));
        }
        if name.ends_with("INT UNSIGNED") || name == "YEAR" {
            return Ok(get::<Option<u64>>(self, column)?.map(i128::from));
        }
        if name == "NULL" {
            return Ok(None);
        }
        // ENUM and text; a DECIMAL comes as text too, but sqlx wants a decimal type for it.
        match get::<Option<String>>(self, column) {
            Ok(text) => text.map(|text| parse_integer(column, &text)).transpose(),
            Err(_) => Err(format!("{column}: of type {name}; write CAST({column} AS SIGNED)")),
        }
    }

    fn text(&self, column: &str) -> Result<Option<String>, String> {
        match get::<Option<String>>(self, column) {
            Ok(text) => Ok(text),
            // A column with a binary collation: the driver says it is bytes.
            Err(error) => match get::<Option<Vec<u8>>>(self, column) {
                Ok(bytes) => bytes
                    .map(String::from_utf8)
                    .transpose()
                    .map_err(|_| format!("{column}: not UTF-8")),
                Err(_) => Err(error),
            },
        }
    }

    fn bytes(&self, column: &str) -> Result<Option<Vec<u8>>, String> {
        match get::<Option<Vec<u8>>>(self, column) {
            Ok(bytes) => Ok(bytes),
            Err(error) => match get::<Option<String>>(self, column) {
                Ok(text) => Ok(text.map(String::into_bytes)),
                Err(_) => Err(error),
            },
        }
    }
}
