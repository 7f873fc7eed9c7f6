"""The groups of `hyper`, one module each, imported only when one of its commands is used."""
