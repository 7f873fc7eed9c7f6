"""Functions of a host's control plane: thin handlers, each packed with the few modules that it names (`infra.function_package`).

They have the boto3 of Lambda and nothing else, and are imported by nobody.
"""
