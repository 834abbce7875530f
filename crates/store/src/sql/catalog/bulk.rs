//! Many records at once: a statement or two for each table and each thousand of them, whatever is
//! wrong with some.

use std::collections::BTreeMap;

use mika_protocol::InfoHash;

use super::super::apply::CHUNK_ROWS;
use super::super::backend::RowSet;
use super::{Arguments, Backend, Columns, Desk, Dialect, Failure, Record, SqlStore, Value};
use super::{torrents, users};
use crate::catalog::{NewTorrent, NewUser, Puts, TorrentPut, UserKey, UserPut};
use crate::record::{TokenRecord, TorrentRecord, UserRecord};
use crate::schema::{Column, FlushStatement, Kind, Statement};
use crate::store::StoreError;
use crate::validate;

/// Of each row, what the database has against it.
type Refusals = Vec<Option<String>>;

const SAVEPOINT: &str = "SAVEPOINT mika_records";
const RELEASE: &str = "RELEASE SAVEPOINT mika_records";
const UNDO: &str = "ROLLBACK TO SAVEPOINT mika_records";

const NEW_USER_WITH_ID: &[Column] = &[
    Column::integer("id"),
    Column::text("name"),
    Column::text("passkey"),
    Column::integer("site_id"),
    Column::integer("role_id"),
    Column::integer("download_enabled"),
    Column::integer("created_at_seconds"),
    Column::integer("upload_percent"),
    Column::integer("download_percent"),
    Column::integer("immune"),
    Column::integer("address_hidden"),
    Column::integer("wait_seconds"),
    Column::integer("peers_max"),
    Column::integer("deleted"),
    Column::integer("uploaded"),
    Column::integer("downloaded"),
    Column::integer("uploaded_raw"),
    Column::integer("downloaded_raw"),
    Column::integer("seed_seconds"),
    Column::integer("snatches"),
    Column::integer("announced_at_seconds"),
];

/// The same, of users whose ids the database chooses.
const NEW_USER: &[Column] = match NEW_USER_WITH_ID {
    [_, others @ ..] => others,
    [] => &[],
};

/// The first is what the row is found by.
const CHANGED_USER: &[Column] = &[
    Column::integer("id"),
    Column::text("name"),
    Column::text("passkey"),
    Column::integer("site_id"),
    Column::integer("role_id"),
    Column::integer("download_enabled"),
    Column::integer("deleted"),
    Column::integer("uploaded"),
    Column::integer("downloaded"),
    Column::integer("upload_percent"),
    Column::integer("download_percent"),
    Column::integer("immune"),
    Column::integer("address_hidden"),
    Column::integer("wait_seconds"),
    Column::integer("peers_max"),
];

const NEW_TORRENT: &[Column] = &[
    Column::integer("id"),
    Column::bytes("info_hash"),
    Column::bytes("info_hash_v2"),
    Column::long_text("title"),
    Column::integer("upload_percent"),
    Column::integer("download_percent"),
    Column::integer("created_at_seconds"),
    Column::integer("status"),
    Column::integer("featured"),
    Column::integer("enabled"),
    Column::integer("deleted"),
    Column::long_text("reason"),
    Column::integer("snatches"),
    Column::integer("uploaded"),
    Column::integer("downloaded"),
    Column::integer("uploaded_raw"),
    Column::integer("downloaded_raw"),
    Column::integer("announced_at_seconds"),
];

/// The first is what the row is found by.
const CHANGED_TORRENT: &[Column] = &[
    Column::integer("id"),
    Column::long_text("title"),
    Column::integer("upload_percent"),
    Column::integer("download_percent"),
    Column::integer("enabled"),
    Column::integer("deleted"),
    Column::long_text("reason"),
    Column::integer("status"),
    Column::integer("featured"),
];

const TOKEN: &[Column] = &[
    Column::integer("user_id"),
    Column::integer("torrent_id"),
    Column::integer("upload_percent"),
    Column::integer("download_percent"),
    Column::integer("ends_at_seconds"),
];

const TOKEN_KEY: &[Column] = &[Column::integer("user_id"), Column::integer("torrent_id")];

