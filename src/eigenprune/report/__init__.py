"""Presentation of results: tables, statistics, figures, notebooks and the book."""
