-- The whitelist. An empty one means that every client is welcome: tracker.client_rules = "open".
SELECT peer_id AS prefix, 1 AS allowed, vstring AS name
FROM xbt_client_whitelist
WHERE peer_id <> ''
