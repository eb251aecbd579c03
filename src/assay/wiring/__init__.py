"""Settings (the only reader of environment and files) and build (the only assembler)."""
