"""Worker machines of an AWS host: workers, which take units from the queues of a lane, and machines with slots, which start workers."""
