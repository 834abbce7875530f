-- Takes all peers from the swarms. Runs once at a start after which not all peers of the process
-- before are known, in one transaction with history.start.sql; the batches that follow bring in
-- those that are.
-- No placeholders.
UPDATE torrents
SET seeders = 0,
    leechers = 0
WHERE seeders <> 0 OR leechers <> 0
