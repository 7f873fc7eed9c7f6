"""What AWS's instance types have and cost by its price list: a table that is shipped, and what its user fetched since. Knows no AWS."""