fn names(columns: &[Column], before: &str) -> String {
    let names: Vec<_> = columns.iter().map(|column| format!("{before}{}", column.name)).collect();
    names.join(", ")
}

/// Inserts `{{rows}}`.
fn insert(table: &str, columns: &[Column], dialect: Dialect) -> FlushStatement {
    let (into, from) = (names(columns, ""), names(columns, "d."));
    let text = format!("INSERT INTO {table} ({into}) SELECT {from} FROM {{{{rows}}}} AS d");
    FlushStatement::new(&text, dialect)
}

/// Sets all columns but the first, by which rows are found.
fn update(table: &str, columns: &[Column], dialect: Dialect) -> FlushStatement {
    let is_mysql = dialect == Dialect::Mysql;
    let set = columns.iter().skip(1).map(|column| match is_mysql {
        true => format!("{table}.{0} = d.{0}", column.name),
        false => format!("{0} = d.{0}", column.name),
    });
    let set = set.collect::<Vec<_>>().join(", ");
    let text = match is_mysql {
        true => format!("UPDATE {table} JOIN {{{{rows}}}} AS d ON {table}.id = d.id SET {set}"),
        false => format!("UPDATE {table} SET {set} FROM {{{{rows}}}} AS d WHERE {table}.id = d.id"),
    };
    FlushStatement::new(&text, dialect)
}

/// Finds records of a load statement by a column that they have in common with `{{rows}}`.
fn find(load: &Statement, column: &str, dialect: Dialect) -> FlushStatement {
    let load = load.text().trim_end_matches([';', ' ', '\n']);
    let text = format!(
        "SELECT found.* FROM ({load}) AS found JOIN {{{{rows}}}} AS d ON found.{column} = d.sought"
    );
    FlushStatement::new(&text, dialect)
}

impl Desk {
    /// Writes rows by a statement; those that the database refuses are found by halving.
    async fn put_rows<B: Backend>(
        &mut self,
        store: &SqlStore<B>,
        statement: &FlushStatement,
        columns: &'static [Column],
        rows: &[Vec<Value>],
    ) -> Result<Refusals, Failure> {
        let mut refusals = vec![None; rows.len()];
        let places: Vec<usize> = (0..rows.len()).collect();
        for chunk in places.chunks(CHUNK_ROWS) {
            let mut waiting = vec![chunk];
            while let Some(part) = waiting.pop() {
                let Some(words) = self.try_rows(store, statement, columns, rows, part).await?
                else {
                    continue;
                };
                if let [place] = part {
                    if let Some(refusal) = refusals.get_mut(*place) {
                        *refusal = Some(words);
                    }
                } else {
                    let (first, second) = part.split_at(part.len() / 2);
                    waiting.extend([second, first]);
                }
            }
        }
        Ok(refusals)
    }

    async fn try_rows<B: Backend>(
        &mut self,
        store: &SqlStore<B>,
        statement: &FlushStatement,
        columns: &'static [Column],
        rows: &[Vec<Value>],
        part: &[usize],
    ) -> Result<Option<String>, Failure> {
        let values = part.iter().filter_map(|place| rows.get(*place)).flatten().cloned().collect();
        let set = RowSet { columns, values, rows: part.len() };
        let sql = statement.sql(columns, part.len());
        let is_kept = statement.is_same_for_any_size() || part.len() == CHUNK_ROWS;
        self.script(SAVEPOINT).await?;
        match self.session.execute(sql, Arguments::Rows(&set), is_kept).await {
            Ok(_) => {
                self.script(RELEASE).await?;
                Ok(None)
            }
            Err(error) => match store.backend.refusal(&error) {
                Some(words) => {
                    self.script(UNDO).await?;
                    Ok(Some(words))
                }
                None => Err(error.into()),
            },
        }
    }

    async fn script(&mut self, text: &'static str) -> Result<(), Failure> {
        Ok(self.session.execute_script(Statement::new(text).sql()).await?)
    }

