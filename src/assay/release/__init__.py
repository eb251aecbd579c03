"""Bundles, the gate and its decision record, and the pointer that is live."""
