-- Announces, if store.log_announces is on; 4 bytes of address for IPv4, else 16.
INSERT INTO {{announce_log}} (ipv6, port, event, info_hash, peer_id, downloaded, left0, uploaded,
    uid, mtime)
SELECT d.address, d.port, d.event, d.info_hash, d.peer_id, d.downloaded_bytes, d.left_bytes,
    d.uploaded_bytes, d.user_id, d.announced_at_seconds
FROM {{rows}} AS d