    /// The records that a column names, by id.
    async fn sought<R: Record>(
        &mut self,
        load: &Statement,
        column: &str,
        kind: Kind,
        values: Vec<Value>,
    ) -> Result<Vec<R>, Failure> {
        let columns: &'static [Column] = match kind {
            Kind::Integer => const { &[Column::integer("sought")] },
            Kind::Bytes => const { &[Column::bytes("sought")] },
            Kind::Text | Kind::LongText => const { &[Column::text("sought")] },
        };
        let statement = find(load, column, self.dialect);
        let (mut records, mut bad) = (Vec::new(), None);
        for chunk in values.chunks(CHUNK_ROWS) {
            let set = RowSet { columns, values: chunk.to_vec(), rows: chunk.len() };
            let mut each = |row: &dyn Columns| match R::read(row) {
                Ok(record) => records.push(record),
                Err(reason) => bad = Some(reason),
            };
            let sql = statement.sql(columns, chunk.len());
            self.session.fetch(sql, Arguments::Rows(&set), &mut each).await?;
        }
        match bad {
            None => Ok(records),
            Some(reason) => Err(StoreError::Broken(format!("{}: {reason}", R::TABLE)).into()),
        }
    }
}

fn switch(flag: Option<bool>) -> Value {
    flag.map(i64::from).into()
}

fn percent(percent: Option<u16>) -> Value {
    percent.map(i64::from).into()
}

fn new_user_values(user: &NewUser) -> Vec<Value> {
    let (terms, past) = (&user.terms, &user.past);
    let mut values = Vec::with_capacity(NEW_USER_WITH_ID.len());
    if past.id != 0 {
        values.push(past.id.into());
    }
    values.extend([
        user.name.as_str().into(),
        user.passkey.as_str().into(),
        user.site_id.into(),
        user.role_id.into(),
        user.download_enabled.into(),
        user.created_at_seconds.into(),
        percent(terms.upload_percent),
        percent(terms.download_percent),
        switch(terms.immune),
        terms.address_hidden.into(),
        terms.wait_seconds.into(),
        terms.peers_max.into(),
        past.deleted.into(),
        past.uploaded.into(),
        past.downloaded.into(),
        past.uploaded_raw.into(),
        past.downloaded_raw.into(),
        past.seed_seconds.into(),
        past.snatches.into(),
        past.announced_at_seconds.into(),
    ]);
    values
}

/// Inserts users, those with an id of their own first, so that no other gets it.
pub(super) async fn insert_users<B: Backend>(
    store: &SqlStore<B>,
    desk: &mut Desk,
    users: &[&NewUser],
) -> Result<Refusals, Failure> {
    let mut refusals = vec![None; users.len()];
    for has_id in [true, false] {
        let places: Vec<usize> =
            (0..).zip(users).filter(|(_, it)| (it.past.id != 0) == has_id).map(|it| it.0).collect();
        let chosen = places.iter().filter_map(|place| users.get(*place));
        let rows: Vec<_> = chosen.map(|user| new_user_values(user)).collect();
        if rows.is_empty() {
            continue;
        }
        let columns = if has_id { NEW_USER_WITH_ID } else { NEW_USER };
        let statement = insert("users", columns, desk.dialect);
        let refused = desk.put_rows(store, &statement, columns, &rows).await?;
        for (place, words) in places.into_iter().zip(refused) {
            if let Some(refusal) = refusals.get_mut(place) {
                *refusal = words;
            }
        }
        if has_id && desk.dialect == Dialect::Postgres {
            // The others choose for themselves.
            let text = "SELECT setval(pg_get_serial_sequence('users', 'id'), MAX(id)) AS id
                FROM users";
            desk.number(text, "id", &[]).await?;
        }
    }
    Ok(refusals)
}

