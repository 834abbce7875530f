//! What the store's database has, lacks and does that an operator should know.

use super::Finding;
use crate::config::{Config, StoreKind};
use crate::schema::{self, Check, Facts, Grade, Report, Schema, SchemaFile};
use crate::serve::redis_options_of;
use mika_store::RedisStore;
use mika_store::schema::AnyStatement;

/// Functions that give a time in the time zone of the session.
const LOCAL_TIME: [&str; 7] = [
    "FROM_UNIXTIME",
    "NOW",
    "UNIX_TIMESTAMP",
    "CURRENT_TIMESTAMP",
    "CURDATE",
    "TO_TIMESTAMP",
    "LOCALTIMESTAMP",
];

/// Looks at the database of a store that has a server: connection, version, statements and grants,
/// time zone, strictness, transactions, checkpoint, and the site's own jobs.
pub async fn store_findings(config: &Config) -> Vec<Finding> {
    match config.store.kind {
        StoreKind::Sqlite | StoreKind::Http => return Vec::new(),
        StoreKind::Redis => return of_redis(config).await,
        StoreKind::Postgres | StoreKind::Mysql => {}
    }
    let schema = match schema::open(&config.store) {
        Ok(schema) => schema,
        Err(error) => return vec![finding(Grade::Bad, error.to_string())],
    };
    let mut findings: Vec<_> = site_jobs(config, &schema).into_iter().collect();
    match schema::check(&config.store).await {
        Ok(report) => findings.extend(of_report(config, &schema, &report)),
        Err(error) => findings.push(finding(Grade::Bad, error.to_string())),
    }
    findings
}

/// Whether the server loses nothing that it has acknowledged.
async fn of_redis(config: &Config) -> Vec<Finding> {
    match RedisStore::examine(&redis_options_of(config)).await {
        Ok(examined) => {
            let of = |grade| move |text: String| finding(grade, format!("the store: {text}"));
            let fine = examined.strengths.into_iter().map(of(Grade::Ok));
            let weak = examined.weaknesses.into_iter().map(of(Grade::Bad));
            fine.chain(weak).collect()
        }
        Err(error) => vec![finding(Grade::Bad, error.to_string())],
    }
}

fn finding(grade: Grade, text: impl Into<String>) -> Finding {
    Finding { grade, text: text.into() }
}

fn of_report(config: &Config, schema: &Schema, report: &Report) -> Vec<Finding> {
    let facts = &report.facts;
    let mut findings = vec![version(config, facts)];
    findings.extend(statements(schema, report));
    findings.extend(checkpoint(&report.checks));
    findings.extend(time_zone(schema, facts));
    findings.extend(strictness(facts));
    for (table, engine) in &report.without_transactions {
        findings.push(finding(
            Grade::Bad,
            format!(
                "{table} is {engine}, which knows no transactions: a batch that is cut short is \
                 counted twice there; ALTER TABLE {table} ENGINE=InnoDB"
            ),
        ));
    }
    findings
}

fn version(config: &Config, facts: &Facts) -> Finding {
    let name = match config.store.kind {
        StoreKind::Sqlite | StoreKind::Redis | StoreKind::Http => "SQLite",
        StoreKind::Postgres => "PostgreSQL",
        StoreKind::Mysql if facts.version.contains("MariaDB") => "MariaDB",
        StoreKind::Mysql => "MySQL",
    };
    let (version, user) = (&facts.version, &facts.user);
    match facts.too_old {
        None => finding(Grade::Ok, format!("{name} {version} answers, as {user}")),
        Some(needed) => finding(Grade::Bad, format!("{name} {version} is too old: {needed}")),
    }
}

