"""Simulated traffic whose truth is known: what the learned choice of a model is worth before anybody relies on it."""
