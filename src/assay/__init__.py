"""Documents and a golden set to a grounded, guarded language service; a change ships only on evidence."""
