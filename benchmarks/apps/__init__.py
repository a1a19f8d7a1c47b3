"""One small program per library: its task, how it enqueues, what its workers import. Each has processes of its own."""
