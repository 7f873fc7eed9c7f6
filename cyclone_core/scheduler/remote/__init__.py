"""The supervisor of a worker machine of an AWS host: takes slices from the lane's queues, hands them to the agent, records results."""
