"""Results kept in Git: what is written there, what made it, and whether that still holds."""
