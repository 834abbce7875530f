-- Scrapes, if store.log_scrapes is on; 4 bytes of address for IPv4, else 16.
INSERT INTO {{scrape_log}} (ipv6, uid, mtime)
SELECT d.address, d.user_id, d.scraped_at_seconds
FROM {{rows}} AS d
