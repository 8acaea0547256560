"""The front door, and the only place where objects are built and wired."""
