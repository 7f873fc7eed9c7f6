"""EC2 instances that really run: fleets of type `instant` launch machines, processes of this machine with metadata services of their own.

pools        which instances a fleet gets, of what it asks for and of what there is
metadata     what an instance is told about itself (IMDSv2), with notices of interruption
engine       instances from their launch to their end

What the user data of a launch template say is not executed, for it is for root; the variables of the worker are read from it.
"""
