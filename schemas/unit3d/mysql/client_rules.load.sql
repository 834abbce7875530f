-- The blacklist. Its names are for people; what counts is the prefix of the peer id.
SELECT peer_id_prefix AS prefix, 0 AS allowed, name
FROM blacklist_clients
