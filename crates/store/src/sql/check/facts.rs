//! What a database is like, in its own words.

use super::words;
use crate::schema::{Dialect, Statement};
use crate::sql::backend::{Arguments, Columns, Session};

/// What a database is like. What cannot be known is `None` or empty.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Its version.
    pub version: String,
    /// What is needed, if the version is too old.
    pub too_old: Option<&'static str>,
    /// Whom it takes us for.
    pub user: String,
    /// The database or schema that names without a dot are looked up in.
    pub database: String,
    /// The time zone of our session.
    pub time_zone: Option<String>,
    /// Seconds that our session's time is ahead of UTC.
    pub utc_offset_seconds: Option<i64>,
    /// The SQL mode of our session.
    pub sql_mode: Option<String>,
    /// Whether we may make tables.
    pub can_create: Option<bool>,
    /// Tables without transactions, with their engines.
    pub(super) engines: Vec<(String, String)>,
    /// Tables with triggers, with what those do.
    pub(super) triggers: Vec<(String, String)>,
    /// Tables and views, with their columns.
    pub(super) columns: Vec<(String, String)>,
}

impl Facts {
    /// Whether values that do not fit are refused, rather than cut.
    pub fn is_strict(&self) -> Option<bool> {
        let mode = self.sql_mode.as_deref()?;
        Some(
            mode.split(',')
                .any(|mode| mode == "STRICT_ALL_TABLES" || mode == "STRICT_TRANS_TABLES"),
        )
    }

    /// Tables without transactions among those that a statement names, and among those that their
    /// triggers name.
    pub(super) fn without_transactions(&self, text: &str) -> Vec<(String, String)> {
        let names = |text: &str, table: &str| words::words(text).any(|word| word == table);
        let triggers = self.triggers.iter().filter(|(table, _)| names(text, table));
        let texts: Vec<&str> =
            std::iter::once(text).chain(triggers.map(|(_, body)| body.as_str())).collect();
        let is_named = |(table, _): &&(String, String)| texts.iter().any(|text| names(text, table));
        self.engines.iter().filter(is_named).cloned().collect()
    }

    /// Whether there is such a table or view.
    pub fn has_table(&self, name: &str) -> bool {
        self.columns.iter().any(|(table, _)| table == name)
    }
}

pub(super) async fn read(
    session: &mut dyn Session,
    dialect: Dialect,
) -> Result<Facts, sqlx::Error> {
    let queries = queries(dialect);
    let mut facts = Facts::default();
    let mut each = |row: &dyn Columns| {
        let text = |column: &str| row.text(column).ok().flatten();
        facts.version = text("version").unwrap_or_default();
        facts.user = text("account").unwrap_or_default();
        facts.database = text("place").unwrap_or_default();
        facts.time_zone = text("zone");
        facts.sql_mode = text("mode");
        let integer = |column: &str| row.integer(column).ok().flatten();
        facts.utc_offset_seconds = integer("ahead").and_then(|ahead| i64::try_from(ahead).ok());
        facts.can_create = integer("can_create").map(|can| can > 0);
    };
    session.fetch(Statement::new(queries.server).sql(), Arguments::NONE, &mut each).await?;
    facts.columns = pairs(session, queries.columns).await?;
    facts.engines = pairs(session, queries.engines).await?;
    facts.triggers = pairs(session, queries.triggers).await?;
    facts.too_old = too_old(dialect, &facts.version);
    Ok(facts)
}

/// The first two columns, `name` and `value`.
async fn pairs(
    session: &mut dyn Session,
    query: &str,
) -> Result<Vec<(String, String)>, sqlx::Error> {
    let mut found = Vec::new();
    if query.is_empty() {
        return Ok(found);
    }
    let mut each = |row: &dyn Columns| {
        let text = |column: &str| row.text(column).ok().flatten().unwrap_or_default();
        found.push((text("name"), text("value")));
    };
    session.fetch(Statement::new(query).sql(), Arguments::NONE, &mut each).await?;
    Ok(found)
}

/// What is needed, if this version is too old.
fn too_old(dialect: Dialect, version: &str) -> Option<&'static str> {
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    let found = (next(), next());
    let is_mariadb = version.contains("MariaDB");
    let (least, needed) = match dialect {
        Dialect::Sqlite => return None,
        Dialect::Postgres => ((15, 0), "PostgreSQL 15 or later"),
        Dialect::Mysql if is_mariadb => ((10, 6), "MariaDB 10.6 or later (JSON_TABLE)"),
        Dialect::Mysql => ((8, 0), "MySQL 8 or later (JSON_TABLE)"),
    };
    (found < least).then_some(needed)
}

