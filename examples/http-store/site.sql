-- The tables of the example site. Only their columns matter to mika, and those as JSON.
PRAGMA journal_mode = WAL;

CREATE TABLE IF NOT EXISTS checkpoint (number INTEGER NOT NULL);
INSERT INTO checkpoint SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM checkpoint);

CREATE TABLE IF NOT EXISTS roles (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    priority INTEGER NOT NULL DEFAULT 0,
    upload_percent INTEGER NOT NULL DEFAULT 100,
    download_percent INTEGER NOT NULL DEFAULT 100,
    upload_enabled INTEGER NOT NULL DEFAULT 1,
    download_enabled INTEGER NOT NULL DEFAULT 1,
    download_slots INTEGER,
    immune INTEGER NOT NULL DEFAULT 0,
    enabled INTEGER NOT NULL DEFAULT 1
);
INSERT OR IGNORE INTO roles (id, name) VALUES (1, 'user');

CREATE TABLE IF NOT EXISTS users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    passkey TEXT NOT NULL UNIQUE,
    role_id INTEGER NOT NULL DEFAULT 1 REFERENCES roles (id),
    download_enabled INTEGER NOT NULL DEFAULT 1,
    deleted INTEGER NOT NULL DEFAULT 0,
    uploaded INTEGER NOT NULL DEFAULT 0,
    downloaded INTEGER NOT NULL DEFAULT 0,
    uploaded_raw INTEGER NOT NULL DEFAULT 0,
    downloaded_raw INTEGER NOT NULL DEFAULT 0,
    seed_seconds INTEGER NOT NULL DEFAULT 0,
    snatches INTEGER NOT NULL DEFAULT 0,
    announced_at_seconds INTEGER NOT NULL DEFAULT 0,
    created_at_seconds INTEGER NOT NULL DEFAULT 0,
    upload_percent INTEGER,
    download_percent INTEGER,
    immune INTEGER,
    address_hidden INTEGER NOT NULL DEFAULT 0,
    wait_seconds INTEGER NOT NULL DEFAULT 0,
    peers_max INTEGER
);

