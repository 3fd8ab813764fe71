"""Places that give a local file a URL."""
