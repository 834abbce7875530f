-- The tracker's own two tables; all others are the site's.

-- Which of these files have run.
CREATE TABLE IF NOT EXISTS mika_schema (
    id INT PRIMARY KEY,
    version INT NOT NULL
) ENGINE = InnoDB;

-- The number of the last batch applied: it moves in the transaction that writes the batch.
CREATE TABLE IF NOT EXISTS mika_checkpoint (
    id INT PRIMARY KEY,
    number BIGINT NOT NULL
) ENGINE = InnoDB;

INSERT IGNORE INTO mika_checkpoint (id, number) VALUES (1, 0);
