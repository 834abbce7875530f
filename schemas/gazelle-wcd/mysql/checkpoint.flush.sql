-- Moves the checkpoint; runs last in the transaction of each batch and must change one row.
-- Placeholders: one ?, the batch's number.
UPDATE mika_checkpoint
SET number = ?
WHERE id = 1
