"""The worker: takes leased slices, runs their tasks, reports what came of them."""