struct Queries {
    server: &'static str,
    columns: &'static str,
    engines: &'static str,
    triggers: &'static str,
}

fn queries(dialect: Dialect) -> Queries {
    match dialect {
        Dialect::Sqlite => Queries {
            server: "SELECT sqlite_version() AS version",
            columns: "SELECT tables.name AS name, columns.name AS value
                      FROM sqlite_schema AS tables, pragma_table_info(tables.name) AS columns
                      WHERE tables.type IN ('table', 'view') LIMIT 20000",
            engines: "",
            triggers: "",
        },
        Dialect::Postgres => Queries {
            server: "SELECT current_setting('server_version') AS version,
                         current_user::text AS account,
                         current_schema()::text AS place,
                         current_setting('TimeZone') AS zone,
                         EXTRACT(TIMEZONE FROM now())::bigint AS ahead,
                         has_schema_privilege(current_schema(), 'CREATE')::int AS can_create",
            columns: "SELECT c.relname::text AS name, a.attname::text AS value
                      FROM pg_catalog.pg_class AS c
                      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
                      WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0
                          AND NOT a.attisdropped
                          AND c.relnamespace = ANY(current_schemas(false)::regnamespace[])
                      ORDER BY c.relname, a.attnum LIMIT 20000",
            engines: "",
            triggers: "",
        },
        Dialect::Mysql => Queries {
            server: "SELECT VERSION() AS version, CURRENT_USER() AS account, DATABASE() AS place,
                         IF(@@session.time_zone = 'SYSTEM', @@system_time_zone,
                             @@session.time_zone) AS zone,
                         TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) AS ahead,
                         @@session.sql_mode AS mode,
                         (SELECT COUNT(*) FROM (
                             SELECT PRIVILEGE_TYPE FROM information_schema.USER_PRIVILEGES
                             UNION ALL
                             SELECT PRIVILEGE_TYPE FROM information_schema.SCHEMA_PRIVILEGES
                             WHERE DATABASE() LIKE TABLE_SCHEMA
                             UNION ALL
                             SELECT PRIVILEGE_TYPE FROM information_schema.TABLE_PRIVILEGES
                             WHERE TABLE_SCHEMA = DATABASE()) AS granted
                          WHERE PRIVILEGE_TYPE = 'CREATE') AS can_create",
            columns: "SELECT TABLE_NAME AS name, COLUMN_NAME AS value
                      FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE()
                      ORDER BY TABLE_NAME, ORDINAL_POSITION LIMIT 20000",
            engines: "SELECT t.TABLE_NAME AS name, t.ENGINE AS value
                      FROM information_schema.TABLES AS t
                      JOIN information_schema.ENGINES AS e ON e.ENGINE = t.ENGINE
                      WHERE t.TABLE_SCHEMA = DATABASE() AND e.TRANSACTIONS = 'NO'
                      ORDER BY t.TABLE_NAME",
            triggers: "SELECT EVENT_OBJECT_TABLE AS name, ACTION_STATEMENT AS value
                       FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_lack_what_is_needed_are_known() {
        assert_eq!(too_old(Dialect::Postgres, "14.9 (Debian)"), Some("PostgreSQL 15 or later"));
        assert_eq!(too_old(Dialect::Postgres, "15.18 (Debian 15.18-0)"), None);
        assert!(too_old(Dialect::Mysql, "10.5.23-MariaDB").is_some());
        assert_eq!(too_old(Dialect::Mysql, "10.11.19-MariaDB-0+deb12u1"), None);
        assert_eq!(too_old(Dialect::Mysql, "11.4.2-MariaDB"), None);
        assert!(too_old(Dialect::Mysql, "5.7.44-log").is_some());
        assert_eq!(too_old(Dialect::Mysql, "8.0.36"), None);
    }

    #[test]
    fn a_table_without_transactions_is_found_behind_a_trigger_too() {
        let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        let facts = Facts {
            engines: vec![pair("log", "MyISAM"), pair("other", "Aria")],
            triggers: vec![pair("users", "INSERT INTO `log` VALUES (NEW.id)")],
            ..Facts::default()
        };
        assert_eq!(facts.without_transactions("UPDATE users SET a = 1"), [pair("log", "MyISAM")]);
        assert_eq!(
            facts.without_transactions("UPDATE db.other SET a = 1"),
            [pair("other", "Aria")]
        );
        assert_eq!(facts.without_transactions("UPDATE others SET a = 1"), []);
    }
}
