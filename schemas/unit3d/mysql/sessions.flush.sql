-- The peers, one address each: IPv4 if there is one. A row of a client that fell silent has no peer
-- id unless tracker.keep_peer_ids is on; the site's own jobs find such peers by their age.
INSERT INTO peers (user_id, torrent_id, peer_id, ip, port, agent, uploaded, downloaded, `left`,
    seeder, connectable, active, visible, created_at, updated_at)
SELECT d.user_id, d.torrent_id, d.peer_id, COALESCE(d.address, UNHEX('00000000')),
    COALESCE(d.port, 0), d.agent, d.uploaded_bytes, d.downloaded_bytes, d.left_bytes, d.seeder, 0,
    d.active, d.active AND d.visible, FROM_UNIXTIME(d.started_at_seconds),
    FROM_UNIXTIME(d.announced_at_seconds)
FROM {{rows}} AS d
WHERE d.peer_id IS NOT NULL
ON DUPLICATE KEY UPDATE
    peers.ip = COALESCE(d.address, peers.ip),
    peers.port = COALESCE(d.port, peers.port),
    peers.agent = IF(d.agent = '', peers.agent, d.agent),
    peers.uploaded = d.uploaded_bytes,
    peers.downloaded = d.downloaded_bytes,
    peers.`left` = d.left_bytes,
    peers.seeder = d.seeder,
    peers.active = d.active,
    peers.visible = d.active AND d.visible,
    peers.updated_at = FROM_UNIXTIME(d.announced_at_seconds)
