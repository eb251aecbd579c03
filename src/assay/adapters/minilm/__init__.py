"""The default embedder: MiniLM-L6 with int8 weights that come inside a package, so it works offline."""
