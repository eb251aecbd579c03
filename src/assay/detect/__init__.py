"""Text to findings: limits, personal data and hidden text, in linear time."""
