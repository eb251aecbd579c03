"""Scores of toxicity and injection by small linear models that come with the package."""
