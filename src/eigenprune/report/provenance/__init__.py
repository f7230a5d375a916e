"""Where a figure comes from: its card, what has changed since, and which runs were repeated."""
