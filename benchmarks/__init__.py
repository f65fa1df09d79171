"""One file a claim: each prints a table, and the README's figures come from these."""
