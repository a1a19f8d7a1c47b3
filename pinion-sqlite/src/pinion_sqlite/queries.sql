-- Every statement that pinion-sqlite runs on the path of a job, by name. Python holds none.

-- name: insert
-- Store a job, unless its id or its unique key is taken.
INSERT INTO pinion_jobs (id, func_name, queue, call, rank, created_at, priority, ready, due, attempts, failures, lost,
                         run_at, unique_key, timeout, headers, keep, unique_while, unique_for, key_until, status)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT DO NOTHING;

-- name: insert_plain
-- The same for a new job without options, as most are: nothing is bound for those that it hasn't got.
INSERT INTO pinion_jobs (id, func_name, queue, call, rank, created_at, priority, ready, attempts, failures, lost, status)
VALUES (?, ?, ?, ?, ?, ?, 0, 1, 0, 0, 0, 0)
ON CONFLICT DO NOTHING;

-- name: stored
-- What decides whether a job that is inserted once more is PENDING again.
SELECT status, attempts, token, asked, unique_key FROM pinion_jobs WHERE id = ?;

-- name: again
-- Make a job PENDING again.
UPDATE pinion_jobs
SET func_name = :func_name, queue = :queue, call = :call, priority = :priority, rank = :rank, status = 0,
    ready = :ready, due = :due, attempts = :attempts, failures = :failures, lost = :lost, run_at = :run_at,
    finished_at = NULL, token = NULL, outcome = NULL
WHERE id = :id;

-- name: free_key
-- Let go of a key whose period is over.
UPDATE pinion_jobs SET key_until = NULL WHERE unique_key = :key AND {held} AND key_until <= :now;

-- name: key_holder
-- The job that holds a key; a period that is over counts no more.
SELECT id FROM pinion_jobs WHERE unique_key = :key AND {held} AND (key_until IS NULL OR key_until > :now);

-- name: promote
-- Make claimable what has come due: delayed jobs, and jobs whose lease ran out (these stay RUNNING until somebody claims them).
-- A job that was asked to stop, and whose lease ran out, is CANCELLED.
UPDATE pinion_jobs
SET status = CASE WHEN status = 1 AND asked = token THEN 4 ELSE status END,
    finished_at = CASE WHEN status = 1 AND asked = token THEN :now ELSE finished_at END,
    ready = CASE WHEN status = 1 AND asked = token THEN 0 WHEN status = 1 OR lost > 0 THEN 2 ELSE 1 END,
    due = NULL
WHERE seq IN (SELECT seq FROM pinion_jobs WHERE due <= :now ORDER BY due LIMIT 10000);

-- name: next_queue
-- The next queue that has something claimable, in the order of names.
SELECT queue FROM pinion_jobs WHERE ready > 0 AND queue > :after ORDER BY queue LIMIT 1;

-- name: next_open_queue
-- The same but for paused queues, which takes a little longer even if there are none.
WITH RECURSIVE walk (queue) AS (
    SELECT (SELECT queue FROM pinion_jobs WHERE ready > 0 AND queue > :after ORDER BY queue LIMIT 1)
    UNION ALL
    SELECT (SELECT queue FROM pinion_jobs WHERE ready > 0 AND queue > walk.queue ORDER BY queue LIMIT 1)
    FROM walk WHERE walk.queue IN (SELECT queue FROM pinion_paused)
)
SELECT queue FROM walk WHERE queue IS NOT NULL AND queue NOT IN (SELECT queue FROM pinion_paused);

-- name: obstacle
-- Whether a queue is paused (3), or holds a job that must be claimed alone (2).
SELECT 3 FROM pinion_paused WHERE queue = :queue
UNION ALL
SELECT 2 FROM pinion_jobs WHERE ready = 2 AND queue = :queue;

-- name: candidates
-- What would be claimed, in order, and whether it must be claimed alone.
SELECT ready FROM pinion_jobs WHERE ready > 0 AND queue = :queue ORDER BY priority DESC, rank, seq LIMIT :limit;

-- name: record_lost
-- Keep the attempt of the first job of a queue, if it is one whose lease ran out, before it is claimed again.
INSERT INTO pinion_attempts (job, number, worker, started_at, ended_at, outcome)
SELECT id, attempts, worker, started_at, :now, 7 FROM pinion_jobs
WHERE status = 1 AND seq = (SELECT seq FROM pinion_jobs WHERE ready > 0 AND queue = :queue
                            ORDER BY priority DESC, rank, seq LIMIT 1);

