"""Which model shall answer: who may, what is expected of each, with what probability it is drawn, and why."""
