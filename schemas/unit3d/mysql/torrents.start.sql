-- Takes all peers from the swarms, at a start that does not know all of them; the batches that
-- follow bring in those that are known. No placeholders.
UPDATE torrents
SET seeders = 0,
    leechers = 0
WHERE seeders <> 0 OR leechers <> 0
