-- Takes all peers from the swarms, at a start that does not know all of them; the batches that
-- follow bring in those that are known. No placeholders.
UPDATE torrents
SET Seeders = 0,
    Leechers = 0
WHERE Seeders <> 0 OR Leechers <> 0
