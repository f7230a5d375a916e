"""Presenting: tables, statistics, figures, notebooks and the book."""
