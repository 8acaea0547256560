"""One client-facing dialect per file: events in, bytes out."""