CREATE TABLE IF NOT EXISTS torrents (
    id INTEGER PRIMARY KEY,
    info_hash BLOB NOT NULL UNIQUE,
    info_hash_v2 BLOB UNIQUE,
    title TEXT NOT NULL DEFAULT '',
    upload_percent INTEGER NOT NULL DEFAULT 100,
    download_percent INTEGER NOT NULL DEFAULT 100,
    enabled INTEGER NOT NULL DEFAULT 1,
    deleted INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT '',
    snatches INTEGER NOT NULL DEFAULT 0,
    uploaded INTEGER NOT NULL DEFAULT 0,
    downloaded INTEGER NOT NULL DEFAULT 0,
    uploaded_raw INTEGER NOT NULL DEFAULT 0,
    downloaded_raw INTEGER NOT NULL DEFAULT 0,
    seeders INTEGER NOT NULL DEFAULT 0,
    leechers INTEGER NOT NULL DEFAULT 0,
    announced_at_seconds INTEGER NOT NULL DEFAULT 0,
    created_at_seconds INTEGER NOT NULL DEFAULT 0,
    status INTEGER NOT NULL DEFAULT 1,
    featured INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE IF NOT EXISTS history (
    user_id INTEGER NOT NULL REFERENCES users (id),
    torrent_id INTEGER NOT NULL REFERENCES torrents (id),
    uploaded INTEGER NOT NULL,
    downloaded INTEGER NOT NULL,
    uploaded_raw INTEGER NOT NULL,
    downloaded_raw INTEGER NOT NULL,
    seed_seconds INTEGER NOT NULL,
    snatches INTEGER NOT NULL,
    left_bytes INTEGER NOT NULL,
    active INTEGER NOT NULL,
    announced_at_seconds INTEGER NOT NULL,
    PRIMARY KEY (user_id, torrent_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS client_rules (
    prefix TEXT NOT NULL UNIQUE,
    allowed INTEGER NOT NULL,
    name TEXT NOT NULL DEFAULT ''
);

CREATE TABLE IF NOT EXISTS tokens (
    user_id INTEGER NOT NULL REFERENCES users (id),
    torrent_id INTEGER NOT NULL REFERENCES torrents (id),
    upload_percent INTEGER NOT NULL DEFAULT 100,
    download_percent INTEGER NOT NULL DEFAULT 100,
    ends_at_seconds INTEGER,
    UNIQUE (user_id, torrent_id)
);

CREATE TABLE IF NOT EXISTS events (
    name TEXT NOT NULL UNIQUE,
    upload_percent INTEGER NOT NULL DEFAULT 100,
    download_percent INTEGER NOT NULL DEFAULT 100,
    starts_at_seconds INTEGER NOT NULL,
    ends_at_seconds INTEGER NOT NULL
);

-- What the tracker tells of single torrents, if it is asked to.
CREATE TABLE IF NOT EXISTS peers (
    info_hash BLOB NOT NULL,
    user_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    gone INTEGER NOT NULL,
    PRIMARY KEY (info_hash, user_id, key)
);

-- What has changed, in order; `seq` is the cursor. The counters that batches add to are no change.
CREATE TABLE IF NOT EXISTS changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    id INTEGER NOT NULL
);
CREATE TRIGGER IF NOT EXISTS user_added AFTER INSERT ON users
BEGIN INSERT INTO changes (kind, id) VALUES ('users', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS user_changed
AFTER UPDATE OF passkey, role_id, download_enabled, deleted, upload_percent, download_percent,
    immune, address_hidden, wait_seconds, peers_max ON users
BEGIN INSERT INTO changes (kind, id) VALUES ('users', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS torrent_added AFTER INSERT ON torrents
BEGIN INSERT INTO changes (kind, id) VALUES ('torrents', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS torrent_changed
AFTER UPDATE OF info_hash_v2, upload_percent, download_percent, enabled, deleted, reason, status,
    featured ON torrents
BEGIN INSERT INTO changes (kind, id) VALUES ('torrents', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS role_added AFTER INSERT ON roles
BEGIN INSERT INTO changes (kind, id) VALUES ('roles', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS role_changed AFTER UPDATE ON roles
BEGIN INSERT INTO changes (kind, id) VALUES ('roles', NEW.id); END;
CREATE TRIGGER IF NOT EXISTS token_added AFTER INSERT ON tokens
BEGIN INSERT INTO changes (kind, id) VALUES ('tokens', NEW.rowid); END;
CREATE TRIGGER IF NOT EXISTS token_changed AFTER UPDATE ON tokens
BEGIN INSERT INTO changes (kind, id) VALUES ('tokens', NEW.rowid); END;
CREATE TRIGGER IF NOT EXISTS rule_added AFTER INSERT ON client_rules
BEGIN INSERT INTO changes (kind, id) VALUES ('client_rules', 0); END;
CREATE TRIGGER IF NOT EXISTS rule_changed AFTER UPDATE ON client_rules
BEGIN INSERT INTO changes (kind, id) VALUES ('client_rules', 0); END;
CREATE TRIGGER IF NOT EXISTS rule_removed AFTER DELETE ON client_rules
BEGIN INSERT INTO changes (kind, id) VALUES ('client_rules', 0); END;
CREATE TRIGGER IF NOT EXISTS event_added AFTER INSERT ON events
BEGIN INSERT INTO changes (kind, id) VALUES ('events', 0); END;
CREATE TRIGGER IF NOT EXISTS event_changed AFTER UPDATE ON events
BEGIN INSERT INTO changes (kind, id) VALUES ('events', 0); END;
CREATE TRIGGER IF NOT EXISTS event_removed AFTER DELETE ON events
BEGIN INSERT INTO changes (kind, id) VALUES ('events', 0); END;