/// One line for all that is well, one for each that is not.
fn statements(schema: &Schema, report: &Report) -> Vec<Finding> {
    let good = report.checks.iter().filter(|check| check.grade() < Grade::Bad).count();
    let all = report.checks.len();
    let mut findings = Vec::new();
    if good == all {
        let name = &schema.name;
        findings.push(finding(
            Grade::Ok,
            format!("all {all} statements of schema {name} work, and their grants are there"),
        ));
    }
    for check in report.checks.iter().filter(|check| check.grade() == Grade::Bad) {
        for remark in check.remarks.iter().filter(|remark| remark.grade == Grade::Bad) {
            let hint = match remark.hint.is_empty() {
                true => String::new(),
                false => format!("; {}", remark.hint),
            };
            findings.push(finding(Grade::Bad, format!("{}: {}{hint}", check.file, remark.text)));
        }
    }
    findings
}

fn checkpoint(checks: &[Check]) -> Option<Finding> {
    let check = checks.iter().find(|check| check.file == "checkpoint.load.sql")?;
    match check.grade() {
        Grade::Ok => Some(finding(Grade::Ok, "the checkpoint's table is there")),
        Grade::Note => {
            Some(finding(Grade::Note, "the checkpoint's table is made when `mika serve` starts"))
        }
        Grade::Bad => None,
    }
}

fn time_zone(schema: &Schema, facts: &Facts) -> Option<Finding> {
    let (zone, ahead) = (facts.time_zone.as_deref()?, facts.utc_offset_seconds?);
    if ahead == 0 {
        return Some(finding(Grade::Ok, format!("the database's time zone is {zone}: UTC")));
    }
    let uses = local_times(schema);
    if uses.is_empty() {
        let text = format!("the database's time zone is {zone}; no statement depends on it");
        return Some(finding(Grade::Ok, text));
    }
    Some(finding(
        Grade::Note,
        format!(
            "the database's time zone is {zone}, {ahead} seconds ahead of UTC, and {} is used in \
             {}: dates are written and read in that zone. That is right if the site does the \
             same; if it writes UTC, set the server's time zone to UTC",
            uses.iter().map(|(function, _)| *function).collect::<Vec<_>>().join(", "),
            uses.iter().map(|(_, file)| *file).collect::<Vec<_>>().join(", "),
        ),
    ))
}

/// Each function that depends on the time zone, with the first file that has it.
fn local_times(schema: &Schema) -> Vec<(&'static str, &'static str)> {
    let has = |function: &str, file: &SchemaFile| {
        let text = match schema.statement(file) {
            Some(AnyStatement::Plain(statement)) => statement.text(),
            Some(AnyStatement::Flush(statement)) => statement.template(),
            None => return false,
        };
        text.split(|c: char| !(c.is_alphanumeric() || c == '_'))
            .any(|word| word.eq_ignore_ascii_case(function))
    };
    let first = |function: &'static str| {
        let file = SchemaFile::ALL.iter().find(|file| has(function, file))?;
        Some((function, file.name))
    };
    LOCAL_TIME.into_iter().filter_map(first).collect()
}

fn strictness(facts: &Facts) -> Option<Finding> {
    Some(match facts.is_strict()? {
        true => finding(
            Grade::Ok,
            "sql_mode is strict: a value that does not fit is refused, and its row put aside",
        ),
        false => finding(
            Grade::Note,
            "sql_mode is not strict: a value that does not fit is cut to one that does, and \
             nobody is told; STRICT_TRANS_TABLES makes the server refuse it",
        ),
    })
}

/// Whether clients announce often enough for the site's own jobs.
fn site_jobs(config: &Config, schema: &Schema) -> Option<Finding> {
    let stale = u64::from(schema.stale_after_seconds?);
    let interval = u64::from(config.tracker.interval_seconds);
    let flush = u64::from(config.flush.interval_milliseconds).div_ceil(1000);
    let jitter = u64::from(config.site.jitter_seconds);
    let longest = interval.saturating_add(jitter).saturating_add(flush);
    let text = format!(
        "the site takes a peer for gone whose row is older than {stale} seconds; the rows of live \
         peers are at most {longest} seconds old (tracker.interval_seconds, \
         site.jitter_seconds and flush.interval_milliseconds)"
    );
    Some(match longest < stale {
        true => finding(Grade::Ok, text),
        false => finding(Grade::Bad, format!("{text}: lower tracker.interval_seconds")),
    })
}

#[cfg(test)]
mod tests;
