"""What rows of other systems' files mean here: pure mapping, nothing is written."""
