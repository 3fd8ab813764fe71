"""The only code that prints: results on stdout, all else on stderr."""
