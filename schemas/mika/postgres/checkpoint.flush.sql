-- Moves the checkpoint; runs last in the transaction of each batch and must change one row.
-- Placeholders: $1, the batch's number.
UPDATE mika_checkpoint
SET number = $1
WHERE id = 1
