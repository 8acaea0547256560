"""The pages, one file each: a function that reads, and the actions that belong to it."""
