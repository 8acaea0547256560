"""What the dashboard's pages are given of the running gateway, a file each; `wiring.py` puts them together.

Nothing is imported here: the house itself has two of the parts, and a start must not wait for all of them.
"""