/// Writes what can be set of users that exist.
pub(super) async fn update_users<B: Backend>(
    store: &SqlStore<B>,
    desk: &mut Desk,
    users: &[&UserRecord],
) -> Result<Refusals, Failure> {
    let values = |user: &&UserRecord| {
        vec![
            user.id.into(),
            user.name.as_str().into(),
            user.passkey.as_str().into(),
            user.site_id.into(),
            user.role_id.into(),
            user.download_enabled.into(),
            user.deleted.into(),
            user.uploaded.into(),
            user.downloaded.into(),
            percent(user.terms.upload_percent),
            percent(user.terms.download_percent),
            switch(user.terms.immune),
            user.terms.address_hidden.into(),
            user.terms.wait_seconds.into(),
            user.terms.peers_max.into(),
        ]
    };
    let rows: Vec<_> = users.iter().map(values).collect();
    let statement = update("users", CHANGED_USER, desk.dialect);
    desk.put_rows(store, &statement, CHANGED_USER, &rows).await
}

/// Inserts torrents under ids that are free.
pub(super) async fn insert_torrents<B: Backend>(
    store: &SqlStore<B>,
    desk: &mut Desk,
    torrents: &[(u32, &NewTorrent)],
) -> Result<Refusals, Failure> {
    let values = |(id, torrent): &(u32, &NewTorrent)| {
        let past = &torrent.past;
        vec![
            (*id).into(),
            torrent.info_hash.into(),
            torrent.info_hash_v2.into(),
            torrent.title.as_str().into(),
            torrent.upload_percent.into(),
            torrent.download_percent.into(),
            torrent.created_at_seconds.into(),
            torrent.terms.status.number().into(),
            torrent.terms.featured.into(),
            (!past.disabled).into(),
            past.deleted.into(),
            past.reason.as_str().into(),
            past.snatches.into(),
            past.uploaded.into(),
            past.downloaded.into(),
            past.uploaded_raw.into(),
            past.downloaded_raw.into(),
            past.announced_at_seconds.into(),
        ]
    };
    let rows: Vec<_> = torrents.iter().map(values).collect();
    let statement = insert("torrents", NEW_TORRENT, desk.dialect);
    desk.put_rows(store, &statement, NEW_TORRENT, &rows).await
}

/// Writes what can be set of torrents that exist.
pub(super) async fn update_torrents<B: Backend>(
    store: &SqlStore<B>,
    desk: &mut Desk,
    torrents: &[&TorrentRecord],
) -> Result<Refusals, Failure> {
    let values = |torrent: &&TorrentRecord| {
        vec![
            torrent.id.into(),
            torrent.title.as_str().into(),
            torrent.upload_percent.into(),
            torrent.download_percent.into(),
            torrent.enabled.into(),
            torrent.deleted.into(),
            torrent.reason.as_str().into(),
            torrent.terms.status.number().into(),
            torrent.terms.featured.into(),
        ]
    };
    let rows: Vec<_> = torrents.iter().map(values).collect();
    let statement = update("torrents", CHANGED_TORRENT, desk.dialect);
    desk.put_rows(store, &statement, CHANGED_TORRENT, &rows).await
}

pub(super) async fn find_users<B: Backend>(
    store: &SqlStore<B>,
    keys: &[UserKey],
) -> Result<Vec<UserRecord>, Failure> {
    let mut desk = store.reading().await?;
    let (mut ids, mut names, mut passkeys) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys {
        match key {
            UserKey::Id(id) => ids.push((*id).into()),
            UserKey::Name(name) => names.push(name.as_str().into()),
            UserKey::Passkey(passkey) => passkeys.push(passkey.as_str().into()),
        }
    }
    let load = &store.schema.loads.users;
    let mut found = BTreeMap::new();
    for (column, kind, values) in
        [("id", Kind::Integer, ids), ("name", Kind::Text, names), ("passkey", Kind::Text, passkeys)]
    {
        let users: Vec<UserRecord> = desk.sought(load, column, kind, values).await?;
        found.extend(users.into_iter().map(|user| (user.id, user)));
    }
    Ok(found.into_values().collect())
}

pub(super) async fn find_torrents<B: Backend>(
    store: &SqlStore<B>,
    hashes: &[InfoHash],
) -> Result<Vec<TorrentRecord>, Failure> {
    let mut desk = store.reading().await?;
    let load = &store.schema.loads.torrents;
    // A site's query may know no second hash.
    let columns: &[&str] =
        if store.schema.owns_tables { &["info_hash", "info_hash_v2"] } else { &["info_hash"] };
    let mut found = BTreeMap::new();
    for column in columns {
        let values = hashes.iter().map(|hash| Value::from(*hash)).collect();
        let torrents: Vec<TorrentRecord> = desk.sought(load, column, Kind::Bytes, values).await?;
        found.extend(torrents.into_iter().map(|torrent| (torrent.id, torrent)));
    }
    Ok(found.into_values().collect())
}

