"""What engines on servers share: weights and counts of terms, and states that are told apart by their content."""
