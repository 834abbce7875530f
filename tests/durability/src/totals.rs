//! What the store says, and how far that is from what it has to say.

use std::path::Path;

use mika_client::types::PageQuery;
use mika_protocol::InfoHash;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteRow};
use sqlx::{Connection, Row};
use tokio::runtime::Builder;

use crate::driver::Probe;
use crate::model::{Amounts, HistoryTotals, TorrentTotals, Totals};
use crate::server::Admin;

/// How many differences are told one by one.
const TOLD: usize = 20;

/// Reads all totals from a SQLite file, whether or not a server has it open.
pub fn from_store(path: &Path) -> Totals {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut store = SqliteConnection::connect_with(&options).await.expect("the store");
        let totals = read(&mut store).await.expect("the totals");
        store.close().await.expect("the store");
        totals
    })
}

async fn read(store: &mut SqliteConnection) -> Result<Totals, sqlx::Error> {
    let mut totals = Totals::default();
    let users = sqlx::query("SELECT * FROM users WHERE name <> ?").bind(Probe::USER);
    for row in users.fetch_all(&mut *store).await? {
        totals.users.insert(row.try_get("name")?, amounts(&row)?);
    }
    for row in sqlx::query("SELECT * FROM torrents").fetch_all(&mut *store).await? {
        let torrent = TorrentTotals {
            amounts: amounts(&row)?,
            seeders: integer(&row, "seeders")?,
            leechers: integer(&row, "leechers")?,
        };
        totals.torrents.insert(hash(&row)?, torrent);
    }
    let history = sqlx::query(
        "SELECT h.*, u.name, t.info_hash FROM history h JOIN users u ON u.id = h.user_id
         JOIN torrents t ON t.id = h.torrent_id WHERE u.name <> ?",
    );
    for row in history.bind(Probe::USER).fetch_all(store).await? {
        let active = integer(&row, "active")? == 1;
        let key = (row.try_get("name")?, hash(&row)?);
        totals.history.insert(key, HistoryTotals { amounts: amounts(&row)?, active });
    }
    Ok(totals)
}

fn amounts(row: &SqliteRow) -> Result<Amounts, sqlx::Error> {
    Ok(Amounts {
        uploaded: integer(row, "uploaded")?,
        downloaded: integer(row, "downloaded")?,
        uploaded_raw: integer(row, "uploaded_raw")?,
        downloaded_raw: integer(row, "downloaded_raw")?,
        snatches: integer(row, "snatches")?,
    })
}

fn integer(row: &SqliteRow, column: &str) -> Result<u64, sqlx::Error> {
    Ok(u64::try_from(row.try_get::<i64, _>(column)?).expect("no total is negative"))
}

fn hash(row: &SqliteRow) -> Result<InfoHash, sqlx::Error> {
    let bytes: Vec<u8> = row.try_get("info_hash")?;
    Ok(InfoHash(bytes.try_into().expect("20 bytes")))
}

/// Reads all totals from the admin API, which has no history.
pub fn from_api(admin: &Admin) -> Totals {
    admin.call(async |client| {
        let mut totals = Totals::default();
        let mut page = PageQuery::default();
        loop {
            let users = client.users(page).await.expect("users");
            for user in users.items.into_iter().filter(|user| user.name != Probe::USER) {
                let amounts = Amounts {
                    uploaded: user.uploaded,
                    downloaded: user.downloaded,
                    uploaded_raw: user.uploaded_raw,
                    downloaded_raw: user.downloaded_raw,
                    snatches: user.snatches,
                };
                totals.users.insert(user.name, amounts);
            }
            let Some(after_id) = users.next_after_id else { break };
            page.after_id = after_id;
        }
        page = PageQuery::default();
        loop {
            let torrents = client.torrents(page).await.expect("torrents");
            for torrent in torrents.items {
                let amounts = Amounts {
                    uploaded: torrent.uploaded,
                    downloaded: torrent.downloaded,
                    uploaded_raw: torrent.uploaded_raw,
                    downloaded_raw: torrent.downloaded_raw,
                    snatches: torrent.snatches.into(),
                };
                let (seeders, leechers) = (torrent.seeders.into(), torrent.leechers.into());
                let totals_of = TorrentTotals { amounts, seeders, leechers };
                totals.torrents.insert(torrent.info_hash, totals_of);
            }
            let Some(after_id) = torrents.next_after_id else { break };
            page.after_id = after_id;
        }
        totals
    })
}

/// How far two sets of totals are apart.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Bytes, over all users and columns.
    pub bytes: u64,
    /// The first rows that differ, and how many do.
    pub rows: Vec<String>,
    /// How many rows differ.
    pub count: usize,
}

/// Compares users, torrents and, if `found` has it, history.
pub fn compare(expected: &Totals, found: &Totals) -> Difference {
    let mut difference = Difference::default();
    let none = Amounts::default();
    let names = expected.users.keys().chain(found.users.keys());
    for name in names.collect::<std::collections::BTreeSet<_>>() {
        let (is, must) = (found.users.get(name), expected.users.get(name));
        difference.bytes += is.unwrap_or(&none).difference(must.unwrap_or(&none));
        difference.note(name, &must, &is);
    }
    for (hash, must) in &expected.torrents {
        difference.note(&hash.to_string(), &Some(must), &found.torrents.get(hash));
    }
    if !found.history.is_empty() {
        for (key, must) in &expected.history {
            difference.note(&format!("{key:?}"), &Some(must), &found.history.get(key));
        }
        let surplus = found.history.keys().filter(|key| !expected.history.contains_key(*key));
        for key in surplus {
            difference.note(&format!("{key:?}"), &None, &found.history.get(key));
        }
    }
    difference
}

impl Difference {
    pub(crate) fn note<T: PartialEq + std::fmt::Debug>(
        &mut self,
        name: &str,
        must: &Option<&T>,
        is: &Option<&T>,
    ) {
        if must == is {
            return;
        }
        self.count += 1;
        if self.rows.len() < TOLD {
            self.rows.push(format!("{name}:\n  must be {must:?}\n  is      {is:?}"));
        }
    }

    /// Panics unless there is none.
    pub fn assert_none(&self, what: &str) {
        assert!(
            *self == Self::default(),
            "{what}: {} bytes in {} rows differ:\n{}",
            self.bytes,
            self.count,
            self.rows.join("\n")
        );
    }
}
