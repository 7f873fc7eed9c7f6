"""AWS without its library: signed requests over the standard library's HTTP, for job commands, functions and workers.

Lean: nothing here imports botocore, except to find credentials that only it can find (single sign-on, roles of roles), once an hour.
"""
