//! The same rows, upserted by statements written by hand for the one table: no names, no
//! dead letters, nothing but speed. Each is the fastest of those that were tried.

use std::fmt::Write;

use anyhow::Result;
use mika_core::batch::{Batch, HistoryRow, Traffic};
use sqlx::mysql::MySqlConnection;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection};

/// Users that the rows are of.
pub const USERS: u32 = 1000;
/// Torrents that the rows are of.
pub const TORRENTS: u32 = 100;
/// Rows of a statement with one `VALUES` list.
const CHUNK_ROWS: usize = 1000;

/// A connection of its own.
pub enum ByHand {
    Postgres(PgConnection),
    Mysql(MySqlConnection),
}

/// 10,000 history rows.
pub fn batch(number: u64) -> Batch {
    let row = |n: u32| HistoryRow {
        user_id: n / 10 + 1,
        torrent_id: (n * 7) % 10 * 10 + n % 10 + 1,
        traffic: Traffic {
            uploaded_raw: 1_000_000,
            downloaded_raw: 2_000_000,
            uploaded_credited: 1_000_000,
            downloaded_credited: 2_000_000,
        },
        seed_seconds: 1800,
        left_bytes: 700,
        active: true,
        announced_at_seconds: 1_700_000_000,
        ..HistoryRow::default()
    };
    let mut history: Vec<_> = (0..10_000).map(row).collect();
    history.sort_unstable_by_key(|row| (row.user_id, row.torrent_id));
    history.dedup_by_key(|row| (row.user_id, row.torrent_id));
    Batch { number, history, ..Batch::default() }
}

impl ByHand {
    /// `None` for a database that is not compared.
    pub async fn connect(kind: &str, url: &str) -> Result<Option<Self>> {
        Ok(match kind {
            "postgres" => Some(Self::Postgres(PgConnection::connect(url).await?)),
            "mysql" => Some(Self::Mysql(MySqlConnection::connect(url).await?)),
            _ => None,
        })
    }

    /// All rows in one transaction.
    pub async fn upsert(&mut self, rows: &[HistoryRow]) -> Result<()> {
        match self {
            Self::Postgres(connection) => postgres(connection, rows).await,
            Self::Mysql(connection) => mysql(connection, rows).await,
        }
    }
}

const COLUMNS: &str = "user_id, torrent_id, uploaded, downloaded, uploaded_raw, downloaded_raw, \
    seed_seconds, snatches, left_bytes, active, first_announced_at_seconds, announced_at_seconds";

fn values(rows: &[HistoryRow]) -> String {
    let mut text = String::with_capacity(rows.len() * 120);
    for (number, row) in rows.iter().enumerate() {
        let HistoryRow { user_id, torrent_id, traffic, announced_at_seconds: at, .. } = row;
        let _: std::fmt::Result = write!(
            text,
            "{}({user_id},{torrent_id},{},{},{},{},{},{},{},{},{at},{at})",
            if number == 0 { "" } else { "," },
            traffic.uploaded_credited,
            traffic.downloaded_credited,
            traffic.uploaded_raw,
            traffic.downloaded_raw,
            row.seed_seconds,
            row.snatches,
            row.left_bytes,
            u8::from(row.active),
        );
    }
    text
}

async fn mysql(connection: &mut MySqlConnection, rows: &[HistoryRow]) -> Result<()> {
    let mut transaction = connection.begin().await?;
    for chunk in rows.chunks(CHUNK_ROWS) {
        let statement = format!(
            "INSERT INTO history ({COLUMNS}) VALUES {}
             ON DUPLICATE KEY UPDATE uploaded = uploaded + VALUES(uploaded),
                 downloaded = downloaded + VALUES(downloaded),
                 uploaded_raw = uploaded_raw + VALUES(uploaded_raw),
                 downloaded_raw = downloaded_raw + VALUES(downloaded_raw),
                 seed_seconds = seed_seconds + VALUES(seed_seconds),
                 snatches = snatches + VALUES(snatches), left_bytes = VALUES(left_bytes),
                 active = VALUES(active), announced_at_seconds = VALUES(announced_at_seconds)",
            values(chunk)
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}

async fn postgres(connection: &mut PgConnection, rows: &[HistoryRow]) -> Result<()> {
    let mut transaction = connection.begin().await?;
    let column = |each: fn(&HistoryRow) -> i64| rows.iter().map(each).collect::<Vec<_>>();
    sqlx::query(
        "INSERT INTO history (user_id, torrent_id, uploaded, downloaded, uploaded_raw,
             downloaded_raw, seed_seconds, snatches, left_bytes, active,
             first_announced_at_seconds, announced_at_seconds)
         SELECT u, t, a, b, c, d, s, 0, l, 1, n, n
         FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[],
             $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[])
             AS r (u, t, a, b, c, d, s, l, n)
         ON CONFLICT (user_id, torrent_id) DO UPDATE
         SET uploaded = history.uploaded + excluded.uploaded,
             downloaded = history.downloaded + excluded.downloaded,
             uploaded_raw = history.uploaded_raw + excluded.uploaded_raw,
             downloaded_raw = history.downloaded_raw + excluded.downloaded_raw,
             seed_seconds = history.seed_seconds + excluded.seed_seconds,
             snatches = history.snatches + excluded.snatches,
             left_bytes = excluded.left_bytes, active = excluded.active,
             announced_at_seconds = excluded.announced_at_seconds",
    )
    .bind(column(|row| row.user_id.into()))
    .bind(column(|row| row.torrent_id.into()))
    .bind(column(|row| row.traffic.uploaded_credited.cast_signed()))
    .bind(column(|row| row.traffic.downloaded_credited.cast_signed()))
    .bind(column(|row| row.traffic.uploaded_raw.cast_signed()))
    .bind(column(|row| row.traffic.downloaded_raw.cast_signed()))
    .bind(column(|row| row.seed_seconds.cast_signed()))
    .bind(column(|row| row.left_bytes.cast_signed()))
    .bind(column(|row| row.announced_at_seconds.into()))
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}
