"""The only door to SDKs, SQL, sockets, files and model runtimes."""
