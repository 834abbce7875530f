-- Makes everybody inactive. Runs once at a start after which not all peers of the process before
-- are known, in one transaction with torrents.start.sql; the batches that follow make those active
-- who are.
-- No placeholders.
UPDATE history
SET active = 0
WHERE active <> 0
