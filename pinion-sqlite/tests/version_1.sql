-- The statements of the time when files had version 1, as they were. Never change them.

-- name: insert
-- Store a job, unless its id is taken.
INSERT INTO pinion_jobs (id, func_name, queue, call, priority, rank, status, ready, due, attempts, failures, lost,
                         created_at, run_at, unique_key, timeout, headers)
VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (id) DO NOTHING;

-- name: again
-- Make a job PENDING again if it comes from its holder, or if it FAILED with as many attempts.
UPDATE pinion_jobs
SET func_name = :func_name, queue = :queue, call = :call, priority = :priority, rank = :rank, status = 0,
    ready = :ready, due = :due, attempts = :attempts, failures = :failures, lost = :lost, run_at = :run_at,
    finished_at = NULL, token = NULL, outcome = NULL
WHERE id = :id AND ((status = 1 AND token = :token) OR (status = 3 AND attempts = :attempts));

-- name: promote
-- Make claimable what has come due: delayed jobs, and jobs whose lease ran out (these stay RUNNING until somebody claims them).
UPDATE pinion_jobs
SET ready = CASE WHEN status = 1 OR lost > 0 THEN 2 ELSE 1 END, due = NULL
WHERE seq IN (SELECT seq FROM pinion_jobs WHERE due <= :now ORDER BY due LIMIT 10000);

-- name: next_queue
-- The next queue that has something claimable, in the order of names.
SELECT queue FROM pinion_jobs WHERE ready > 0 AND queue > :after ORDER BY queue LIMIT 1;

-- name: suspect
-- Whether a queue holds a job that must be claimed alone.
SELECT 1 FROM pinion_jobs WHERE ready = 2 AND queue = :queue LIMIT 1;

-- name: candidates
-- What would be claimed, in order, and whether it must be claimed alone.
SELECT ready FROM pinion_jobs WHERE ready > 0 AND queue = :queue ORDER BY priority DESC, rank, seq LIMIT :limit;

-- name: claim
-- Claim the first jobs of a queue, atomically.
UPDATE pinion_jobs
SET status = 1, ready = 0, due = :lease_end, token = :token, outcome = NULL, worker = :worker, started_at = :now,
    finished_at = NULL, attempts = attempts + 1, lost = lost + (status = 1)
WHERE seq IN (SELECT seq FROM pinion_jobs WHERE ready > 0 AND queue = :queue ORDER BY priority DESC, rank, seq LIMIT :limit)
RETURNING -priority, rank, seq, id, func_name, call, attempts, failures, lost, created_at, run_at, unique_key, timeout, headers;

-- name: done
UPDATE pinion_jobs SET status = 2, outcome = 1, due = NULL, ready = 0, finished_at = ?, result = ?, error = NULL
WHERE id = ? AND token = ? AND status = 1;

-- name: failed
UPDATE pinion_jobs SET status = 3, outcome = 2, due = NULL, ready = 0, finished_at = ?, error = ?, failures = failures + 1
WHERE id = ? AND token = ? AND status = 1;

-- name: retry
UPDATE pinion_jobs
SET status = 0, outcome = 3, error = :error, failures = failures + 1, run_at = :run_at, rank = :run_at,
    ready = CASE WHEN :run_at > :now THEN 0 WHEN lost > 0 THEN 2 ELSE 1 END,
    due = CASE WHEN :run_at > :now THEN :run_at END
WHERE id = :id AND token = :token AND status = 1;

-- name: snoozed
UPDATE pinion_jobs
SET status = 0, outcome = 4, run_at = :run_at, rank = :run_at,
    ready = CASE WHEN :run_at > :now THEN 0 WHEN lost > 0 THEN 2 ELSE 1 END,
    due = CASE WHEN :run_at > :now THEN :run_at END
WHERE id = :id AND token = :token AND status = 1;

-- name: released
UPDATE pinion_jobs SET status = 0, outcome = 5, due = NULL, ready = CASE WHEN lost > 0 THEN 2 ELSE 1 END
WHERE id = ? AND token = ? AND status = 1;

-- name: cancelled
UPDATE pinion_jobs SET status = 4, outcome = 6, due = NULL, ready = 0, finished_at = ?
WHERE id = ? AND token = ? AND status = 1;

-- name: settled_as
-- How a claim was settled.
SELECT outcome FROM pinion_jobs WHERE id = ? AND token = ?;

-- name: extend
UPDATE pinion_jobs SET due = ?, ready = 0 WHERE id = ? AND token = ? AND status = 1;

-- name: claimable
-- Whether a queue has something claimable now.
SELECT 1 FROM pinion_jobs WHERE ready > 0 AND queue = ? LIMIT 1;

-- name: claimable_anywhere
SELECT 1 FROM pinion_jobs WHERE ready > 0 LIMIT 1;

-- name: next_due
-- When somebody has to look again.
SELECT min(due) FROM pinion_jobs WHERE due IS NOT NULL;

-- name: size
-- What is claimable, but for expired leases, and what is delayed. Each part is counted in an index alone.
SELECT (SELECT count(*) FROM pinion_jobs WHERE ready > 0)
     - (SELECT count(*) FROM pinion_jobs WHERE ready = 2 AND status = 1)
     + (SELECT count(*) FROM pinion_jobs WHERE due IS NOT NULL AND status = 0);

-- name: counts
-- Jobs by queue and status. Each part is counted in an index alone; the second takes expired leases out of the first.
SELECT queue, 0, count(*) FROM pinion_jobs WHERE ready > 0 GROUP BY queue
UNION ALL SELECT queue, 0, -count(*) FROM pinion_jobs WHERE ready = 2 AND status = 1 GROUP BY queue
UNION ALL SELECT queue, 1, count(*) FROM pinion_jobs WHERE ready = 2 AND status = 1 GROUP BY queue
UNION ALL SELECT queue, status, count(*) FROM pinion_jobs WHERE due IS NOT NULL GROUP BY queue, status
UNION ALL SELECT queue, status, count(*) FROM pinion_jobs WHERE status > 1 GROUP BY status, queue;

-- name: get
SELECT {columns} FROM pinion_jobs WHERE id = ?;

-- name: find
SELECT {columns} FROM pinion_jobs
WHERE id > :after AND (:status IS NULL OR status = :status) AND (:queue IS NULL OR queue = :queue)
  AND (:task IS NULL OR lower(func_name) = :task)
ORDER BY id LIMIT :limit;
