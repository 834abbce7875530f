-- Adds torrents that the tracker registers itself (tracker.auto_register_torrents); the table
-- chooses their ids.
INSERT INTO {{torrents}} (info_hash, mtime, ctime)
SELECT d.info_hash, d.registered_at_seconds, d.registered_at_seconds
FROM {{rows}} AS d
