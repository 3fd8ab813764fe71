"""Source and result, side by side."""