pub(super) async fn put_users<B: Backend>(
    store: &SqlStore<B>,
    puts: &[UserPut],
) -> Result<Puts<UserRecord>, Failure> {
    let mut desk = store.writing().await?;
    let mut results: Vec<Option<Result<UserRecord, StoreError>>> =
        puts.iter().map(|_| None).collect();
    // Held to the end of the transaction: what somebody else adds meanwhile is not overwritten.
    let ids: Vec<Vec<Value>> = puts
        .iter()
        .filter_map(|put| match put {
            UserPut::Change(id, _) => Some(vec![(*id).into()]),
            UserPut::Add(_) => None,
        })
        .collect();
    let lock = match desk.dialect {
        Dialect::Mysql => "UPDATE users JOIN {{rows}} AS d ON users.id = d.id SET users.id = d.id",
        _ => "UPDATE users SET id = d.id FROM {{rows}} AS d WHERE users.id = d.id",
    };
    let lock = FlushStatement::new(lock, desk.dialect);
    let columns = const { &[Column::integer("id")] };
    desk.put_rows(store, &lock, columns, &ids).await?;
    let sought = ids.into_iter().flatten().collect();
    let load = &store.schema.loads.users;
    let known: Vec<UserRecord> = desk.sought(load, "id", Kind::Integer, sought).await?;
    let known: BTreeMap<u32, UserRecord> = known.into_iter().map(|user| (user.id, user)).collect();
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for ((place, put), result) in (0..).zip(puts).zip(&mut results) {
        match put {
            UserPut::Add(user) => match validate::new_user(user) {
                Ok(()) => added.push((place, user)),
                Err(error) => *result = Some(Err(error)),
            },
            UserPut::Change(id, patch) => match (known.get(id), validate::user_patch(patch)) {
                (_, Err(error)) => *result = Some(Err(error)),
                (None, _) => {
                    *result = Some(Err(StoreError::Invalid("there is no such user".into())));
                }
                (Some(user), Ok(())) => {
                    let mut user = user.clone();
                    users::change(&mut user, patch);
                    changed.push((place, user));
                }
            },
        }
    }
    let rows: Vec<_> = changed.iter().map(|(_, user)| user).collect();
    let refusals = update_users(store, &mut desk, &rows).await?;
    for ((place, user), refusal) in changed.into_iter().zip(refusals) {
        set(&mut results, place, refusal.map_or(Ok(user), |words| Err(refused(words))));
    }
    let rows: Vec<_> = added.iter().map(|(_, user)| *user).collect();
    let refusals = insert_users(store, &mut desk, &rows).await?;
    let passkeys = rows.iter().map(|user| user.passkey.as_str().into()).collect();
    let there: Vec<UserRecord> = desk.sought(load, "passkey", Kind::Text, passkeys).await?;
    let there: BTreeMap<String, UserRecord> =
        there.into_iter().map(|user| (user.passkey.clone(), user)).collect();
    for ((place, user), refusal) in added.into_iter().zip(refusals) {
        let record = || {
            let missing = || StoreError::Broken("the new user is not there".into());
            there.get(&user.passkey).cloned().ok_or_else(missing)
        };
        set(&mut results, place, refusal.map_or_else(record, |words| Err(refused(words))));
    }
    desk.commit().await?;
    Ok(results.into_iter().map(finished).collect())
}

