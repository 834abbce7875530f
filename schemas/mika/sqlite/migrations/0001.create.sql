-- Version 1 of mika's own schema, for SQLite.
--
-- Runs once, inside a transaction that also writes the version to mika_schema. May use everything
-- that SQLite 3.38 knows; no placeholders. Never edit a migration that was released: add another.
--
-- Tables are STRICT, so that a total can never turn into text or a floating-point number. Totals
-- end at 9223372036854775807, the largest INTEGER. Times are Unix seconds, multipliers whole
-- percents, switches 0 or 1.

CREATE TABLE mika_schema (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;

-- The number of the last batch applied: it moves in the transaction that writes the batch.
CREATE TABLE mika_checkpoint (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    number INTEGER NOT NULL CHECK (number >= 0)
) STRICT;

INSERT INTO mika_checkpoint (id, number) VALUES (1, 0);

CREATE TABLE roles (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 65535),
    name TEXT NOT NULL UNIQUE,
    priority INTEGER NOT NULL DEFAULT 0 CHECK (priority BETWEEN -2147483648 AND 2147483647),
    upload_percent INTEGER NOT NULL DEFAULT 100 CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent INTEGER NOT NULL DEFAULT 100 CHECK (download_percent BETWEEN 0 AND 65535),
    upload_enabled INTEGER NOT NULL DEFAULT 1 CHECK (upload_enabled IN (0, 1)),
    download_enabled INTEGER NOT NULL DEFAULT 1 CHECK (download_enabled IN (0, 1)),
    download_slots INTEGER CHECK (download_slots BETWEEN 0 AND 4294967295)
) STRICT;

INSERT INTO roles (id, name) VALUES (1, 'user');

-- AUTOINCREMENT: an id that was in use once must not name somebody else while the journal still
-- holds rows for it.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT CHECK (id BETWEEN 1 AND 4294967295),
    site_id INTEGER,
    name TEXT NOT NULL UNIQUE,
    passkey TEXT NOT NULL UNIQUE,
    role_id INTEGER NOT NULL REFERENCES roles (id),
    download_enabled INTEGER NOT NULL DEFAULT 1 CHECK (download_enabled IN (0, 1)),
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    uploaded INTEGER NOT NULL DEFAULT 0 CHECK (uploaded >= 0),
    downloaded INTEGER NOT NULL DEFAULT 0 CHECK (downloaded >= 0),
    uploaded_raw INTEGER NOT NULL DEFAULT 0 CHECK (uploaded_raw >= 0),
    downloaded_raw INTEGER NOT NULL DEFAULT 0 CHECK (downloaded_raw >= 0),
    seed_seconds INTEGER NOT NULL DEFAULT 0 CHECK (seed_seconds >= 0),
    snatches INTEGER NOT NULL DEFAULT 0 CHECK (snatches >= 0),
    announced_at_seconds INTEGER NOT NULL DEFAULT 0
        CHECK (announced_at_seconds BETWEEN 0 AND 4294967295),
    created_at_seconds INTEGER NOT NULL DEFAULT 0
        CHECK (created_at_seconds BETWEEN 0 AND 4294967295)
) STRICT;

-- Ids from 2147483648 are chosen by the tracker, for torrents that it registers itself; no
-- AUTOINCREMENT, which would go on from there.
CREATE TABLE torrents (
    id INTEGER PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    info_hash BLOB NOT NULL UNIQUE CHECK (length(info_hash) = 20),
    info_hash_v2 BLOB UNIQUE
        CHECK (length(info_hash_v2) = 20 AND info_hash_v2 IS NOT info_hash),
    title TEXT NOT NULL DEFAULT '',
    upload_percent INTEGER NOT NULL DEFAULT 100 CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent INTEGER NOT NULL DEFAULT 100 CHECK (download_percent BETWEEN 0 AND 65535),
    enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    reason TEXT NOT NULL DEFAULT '',
    snatches INTEGER NOT NULL DEFAULT 0 CHECK (snatches BETWEEN 0 AND 4294967295),
    uploaded INTEGER NOT NULL DEFAULT 0 CHECK (uploaded >= 0),
    downloaded INTEGER NOT NULL DEFAULT 0 CHECK (downloaded >= 0),
    uploaded_raw INTEGER NOT NULL DEFAULT 0 CHECK (uploaded_raw >= 0),
    downloaded_raw INTEGER NOT NULL DEFAULT 0 CHECK (downloaded_raw >= 0),
    seeders INTEGER NOT NULL DEFAULT 0 CHECK (seeders BETWEEN 0 AND 4294967295),
    leechers INTEGER NOT NULL DEFAULT 0 CHECK (leechers BETWEEN 0 AND 4294967295),
    announced_at_seconds INTEGER NOT NULL DEFAULT 0
        CHECK (announced_at_seconds BETWEEN 0 AND 4294967295),
    created_at_seconds INTEGER NOT NULL DEFAULT 0
        CHECK (created_at_seconds BETWEEN 0 AND 4294967295)
) STRICT;

