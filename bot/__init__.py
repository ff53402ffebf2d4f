"""An assistant on Meta's AI training and the right to object to it."""