-- name: claim
-- Claim the first jobs of a queue, atomically.
UPDATE pinion_jobs
SET status = 1, ready = 0, due = :lease_end, token = :token, outcome = NULL, worker = :worker, started_at = :now,
    finished_at = NULL, attempts = attempts + 1, lost = lost + (status = 1)
WHERE seq IN (SELECT seq FROM pinion_jobs WHERE ready > 0 AND queue = :queue ORDER BY priority DESC, rank, seq LIMIT :limit)
RETURNING -priority, rank, seq, id, func_name, call, attempts, failures, lost, created_at, run_at, unique_key, timeout, headers,
          progress, unique_while, unique_for, keep;

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
WHERE id = :id AND token = :token AND status = 1;

-- name: stopped
-- A job that was asked to stop comes back: it is CANCELLED.
UPDATE pinion_jobs SET status = 4, outcome = :outcome, due = NULL, ready = 0, finished_at = :now
WHERE id = :id AND token = :token AND status = 1 AND asked = token;

-- name: record
-- Keep how an attempt ends before its row tells of the next.
INSERT INTO pinion_attempts (job, number, worker, started_at, ended_at, outcome, error)
SELECT id, attempts, worker, started_at, :now, :outcome, :error
FROM pinion_jobs WHERE id = :id AND token = :token AND status = 1;

-- name: record_last
-- Keep what the row tells of the last attempt before it tells of the next.
INSERT INTO pinion_attempts (job, number, worker, started_at, ended_at, outcome, error)
SELECT id, attempts, worker, started_at, coalesce(finished_at, :now), {outcome}, CASE status WHEN 3 THEN error END
FROM pinion_jobs WHERE id = :id AND {tells};

-- name: cancelled
UPDATE pinion_jobs SET status = 4, outcome = 6, due = NULL, ready = 0, finished_at = ?
WHERE id = ? AND token = ? AND status = 1;

-- name: settled_as
-- How a claim was settled.
SELECT outcome FROM pinion_jobs WHERE id = ? AND token = ?;

-- name: extend
UPDATE pinion_jobs SET due = ?, ready = 0 WHERE id = ? AND token = ? AND status = 1 RETURNING asked IS token;

-- name: claimable
-- Whether a queue has something claimable now.
SELECT 1 FROM pinion_jobs
WHERE ready > 0 AND queue = :queue AND NOT EXISTS (SELECT 1 FROM pinion_paused WHERE queue = :queue) LIMIT 1;

-- name: next_due
-- When somebody has to look again. What is overdue in a paused queue is no reason to.
SELECT min(due) FROM (
    SELECT * FROM (SELECT due FROM pinion_jobs WHERE due <= :now AND queue NOT IN (SELECT queue FROM pinion_paused)
                   ORDER BY due LIMIT 1)
    UNION ALL
    SELECT * FROM (SELECT due FROM pinion_jobs WHERE due > :now ORDER BY due LIMIT 1)
);

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

-- name: status
SELECT status FROM pinion_jobs WHERE id = ?;

-- name: attempts
-- The attempts of a job, the row's own last, and whether it tells of one.
SELECT seq, number, worker, started_at, ended_at, outcome, error, 1 FROM pinion_attempts WHERE job = :id
UNION ALL
SELECT 9223372036854775807, attempts, worker, started_at, finished_at, CASE WHEN status > 1 THEN {outcome} END,
       CASE status WHEN 3 THEN error END, {tells}
FROM pinion_jobs WHERE id = :id
ORDER BY 1;

-- name: next_finished_queue
-- The next queue that has jobs which ended so.
SELECT queue FROM pinion_jobs WHERE status > 1 AND status = :status AND queue > :after ORDER BY queue LIMIT 1;

-- name: next_finished_task
-- The next task of which a queue has jobs that ended so.
SELECT func_name FROM pinion_jobs
WHERE status > 1 AND status = :status AND queue = :queue AND func_name > :after ORDER BY func_name LIMIT 1;

-- name: finished
SELECT id FROM pinion_jobs
WHERE status > 1 AND status = :status AND queue = :queue AND func_name = :func_name AND id > :after
  AND (:before IS NULL OR finished_at < :before)
ORDER BY id LIMIT :limit;

