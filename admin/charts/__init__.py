"""Charts as SVG made by the server: readable without a script, printable, coloured by the stylesheet, tested as text.

Each function takes words that are translated already and returns markup in which every label is escaped.
"""
