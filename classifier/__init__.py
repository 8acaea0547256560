"""What is asked: deterministic rules today; its learned stages abstain until they are built."""
