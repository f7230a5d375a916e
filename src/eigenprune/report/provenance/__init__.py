"""Where a figure comes from: its card, what has changed since, and what was computed again."""
