-- The number of the last batch applied, 0 if none: exactly one row. Columns are read by name:
--   number.
-- No placeholders.
SELECT number
FROM mika_checkpoint
WHERE id = 1