-- UNIQUE holds within a column; a hash must not stand in the other column either.
CREATE TRIGGER torrents_insert_hashes BEFORE INSERT ON torrents
WHEN EXISTS (SELECT 1 FROM torrents WHERE info_hash_v2 = NEW.info_hash)
    OR EXISTS (SELECT 1 FROM torrents WHERE info_hash = NEW.info_hash_v2)
BEGIN
    SELECT RAISE(ABORT, 'another torrent has this info hash');
END;

CREATE TRIGGER torrents_update_hashes BEFORE UPDATE OF info_hash, info_hash_v2 ON torrents
WHEN EXISTS (SELECT 1 FROM torrents WHERE info_hash_v2 = NEW.info_hash AND id <> NEW.id)
    OR EXISTS (SELECT 1 FROM torrents WHERE info_hash = NEW.info_hash_v2 AND id <> NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'another torrent has this info hash');
END;

CREATE TABLE client_rules (
    prefix TEXT PRIMARY KEY CHECK (length(prefix) BETWEEN 1 AND 20),
    allowed INTEGER NOT NULL CHECK (allowed IN (0, 1)),
    name TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

-- A multiplier for one user on one torrent.
CREATE TABLE tokens (
    user_id INTEGER NOT NULL REFERENCES users (id),
    torrent_id INTEGER NOT NULL REFERENCES torrents (id),
    upload_percent INTEGER NOT NULL CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent INTEGER NOT NULL CHECK (download_percent BETWEEN 0 AND 65535),
    ends_at_seconds INTEGER CHECK (ends_at_seconds BETWEEN 0 AND 4294967295),
    PRIMARY KEY (user_id, torrent_id)
) STRICT, WITHOUT ROWID;

-- A multiplier for everybody on everything, for a time.
CREATE TABLE events (
    name TEXT PRIMARY KEY,
    upload_percent INTEGER NOT NULL CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent INTEGER NOT NULL CHECK (download_percent BETWEEN 0 AND 65535),
    starts_at_seconds INTEGER NOT NULL CHECK (starts_at_seconds BETWEEN 0 AND 4294967295),
    ends_at_seconds INTEGER NOT NULL CHECK (ends_at_seconds BETWEEN 0 AND 4294967295)
) STRICT, WITHOUT ROWID;

-- What one user ever did on one torrent. Keyed and stored in the order in which batches are sorted.
CREATE TABLE history (
    user_id INTEGER NOT NULL REFERENCES users (id),
    torrent_id INTEGER NOT NULL REFERENCES torrents (id),
    uploaded INTEGER NOT NULL CHECK (uploaded >= 0),
    downloaded INTEGER NOT NULL CHECK (downloaded >= 0),
    uploaded_raw INTEGER NOT NULL CHECK (uploaded_raw >= 0),
    downloaded_raw INTEGER NOT NULL CHECK (downloaded_raw >= 0),
    seed_seconds INTEGER NOT NULL CHECK (seed_seconds >= 0),
    snatches INTEGER NOT NULL CHECK (snatches >= 0),
    left_bytes INTEGER NOT NULL CHECK (left_bytes >= 0),
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    first_announced_at_seconds INTEGER NOT NULL,
    announced_at_seconds INTEGER NOT NULL,
    PRIMARY KEY (user_id, torrent_id)
) STRICT, WITHOUT ROWID;