-- name: unfinished_number
-- How many jobs are unfinished, as far as it matters.
SELECT (SELECT count(*) FROM (SELECT 1 FROM pinion_jobs WHERE ready > 0 LIMIT :most))
     + (SELECT count(*) FROM (SELECT 1 FROM pinion_jobs WHERE due IS NOT NULL LIMIT :most));

-- name: unfinished
SELECT id FROM pinion_jobs INDEXED BY pinion_ready WHERE ready > 0 AND id > :after AND {wanted}
UNION ALL
SELECT id FROM pinion_jobs INDEXED BY pinion_due WHERE due IS NOT NULL AND id > :after AND {wanted}
ORDER BY id LIMIT :limit;

-- name: in_order
SELECT id FROM pinion_jobs WHERE id > :after AND {wanted} ORDER BY id LIMIT :limit;

-- name: wanted
SELECT id FROM pinion_jobs WHERE id = :id AND {wanted};

-- name: cancel
-- A job that waits is CANCELLED.
UPDATE pinion_jobs SET status = 4, due = NULL, ready = 0, finished_at = :now WHERE id = :id AND status = 0;

-- name: ask
-- Ask whoever runs a job to stop. If its lease has run out, the next claim comes upon it.
UPDATE pinion_jobs SET asked = token, due = coalesce(due, :now), ready = 0 WHERE id = :id AND status = 1;

-- name: requeue
-- Make a finished job PENDING, at the end of its queue.
UPDATE pinion_jobs
SET seq = (SELECT max(seq) + 1 FROM pinion_jobs), status = 0, ready = 1, due = NULL, rank = :now, run_at = NULL,
    failures = 0, lost = 0, result = NULL, error = NULL, finished_at = NULL, token = NULL, outcome = NULL
WHERE id = :id;

-- name: delete
DELETE FROM pinion_jobs WHERE id = :id;

-- name: delete_waiting
DELETE FROM pinion_jobs WHERE id = ? AND status = 0;

-- name: purgeable
SELECT 1 FROM pinion_jobs WHERE {kept} AND {goes_at} <= :now LIMIT 1;

-- name: purge
DELETE FROM pinion_jobs
WHERE seq IN (SELECT seq FROM pinion_jobs WHERE {kept} AND {goes_at} <= :now ORDER BY {goes_at} LIMIT :limit);

-- name: pause
INSERT INTO pinion_paused (queue) VALUES (?) ON CONFLICT DO NOTHING;

-- name: resume
DELETE FROM pinion_paused WHERE queue = ?;

-- name: paused
SELECT queue FROM pinion_paused;

-- name: schedule
SELECT name, definition, next, last FROM pinion_schedules WHERE name = ?;

-- name: schedules
SELECT name, definition, next, last FROM pinion_schedules ORDER BY name;

-- name: put_schedule
INSERT INTO pinion_schedules (name, definition, next, last) VALUES (?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET definition = excluded.definition, next = excluded.next
WHERE definition <> excluded.definition;

-- name: delete_schedule
DELETE FROM pinion_schedules WHERE name = ?;

-- name: fire
UPDATE pinion_schedules SET next = :next, last = :expected WHERE name = :name AND next = :expected;

-- name: held
-- Whether a claim is held.
SELECT 1 FROM pinion_jobs WHERE id = ? AND token = ? AND status = 1;

-- name: progress
UPDATE pinion_jobs SET progress = ? WHERE id = ? AND token = ? AND status = 1;

-- name: line
INSERT INTO pinion_lines (job, at, attempt, text) VALUES (?, ?, ?, ?);

-- name: lines
SELECT at, attempt, text FROM pinion_lines WHERE job = ? ORDER BY seq DESC LIMIT ?;

-- name: report_worker
INSERT INTO pinion_workers (name, host, pid, started_at, queues, slots, running, seen_at, alive_until)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE
SET host = excluded.host, pid = excluded.pid, started_at = excluded.started_at, queues = excluded.queues,
    slots = excluded.slots, running = excluded.running, seen_at = excluded.seen_at, alive_until = excluded.alive_until;

-- name: forget_worker
DELETE FROM pinion_workers WHERE name = ?;

-- name: forget_silent_workers
DELETE FROM pinion_workers WHERE alive_until <= ?;

-- name: workers
SELECT name, host, pid, started_at, queues, slots, running, seen_at FROM pinion_workers
WHERE alive_until > ? ORDER BY name;
