"""All that pages read from the database, a file per question: rollups and keyset pages, never a sum of raw rows."""
