-- Announces of torrents that are not registered, for the site's page about them.
INSERT INTO unregistered_info_hashes (user_id, info_hash, created_at, updated_at)
SELECT d.user_id, d.info_hash, FROM_UNIXTIME(d.announced_at_seconds),
    FROM_UNIXTIME(d.announced_at_seconds)
FROM {{rows}} AS d
ON DUPLICATE KEY UPDATE
    unregistered_info_hashes.updated_at = FROM_UNIXTIME(d.announced_at_seconds)
