"""What happened: traces kept, listed and pruned."""
