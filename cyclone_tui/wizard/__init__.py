"""The wizard without a screen: drafts of resources, what is wrong with them, and their views as form, document and command line."""
