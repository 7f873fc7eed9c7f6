"""Resource types of CloudFormation that ministack does not have: AWS Batch, and the network types of Cyclone's regions."""
