-- Version 2 of mika's own schema, for MariaDB and MySQL: what is different for single users and
-- torrents, and what roles say beside multipliers.
--
-- Runs once, and again if it was cut short: columns that are there already are left alone. MySQL has
-- no ADD COLUMN IF NOT EXISTS, so it is asked for them. Never edit a migration that was released:
-- add another.

SET @mika_change = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'roles' AND column_name = 'enabled'
    ),
    'DO 0',
    'ALTER TABLE roles
        ADD COLUMN immune BIGINT NOT NULL DEFAULT 0 CHECK (immune IN (0, 1)),
        ADD COLUMN enabled BIGINT NOT NULL DEFAULT 1 CHECK (enabled IN (0, 1))'
);
PREPARE mika_change FROM @mika_change;
EXECUTE mika_change;
DEALLOCATE PREPARE mika_change;

SET @mika_change = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'users' AND column_name = 'peers_max'
    ),
    'DO 0',
    'ALTER TABLE users
        ADD COLUMN upload_percent BIGINT CHECK (upload_percent BETWEEN 0 AND 65535),
        ADD COLUMN download_percent BIGINT CHECK (download_percent BETWEEN 0 AND 65535),
        ADD COLUMN immune BIGINT CHECK (immune IN (0, 1)),
        ADD COLUMN address_hidden BIGINT NOT NULL DEFAULT 0 CHECK (address_hidden IN (0, 1)),
        ADD COLUMN wait_seconds BIGINT NOT NULL DEFAULT 0 CHECK (wait_seconds BETWEEN 0 AND 4294967295),
        ADD COLUMN peers_max BIGINT CHECK (peers_max BETWEEN 0 AND 4294967295)'
);
PREPARE mika_change FROM @mika_change;
EXECUTE mika_change;
DEALLOCATE PREPARE mika_change;

SET @mika_change = IF(
    EXISTS (
        SELECT 1 FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name = 'torrents' AND column_name = 'featured'
    ),
    'DO 0',
    'ALTER TABLE torrents
        ADD COLUMN status BIGINT NOT NULL DEFAULT 1 CHECK (status BETWEEN 0 AND 4),
        ADD COLUMN featured BIGINT NOT NULL DEFAULT 0 CHECK (featured IN (0, 1))'
);
PREPARE mika_change FROM @mika_change;
EXECUTE mika_change;
DEALLOCATE PREPARE mika_change;
