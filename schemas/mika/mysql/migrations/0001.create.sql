-- Version 1 of mika's own schema, for MariaDB and MySQL.
--
-- Runs once, and again if it was cut short: what is there already is left alone. May use everything
-- that MariaDB 10.6 and MySQL 8 know; no placeholders. Never edit a migration that was released: add another.
--
-- Totals end at 9223372036854775807, the largest BIGINT. A name
-- is the same only if it is so letter by letter. Times are Unix seconds, multipliers whole
-- percents, switches 0 or 1.

CREATE TABLE IF NOT EXISTS mika_schema (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    version BIGINT NOT NULL
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- The number of the last batch applied: it moves in the transaction that writes the batch.
CREATE TABLE IF NOT EXISTS mika_checkpoint (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    number BIGINT NOT NULL CHECK (number >= 0)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

INSERT IGNORE INTO mika_checkpoint (id, number) VALUES (1, 0);

CREATE TABLE IF NOT EXISTS roles (
    id BIGINT PRIMARY KEY CHECK (id BETWEEN 1 AND 65535),
    name VARCHAR(255) NOT NULL UNIQUE,
    priority BIGINT NOT NULL DEFAULT 0 CHECK (priority BETWEEN -2147483648 AND 2147483647),
    upload_percent BIGINT NOT NULL DEFAULT 100 CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent BIGINT NOT NULL DEFAULT 100 CHECK (download_percent BETWEEN 0 AND 65535),
    upload_enabled BIGINT NOT NULL DEFAULT 1 CHECK (upload_enabled IN (0, 1)),
    download_enabled BIGINT NOT NULL DEFAULT 1 CHECK (download_enabled IN (0, 1)),
    download_slots BIGINT CHECK (download_slots BETWEEN 0 AND 4294967295)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

INSERT IGNORE INTO roles (id, name) VALUES (1, 'user');

-- An id that was in use once must not name somebody else while the journal still
-- holds rows for it.
CREATE TABLE IF NOT EXISTS users (
    id BIGINT AUTO_INCREMENT PRIMARY KEY,
    site_id BIGINT,
    name VARCHAR(255) NOT NULL UNIQUE,
    passkey VARCHAR(255) NOT NULL UNIQUE,
    role_id BIGINT NOT NULL,
    download_enabled BIGINT NOT NULL DEFAULT 1 CHECK (download_enabled IN (0, 1)),
    deleted BIGINT NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    uploaded BIGINT NOT NULL DEFAULT 0 CHECK (uploaded >= 0),
    downloaded BIGINT NOT NULL DEFAULT 0 CHECK (downloaded >= 0),
    uploaded_raw BIGINT NOT NULL DEFAULT 0 CHECK (uploaded_raw >= 0),
    downloaded_raw BIGINT NOT NULL DEFAULT 0 CHECK (downloaded_raw >= 0),
    seed_seconds BIGINT NOT NULL DEFAULT 0 CHECK (seed_seconds >= 0),
    snatches BIGINT NOT NULL DEFAULT 0 CHECK (snatches >= 0),
    announced_at_seconds BIGINT NOT NULL DEFAULT 0
        CHECK (announced_at_seconds BETWEEN 0 AND 4294967295),
    created_at_seconds BIGINT NOT NULL DEFAULT 0
        CHECK (created_at_seconds BETWEEN 0 AND 4294967295),
    FOREIGN KEY (role_id) REFERENCES roles (id)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- Ids from 2147483648 are chosen by the tracker, for torrents that it registers itself.
CREATE TABLE IF NOT EXISTS torrents (
    id BIGINT PRIMARY KEY CHECK (id BETWEEN 1 AND 4294967295),
    info_hash BINARY(20) NOT NULL UNIQUE,
    info_hash_v2 BINARY(20) UNIQUE,
    title VARCHAR(1024) NOT NULL DEFAULT '',
    upload_percent BIGINT NOT NULL DEFAULT 100 CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent BIGINT NOT NULL DEFAULT 100 CHECK (download_percent BETWEEN 0 AND 65535),
    enabled BIGINT NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1)),
    deleted BIGINT NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
    reason VARCHAR(1024) NOT NULL DEFAULT '',
    snatches BIGINT NOT NULL DEFAULT 0 CHECK (snatches BETWEEN 0 AND 4294967295),
    uploaded BIGINT NOT NULL DEFAULT 0 CHECK (uploaded >= 0),
    downloaded BIGINT NOT NULL DEFAULT 0 CHECK (downloaded >= 0),
    uploaded_raw BIGINT NOT NULL DEFAULT 0 CHECK (uploaded_raw >= 0),
    downloaded_raw BIGINT NOT NULL DEFAULT 0 CHECK (downloaded_raw >= 0),
    seeders BIGINT NOT NULL DEFAULT 0 CHECK (seeders BETWEEN 0 AND 4294967295),
    leechers BIGINT NOT NULL DEFAULT 0 CHECK (leechers BETWEEN 0 AND 4294967295),
    announced_at_seconds BIGINT NOT NULL DEFAULT 0
        CHECK (announced_at_seconds BETWEEN 0 AND 4294967295),
    created_at_seconds BIGINT NOT NULL DEFAULT 0
        CHECK (created_at_seconds BETWEEN 0 AND 4294967295)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- UNIQUE holds within a column; a hash must not stand in the other column either.
DROP TRIGGER IF EXISTS torrents_insert_hashes;

CREATE TRIGGER torrents_insert_hashes BEFORE INSERT ON torrents FOR EACH ROW
IF EXISTS (SELECT 1 FROM torrents WHERE info_hash_v2 = NEW.info_hash)
    OR EXISTS (SELECT 1 FROM torrents WHERE info_hash = NEW.info_hash_v2)
THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'another torrent has this info hash';
END IF;

DROP TRIGGER IF EXISTS torrents_update_hashes;

CREATE TRIGGER torrents_update_hashes BEFORE UPDATE ON torrents FOR EACH ROW
IF NOT (NEW.info_hash <=> OLD.info_hash AND NEW.info_hash_v2 <=> OLD.info_hash_v2) AND (
    EXISTS (SELECT 1 FROM torrents WHERE info_hash_v2 = NEW.info_hash AND id <> NEW.id)
    OR EXISTS (SELECT 1 FROM torrents WHERE info_hash = NEW.info_hash_v2 AND id <> NEW.id))
THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'another torrent has this info hash';
END IF;

CREATE TABLE IF NOT EXISTS client_rules (
    prefix VARCHAR(20) PRIMARY KEY,
    allowed BIGINT NOT NULL CHECK (allowed IN (0, 1)),
    name VARCHAR(255) NOT NULL DEFAULT ''
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- A multiplier for one user on one torrent.
CREATE TABLE IF NOT EXISTS tokens (
    user_id BIGINT NOT NULL,
    torrent_id BIGINT NOT NULL,
    upload_percent BIGINT NOT NULL CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent BIGINT NOT NULL CHECK (download_percent BETWEEN 0 AND 65535),
    ends_at_seconds BIGINT CHECK (ends_at_seconds BETWEEN 0 AND 4294967295),
    PRIMARY KEY (user_id, torrent_id),
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (torrent_id) REFERENCES torrents (id)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- A multiplier for everybody on everything, for a time.
CREATE TABLE IF NOT EXISTS events (
    name VARCHAR(255) PRIMARY KEY,
    upload_percent BIGINT NOT NULL CHECK (upload_percent BETWEEN 0 AND 65535),
    download_percent BIGINT NOT NULL CHECK (download_percent BETWEEN 0 AND 65535),
    starts_at_seconds BIGINT NOT NULL CHECK (starts_at_seconds BETWEEN 0 AND 4294967295),
    ends_at_seconds BIGINT NOT NULL CHECK (ends_at_seconds BETWEEN 0 AND 4294967295)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;

-- What one user ever did on one torrent. Keyed and stored in the order in which batches are sorted.
CREATE TABLE IF NOT EXISTS history (
    user_id BIGINT NOT NULL,
    torrent_id BIGINT NOT NULL,
    uploaded BIGINT NOT NULL CHECK (uploaded >= 0),
    downloaded BIGINT NOT NULL CHECK (downloaded >= 0),
    uploaded_raw BIGINT NOT NULL CHECK (uploaded_raw >= 0),
    downloaded_raw BIGINT NOT NULL CHECK (downloaded_raw >= 0),
    seed_seconds BIGINT NOT NULL CHECK (seed_seconds >= 0),
    snatches BIGINT NOT NULL CHECK (snatches >= 0),
    left_bytes BIGINT NOT NULL CHECK (left_bytes >= 0),
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    first_announced_at_seconds BIGINT NOT NULL,
    announced_at_seconds BIGINT NOT NULL,
    PRIMARY KEY (user_id, torrent_id),
    FOREIGN KEY (user_id) REFERENCES users (id),
    FOREIGN KEY (torrent_id) REFERENCES torrents (id)
) ENGINE = InnoDB, CHARACTER SET utf8mb4, COLLATE utf8mb4_bin;
