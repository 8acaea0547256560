"""What we know: documents in, passages out. It does not know who asks or who answers."""
