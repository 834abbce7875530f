-- Announces, if store.log_announces is on; IPv4 only, as a number.
INSERT INTO {{announce_log}} (ipa, port, event, info_hash, peer_id, downloaded, left0, uploaded,
    uid, mtime)
SELECT CONV(HEX(d.address), 16, 10), d.port, d.event, d.info_hash, d.peer_id,
    d.downloaded_bytes, d.left_bytes, d.uploaded_bytes, d.user_id, d.announced_at_seconds
FROM {{rows}} AS d
WHERE LENGTH(d.address) = 4
