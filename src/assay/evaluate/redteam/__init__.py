"""Attacks on a system, made from parts, and what of them got through."""
