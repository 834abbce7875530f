-- Version 2 of mika's own schema, for SQLite: what is different for single users and torrents, and
-- what roles say beside multipliers.
--
-- Runs once, inside a transaction that also writes the version to mika_schema. Never edit a
-- migration that was released: add another.

ALTER TABLE roles ADD COLUMN immune INTEGER NOT NULL DEFAULT 0 CHECK (immune IN (0, 1));
ALTER TABLE roles ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1));

ALTER TABLE users ADD COLUMN upload_percent INTEGER CHECK (upload_percent BETWEEN 0 AND 65535);
ALTER TABLE users ADD COLUMN download_percent INTEGER CHECK (download_percent BETWEEN 0 AND 65535);
ALTER TABLE users ADD COLUMN immune INTEGER CHECK (immune IN (0, 1));
ALTER TABLE users ADD COLUMN address_hidden INTEGER NOT NULL DEFAULT 0
    CHECK (address_hidden IN (0, 1));
ALTER TABLE users ADD COLUMN wait_seconds INTEGER NOT NULL DEFAULT 0
    CHECK (wait_seconds BETWEEN 0 AND 4294967295);
ALTER TABLE users ADD COLUMN peers_max INTEGER CHECK (peers_max BETWEEN 0 AND 4294967295);

ALTER TABLE torrents ADD COLUMN status INTEGER NOT NULL DEFAULT 1 CHECK (status BETWEEN 0 AND 4);
ALTER TABLE torrents ADD COLUMN featured INTEGER NOT NULL DEFAULT 0 CHECK (featured IN (0, 1));
