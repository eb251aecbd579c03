"""What a reviewer asks for: certificates of who can see what, and of what was forgotten."""
