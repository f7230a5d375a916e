"""The book: from executed notebooks and pages to HTML and PDF, each number with its origin."""
