"""What another policy would have earned and cost on recorded traffic, told from the probabilities that were logged."""
