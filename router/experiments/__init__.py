"""Experiments on live traffic: two ways to choose by chance, and answers of two models before a judge that is blind."""
