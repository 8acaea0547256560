"""Who answers, and how we cope when they fail: models, dialects, the attempt loop, the books."""
