-- The SQL that the manual quotes, for a SQLite store. Each query follows its name and the
-- words that its plan must have, in this order; tests/queries.py runs them all.

-- top pages of a day
-- plan: SEARCH b USING COVERING INDEX (date=?); SEARCH c USING PRIMARY KEY (day=?)
SELECT url, hits, transfer FROM usage_url_daily
WHERE date = '2026-11-10' ORDER BY hits DESC, url LIMIT 10;

-- errors by hour of a day
-- plan: SEARCH b USING COVERING INDEX (date>? AND date<?); SEARCH c USING PRIMARY KEY (hour=? AND key>?)
SELECT date, sum(hits) AS errors FROM usage_status_hourly
WHERE date >= '2026-11-10' AND date < '2026-11-11' AND status >= 400 GROUP BY date;

-- bytes a month by server
-- plan: SEARCH b USING COVERING INDEX (date>? AND date<?); SEARCH c USING PRIMARY KEY (month=?)
SELECT date, server, transfer FROM usage_server_monthly
WHERE date >= '2026-01-01' AND date < '2027-01-01' ORDER BY date, transfer DESC;

-- hits of one page over time
-- plan: SEARCH b USING COVERING INDEX (date>? AND date<?); SEARCH c USING PRIMARY KEY (day=?)
SELECT date, hits, transfer FROM usage_url_daily
WHERE url = '/' AND date >= '2026-11-01' AND date < '2026-12-01' ORDER BY date;

-- totals of a month's days
-- plan: SEARCH b USING COVERING INDEX (date>? AND date<?); SEARCH c USING PRIMARY KEY (day=?); SEARCH d USING PRIMARY KEY (day=?)
SELECT date, hits, transfer, errors_5xx, addresses FROM usage_daily
WHERE date >= '2026-11-01' AND date < '2026-12-01' ORDER BY date;

-- totals of a day's hours
-- plan: SEARCH b USING COVERING INDEX (date>? AND date<?); SEARCH c USING PRIMARY KEY (hour=?); SEARCH d USING PRIMARY KEY (hour=?)
SELECT date, hits, errors_4xx FROM usage_hourly
WHERE date >= '2026-11-10' AND date < '2026-11-11' ORDER BY date;

-- what one address did between two times
-- plan: SEARCH r USING INDEX (ts>? AND ts<?)
SELECT datetime, request, status FROM usage_rows
WHERE ts >= strftime('%s', '2026-11-10 12:00') * 1000000 AND ts < strftime('%s', '2026-11-10 18:00') * 1000000
  AND remote_addr = '2001:db8::7' ORDER BY ts;

-- slowest pages of a day
-- plan: SEARCH r USING INDEX (ts>? AND ts<?)
SELECT path, count(*) AS hits, max(speed) AS slowest FROM usage_rows
WHERE ts >= strftime('%s', '2026-11-10') * 1000000 AND ts < strftime('%s', '2026-11-11') * 1000000
GROUP BY path ORDER BY slowest DESC, path LIMIT 10;

-- who sends visitors
-- plan: SEARCH r USING INDEX (ts>? AND ts<?)
SELECT referrer, count(*) AS hits FROM usage_rows
WHERE ts >= strftime('%s', '2026-11-10') * 1000000 AND ts < strftime('%s', '2026-11-11') * 1000000
  AND referrer IS NOT NULL GROUP BY referrer ORDER BY hits DESC, referrer LIMIT 10;

-- pages not found, and where they are linked
-- plan: SEARCH r USING INDEX (ts>? AND ts<?)
SELECT path, referrer, count(*) AS hits FROM usage_rows
WHERE ts >= strftime('%s', '2026-11-10') * 1000000 AND ts < strftime('%s', '2026-11-11') * 1000000
  AND status = 404 GROUP BY path, referrer ORDER BY hits DESC, path, referrer LIMIT 10;

-- rows of the last hour
-- plan: SEARCH r USING INDEX (ts>?)
SELECT datetime, remote_addr, request, status FROM usage_rows
WHERE ts >= (strftime('%s', 'now') - 3600) * 1000000 ORDER BY ts DESC;
