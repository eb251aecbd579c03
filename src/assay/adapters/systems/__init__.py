"""Systems under test that Assay did not build: an HTTP endpoint, a Python function, a file of recorded replies."""