pub(super) async fn put_torrents<B: Backend>(
    store: &SqlStore<B>,
    puts: &[TorrentPut],
) -> Result<Puts<TorrentRecord>, Failure> {
    let mut desk = store.writing().await?;
    let mut results: Vec<Option<Result<TorrentRecord, StoreError>>> =
        puts.iter().map(|_| None).collect();
    let ids = puts.iter().filter_map(|put| match put {
        TorrentPut::Change(id, _) => Some(Value::from(*id)),
        TorrentPut::Add(_) => None,
    });
    let (load, ids) = (&store.schema.loads.torrents, ids.collect());
    let known: Vec<TorrentRecord> = desk.sought(load, "id", Kind::Integer, ids).await?;
    let known: BTreeMap<u32, TorrentRecord> = known.into_iter().map(|it| (it.id, it)).collect();
    let mut free_id = None;
    let (mut added, mut changed) = (Vec::new(), Vec::new());
    for ((place, put), result) in (0..).zip(puts).zip(&mut results) {
        match put {
            TorrentPut::Add(torrent) => match validate::new_torrent(torrent) {
                Ok(()) => added.push((place, torrent)),
                Err(error) => *result = Some(Err(error)),
            },
            TorrentPut::Change(id, patch) => {
                match (known.get(id), validate::torrent_patch(patch)) {
                    (_, Err(error)) => *result = Some(Err(error)),
                    (None, _) => {
                        *result = Some(Err(StoreError::Invalid("there is no such torrent".into())));
                    }
                    (Some(torrent), Ok(())) => {
                        let mut torrent = torrent.clone();
                        torrents::change(&mut torrent, patch);
                        changed.push((place, torrent));
                    }
                }
            }
        }
    }
    let rows: Vec<_> = changed.iter().map(|(_, torrent)| torrent).collect();
    let refusals = update_torrents(store, &mut desk, &rows).await?;
    for ((place, torrent), refusal) in changed.into_iter().zip(refusals) {
        set(&mut results, place, refusal.map_or(Ok(torrent), |words| Err(refused(words))));
    }
    // Ids that are given come first, so that no other torrent gets them.
    added.sort_by_key(|(_, torrent)| torrent.past.id == 0);
    let (given, free): (Vec<_>, Vec<_>) = added.into_iter().partition(|it| it.1.past.id != 0);
    for (part, chooses) in [(given, false), (free, true)] {
        if part.is_empty() {
            continue;
        }
        let mut rows = Vec::with_capacity(part.len());
        for (_, torrent) in &part {
            let id = match (chooses, free_id) {
                (false, _) => torrent.past.id,
                (true, None) => torrents::free_id(&mut desk).await?,
                (true, Some(last)) => u32::saturating_add(last, 1),
            };
            if chooses {
                free_id = Some(id);
            }
            rows.push((id, *torrent));
        }
        let last = mika_core::batch::RegisteredRow::FIRST_ID;
        if chooses && rows.last().is_some_and(|(id, _)| *id >= last) {
            let words = "there are not enough torrent ids left below 2^31".into();
            return Err(StoreError::Conflict(words).into());
        }
        let refusals = insert_torrents(store, &mut desk, &rows).await?;
        for (((place, _), (id, new)), refusal) in part.into_iter().zip(rows).zip(refusals) {
            let result = refusal.map_or_else(|| Ok(record(id, new)), |words| Err(refused(words)));
            set(&mut results, place, result);
        }
    }
    desk.commit().await?;
    Ok(results.into_iter().map(finished).collect())
}

pub(super) async fn put_tokens<B: Backend>(
    store: &SqlStore<B>,
    tokens: &[TokenRecord],
) -> Result<Puts<()>, Failure> {
    let mut desk = store.writing().await?;
    let keys = tokens.iter().map(|it| (it.user_id, it.torrent_id));
    delete(store, &mut desk, keys).await?;
    let values = |token: &TokenRecord| {
        vec![
            token.user_id.into(),
            token.torrent_id.into(),
            token.upload_percent.into(),
            token.download_percent.into(),
            token.ends_at_seconds.into(),
        ]
    };
    let rows: Vec<_> = tokens.iter().map(values).collect();
    let statement = insert("tokens", TOKEN, desk.dialect);
    let refusals = desk.put_rows(store, &statement, TOKEN, &rows).await?;
    desk.commit().await?;
    let result = |refusal: Option<String>| match refusal {
        None => Ok(()),
        Some(words) => {
            Err(StoreError::Invalid(format!("is there such a user and torrent? {words}")))
        }
    };
    Ok(refusals.into_iter().map(result).collect())
}

