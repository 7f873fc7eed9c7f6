"""The worker process, driven through its socket by a small supervisor."""
