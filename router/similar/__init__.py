"""Questions like this one that were answered before: which model answered, and what people thought of it."""
