-- What the site has set. It counts where mika's own configuration says nothing.
SELECT name, value
FROM {{config}}
WHERE value IS NOT NULL
