"""What is told of finished requests to the outside: the hook, the names, and one file per sink."""
