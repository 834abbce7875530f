//! What mika's own tables say, read past the store.

/// Reads the tables of one kind of database: all of their columns are 64-bit integers.
macro_rules! totals {
    ($connection:expr, $row:ty) => {{
        use mika_core::batch::{HistoryRow, TorrentRow, Traffic, UserRow};
        use mika_store::contract::Totals;
        use sqlx::Row;

        fn number<T: TryFrom<i64>>(row: &$row, column: &str) -> T {
            let value: i64 = row.get(column);
            T::try_from(value).unwrap_or_else(|_| panic!("{column} is {value}"))
        }
        fn traffic(row: &$row) -> Traffic {
            Traffic {
                uploaded_raw: number(row, "uploaded_raw"),
                downloaded_raw: number(row, "downloaded_raw"),
                uploaded_credited: number(row, "uploaded"),
                downloaded_credited: number(row, "downloaded"),
            }
        }
        fn user(row: &$row) -> (u32, UserRow) {
            let user = UserRow {
                user_id: number(row, "id"),
                traffic: traffic(row),
                seed_seconds: number(row, "seed_seconds"),
                snatches: number(row, "snatches"),
                announced_at_seconds: number(row, "announced_at_seconds"),
            };
            (user.user_id, user)
        }
        fn torrent(row: &$row) -> (u32, TorrentRow) {
            let torrent = TorrentRow {
                torrent_id: number(row, "id"),
                traffic: traffic(row),
                snatches: number(row, "snatches"),
                seeders: number(row, "seeders"),
                leechers: number(row, "leechers"),
                announced_at_seconds: number(row, "announced_at_seconds"),
                ..TorrentRow::default()
            };
            (torrent.torrent_id, torrent)
        }
        fn history(row: &$row) -> ((u32, u32), HistoryRow) {
            let history = HistoryRow {
                user_id: number(row, "user_id"),
                torrent_id: number(row, "torrent_id"),
                traffic: traffic(row),
                seed_seconds: number(row, "seed_seconds"),
                snatches: number(row, "snatches"),
                left_bytes: number(row, "left_bytes"),
                active: number::<u8>(row, "active") == 1,
                announced_at_seconds: number(row, "announced_at_seconds"),
                ..HistoryRow::default()
            };
            ((history.user_id, history.torrent_id), history)
        }
        let connection = $connection;
        let users = sqlx::query("SELECT * FROM users").fetch_all(&mut *connection).await.unwrap();
        let torrents =
            sqlx::query("SELECT * FROM torrents").fetch_all(&mut *connection).await.unwrap();
        let rows = sqlx::query("SELECT * FROM history").fetch_all(&mut *connection).await.unwrap();
        Totals {
            users: users.iter().map(user).collect(),
            torrents: torrents.iter().map(torrent).collect(),
            history: rows.iter().map(history).collect(),
        }
    }};
}

pub(crate) use totals;
