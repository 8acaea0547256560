"""The learned policy's quality and cost model: fitted from labelled prompts, stored, and asked per prompt.

It chooses nothing yet: eligibility, exploration and the choice itself stand elsewhere.
"""
