"""Client requests: bytes in, a `ChatRequest` and what stands beside it out. Bodies are kept whole."""
