"""Plans for resources and what applies them."""
