"""Figures: each function draws a result and returns it with its alternative text; one module per chapter."""