pub(super) async fn delete_tokens<B: Backend>(
    store: &SqlStore<B>,
    keys: &[(u32, u32)],
) -> Result<Vec<bool>, Failure> {
    let mut desk = store.writing().await?;
    let mut there = std::collections::HashSet::new();
    let find = "SELECT t.user_id, t.torrent_id FROM tokens AS t JOIN {{rows}} AS d
        ON t.user_id = d.user_id AND t.torrent_id = d.torrent_id";
    let find = FlushStatement::new(find, desk.dialect);
    for chunk in keys.chunks(CHUNK_ROWS) {
        let values = chunk.iter().flat_map(|(user, torrent)| [(*user).into(), (*torrent).into()]);
        let set = RowSet { columns: TOKEN_KEY, values: values.collect(), rows: chunk.len() };
        let mut each = |row: &dyn Columns| {
            let number = |column| row.integer(column).ok().flatten().unwrap_or_default();
            there.insert((number("user_id"), number("torrent_id")));
        };
        let sql = find.sql(TOKEN_KEY, chunk.len());
        desk.session.fetch(sql, Arguments::Rows(&set), &mut each).await?;
    }
    delete(store, &mut desk, keys.iter().copied()).await?;
    desk.commit().await?;
    Ok(keys
        .iter()
        .map(|(user, torrent)| there.contains(&((*user).into(), (*torrent).into())))
        .collect())
}

async fn delete<B: Backend>(
    store: &SqlStore<B>,
    desk: &mut Desk,
    keys: impl Iterator<Item = (u32, u32)>,
) -> Result<(), Failure> {
    let text = match desk.dialect {
        Dialect::Sqlite => {
            "DELETE FROM tokens WHERE (user_id, torrent_id) IN
                 (SELECT d.user_id, d.torrent_id FROM {{rows}} AS d)"
        }
        Dialect::Postgres => {
            "DELETE FROM tokens USING {{rows}} AS d
             WHERE tokens.user_id = d.user_id AND tokens.torrent_id = d.torrent_id"
        }
        Dialect::Mysql => {
            "DELETE tokens FROM tokens JOIN {{rows}} AS d
             ON tokens.user_id = d.user_id AND tokens.torrent_id = d.torrent_id"
        }
    };
    let statement = FlushStatement::new(text, desk.dialect);
    let rows: Vec<_> = keys.map(|(user, torrent)| vec![user.into(), torrent.into()]).collect();
    desk.put_rows(store, &statement, TOKEN_KEY, &rows).await?;
    Ok(())
}

/// A new torrent as it was written.
fn record(id: u32, new: &NewTorrent) -> TorrentRecord {
    let (past, created_at_seconds) = (&new.past, new.created_at_seconds);
    TorrentRecord {
        id,
        info_hash: new.info_hash,
        info_hash_v2: new.info_hash_v2,
        title: new.title.clone(),
        upload_percent: new.upload_percent,
        download_percent: new.download_percent,
        enabled: !past.disabled,
        deleted: past.deleted,
        reason: past.reason.clone(),
        snatches: past.snatches,
        uploaded: past.uploaded,
        downloaded: past.downloaded,
        uploaded_raw: past.uploaded_raw,
        downloaded_raw: past.downloaded_raw,
        seeders: 0,
        leechers: 0,
        announced_at_seconds: past.announced_at_seconds,
        created_at_seconds,
        terms: mika_core::registry::TorrentTerms { created_at_seconds, ..new.terms },
    }
}

fn refused(words: String) -> StoreError {
    StoreError::Conflict(words)
}

fn set<T>(results: &mut [Option<T>], place: usize, result: T) {
    if let Some(slot) = results.get_mut(place) {
        *slot = Some(result);
    }
}

fn finished<T>(result: Option<Result<T, StoreError>>) -> Result<T, StoreError> {
    result.unwrap_or_else(|| Err(StoreError::Broken("it was not written".into())))
}
