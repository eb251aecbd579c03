"""Golden sets: versions, splits, leakage, data sheets."""
